import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readRejectedDocuments, rejectsFileName } from "../../../../worker/contract/rejected-document.ts";

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "gridharvest-rejected-"))));
afterEach(() => rmSync(dir, { recursive: true }));

it("a rejects file gives its documents back, whatever characters and however many a reason has", async () => {
  const reasons = ["plain", "a\u2028b\u2029c\u0085d\r", "", "ü".repeat(100_000), "last"];
  const documents = reasons.map((reason, offset) => ({ offset, reason }));
  const file = join(dir, rejectsFileName("000000000000-0", 2));
  writeFileSync(file, documents.map((document) => `${JSON.stringify(document)}\n`).join(""));
  expect(await Array.fromAsync(readRejectedDocuments(file))).toEqual(documents);
  expect(file).toMatch(/000000000000-0\.2\.ndjson$/);
});

it("an empty file has none, and one that is not there is an error", async () => {
  const file = join(dir, "empty");
  writeFileSync(file, "");
  expect(await Array.fromAsync(readRejectedDocuments(file))).toEqual([]);
  await expect(Array.fromAsync(readRejectedDocuments(join(dir, "none")))).rejects.toMatchObject({ code: "ENOENT" });
});
