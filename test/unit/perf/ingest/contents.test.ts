import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Comparison, differenceText, expectedKeys, keyOf, type CommonDocument } from "../../../perf/ingest/contents.ts";

const dir = mkdtempSync(join(tmpdir(), "gridharvest-contents-"));
afterAll(() => rmSync(dir, { recursive: true }));

const LINES = [
  "Jan 14 00:00:02 h1 sshd[1]: Accepted publickey for eva from 192.0.2.1 port 7 ssh2",
  "Jan 14 00:00:02 h1 kernel: eth0: link up",
  "Jan 14 00:00:03 h2 CRON[12]: (root) CMD (true)",
];
const DOCUMENTS: readonly CommonDocument[] = [
  {
    "@timestamp": "2013-01-14T00:00:02.000Z",
    host: "h1",
    program: "sshd",
    pid: 1,
    message: "Accepted publickey for eva from 192.0.2.1 port 7 ssh2",
    ssh: { event: "AUTHN" },
  },
  { "@timestamp": 1358121602000, host: "h1", program: "kernel", message: "eth0: link up" },
  { "@timestamp": "2013-01-14T00:00:03Z", host: "h2", program: "CRON", pid: "12", message: "(root) CMD (true)" },
];

async function difference(documents: readonly CommonDocument[]) {
  const file = join(dir, "three.log");
  writeFileSync(file, `${LINES.join("\n")}\n`);
  const comparison = new Comparison(await expectedKeys(file, "2013-01"));
  for (const document of documents) comparison.add(document);
  return comparison.difference();
}

describe("what stands in a store, compared with the lines of a file", () => {
  test("is the same however times and numbers are written, and in any order", async () => {
    const found = await difference(DOCUMENTS.toReversed());
    expect(found).toEqual({ lost: 0, doubled: 0, wrong: 0 });
    expect(differenceText(found)).toBeUndefined();
  });

  test("lacks lines, or has them more than once", async () => {
    const [first, second] = DOCUMENTS as [CommonDocument, CommonDocument];
    expect(await difference([first, second, second, second])).toEqual({ lost: 1, doubled: 2, wrong: 0 });
  });

  test.each([
    ["a host that is a program", { host: "kernel" }],
    ["another time", { "@timestamp": "2026-01-14T00:00:02.000Z" }],
    ["no event of sshd", { ssh: {} }],
    ["no pid", { pid: undefined }],
    ["a shorter message", { message: "Accepted" }],
  ])("has %s, with a count that is right", async (_, change) => {
    const [first, ...rest] = DOCUMENTS;
    const found = await difference([{ ...first, ...change } as CommonDocument, ...rest]);
    expect(found).toMatchObject({ lost: 1, doubled: 0, wrong: 1 });
    expect(differenceText(found)).toContain("1 lost, 0 doubled, 1 wrong, such as {");
  });

  test("an event that only some know is not compared", () => {
    const base = { "@timestamp": 0, host: "h", program: "sshd", message: "Connection closed" };
    expect(keyOf({ ...base, ssh: { event: "CLOSED" } })).toBe(keyOf(base));
  });

  test("lines that cannot be told apart are no measure", async () => {
    const file = join(dir, "twice.log");
    writeFileSync(file, `${LINES[0]}\n${LINES[0]}\n`);
    await expect(expectedKeys(file, "2013-01")).rejects.toThrow("1 of 2 lines say what another one says");
    writeFileSync(file, "no header\n");
    await expect(expectedKeys(file, "2013-01")).rejects.toThrow("no header");
  });
});
