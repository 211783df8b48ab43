import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ownedBlocks, type LineBlock } from "../../../../worker/framing/lines.ts";
import { readerOf } from "../../../support/reader-of.ts";

async function collect(
  content: Uint8Array,
  range: { start: number; end: number },
  options: { blockBytes?: number; held?: number; sizes?: readonly number[]; length?: number } = {},
): Promise<LineBlock[]> {
  const { blockBytes = 1024, held, sizes, length = content.length } = options;
  const blocks: LineBlock[] = [];
  const reader = readerOf(content, sizes);
  for await (const block of ownedBlocks(reader, range, length, blockBytes, { heldLineBytes: held })) blocks.push(block);
  return blocks;
}

const texts = (blocks: readonly LineBlock[]) => blocks.map(({ block }) => Buffer.from(block).toString("latin1"));
const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

describe("ownedBlocks", () => {
  const content = bytes("one\ntwo\n\nthree\nfour");

  it.each([
    ["the whole file", 0, 19, ["one\ntwo\n\nthree\nfour"]],
    ["a line that begins at the range's end belongs to the next range", 0, 4, ["one\n"]],
    ["a line that begins on the last byte of the range is owned whole", 0, 5, ["one\ntwo\n"]],
    ["a range that begins inside a line leaves that line out", 1, 8, ["two\n"]],
    ["a range that begins where a line does owns it", 4, 8, ["two\n"]],
    ["an empty line is owned by its one byte", 8, 9, ["\n"]],
    ["a range inside a line owns nothing", 10, 13, []],
    ["the last line lacks its end", 15, 19, ["four"]],
    ["a range that ends behind the file", 15, 100, ["four"]],
    ["a range behind the file", 30, 40, []],
  ])("%s", async (_, start, end, expected) => {
    expect(texts(await collect(content, { start, end }))).toEqual(expected);
  });

  it("yields nothing of an empty file", async () => {
    expect(await collect(new Uint8Array(0), { start: 0, end: 10 })).toEqual([]);
  });

  it("fills blocks with whole lines and gives a long line a block of its own", async () => {
    const blocks = await collect(bytes("a\nbb\nccccccccc\nd\n"), { start: 0, end: 100 }, { blockBytes: 6 });
    expect(texts(blocks)).toEqual(["a\nbb\n", "ccccccccc\n", "d\n"]);
    expect(blocks.map(({ base }) => base)).toEqual([0, 5, 15]);
  });

  it("holds only the beginning of a giant line, counts the rest, and goes on behind it", async () => {
    const blocks = await collect(
      bytes("a\n" + "x".repeat(9000) + "\nb\n"),
      { start: 0, end: 100 },
      { blockBytes: 10, held: 20 },
    );
    expect(texts(blocks)).toEqual(["a\n", "x".repeat(20)]);
    expect(blocks.map(({ base, bytes }) => [base, bytes])).toEqual([
      [0, 2],
      [2, 9001],
    ]);
  });

  it.each([
    [0, [0, 0, 0], ["a\nbb\n", "ccccccccc\n", "d\n"]],
    [3, [0, 3, 3], ["a\nbb\n", "bb\nccccccccc\n", "cc\nd\n"]],
    [100, [0, 5, 15], ["a\nbb\n", "a\nbb\nccccccccc\n", "a\nbb\nccccccccc\nd\n"]],
  ])("brings up to %i bytes of what stands before each block", async (lookBack, leads, expected) => {
    const content = bytes("a\nbb\nccccccccc\nd\n");
    const blocks: LineBlock[] = [];
    const whole = { start: 0, end: 100 };
    const options = { heldLineBytes: 1000, lookBackBytes: lookBack };
    for await (const block of ownedBlocks(readerOf(content), whole, content.length, 6, options)) blocks.push(block);
    expect(texts(blocks)).toEqual(expected);
    expect(blocks.map(({ lead }) => lead)).toEqual(leads);
    expect(blocks.map(({ base, bytes: size }) => [base, size])).toEqual([
      [0, 5],
      [5, 10],
      [15, 2],
    ]);
  });

  it("gives each block a buffer of its own", async () => {
    const blocks = await collect(content, { start: 0, end: 19 }, { blockBytes: 5 });
    expect(new Set(blocks.map(({ block }) => block.buffer)).size).toBe(blocks.length);
    expect(blocks.every(({ block }) => block.byteOffset === 0)).toBe(true);
    for (const { block } of blocks) structuredClone(block, { transfer: [block.buffer] });
  });

  it("names the byte at which a file ends too early", async () => {
    await expect(collect(content, { start: 0, end: 25 }, { length: 25 })).rejects.toMatchObject({
      code: "FILE_SHORTENED",
      context: { position: 19, fileLength: 25 },
    });
  });

  it("does not read what was appended to a file since", async () => {
    expect(texts(await collect(content, { start: 0, end: 19 }, { length: 6 }))).toEqual(["one\ntw"]);
  });

  it("tiles any file by any ranges, blocks and reads, without gap or overlap", async () => {
    const file = fc
      .array(fc.tuple(fc.integer({ min: 0, max: 12 }), fc.boolean()), { maxLength: 30 })
      .map((lines) => bytes(lines.map(([n, crlf]) => "x".repeat(n) + (crlf ? "\r\n" : "\n")).join("")))
      .chain((whole) =>
        fc.integer({ min: 0, max: 3 }).map((cut) => whole.subarray(0, Math.max(0, whole.length - cut))),
      );
    const positive = fc.integer({ min: 1, max: 20 });
    await fc.assert(
      fc.asyncProperty(
        file,
        fc.array(positive, { minLength: 1, maxLength: 10 }),
        positive,
        fc.array(positive, { maxLength: 3 }),
        fc.integer({ min: 1, max: 50 }),
        async (content, rangeSizes, blockBytes, sizes, held) => {
          let covered = 0;
          for (let start = 0, n = 0; start < content.length; n++) {
            const end = Math.min(content.length, start + rangeSizes[n % rangeSizes.length]!);
            for (const part of await collect(content, { start, end }, { blockBytes, sizes, held })) {
              // It joins the last one, begins with a line that the range owns, and ends with a line's end.
              expect(part.base).toBe(covered);
              expect(part.base).toBeGreaterThanOrEqual(start);
              expect(part.base).toBeLessThan(end);
              covered = part.base + part.bytes;
              expect(covered === content.length || content[covered - 1] === 10).toBe(true);
              expect(part.bytes).toBeGreaterThan(0);
              expect(Buffer.from(part.block)).toEqual(
                Buffer.from(content.subarray(part.base, part.base + part.block.length)),
              );
              // Every line in it begins within the range; only a single line is cut.
              const lastLine = content.subarray(0, covered - 1).lastIndexOf(10) + 1;
              expect(lastLine).toBeLessThan(end);
              if (part.block.length < part.bytes) {
                expect(lastLine).toBe(part.base);
                expect(part.block.length).toBe(held);
              }
            }
            start = end;
          }
          expect(covered).toBe(content.length);
        },
      ),
      { numRuns: 500 },
    );
  });
});
