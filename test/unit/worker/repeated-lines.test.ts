import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { Origin } from "../../../worker/contract/chunk.ts";
import type { EncodedBatch } from "../../../worker/contract/pipeline.ts";
import { ownedBlocks } from "../../../worker/framing/lines.ts";
import { runReference } from "../../../worker/parsers/reference.ts";
import { LONGEST_REPEATED, LOOK_BACK_BYTES } from "../../../worker/parsers/repeat-expander.ts";
import { createPipeline } from "../../../worker/pipeline.ts";
import { DEFAULT_RULES, plainPipelines } from "../../support/rules.ts";
import { readerOf } from "../../support/reader-of.ts";

vi.setConfig({ testTimeout: 60_000 });

const ORIGIN: Origin = {
  fileId: "0123456789ab",
  path: "messages",
  month: "2013-01",
  firstDay: "2013-01-01",
  timeZone: "UTC",
  service: "messages",
  index: { pattern: "logs-{day}-m{month}-r{revision}", revision: 1 },
  dropPrograms: ["dropped"],
  repeated: "expand",
};

const pipeline = createPipeline(DEFAULT_RULES);
const plainOf = plainPipelines(DEFAULT_RULES);
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

type Document = Readonly<Record<string, unknown>>;

function pairsOf(batch: EncodedBatch): string[] {
  return Buffer.from(batch.body).toString().split("\n").slice(0, -1);
}

function documentsOf(text: string, origin = ORIGIN): Document[] {
  const content = bytesOf(text);
  const batch = pipeline.run(content, 0, origin);
  const reference = runReference(content, 0, origin, plainOf(origin.service));
  expect(pairsOf(batch)).toEqual(pairsOf(reference));
  expect({ ...batch, body: undefined }).toEqual({ ...reference, body: undefined });
  expect(batch.count + batch.tallies.dropped).toBe(batch.tallies.read);
  return pairsOf(batch)
    .filter((_, i) => i % 2 === 1)
    .map((line) => JSON.parse(line) as Document);
}

/** `time host program message tags`, what is absent left out. */
const shown = (documents: readonly Document[]) =>
  documents.map((document) =>
    [
      String(document["@timestamp"]).slice(11, 19),
      document.host,
      document.program,
      document.message,
      document.tags,
      document.repeated,
    ]
      .filter((part) => part !== undefined)
      .map(String)
      .join(" "),
  );

