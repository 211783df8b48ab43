import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { comparePairs } from "../../support/compare-pairs.ts";

describe("what stands in the store, compared with the raw files", () => {
  const dir = mkdtempSync(join(tmpdir(), "gridharvest-pairs-"));
  afterAll(() => {
    rmSync(dir, { recursive: true });
  });
  const plain = join(dir, "plain");
  const packed = join(dir, "packed.gz");
  writeFileSync(plain, "one\n\nthree, \xff without an end", "latin1");
  writeFileSync(packed, gzipSync("a\nb\n"));
  const raw = [
    ["h/syslog", plain],
    ["h/a=b", packed],
  ] as const;
  const compare = (pairs: readonly string[], unread: Parameters<typeof comparePairs>[2] = []) => {
    const file = join(dir, "pairs");
    writeFileSync(file, pairs.map((pair) => `${pair}\n`).join(""));
    return comparePairs(file, raw, unread);
  };
  const whole = ["0\th/syslog", "4\th/syslog", "5\th/syslog", "0\th/a=b", "2\th/a=b"];

  it("finds nothing where each line stands there once", () => {
    expect(compare(whole)).toEqual({ lines: 5, lost: 0, doubled: 0, foreign: 0, examples: [] });
  });

  it.each([
    ["a line that is not there", whole.slice(1), { lost: 1, doubled: 0, foreign: 0, examples: ["h/syslog 0"] }],
    ["one that is there three times", [...whole, ...Array<string>(2).fill("2\th/a=b")], { lost: 0, doubled: 2 }],
    ["one within a line", [...whole, "1\th/syslog"], { foreign: 1, examples: ["h/syslog 1"] }],
    ["one of another file", [...whole, "0\th/other"], { lost: 0, foreign: 1 }],
  ])("finds %s", (_, pairs, found) => {
    expect(compare(pairs)).toMatchObject(found);
  });

  it("wants nothing of what could not be read", () => {
    const unread = [{ path: "h/syslog", range: [4, 100] as const }];
    expect(compare([whole[0] ?? "", ...whole.slice(3)], unread)).toMatchObject({ lines: 3, lost: 0, foreign: 0 });
    expect(compare(whole, unread)).toMatchObject({ lines: 3, foreign: 2 });
  });
});
