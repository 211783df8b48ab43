import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { followLogs } from "../../../../orchestrator/logs/follow.ts";
import { waitFor } from "../../../support/wait-for.ts";

let dir: string;
let log: string;
let over: boolean;
let files: string[];
let seen: string[];
let stop: AbortController;
let ended: Promise<unknown> | undefined;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "gridharvest-follow-"));
  log = join(dir, "log");
  files = [log];
  [over, seen, stop, ended] = [false, [], new AbortController(), undefined];
});
afterEach(async () => {
  stop.abort();
  await ended;
  await rm(dir, { recursive: true });
});

function follow(lines?: number): void {
  const source = followLogs({
    files: async () => files,
    lines,
    isOver: async () => over,
    everyMs: 5,
    signal: stop.signal,
  });
  ended = (async () => {
    for await (const { file, text } of source) seen.push(`${basename(file)}: ${text}`);
    return "over";
  })().catch((error: unknown) => error);
}
const untilSeen = (...lines: readonly string[]): Promise<unknown> =>
  waitFor(`the lines ${lines.join(", ")}; there are ${seen.join(", ")}`, () => seen.length >= lines.length).then(() =>
    expect(seen).toEqual(lines),
  );

it("lines come when they are whole, the unfinished last one at the end", async () => {
  await writeFile(log, "1\n2");
  follow();
  await untilSeen("log: 1");
  await appendFile(log, "2\n3\r\n");
  await untilSeen("log: 1", "log: 22", "log: 3");
  // In the middle of a character.
  await appendFile(log, Buffer.from("č").subarray(0, 1));
  await appendFile(log, Buffer.concat([Buffer.from("č").subarray(1), Buffer.from("\nlast")]));
  over = true;
  expect(await ended).toBe("over");
  expect(seen.slice(3)).toEqual(["log: č", "log: last"]);
});

it("only the last lines of what is there, all of what comes to be", async () => {
  await writeFile(log, "1\n2\n3\n");
  follow(1);
  await untilSeen("log: 3");
  await writeFile(join(dir, "later"), "a\nb\n");
  files.push(join(dir, "later"));
  await untilSeen("log: 3", "later: a", "later: b");
});

it("a log that is not there yet is waited for", async () => {
  follow();
  await writeFile(log, "1\n");
  await untilSeen("log: 1");
});

it("a log that was replaced is read to its end, then anew", async () => {
  await writeFile(log, "1\n");
  follow();
  await untilSeen("log: 1");
  await appendFile(log, "2\n3");
  await rename(log, join(dir, "log.1"));
  await writeFile(log, "4\n");
  await untilSeen("log: 1", "log: 2", "log: 3", "log: 4");
});

it("a log that was cut is read anew", async () => {
  await writeFile(log, "1\n2\n");
  follow();
  await untilSeen("log: 1", "log: 2");
  await truncate(log, 0);
  await appendFile(log, "3\n");
  await untilSeen("log: 1", "log: 2", "log: 3");
});

it("a log that was removed and comes again is read anew", async () => {
  await writeFile(log, "1\n");
  follow();
  await untilSeen("log: 1");
  await rm(log);
  await writeFile(log, "2\n");
  await untilSeen("log: 1", "log: 2");
});

it("a line without an end is given when it is longer than anybody reads", async () => {
  await writeFile(log, "x".repeat(3 * 2 ** 20));
  follow();
  await waitFor("a line", () => seen.length > 0);
  expect(seen[0]?.length).toBeGreaterThan(2 ** 20);
});

it("everything that was written before the end is read", async () => {
  await writeFile(log, "1\n");
  // The last word comes between a look and the question whether it is over.
  let written = false;
  const source = followLogs({
    files: async () => files,
    isOver: async () => {
      if (!written) await appendFile(log, "2\n");
      written = true;
      return true;
    },
    everyMs: 5,
    signal: stop.signal,
  });
  for await (const { text } of source) seen.push(text);
  expect(seen).toEqual(["1", "2"]);
});

it("an interruption ends it with its reason", async () => {
  await writeFile(log, "1\n");
  follow();
  await untilSeen("log: 1");
  stop.abort();
  expect(await ended).toMatchObject({ name: "AbortError" });
});
