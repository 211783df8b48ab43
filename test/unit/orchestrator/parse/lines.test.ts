import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linesOf } from "../../../../orchestrator/parse/lines.ts";

async function* pieces(texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text, "latin1");
}

async function lines(texts: readonly string[], held?: number): Promise<string[]> {
  const batches = await Array.fromAsync(linesOf(pieces(texts), held));
  return batches.flat().map((line) => Buffer.from(line).toString("latin1"));
}

describe("the lines of a stream", () => {
  it.each<[what: string, pieces: string[], lines: string[]]>([
    ["end with LF", ["a\nb\n"], ["a", "b"]],
    ["or with CR LF", ["a\r\nb\r\n"], ["a", "b"]],
    ["the last one also without", ["a\nb"], ["a", "b"]],
    ["whose CR is its own then", ["a\nb\r"], ["a", "b\r"]],
    ["one CR belongs to the end, others and those within to the line", ["a\r\r\nb\rc\n"], ["a\r", "b\rc"]],
    ["may be empty", ["\n\na\n\n"], ["", "", "a", ""]],
    ["may be none", [], []],
    ["may be none of an empty piece", [""], []],
    ["may go over pieces", ["a", "b\nc", "", "d", "\n"], ["ab", "cd"]],
    ["may have their ends cut", ["a\r", "\nb", "\n"], ["a", "b"]],
  ])("%s", async (_, given, expected) => {
    expect(await lines(given)).toEqual(expected);
  });

  it("come as soon as they are whole", async () => {
    const batches = await Array.fromAsync(linesOf(pieces(["a\nb\nc", "\nd\n"])));
    expect(batches.map((batch) => batch.length)).toEqual([2, 2]);
  });

  it("are the same however the stream is cut", async () => {
    const bytes = fc.string({ unit: fc.constantFrom("a", "b", "\n", "\r", "\xff", "\0") });
    await fc.assert(
      fc.asyncProperty(fc.array(bytes), async (texts) => {
        expect(await lines(texts)).toEqual(await lines([texts.join("")]));
      }),
    );
  });

  it("are held up to a limit only, and the next one is whole again", async () => {
    expect(await lines(["abcdef", "ghi", "jk\nxy\n", "123456\n"], 4)).toEqual(["abcd", "xy", "1234"]);
  });
});