describe("a line that says that the message before it came again", () => {
  it.each<[string, string[], string[]]>([
    [
      "is written out with its own time",
      ["10:00:00 h sshd[1]: Invalid user x from 10.0.0.1", "10:00:09 h last message repeated 2 times"],
      [
        "10:00:00 h sshd Invalid user x from 10.0.0.1",
        ...Array<string>(2).fill("10:00:09 h sshd Invalid user x from 10.0.0.1 _repeated"),
      ],
    ],
    [
      "speaks of its own host",
      ["10:00:00 h a: of h", "10:00:01 g a: of g", "10:00:09 h last message repeated 1 times"],
      ["10:00:00 h a of h", "10:00:01 g a of g", "10:00:09 h a of h _repeated"],
    ],
    [
      "may follow another one",
      ["10:00:00 h a: b", "10:00:01 h last message repeated 1 time", "10:00:02 h last message repeated 1 time"],
      ["10:00:00 h a b", "10:00:01 h a b _repeated", "10:00:02 h a b _repeated"],
    ],
    [
      "keeps its number where no message is found",
      ["10:00:00 g a: b", "10:00:09 h last message repeated 2 times"],
      ["10:00:00 g a b", "10:00:09 h last message repeated 2 times 2"],
    ],
    [
      "may hold the message itself",
      ["10:00:09 h sshd[1]: message repeated 2 times: [ Invalid user x from 10.0.0.1]"],
      Array<string>(2).fill("10:00:09 h sshd Invalid user x from 10.0.0.1 _repeated"),
    ],
    ["may hold an empty one", ["10:00:09 h a: message repeated 1 times: [ ]"], ["10:00:09 h a  _repeated"]],
    [
      "repeats a message without a program",
      ["10:00:00 h -- MARK --", "10:00:09 h last message repeated 1 times"],
      ["10:00:00 h -- MARK --", "10:00:09 h -- MARK -- _repeated"],
    ],
    [
      "is dropped with its program",
      ["10:00:00 h dropped[1]: x", "10:00:09 h last message repeated 5 times", "10:00:10 h a: b"],
      ["10:00:10 h a b"],
    ],
    [
      "looks over lines that cannot be read",
      ["10:00:00 h a: b", "10:00", "", "10:00:09 h last message repeated 1 times"],
      ["10:00:00 h a b", "00:00:00 Jan 14 10:00 _unparsed", "00:00:00 Jan 14  _unparsed", "10:00:09 h a b _repeated"],
    ],
    [
      "keeps its number where the message is not UTF-8",
      ["10:00:00 h a: \xff", "10:00:09 h last message repeated 3 times"],
      ["10:00:00 h a \ufffd _bad_utf8", "10:00:09 h last message repeated 3 times 3"],
    ],
    [
      "keeps its number where that is too large",
      ["10:00:00 h a: b", "10:00:09 h last message repeated 1001 times"],
      ["10:00:00 h a b", "10:00:09 h last message repeated 1001 times 1001"],
    ],
    [
      "keeps its number where the message is too long",
      [`10:00:00 h a: ${"x".repeat(LONGEST_REPEATED)}`, "10:00:09 h last message repeated 2 times"],
      [`10:00:00 h a ${"x".repeat(LONGEST_REPEATED)}`, "10:00:09 h last message repeated 2 times 2"],
    ],
  ])("%s", (_, lines, expected) => {
    expect(shown(documentsOf(lines.map((line) => `Jan 14 ${line}\n`).join("")))).toEqual(expected);
  });

  it("is one document with its number unless that is wanted", () => {
    const { repeated: _, ...origin } = ORIGIN;
    const documents = documentsOf("Jan 14 10:00:00 h a: b\nJan 14 10:00:09 h last message repeated 2 times\n", origin);
    expect(documents.map(({ message, repeated }) => [message, repeated])).toEqual([
      ["b", undefined],
      ["last message repeated 2 times", 2],
    ]);
  });

  it("becomes documents of different ids, which sort behind each other and before the next line", () => {
    const text = "Jan 14 10:00:00 h a: b\nJan 14 10:00:09 h last message repeated 1000 times\nJan 14 10:00:10 h a: c\n";
    const batch = pipeline.run(bytesOf(text), 0, ORIGIN);
    const ids = pairsOf(batch)
      .filter((_, i) => i % 2 === 0)
      .map((line) => (JSON.parse(line) as { create: { _id: string } }).create._id);
    expect(ids).toHaveLength(1002);
    expect(new Set(ids).size).toBe(1002);
    expect(ids.toSorted()).toEqual(ids);
    expect([...new Set(batch.offsets)]).toEqual([0, 23, 74]);
    expect(batch.tallies.read).toBe(1002);
  });

  it("fills no memory", () => {
    const text = "Jan 14 10:00:00 h a: b\nJan 14 10:00:09 h last message repeated 999 times\n".repeat(3000);
    const batch = pipeline.run(bytesOf(text), 0, ORIGIN);
    expect(batch.tallies.read).toBeLessThan(6000 + 2000 * Math.ceil(text.length / 65_536));
    expect(batch.tallies.read).toBeGreaterThan(1000 * Math.floor(text.length / 65_536));
  });

  it("finds its message across the borders of ranges and blocks, or not, wherever they are", async () => {
    const word = fc.constantFrom(
      "a[1]: x",
      "sshd[2]: Invalid user y from 10.0.0.1",
      "-- MARK --",
      "dropped: z",
      "a: \xff",
    );
    const host = fc.constantFrom("h", "g");
    const line = fc.oneof(
      { weight: 3, arbitrary: fc.tuple(host, word).map((parts) => parts.join(" ")) },
      {
        weight: 3,
        arbitrary: fc
          .tuple(host, fc.integer({ min: 0, max: 1200 }))
          .map(([h, n]) => `${h} last message repeated ${n} times`),
      },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }).map((n) => `h a: message repeated ${n} times: [ q]`) },
      // Others in between: sometimes so many that the message is out of sight.
      {
        weight: 1,
        arbitrary: fc
          .constantFrom(1, 500, 1300, 1400)
          .map((n) => `f a: ${"x".repeat(25)}\nJan 14 10:00:00 `.repeat(n) + "f b"),
      },
    );
    const file = fc
      .array(line, { minLength: 1, maxLength: 20 })
      .map((lines) => bytesOf(lines.map((text) => `Jan 14 10:00:00 ${text}\n`).join("")));
    const size = fc.integer({ min: 3000, max: 60_000 });
    await fc.assert(
      fc.asyncProperty(file, size, size, async (content, chunkBytes, blockBytes) => {
        const whole = pairsOf(pipeline.run(content, 0, ORIGIN));
        const pieces: string[] = [];
        for (let start = 0; start < content.length; start += chunkBytes) {
          const range = { start, end: start + chunkBytes };
          const options = { lookBackBytes: LOOK_BACK_BYTES };
          const blocks = ownedBlocks(readerOf(content), range, content.length, blockBytes, options);
          for await (const { block, base, bytes, lead } of blocks) {
            pieces.push(...pairsOf(pipeline.run(block, base, ORIGIN, { bytes, lead })));
          }
        }
        expect(pieces).toEqual(whole);
      }),
      { numRuns: 60 },
    );
  });

  it("means the same to the reference behind any lead", () => {
    const content = bytesOf(
      [
        "a: x",
        "last message repeated 2 times",
        "a: y",
        "last message repeated 1 times",
        "last message repeated 1 times",
      ]
        .map((text) => `Jan 14 10:00:00 h ${text}\n`)
        .join(""),
    );
    for (let line = 0; line < content.length; line = content.indexOf(10, line) + 1) {
      for (let lead = 0; lead <= line; lead++) {
        const block = content.slice(line - lead);
        const batch = pipeline.run(block, line, ORIGIN, { lead });
        const reference = runReference(block, line, ORIGIN, plainOf(ORIGIN.service), undefined, lead);
        expect(pairsOf(batch)).toEqual(pairsOf(reference));
        expect(batch.tallies).toEqual(reference.tallies);
      }
    }
  });
});
