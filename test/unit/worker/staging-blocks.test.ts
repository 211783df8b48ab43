import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ownedBlocks } from "../../../worker/framing/lines.ts";
import { BlockCutter } from "../../../worker/staging-blocks.ts";
import { readerOf } from "../../support/reader-of.ts";

interface Cut {
  readonly n: number;
  readonly offset: number;
  readonly text: string;
  readonly range: { readonly start: number; readonly end: number };
}

/** Cuts a text that arrives in pieces; checks that what was announced is what came. */
function cut(text: string, chunkBytes: number, pieceBytes: number): readonly Cut[] {
  const bytes = Buffer.from(text, "latin1");
  const cutter = new BlockCutter(chunkBytes);
  const cuts: Cut[] = [];
  let held = "";
  const take = (events: ReturnType<BlockCutter["push"]> | ReturnType<BlockCutter["finish"]>): void => {
    for (const event of events) {
      if (event.kind === "bytes") held += Buffer.from(event.bytes).toString("latin1");
      else {
        expect(held.length).toBe(event.bytes);
        cuts.push({ n: event.n, offset: event.offset, text: held, range: event.range });
        held = "";
      }
    }
  };
  for (let at = 0; at < bytes.length; at += pieceBytes) take(cutter.push(bytes.subarray(at, at + pieceBytes)));
  take(cutter.finish());
  expect(held).toBe("");
  expect(cutter.length).toBe(bytes.length);
  expect(cutter.chunks).toBe(cuts.length);
  return cuts;
}

describe("BlockCutter", () => {
  it.each([
    ["nothing", "", []],
    ["one line", "abc\n", [[0, "abc\n", 0, 4]]],
    ["a missing last line end", "abc\nd", [[0, "abc\nd", 0, 5]]],
    [
      "a line end on the border",
      "123456789\nb\n",
      [
        [0, "123456789\n", 0, 10],
        [10, "b\n", 10, 12],
      ],
    ],
    [
      "a line that begins on the last byte",
      "12345678\nline\nb\n",
      [
        [0, "12345678\nline\n", 0, 10],
        [14, "b\n", 10, 16],
      ],
    ],
    [
      "a line over several ranges",
      `ab\n${"x".repeat(30)}\nc\n`,
      [
        [0, `ab\n${"x".repeat(30)}\n`, 0, 10],
        [10, "", 10, 20],
        [20, "", 20, 30],
        [34, "c\n", 30, 36],
      ],
    ],
    [
      "a last range without a line",
      `ab\n${"x".repeat(20)}\n`,
      [
        [0, `ab\n${"x".repeat(20)}\n`, 0, 10],
        [10, "", 10, 20],
        [20, "", 20, 24],
      ],
    ],
  ] as const)("cuts %s", (_name, text, expected) => {
    for (const pieceBytes of [1, 3, 7, 1000]) {
      expect(cut(text, 10, pieceBytes)).toEqual(
        expected.map(([offset, block, start, end], n) => ({ n, offset, text: block, range: { start, end } })),
      );
    }
  });

  it("agrees with the framing of plain files about who owns which line", async () => {
    const line = fc.oneof(
      fc.constant(""),
      fc.string({ maxLength: 12 }),
      fc.integer({ min: 20, max: 60 }).map((n) => "x".repeat(n)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 20 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 25 }),
        fc.integer({ min: 1, max: 40 }),
        async (lines, ended, chunkBytes, pieceBytes) => {
          const text = lines.map((text) => text.replaceAll(/[^ -~]/g, "?")).join("\n") + (ended ? "\n" : "");
          const bytes = Buffer.from(text, "latin1");
          const reader = readerOf(bytes);
          for (const { range, text: block, offset } of cut(text, chunkBytes, pieceBytes)) {
            const owned = await Array.fromAsync(ownedBlocks(reader, range, bytes.length, 16));
            expect(owned.map((part) => Buffer.from(part.block).toString("latin1")).join("")).toBe(block);
            expect(owned[0]?.base ?? range.start).toBe(offset);
          }
        },
      ),
    );
  });
});
