import type { Origin } from "./chunk.ts";
import type { PatternFile, StandardBank } from "./grok.ts";
import type { Tallies } from "./pipeline.ts";
import type { DangerousPattern, Rules } from "./rules.ts";

/** What `worker/` has for `gridharvest parse`. */
export interface LineParsers {
  /**
   * A parser of grok expressions, tried in order; the first that matches counts.
   * @param files definitions beside the standard ones; later ones win
   * @throws ConfigError for an expression or a definition that is off
   */
  grok(options: GrokParserOptions): LineParser;
  /** The dangerous ones among the expressions, by their own text and by definitions of `own`. @throws as `grok` */
  dangers(options: GrokParserOptions, own: readonly PatternFile[]): readonly DangerousPattern[];
  /** A parser of whole pipelines. @throws ConfigError `DATABASE_UNFIT`, or for rules that cannot be used */
  pipeline(rules: Rules, origin: Origin): Promise<PipelineParser>;
  /** Takes messages out of lines of JSON; undefined for a blank one. @throws ConfigError for what names no field */
  jsonField(field: string): (line: Uint8Array) => FieldMessage | undefined;
}

export interface GrokParserOptions {
  readonly expressions: readonly string[];
  readonly bank: StandardBank;
  readonly standard: readonly PatternFile[];
  readonly files: readonly PatternFile[];
}

/** The message of a line of JSON; or why there is none, with the document that keeps the line. */
export type FieldMessage =
  { readonly message: Uint8Array; readonly problem?: undefined } | { readonly problem: string; readonly json: string };

/**
 * What makes a document of a line by grok expressions. Pure; never throws on content.
 */
export interface LineParser {
  /** @param line bytes of the message, without its line end; it may hold line feeds of its own */
  parse(line: Uint8Array): ParsedLine;
  /** The same, with what was tried on the way. */
  explain(line: Uint8Array): ExplainedLine;
}

/** What became of a line. */
export interface ParsedLine {
  /** The document as JSON, without a line end. */
  readonly json: string;
  readonly outcome: Outcome;
  /** The candidate that matched, or at which the line was given up. */
  readonly by?: string;
  /** Why `message` is not what the line's bytes say, each with its tag in the document. */
  readonly flaws: readonly LineFlaw[];
}

/** `given-up`: matching took more steps than it may. */
export type Outcome = "matched" | "missed" | "given-up";

/** `bad-utf8`: U+FFFD stands for what is no UTF-8. `truncated`: only the beginning of a giant line is looked at. */
export type LineFlaw = "bad-utf8" | "truncated";

/** A line with the candidates that were tried, in order; the last one decided. */
export interface ExplainedLine extends ParsedLine {
  readonly candidates: readonly Candidate[];
}

/** A pattern that was tried on a line. */
export interface Candidate {
  readonly pattern: string;
  readonly outcome: Outcome;
  /** Of a miss: how far the longest attempt got. */
  readonly reached?: PartialMatch;
}

/** How far a pattern fits. */
export interface PartialMatch {
  /** Column of the message at which the attempt began; columns count characters from 1. */
  readonly from: number;
  /** Column of the character that did not fit; one behind the last where more was wanted. */
  readonly column: number;
  /** What did not fit there: a `%{…}`, or a piece of the pattern that stands outside of them. */
  readonly element: string;
  /** The `%{…}` that it is part of, outermost first. */
  readonly within: readonly string[];
}

/** The lines of one file through a pipeline, in their order, as a campaign does them. Never throws on content. */
export interface PipelineParser {
  /**
   * Whole lines, as code.
   * @param base offset of the block in the file
   * @param bytes of the file that the block stands for: more than its length when it is the beginning of one line
   */
  parse(block: Uint8Array, base: number, bytes: number): ParsedBlock;
  /**
   * One line by the plain pipeline, with what was tried on the way. The document is the same.
   * @param line without its end; it may hold line feeds of its own
   * @param length in the file, with its end
   */
  explain(line: Uint8Array, offset: number, length: number): ExplainedEvent;
}

export interface ParsedBlock {
  /** NDJSON: a document for each line that is not dropped. */
  readonly documents: Uint8Array;
  readonly tallies: Tallies;
}

/** What became of a line, and how. */
export interface ExplainedEvent {
  /** The document as JSON, without a line end; undefined when the line is dropped. */
  readonly json: string | undefined;
  /** Why it is dropped. */
  readonly dropped: string | undefined;
  /** Why its header could not be read. */
  readonly unparsed: string | undefined;
  /** In the order in which they were taken. */
  readonly steps: readonly ExplainedStep[];
}

/** A step; `stages` are those that it lies in, outermost first. */
export type ExplainedStep = { readonly stages: readonly string[] } & (
  | { readonly kind: "stage"; readonly name: string }
  /** A grok pattern, with the text in which it was looked for. */
  | { readonly kind: "candidate"; readonly candidate: Candidate; readonly text: string }
  /** A filter is through. */
  | {
      readonly kind: "filter";
      readonly filter: string;
      readonly place: string;
      readonly outcome: "matched" | "unmatched" | "failed" | "dropped";
    }
);
