import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lastWordsOf } from "../../../../orchestrator/logs/last-words.ts";
import { lastLines, tailOffset } from "../../../../orchestrator/logs/tail.ts";

let dir = "";
beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), "gridharvest-tail-"))));
afterAll(() => rm(dir, { recursive: true }));

async function tailOf(text: string, lines: number): Promise<string> {
  const path = join(dir, "log");
  await writeFile(path, text);
  const file = await open(path);
  try {
    return Buffer.from(text)
      .subarray(await tailOffset(file, lines))
      .toString();
  } finally {
    await file.close();
  }
}

describe("the last lines of a file", () => {
  it.each<[string, number, string]>([
    ["a\nb\nc\n", 2, "b\nc\n"],
    ["a\nb\nc", 2, "b\nc"],
    ["a\nb\n\n", 2, "b\n\n"],
    ["a\n", 1, "a\n"],
    ["a\nb\n", 5, "a\nb\n"],
    ["a\nb\n", 0, ""],
    ["", 3, ""],
  ])("%j, %i: %j", async (text, lines, tail) => expect(await tailOf(text, lines)).toBe(tail));

  it("may be longer than a block", async () => {
    const line = `${"x".repeat(40_000)}\n`;
    expect(await tailOf(line.repeat(9), 3)).toBe(line.repeat(3));
  });

  it("of none there is nothing", async () => {
    expect(await lastLines(join(dir, "nowhere"), 3)).toEqual([]);
  });
});

describe("what a job wrote last", () => {
  const say = async (err: string, out: string): Promise<readonly string[]> => {
    await writeFile(join(dir, "job.err"), err);
    await writeFile(join(dir, "job.out"), out);
    return lastWordsOf(dir);
  };
  it("is the end of its error file", async () => {
    expect(await say("1\n2\n3\n4\n", "out\n")).toEqual(["2", "3", "4"]);
  });
  it("is the end of its output when it wrote no errors", async () => {
    expect(await say("", "only\nout\n")).toEqual(["only", "out"]);
  });
  it("of one that wrote nothing is nothing", async () => {
    expect(await say("", "")).toEqual([]);
  });
  it("is no more than people read", async () => {
    const [line = ""] = await say(`${"x".repeat(100_000)} the end\n`, "");
    expect(line).toHaveLength(300);
    expect(line).toMatch(/ the end$/);
  });
});
