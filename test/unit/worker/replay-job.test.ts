import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { processChunk, type ChunkContext } from "../../../worker/chunk-job.ts";
import type { Chunk, Origin } from "../../../worker/contract/chunk.ts";
import type { LedgerRow } from "../../../worker/contract/ledger.ts";
import type { EncodedBatch, Outcome, Sink } from "../../../worker/contract/pipeline.ts";
import {
  readRejectedDocuments,
  rejectsFileName,
  type RejectedDocument,
} from "../../../worker/contract/rejected-document.ts";
import { replayId, type Replay } from "../../../worker/contract/replay.ts";
import { ParserLoad } from "../../../worker/parser-load.ts";
import type { PipelinePool } from "../../../worker/pipeline-pool.ts";
import { createPipeline } from "../../../worker/pipeline.ts";
import { createRecompute } from "../../../worker/recompute.ts";
import { processReplay } from "../../../worker/replay-job.ts";
import { SpareMemory } from "../../../worker/spare-memory.ts";
import { DEFAULT_RULES } from "../../support/rules.ts";

const { signal } = new AbortController();
const ORIGIN: Origin = {
  fileId: "000000000001",
  path: "hosts/2013/10/a/syslog",
  month: "2013-10",
  firstDay: "2013-10-01",
  timeZone: "Europe/Berlin",
  service: "syslog",
  index: { pattern: "logs-{day}-m{month}-r{revision}", revision: 1 },
  dropPrograms: [],
};
const REFUSED: Outcome = { kind: "rejected", status: 400, type: "mapping", reason: "no\u2028such field" };

/** A document as it was sent: its action and its fields. */
interface Sent {
  readonly action: unknown;
  readonly source: Readonly<Record<string, unknown>>;
}

