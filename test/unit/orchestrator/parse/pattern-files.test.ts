import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ownPatternFiles, patternFiles } from "../../../../orchestrator/parse/pattern-files.ts";
import { parseBank } from "../../../../worker/grok/bank.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gridharvest-test-patterns-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

it("takes every file by name, and neither hidden ones nor directories", async () => {
  writeFileSync(join(dir, "b"), "B b\n");
  writeFileSync(join(dir, "a.txt"), "A č\n");
  writeFileSync(join(dir, ".hidden"), "no bank\n");
  mkdirSync(join(dir, "below"));
  symlinkSync(join(dir, "below"), join(dir, "link-to-below"));
  symlinkSync(join(dir, "b"), join(dir, "link-to-b"));
  expect(await patternFiles(dir)).toEqual([
    { name: join(dir, "a.txt"), text: "A č\n" },
    { name: join(dir, "b"), text: "B b\n" },
    { name: join(dir, "link-to-b"), text: "B b\n" },
  ]);
});

it.each<[what: string, prepare: () => string, says: RegExp]>([
  [
    "a directory that is not there",
    () => join(dir, "nowhere"),
    /--patterns .*\/nowhere cannot be read; name a directory of/,
  ],
  ["a file", () => (writeFileSync(join(dir, "file"), ""), join(dir, "file")), /\/file cannot be read/],
  ["an empty directory", () => dir, /holds no file; name the directory/],
  [
    "a file that is no text",
    () => (writeFileSync(join(dir, "x"), Buffer.of(65, 0xff)), dir),
    /holds x, which is not UTF-8/,
  ],
  ["a link into nothing", () => (symlinkSync(join(dir, "gone"), join(dir, "x")), dir), /holds x, which cannot be read/],
])("refuses %s", async (_, prepare, says) => {
  const message = expect.stringMatching(says) as string;
  await expect(patternFiles(prepare())).rejects.toMatchObject({ code: "ARGUMENT_FILE", message });
});

it("our own files are banks, and define no name twice", () => {
  const names = ownPatternFiles().flatMap(({ name, text }) => [...parseBank(text, name).keys()]);
  expect(names.length).toBeGreaterThan(0);
  expect(new Set(names).size).toBe(names.length);
});
