import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { Origin } from "../../../worker/contract/chunk.ts";
import { findSecondFolds } from "../../../worker/find-second-folds.ts";
import { ownedBlocks, type RangeReader } from "../../../worker/framing/lines.ts";
import { FoldScan } from "../../../worker/parsers/fold-scan.ts";
import { createPipeline } from "../../../worker/pipeline.ts";
import { DEFAULT_RULES } from "../../support/rules.ts";
import { readerOf } from "../../support/reader-of.ts";

vi.setConfig({ testTimeout: 60_000 });

const ORIGIN: Origin = {
  fileId: "0123456789ab",
  path: "hosts/2013/10/messages",
  month: "2013-10",
  firstDay: "2013-10-01",
  timeZone: "Europe/Prague",
  service: "messages",
  index: { pattern: "logs-{day}-m{month}-r{revision}", revision: 1 },
  dropPrograms: [],
};

const pipeline = createPipeline(DEFAULT_RULES);
const clocks = new Map<string, Intl.DateTimeFormat>();

/** What a host in a zone writes at an instant; the message is the instant. */
function lineAt(utc: number, host: string, timeZone: string): string {
  let clock = clocks.get(timeZone);
  if (!clock)
    clocks.set(
      timeZone,
      (clock = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" })),
    );
  const [day = "", time = ""] = clock.format(utc * 1000).split(" ");
  const month = "JanFebMarAprMayJunJulAugSepOctNovDec".slice((Number(day.slice(5, 7)) - 1) * 3).slice(0, 3);
  return `${month} ${day.slice(8).replace(/^0/, " ")} ${time} ${host} a: ${new Date(utc * 1000).toISOString()}\n`;
}

/** Lines of some days around an instant, one every `step` seconds, arriving out of order by at most `disorder` seconds. */
function fileAround(
  middle: string,
  options: { hours: number; step: number; disorder?: number; hosts?: readonly (readonly [string, string])[] },
): Uint8Array {
  const { hours, step, disorder = 0, hosts = [["h", "Europe/Prague"]] } = options;
  const start = Date.parse(middle) / 1000 - hours * 3600;
  const lines: { arrives: number; text: string }[] = [];
  for (let i = 0; i * step < hours * 7200; i++) {
    const utc = start + i * step;
    const [host, zone] = hosts[i % hosts.length]!;
    lines.push({ arrives: utc + ((i * 7919) % (disorder + 1)), text: lineAt(utc, host, zone) });
  }
  lines.sort((a, b) => a.arrives - b.arrives);
  return new Uint8Array(Buffer.from(lines.map(({ text }) => text).join("")));
}

/** A reader that counts what it reads. */
function countingReader(content: Uint8Array): RangeReader & { bytes: number } {
  const reader = readerOf(content, [70_000]);
  return {
    bytes: 0,
    async read(position, target) {
      const read = await reader.read(position, target);
      this.bytes += read;
      return read;
    },
  };
}

interface Read {
  readonly "@timestamp": string;
  readonly message: string;
}

/** The documents of a file that is parsed in ranges, as parsers do. */
async function documentsOf(content: Uint8Array, chunkBytes: number, origin: Origin): Promise<Read[]> {
  const documents: Read[] = [];
  for (let start = 0; start < content.length; start += chunkBytes) {
    const range = { start, end: Math.min(start + chunkBytes, content.length) };
    const secondFolds = [...(await findSecondFolds(countingReader(content), content.length, origin, range))];
    for await (const { block, base, bytes } of ownedBlocks(countingReader(content), range, content.length, 50_000)) {
      const { body } = pipeline.run(block, base, { ...origin, secondFolds }, { bytes });
      const lines = Buffer.from(body).toString().split("\n");
      for (let i = 1; i < lines.length; i += 2) documents.push(JSON.parse(lines[i]!) as Read);
    }
  }
  return documents;
}

const wrong = (documents: readonly Read[]) =>
  documents.filter((document) => document["@timestamp"] !== document.message);

describe("a file in which the clock is set back", () => {
  it.each([
    ["Europe/Prague", "2013-10-27T01:00:00Z", "2013-10"],
    ["America/St_Johns", "2013-11-03T04:30:00Z", "2013-11"],
    ["America/St_Johns", "2010-11-07T02:31:00Z", "2010-11"],
    ["Australia/Lord_Howe", "2013-04-06T15:00:00Z", "2013-04"],
    ["Australia/Sydney", "2013-04-06T16:00:00Z", "2013-04"],
    ["America/Sao_Paulo", "2013-02-17T02:00:00Z", "2013-02"],
    ["America/Havana", "2013-11-03T05:00:00Z", "2013-11"],
    ["Europe/Moscow", "2014-10-25T22:00:00Z", "2014-10"],
  ])("has the right time in every line, whatever the ranges: %s", async (timeZone, middle, month) => {
    const origin = { ...ORIGIN, timeZone, month, firstDay: `${month}-01` };
    const content = fileAround(middle, { hours: 20, step: 7, disorder: 60, hosts: [["h", timeZone]] });
    for (const chunkBytes of [content.length, 300_000, 77_777]) {
      const documents = await documentsOf(content, chunkBytes, origin);
      expect(documents.length).toBeGreaterThan(20_000);
      // Within the disorder around the instant itself nothing tells; it is the second hour when its first line has come.
      const around = Math.abs(Date.parse(middle));
      expect(wrong(documents).filter(({ message }) => Math.abs(Date.parse(message) - around) > 61_000)).toEqual([]);
    }
  });

  it("is exact where lines are in order", async () => {
    const content = fileAround("2013-10-27T01:00:00Z", { hours: 30, step: 5 });
    expect(wrong(await documentsOf(content, 200_000, ORIGIN))).toEqual([]);
  });

  it("is told by few lines, too", async () => {
    const content = fileAround("2013-10-27T01:00:00Z", { hours: 30, step: 1000 });
    expect(wrong(await documentsOf(content, 1000, ORIGIN))).toEqual([]);
  });

  it("may hold hosts of several zones, whose clocks are set back at other times", async () => {
    const hosts = [
      ["a.cz", "Europe/Prague"],
      ["b.uk", "Europe/London"],
      ["c.pt", "Atlantic/Azores"],
      ["d.in", "Asia/Kolkata"],
    ] as const;
    const hostZones = hosts.map(([host, timeZone]) => ({ host, timeZone }));
    const content = fileAround("2013-10-27T01:00:00Z", { hours: 20, step: 5, hosts });
    for (const chunkBytes of [content.length, 333_333]) {
      expect(wrong(await documentsOf(content, chunkBytes, { ...ORIGIN, timeZone: "UTC", hostZones }))).toEqual([]);
    }
  });

  it("may hold a year", async () => {
    const content = fileAround("2013-10-27T01:00:00Z", { hours: 24 * 60, step: 241 });
    const origin = { ...ORIGIN, month: "2013-12", firstDay: "2013-12-01", lastDay: "2013-12-26" };
    expect(wrong(await documentsOf(content, 400_000, origin))).toEqual([]);
  });

  it("is hardly read for a range elsewhere, and not at all in another month", async () => {
    const content = fileAround("2013-10-27T01:00:00Z", { hours: 24 * 3, step: 2 });
    const far = countingReader(content);
    expect(await findSecondFolds(far, content.length, ORIGIN, { start: 0, end: 1_000_000 })).toEqual([]);
    expect(far.bytes).toBeLessThan(300_000);
    const other = countingReader(content);
    const september = { ...ORIGIN, month: "2013-09" };
    expect(await findSecondFolds(other, content.length, september, { start: 0, end: content.length })).toEqual([]);
    expect(other.bytes).toBe(0);
    const near = countingReader(content);
    const range = { start: Math.floor(content.length / 2) - 10_000, end: Math.floor(content.length / 2) + 90_000 };
    expect(await findSecondFolds(near, content.length, ORIGIN, range)).toHaveLength(1);
    expect(near.bytes).toBeLessThan(content.length / 5);
  });

  it("and holds nothing that can be read is looked through", async () => {
    const content = new Uint8Array(Buffer.from(`${"x".repeat(500_000)}\n`.repeat(3)));
    expect(await findSecondFolds(countingReader(content), content.length, ORIGIN, { start: 0, end: 9e9 })).toEqual([]);
  });
});

describe("FoldScan", () => {
  it("finds the same however the bytes come", () => {
    const content = fileAround("2013-10-27T01:00:00Z", { hours: 3, step: 60 });
    const giant = Buffer.concat([
      Buffer.from(`${"x".repeat(5000)}\n`),
      content,
      Buffer.from("Oct 27 02:00:00 h a: cut"),
    ]);
    const whole = new FoldScan(ORIGIN);
    whole.push(giant);
    whole.finish();
    expect(whole.found).toHaveLength(1);
    const { offset } = whole.found[0]!;
    expect(giant.subarray(offset).toString()).toMatch(/^Oct 27 02:00:00 h a: 2013-10-27T01:00:00/);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1 }), (sizes) => {
        const scan = new FoldScan(ORIGIN);
        for (let at = 0, i = 0; at < giant.length; i++) {
          const size = sizes[i % sizes.length]!;
          scan.push(giant.subarray(at, at + size));
          at += size;
        }
        scan.finish();
        expect(scan.found).toEqual(whole.found);
      }),
    );
  });

  it("reads a last line without an end", () => {
    const scan = new FoldScan(ORIGIN, 1000);
    scan.push(Buffer.from("Oct 27 02:59:00 h a: b\nOct 27 02:00:00 h a: b"));
    expect(scan.found).toEqual([]);
    scan.finish();
    expect(scan.found[0]?.offset).toBe(1023);
  });
});
