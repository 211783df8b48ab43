import type { Candidate, ExplainedLine, PartialMatch } from "../../worker/contract/line-parser.ts";
import { printable } from "../cli/io.ts";

/** So much of a message is shown. */
const SHOWN_CHARACTERS = 120;
const SHOWN_BEHIND = 32;

const MARKS: Readonly<Record<Candidate["outcome"], string>> = { matched: "✓", missed: "✗", "given-up": "!" };

/**
 * A line with its candidates, for people:
 *
 *     line 3: Jan 14 23:20:01 hildor sshd[12]: Rejected password for bob
 *       ✗ %{SYSLOGBASE} Accepted %{WORD:method}
 *           got to column 34, in " Accepted "; there stands "Rejected password for bob"
 *       {"message":"Jan 14 …","tags":["_grokparsefailure"]}
 */
export function formatExplanation(number: number, message: Uint8Array, { candidates, json }: ExplainedLine): string {
  const characters = charactersOf(message);
  const lines = candidates.flatMap((candidate) => formatCandidate(candidate, characters)).map((line) => `  ${line}`);
  return `${[shownMessage(number, message), ...lines, `  ${harmless(json)}`].join("\n")}\n`;
}

/** The message that is explained, or its beginning. */
export function shownMessage(number: number, message: Uint8Array): string {
  return `line ${number}: ${printable(cut(charactersOf(message), SHOWN_CHARACTERS))}`;
}

/** A candidate, and below it why it did not do. @param characters in which it was looked for */
export function formatCandidate(
  { pattern, outcome, reached }: Candidate,
  characters: readonly string[],
): readonly string[] {
  const lines = [`${MARKS[outcome]} ${printable(pattern)}`];
  if (reached) lines.push(`    ${describeMiss(reached, characters)}`);
  if (outcome === "given-up") lines.push("    given up: it takes too many steps on this line");
  return lines;
}

function charactersOf(message: Uint8Array): readonly string[] {
  return Array.from(new TextDecoder("utf-8", { ignoreBOM: true }).decode(message));
}

/** JSON without the control characters that it allows; a terminal would obey them. */
export function harmless(json: string): string {
  return json.replaceAll(/[\u007f-\u009f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function describeMiss({ from, column, element, within }: PartialMatch, characters: readonly string[]): string {
  const rest = characters.slice(column - 1);
  const there = rest.length === 0 ? "there the message ends" : `there stands ${quote(cut(rest, SHOWN_BEHIND))}`;
  const begun = from > 1 ? ` (begun at column ${from})` : "";
  return `got to column ${column}${begun}, in ${printable([...within, element].join(" → "))}; ${there}`;
}

function cut(characters: readonly string[], most: number): string {
  return characters.slice(0, most).join("") + (characters.length > most ? "…" : "");
}

/** With quotes once, also around what `printable` quotes by itself. */
function quote(text: string): string {
  const shown = printable(text);
  return shown === text ? JSON.stringify(text) : shown;
}
