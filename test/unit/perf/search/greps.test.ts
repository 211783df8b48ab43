import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { grepsOf } from "../../../perf/search/greps.ts";
import type { Month } from "../../../perf/search/month.ts";

const dir = mkdtempSync(join(tmpdir(), "gridharvest-greps-"));
const month = { raw: join(dir, "raw"), compressed: join(dir, "compressed") } as Month;
const { signal } = new AbortController();

beforeAll(() => {
  // What stands in an ignore file, is hidden, or holds a NUL is searched too.
  const files: readonly (readonly [string, string])[] = [
    ["a/syslog", "eva logged in\nnobody\neva and eva left"],
    ["a/.hidden", "eva\0\n"],
    ["b/auth.log", `${"x\n".repeat(50_000)}\xfceva\n`],
    [".ignore", "auth.log\n"],
  ];
  for (const [path, text] of files) {
    const bytes = Buffer.from(text, "latin1");
    mkdirSync(join(month.raw, path, ".."), { recursive: true });
    mkdirSync(join(month.compressed, path, ".."), { recursive: true });
    writeFileSync(join(month.raw, path), bytes);
    writeFileSync(join(month.compressed, `${path}.gz`), gzipSync(bytes));
  }
});
afterAll(() => rmSync(dir, { recursive: true }));

test("raw and compressed files are searched whole, each line once", async () => {
  const [raw, compressed] = await grepsOf(month, signal);
  expect(await raw.find("eva")).toBe(4);
  expect(await compressed.find("eva")).toBe(4);
});

test("what is nowhere is found in no line, and is no error", async () => {
  const [raw, compressed] = await grepsOf(month, signal);
  expect(await raw.find("--nowhere")).toBe(0);
  expect(await compressed.find("nowhere")).toBe(0);
});

test("a directory that is not there is an error", async () => {
  const [raw] = await grepsOf({ ...month, raw: join(dir, "none") }, signal);
  await expect(raw.find("eva")).rejects.toThrow("exit code 2");
});
