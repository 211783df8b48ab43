import type { z } from "zod";
import type { Origin } from "../contract/chunk.ts";
import type { Calendar } from "../time/calendar.ts";
import type { FieldPath, LogEvent } from "../pipeline/event.ts";
import type { Template } from "../pipeline/sprintf.ts";

/**
 * The seam of the filters. A filter changes one event by its options; it does no I/O, reads no clock, keeps nothing from
 * event to event and never throws on content. What it needs from outside is handed to it as `FilterTools`.
 */

/** A filter of the table in `index.ts`: its name, what may be written for it, and how it is made. */
export interface FilterKind<O = unknown> {
  /** As a pipeline names it; Logstash's name where it has one. */
  readonly name: string;
  /** An object, strict: keys, defaults and checks. What it gives is plain data, so that a compiler can write code from it. */
  readonly schema: z.ZodType<O> & { readonly shape: Readonly<Record<string, unknown>> };
  /** Options of Logstash that are not taken, each with the reason and what to write instead. */
  readonly refused?: Readonly<Record<string, string>>;
  /** @throws ConfigError for what only the tools can tell: a pattern that does not compile, a database that is not there */
  create(options: O, tools: FilterTools): Filter;
}

/** A filter with its options. */
export interface Filter {
  apply(event: LogEvent, line: LineContext): FilterResult;
}

/**
 * What a filter did: `matched` when Logstash's would call `filter_matched` (only then fields and tags are added and removed),
 * `unmatched` when there was nothing to do, `failed` when it added its failure tags; or the event is to be dropped.
 */
export type FilterResult = "matched" | "unmatched" | "failed" | OverBudget | Drop;

/** The filter failed since the search for an expression was given up; it has added the tag for that. */
export interface OverBudget {
  /** The expression as it stands in the options. */
  readonly overBudget: string;
}

/** The event is not to be written. */
export interface Drop {
  /** What it is counted under. */
  readonly drop: string;
}

/** What became of an event: undefined when it goes on. */
export type Verdict = undefined | Drop;

/** What is known of the line that an event comes from. */
export interface LineContext {
  readonly origin: Origin;
  readonly calendar: Calendar;
  /** Byte offset of the line in its file: tells which of two equal local times is meant. */
  readonly offset: number;
}

/** What filters may need from outside. */
export interface FilterTools {
  readonly grok: GrokCompiler;
  readonly dates: DateCompiler;
  readonly regex: RegexCompiler;
  readonly databases: MmdbOpener;
}

/** Makes the grok filter. */
export interface GrokCompiler {
  /** @throws ConfigError for a pattern that is missing, cyclic or not understood */
  compile(options: GrokOptions): Filter;
}

/** Options of the grok filter, with their defaults filled in. Their meaning is Logstash's. */
export interface GrokOptions {
  /** Field → its patterns in order, in the order in which they are written. */
  readonly match: readonly (readonly [field: FieldPath, patterns: readonly string[]])[];
  /** Definitions of this filter alone: name → pattern. */
  readonly pattern_definitions: readonly (readonly [name: string, pattern: string])[];
  /** Directories of pattern files. Whoever makes the compiler has read them. */
  readonly patterns_dir: readonly string[];
  readonly break_on_match: boolean;
  readonly keep_empty_captures: boolean;
  readonly named_captures_only: boolean;
  readonly overwrite: readonly FieldPath[];
  /** Where captures go; absent: to the top. */
  readonly target?: FieldPath | undefined;
  readonly tag_on_failure: readonly string[];
  /** The tag of a line over whose matching the budget ran out. */
  readonly tag_on_timeout: string;
}

/** Makes the reader of a date filter's texts. */
export interface DateCompiler {
  /** @throws ConfigError for a pattern, zone or locale that is not known */
  compile(options: DateReaderOptions): DateReader;
}

export interface DateReaderOptions {
  /** Joda-Time patterns, `ISO8601`, `UNIX`, `UNIX_MS` or `TAI64N`, tried in order. */
  readonly patterns: readonly string[];
  /** BCP 47, for names of months and days; absent: English. */
  readonly locale?: string | undefined;
  /** IANA name or offset for texts that say none, where no line has a part in it; absent: the origin's. */
  readonly zone?: string | undefined;
}

export interface DateReader {
  /**
   * @param zone what a line says its zone is, in the place of the options'; anything may stand there
   * @returns ISO 8601 in UTC as `@timestamp` is written (`2013-01-14T22:20:01.000Z`), undefined when no pattern fits or the
   *   zone is not known
   */
  read(value: string | number, line: LineContext, zone: string | undefined): string | undefined;
}

/** Compiles regular expressions in Onigmo's syntax, which is Logstash's. */
export interface RegexCompiler {
  /** @throws ConfigError for what is no regular expression, or holds a construct that is not supported */
  compile(source: string): Regex;
}

export interface Regex {
  /** The leftmost match that begins at `from` or behind it, in characters of JavaScript; `over-budget` when it was given up. */
  exec(text: string, from: number): RegexMatch | "over-budget" | undefined;
}

export interface RegexMatch {
  readonly start: number;
  readonly end: number;
  /** What each group caught, from group 1 on. */
  readonly groups: readonly (string | undefined)[];
  /** Numbers of the named groups, as in `groups` (the first is 1). */
  readonly names: ReadonlyMap<string, number>;
}

/** Gives the bytes of a MaxMind database. */
export interface MmdbOpener {
  /** @throws ConfigError when there is no such database */
  open(database: string): Uint8Array;
}

/** Options that every filter has. They are applied when a filter has matched. */
export interface CommonOptions {
  readonly id?: string | undefined;
  readonly add_field: readonly (readonly [field: Template, values: readonly Template[]])[];
  readonly remove_field: readonly Template[];
  readonly add_tag: readonly Template[];
  readonly remove_tag: readonly Template[];
}
