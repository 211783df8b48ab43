import { setImmediate } from "node:timers/promises";
import type { ExplainedLine, FieldMessage, LineParser, ParsedLine } from "../../worker/contract/line-parser.ts";
import type { Io } from "../cli/command.ts";
import { formatExplanation } from "./explanation.ts";
import { linesOf } from "./lines.ts";
import { Output } from "./output.ts";

/** What became of an input's lines. `lines = matched + missed + givenUp + unreadable`; blank lines between JSON are none. */
export interface ParseSummary {
  lines: number;
  matched: number;
  missed: number;
  givenUp: number;
  /** Lines that hold no message: with a field to be read, those that are no JSON or lack it. */
  unreadable: number;
  badUtf8: number;
  truncated: number;
  /** Matched lines by the pattern that did. */
  readonly matchedBy: Map<string, number>;
  readonly givenUpBy: Map<string, number>;
}

export interface ParseOptions {
  readonly parser: LineParser;
  /** Takes the message out of a line; absent: the line is the message. */
  readonly field?: (line: Uint8Array) => FieldMessage | undefined;
  /** Prints what was tried beside the documents. */
  readonly explain: boolean;
}

/** Output is written in pieces of about this many characters. */
const PIECE = 64 * 1024;
/** A signal is waited for no longer than this, however long lines take. */
const SLICE_MS = 50;
/** So many lines without a message are reported one by one. */
const REPORTED = 3;

/**
 * Prints a document for each line of the input, in its order, no faster than somebody reads. Memory does not grow with the input.
 * Ends quietly when whoever read has gone.
 * @throws the signal's reason when it aborts
 */
export async function parseLines(
  input: AsyncIterable<Uint8Array>,
  { parser, field, explain }: ParseOptions,
  io: Io,
  signal: AbortSignal,
): Promise<ParseSummary> {
  const summary: ParseSummary = {
    lines: 0,
    matched: 0,
    missed: 0,
    givenUp: 0,
    unreadable: 0,
    badUtf8: 0,
    truncated: 0,
    matchedBy: new Map(),
    givenUpBy: new Map(),
  };
  const output = new Output(io.stdout, signal);
  let number = 0;
  let breath = performance.now();
  try {
    for await (const lines of linesOf(input)) {
      for (const line of lines) {
        number++;
        const found = field ? field(line) : { message: line };
        if (found === undefined) continue;
        summary.lines++;
        if (found.problem !== undefined) {
          if (++summary.unreadable <= REPORTED) {
            io.log.warn(`line ${number} ${found.problem}; it is printed as it stands, tagged _jsonparsefailure`);
          }
          output.add(explain ? formatUnexplained(number, found.json, io.json) : `${found.json}\n`);
        } else {
          const explained = explain ? parser.explain(found.message) : undefined;
          const parsed = explained ?? parser.parse(found.message);
          count(summary, parsed);
          output.add(explained ? formatExplained(number, found.message, explained, io.json) : `${parsed.json}\n`);
        }
        if (output.length >= PIECE) await output.flush();
        if (performance.now() - breath > SLICE_MS) {
          await setImmediate();
          signal.throwIfAborted();
          breath = performance.now();
        }
      }
      await output.flush();
    }
  } catch (error) {
    if (!output.closed) throw error;
  } finally {
    output.end();
  }
  return summary;
}

function count(summary: ParseSummary, { outcome, by, flaws }: ParsedLine): void {
  const more = (counts: Map<string, number>): void => {
    if (by !== undefined) counts.set(by, (counts.get(by) ?? 0) + 1);
  };
  if (outcome === "matched") {
    summary.matched++;
    more(summary.matchedBy);
  } else if (outcome === "missed") summary.missed++;
  else {
    summary.givenUp++;
    more(summary.givenUpBy);
  }
  if (flaws.includes("bad-utf8")) summary.badUtf8++;
  if (flaws.includes("truncated")) summary.truncated++;
}

function formatExplained(number: number, message: Uint8Array, line: ExplainedLine, json: boolean): string {
  if (!json) return formatExplanation(number, message, line);
  return `{"line":${number},"document":${line.json},"candidates":${JSON.stringify(line.candidates)}}\n`;
}

/** A line without a message. */
export function formatUnexplained(number: number, document: string, json: boolean): string {
  return json
    ? `{"line":${number},"document":${document},"candidates":[]}\n`
    : `line ${number}: no message\n  ${document}\n`;
}
