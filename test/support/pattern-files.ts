import { readdirSync, readFileSync } from "node:fs";

/** Where our own grok patterns stand, a file for each program. */
const BANK = new URL("../../worker/grok/banks/gridharvest/", import.meta.url);
/** Lines that show them: a file of the same name with `.ndjson` behind it. */
const ROWS = new URL("../fixtures/bank/", import.meta.url);

/** A line of a program with what a pattern makes of it. */
export interface PatternRow {
  /** The pattern's name. */
  readonly pattern: string;
  readonly message: string;
  /** All that it captures but empty texts; null when it must not match. */
  readonly fields: object | null;
  /** Where the program prints the message, or what is wrong with it. */
  readonly source: string;
}

/** Names of the bank's files. */
export function patternFiles(): readonly string[] {
  return readdirSync(BANK).sort();
}

/** The definitions of a file, read here in the plainest way. */
export function definitionsOf(file: string): ReadonlyMap<string, string> {
  const lines = readFileSync(new URL(file, BANK), "utf8").split("\n");
  return new Map(
    lines
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)] as const),
  );
}

/** Those definitions that read a whole message, not a part of one. */
export function wholePatternsOf(file: string): readonly string[] {
  return [...definitionsOf(file)].filter(([, text]) => text.startsWith("\\A")).map(([name]) => name);
}

export function rowsOf(file: string): readonly PatternRow[] {
  const lines = readFileSync(new URL(`${file}.ndjson`, ROWS), "utf8")
    .trimEnd()
    .split("\n");
  return lines.map((line) => JSON.parse(line) as PatternRow);
}
