import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { findProgram } from "../peers/find-program.ts";
import type { Month } from "./month.ts";

/** A program that looks for a text in the files of a month. */
export interface Grep {
  readonly name: string;
  readonly note: string;
  /** @returns the lines that it prints */
  find(text: string): Promise<number>;
}

/** Above this the system takes no command line. */
const FILES_AT_ONCE = 500;
const LF = 10;

/** What searches the raw files, the fastest that is here, and what searches the compressed ones. */
export async function grepsOf(month: Month, signal: AbortSignal): Promise<readonly [raw: Grep, compressed: Grep]> {
  const rg = findProgram("rg");
  const raw: Grep =
    rg === undefined
      ? {
          name: "grep -r, raw files",
          note: "for ripgrep: apt-get install ripgrep",
          find: (text) => printed("grep", ["-rhaF", "--", text, month.raw], signal),
        }
      : {
          name: "ripgrep, raw files",
          note: "all cores",
          find: (text) => printed(rg, ["-aNIF", "--no-ignore", "--hidden", "--", text, month.raw], signal),
        };
  const files = (await readdir(month.compressed, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const compressed: Grep = {
    name: "zgrep, compressed files",
    note: "one core, gzip",
    async find(text) {
      let lines = 0;
      for (let at = 0; at < files.length; at += FILES_AT_ONCE) {
        lines += await printed("zgrep", ["-haF", "--", text, ...files.slice(at, at + FILES_AT_ONCE)], signal);
      }
      return lines;
    },
  };
  return [raw, compressed];
}

/** Counts the lines that a program prints. Not to /dev/null: there grep stops at the first. */
async function printed(command: string, args: readonly string[], signal: AbortSignal): Promise<number> {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, LC_ALL: "C" },
    signal,
  });
  const closed = once(child, "close") as Promise<[number | null]>;
  let lines = 0;
  child.stdout.on("data", (part: Buffer) => {
    for (let at = part.indexOf(LF); at >= 0; at = part.indexOf(LF, at + 1)) lines += 1;
  });
  const [code] = await closed;
  // 1: nothing found.
  if (code !== 0 && code !== 1) throw new Error(`${command} ended with exit code ${String(code)}`);
  return lines;
}