describe("a replay", () => {
  let dir: string;
  /** What stands in the store. */
  let stored: Sent[];
  /** What it refuses. */
  let refuses: (sent: Sent) => boolean;
  let context: ChunkContext;
  const pipeline = createPipeline(DEFAULT_RULES);
  const pool: PipelinePool = {
    memory: new SpareMemory(1),
    run: (block, base, origin, options) =>
      Promise.resolve({ ...pipeline.run(block, base, origin, options), cpuMicros: 1 }),
    close: () => Promise.resolve(),
  };

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "gridharvest-replay-"));
    stored = [];
    refuses = () => false;
    let tags = 0;
    const sink: Pick<Sink, "write"> = {
      async write(batch) {
        const exceptions: [number, Outcome][] = [];
        let duplicate = 0;
        sentIn(batch).forEach((sent, i) => {
          if (refuses(sent)) exceptions.push([i, REFUSED]);
          else if (stored.some(({ action }) => hasId(action) && same(action, sent.action))) duplicate += 1;
          else stored.push(sent);
        });
        await Promise.resolve();
        return { written: batch.count - exceptions.length - duplicate, duplicate, exceptions };
      },
    };
    context = {
      pool,
      sink: sink,
      rateLimit: {
        take: () => Promise.resolve(),
        limits: () => Promise.resolve({ eventsPerSecond: 0, bytesPerSecond: 0 }),
      },
      attempts: { begin: () => Promise.resolve(`tag${String(++tags)}`) },
      meter: { count: () => undefined } as unknown as ChunkContext["meter"],
      worker: "p1",
      pipeline: pipeline.hash,
      budgets: { bulkBytes: 100_000, requestsInFlight: 2 },
      load: new ParserLoad(1),
      rejectsDir: join(dir, "rejects"),
    };
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const load = (text: string, origin: Origin = ORIGIN): Promise<LedgerRow> => {
    const file = join(dir, "syslog");
    writeFileSync(file, text);
    const { size, mtimeMs } = statSync(file);
    const chunk: Chunk = {
      id: `${origin.fileId}-0`,
      origin,
      range: { start: 0, end: size },
      format: "syslog",
      source: { kind: "plain", file, size, mtimeMs },
      pipeline: pipeline.hash,
    };
    return processChunk(chunk, 3, context, signal);
  };
  const replay = (source: LedgerRow, n = 1, origin: Origin = ORIGIN): Promise<LedgerRow> => {
    // Of the archive nothing is needed.
    rmSync(join(dir, "syslog"), { force: true });
    const chunk = `${origin.fileId}-0`;
    const message: Replay = { id: replayId(chunk, n), of: source.chunk, chunk, origin, pipeline: pipeline.hash };
    return processReplay(message, source, pool, 1, context, signal);
  };
  const rejectedBy = (row: LedgerRow) =>
    Array.fromAsync(readRejectedDocuments(join(dir, "rejects", rejectsFileName(row.chunk, row.attempt))));
  /** As `verify --deep` makes them. */
  const recomputed = (rejected: readonly RejectedDocument[], origin: Origin = ORIGIN): Sent[] =>
    createRecompute(pipeline).replayed(rejected, origin).flatMap(sentIn);
  /** What a load leaves that nothing refuses. */
  const whole = async (text: string, origin: Origin = ORIGIN): Promise<readonly Sent[]> => {
    const before = { refuses, stored };
    refuses = () => false;
    stored = [];
    await load(text, origin);
    const all = stored;
    ({ refuses, stored } = before);
    return all;
  };

  const LINES = [
    "Oct 27 01:00:00 h sshd[1]: one\n",
    "Oct 27 01:00:01 h cron[2]: two\r\n",
    "no header \xff\n",
    "Oct 27 01:00:02 h sshd[3]: three",
  ].join("");
  const isSshd = ({ source }: Sent): boolean => source["program"] === "sshd";

  it("makes the documents that its lines made in their file, and they are there once whatever is done twice", async () => {
    const all = await whole(LINES);
    refuses = isSshd;
    const row = await load(LINES);
    expect(row.counts).toMatchObject({ read: 4, written: 2, rejected: 2 });
    refuses = () => false;
    const again = await replay(row);
    expect(again).toMatchObject({
      chunk: "000000000001-0-r1",
      fileId: ORIGIN.fileId,
      attempt: 1,
      counts: { read: 2, written: 2, duplicate: 0, dropped: 0, rejected: 0, bytes: 0 },
      perIndex: { "logs-2013.10.27-m2013.10-r1": 2 },
      covered: [0, 0],
      replay: { chunk: row.chunk, of: row.chunk, attempt: 3, pipeline: pipeline.hash },
    });
    expect(again).not.toHaveProperty("parses");
    expect(sorted(stored)).toEqual(sorted(all));
    expect((await replay(row)).counts).toMatchObject({ read: 2, written: 0, duplicate: 2 });
    expect(sorted(stored)).toEqual(sorted(all));
  });

  it("keeps what is rejected again in a file of its own, for the next one", async () => {
    refuses = isSshd;
    const row = await load(LINES);
    refuses = ({ source }) => source["message"] === "three";
    const first = await replay(row);
    expect(first).toMatchObject({ counts: { read: 2, written: 1, rejected: 1 }, rejectedBy: { mapping: 1 } });
    expect(first.rejects).toMatchObject([{ program: "sshd", cause: "mapping", lines: 1, fileId: ORIGIN.fileId }]);
    const [kept, ...others] = await rejectedBy(first);
    expect(others).toEqual([]);
    expect(kept).toMatchObject({
      chunk: row.chunk,
      reason: REFUSED.reason,
      raw: base64("Oct 27 01:00:02 h sshd[3]: three"),
    });
    refuses = () => false;
    const second = await replay(first, 2);
    expect(second.replay).toMatchObject({ chunk: row.chunk, of: first.chunk, attempt: 1 });
    expect(second.counts).toMatchObject({ read: 1, written: 1 });
    expect(sorted(stored)).toEqual(sorted(await whole(LINES)));
  });

  it("has a tag of its own where the store makes the ids", async () => {
    const origin: Origin = { ...ORIGIN, ids: "store" };
    refuses = isSshd;
    const row = await load(LINES, origin);
    refuses = () => false;
    const again = await replay(row, 1, origin);
    expect([row.tag, again.tag]).toEqual(["tag1", "tag2"]);
    expect(stored.map(({ source }) => [source["program"], source["@attempt"]]).sort()).toEqual([
      [undefined, "tag1"],
      ["cron", "tag1"],
      ["sshd", "tag2"],
      ["sshd", "tag2"],
    ]);
  });

  it("knows of which of two equal hours its lines are", async () => {
    const hour = (first: string, n: number): string =>
      Array.from(
        { length: n },
        (_, i) => `Oct 27 0${first}:${String(i * 10).padStart(2, "0")}:00 h sshd[1]: m${String(i)}\n`,
      ).join("");
    const text = hour("2", 6) + hour("2", 6) + hour("3", 2);
    const all = await whole(text);
    expect(new Set(all.map(({ source }) => source["@timestamp"])).size).toBe(14);
    refuses = isSshd;
    const row = await load(text);
    // They are kept over a replay that everything is rejected of.
    const first = await replay(row);
    refuses = () => false;
    await replay(first, 2);
    expect(sorted(stored)).toEqual(sorted(all));
    expect(sorted(recomputed(await rejectedBy(row)))).toEqual(sorted(all));
  });

  describe("of lines that were written out", () => {
    const origin: Origin = { ...ORIGIN, repeated: "expand" };
    const text = [
      "Oct 27 01:00:00 h sshd[1]: hello\n",
      "Oct 27 01:00:01 h last message repeated 3 times\n",
      // As many documents as the line alone makes.
      "Oct 27 01:00:02 h last message repeated 1 time\n",
      "Oct 27 01:00:02 h sshd[1]: message repeated 2 times: [ self]\n",
    ].join("");

    it("makes those that hold their message, and leaves those that need the archive rejected", async () => {
      refuses = isSshd;
      const row = await load(text, origin);
      expect(row.counts).toMatchObject({ read: 7, rejected: 7 });
      refuses = () => false;
      const again = await replay(row, 1, origin);
      expect(again).toMatchObject({
        counts: { read: 7, written: 3, rejected: 4 },
        rejectedBy: { replay_needs_archive: 4 },
        rejects: [{ program: "sshd", cause: "replay_needs_archive", lines: 4 }],
      });
      const all = await whole(text, origin);
      const keptIds = new Set((await rejectedBy(again)).map(({ id }) => id));
      expect(keptIds.size).toBe(4);
      const due = all.filter(({ action }) => !keptIds.has((action as { create: { _id: string } }).create._id));
      expect(sorted(stored)).toEqual(sorted(due));
      expect(sorted(recomputed(await rejectedBy(row), origin))).toEqual(sorted(due));
    });

    it("leaves a line rejected of which some copies were stored", async () => {
      let seen = 0;
      refuses = ({ source }) => source["message"] === "self" && ++seen === 2;
      const row = await load(text, origin);
      expect(row.counts).toMatchObject({ read: 7, written: 6, rejected: 1 });
      refuses = () => false;
      expect((await replay(row, 1, origin)).counts).toMatchObject({ read: 1, written: 0, rejected: 1 });
      expect(stored.length).toBe(6);
    });
  });

  it("sends nothing of a rejects file that is not as the ledger says, or not there", async () => {
    refuses = isSshd;
    const row = await load(LINES);
    refuses = () => false;
    const other = { ...row, counts: { ...row.counts, rejected: 3 } };
    await expect(replay(other)).rejects.toMatchObject({ code: "REJECTS_MISSING", retryable: false });
    await expect(replay({ ...row, attempt: 4 })).rejects.toMatchObject({ code: "REJECTS_MISSING", retryable: true });
    expect(stored.length).toBe(2);
    expect(readdirSync(join(dir, "rejects")).length).toBe(1);
  });

  it("of a chunk that has nothing rejected any more, since it was loaded again, does nothing", async () => {
    const row = await load(LINES);
    expect(await replay(row)).toMatchObject({ counts: { read: 0, written: 0, rejected: 0 }, replay: { attempt: 3 } });
    expect(stored.length).toBe(4);
  });

  it("that was given up leaves no file, and nobody knows what of it was written", async () => {
    refuses = isSshd;
    const row = await load(LINES);
    const enough = new Error("enough");
    context = { ...context, sink: { write: () => Promise.reject(enough) } };
    await expect(replay(row)).rejects.toBe(enough);
    expect(readdirSync(join(dir, "rejects"))).toEqual([rejectsFileName(row.chunk, row.attempt)]);
  });
});

function sentIn({ body, lengths, count }: EncodedBatch): Sent[] {
  const bytes = Buffer.from(body);
  let at = 0;
  return Array.from({ length: count }, (_, i) => {
    const [action = "", source = ""] = bytes.toString("utf8", at, (at += lengths[i] ?? 0)).split("\n");
    return { action: JSON.parse(action) as unknown, source: JSON.parse(source) as Sent["source"] };
  });
}

function hasId(action: unknown): boolean {
  return (action as { create: { _id?: string } }).create._id !== undefined;
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const sorted = (all: readonly Sent[]): string[] => all.map((one) => JSON.stringify(one)).sort();
const base64 = (text: string): string => Buffer.from(text).toString("base64");
