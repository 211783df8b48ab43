import { describe, expect, it } from "vitest";
import { blocksOf, linesIn, partOf, type Block } from "../../../../orchestrator/parse/blocks.ts";

async function* pieces(...texts: readonly string[]) {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text));
}

async function blocks(texts: readonly string[], held?: number) {
  const all: [string, number, number][] = [];
  for await (const { block, base, bytes } of blocksOf(pieces(...texts), held)) {
    all.push([Buffer.from(block).toString(), base, bytes]);
  }
  return all;
}

describe("blocks", () => {
  const cases: readonly (readonly [string, readonly string[], readonly (readonly [string, number, number])[]])[] = [
    ["none of nothing", [], []],
    [
      "whole lines as they come",
      ["a\nb\n", "c\n"],
      [
        ["a\nb\n", 0, 4],
        ["c\n", 4, 2],
      ],
    ],
    [
      "a line over several pieces",
      ["a\nb", "c", "d\ne\n"],
      [
        ["a\n", 0, 2],
        ["bcd\ne\n", 2, 6],
      ],
    ],
    [
      "a last line without its end",
      ["a\nb", "c"],
      [
        ["a\n", 0, 2],
        ["bc", 2, 2],
      ],
    ],
    [
      "empty lines",
      ["\n", "\n\n"],
      [
        ["\n", 0, 1],
        ["\n\n", 1, 2],
      ],
    ],
  ];
  it.each(cases)("%s", async (_, texts, expected) => {
    expect(await blocks(texts)).toEqual(expected);
  });

  it("hold of a giant line its beginning, and count the rest", async () => {
    expect(await blocks(["a\n1234", "5678", "9\nb\n"], 5)).toEqual([
      ["a\n", 0, 2],
      ["12345", 2, 10],
      ["b\n", 12, 2],
    ]);
    expect(await blocks(["1234", "5678"], 5)).toEqual([["12345", 0, 8]]);
  });

  it("cover every byte once, wherever pieces end", async () => {
    const text = "one\n\ntwo two\r\nthree";
    for (let size = 1; size <= text.length; size++) {
      const parts = text.match(new RegExp(`[^]{1,${String(size)}}`, "g"))!;
      const found = await blocks(parts);
      expect(found.map(([block]) => block).join("")).toBe(text);
      found.reduce((at, [, base, bytes]) => (expect(base).toBe(at), base + bytes), 0);
    }
  });
});

const block = (text: string, base = 0, more = 0): Block => ({
  block: Buffer.from(text),
  base,
  bytes: text.length + more,
});

it("a part is whole lines of about so many bytes, at least one", () => {
  const whole = block("aa\nbb\ncc\n", 10);
  const told = ({ block: bytes, base, bytes: length }: Block) => [Buffer.from(bytes).toString(), base, length];
  expect(told(partOf(whole, 0, 1))).toEqual(["aa\n", 10, 3]);
  expect(told(partOf(whole, 3, 4))).toEqual(["bb\ncc\n", 13, 6]);
  expect(told(partOf(whole, 0, 1000))).toEqual(["aa\nbb\ncc\n", 10, 9]);
  expect(told(partOf(block("aaaa", 0, 7), 0, 1))).toEqual(["aaaa", 0, 11]);
});

it("lines are without their ends, and know their place", () => {
  const lines = [...linesIn(block("a\r\n\nb", 5, 3))];
  expect(lines.map(({ line, offset, length }) => [Buffer.from(line).toString(), offset, length])).toEqual([
    ["a", 5, 3],
    ["", 8, 1],
    ["b", 9, 4],
  ]);
});
