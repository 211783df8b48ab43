import { ConfigError } from "../contract/errors.ts";
import type { DateFields } from "./date-fields.ts";
import { dateNames, type DateNames } from "./date-names.ts";

/**
 * Joda-Time's date patterns, as Logstash's date filter takes them. A pattern becomes one regular expression over the whole text.
 *
 * Read as Joda reads them: a numeric letter takes one digit or more whatever its count (`dd` reads `4`), names of either width and
 * in any case (`MMM` reads `JANUARY`), literals in any case, `S` one digit to as many as there are letters. Otherwise than Joda:
 *
 * - `yyyy` takes exactly four digits: Joda takes `13` for the year 13.
 * - `yy` is the year nearest to the file's, where Joda asks the clock.
 * - a weekday that is not the date's is refused, where Joda moves the date.
 *
 * @source https://www.joda.org/joda-time/apidocs/org/joda/time/format/DateTimeFormat.html
 */
export type PatternReader = (text: string) => ZonedFields | undefined;

/** Fields, and the name of a zone that stood in the text (`ZZZ`). */
export interface ZonedFields extends DateFields {
  zone?: string;
}

type Take = (fields: ZonedFields, text: string) => void;

/** What one run of letters reads. */
interface Element {
  /** Source of a regular expression that captures nothing. */
  readonly source: string;
  readonly take: Take;
}

type Letter = (count: number, next: "number" | "other", names: DateNames) => Element;

/** @throws ConfigError `DATE_FORMAT_INVALID` for a letter that we do not know, with its column, or an open quote */
export function compileJodaPattern(pattern: string, locale?: string): PatternReader {
  const names = dateNames(locale);
  const tokens = tokenize(pattern);
  const takes: Take[] = [];
  const sources = tokens.map((token, i) => {
    if (token.kind === "literal") return escaped(token.text);
    const after = tokens[i + 1];
    const next = after?.kind === "letters" && isNumeric(after) ? "number" : "other";
    const { source, take } = LETTERS[token.letter]!(token.count, next, names);
    takes.push(take);
    return `(${source})`;
  });
  const whole = new RegExp(`^${sources.join("")}$`, "i");
  return (text) => {
    const match = whole.exec(text);
    if (!match) return undefined;
    const fields: ZonedFields = {};
    for (let i = 0; i < takes.length; i++) takes[i]!(fields, match[i + 1]!);
    return fields;
  };
}

type Token =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "letters"; readonly letter: string; readonly count: number };

function tokenize(pattern: string): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length;) {
    const rest = pattern.slice(at);
    const quoted = /^'((?:[^']|'')*)'/.exec(rest);
    const letters = /^([A-Za-z])\1*/.exec(rest);
    if (quoted) {
      // Two quotes are one, alone as well as within a quotation.
      tokens.push({ kind: "literal", text: quoted[1] === "" ? "'" : quoted[1]!.replaceAll("''", "'") });
      at += quoted[0].length;
    } else if (letters) {
      const letter = letters[1]!;
      if (!Object.hasOwn(LETTERS, letter)) throw unknownLetter(pattern, letter, at + 1);
      tokens.push({ kind: "letters", letter, count: letters[0].length });
      at += letters[0].length;
    } else {
      if (rest.startsWith("'")) {
        throw invalid(
          pattern,
          `the quote at column ${String(at + 1)} is not closed; write '' for a quote that is meant`,
        );
      }
      const literal = /^[^A-Za-z']+/.exec(rest)![0];
      tokens.push({ kind: "literal", text: literal });
      at += literal.length;
    }
  }
  return tokens;
}

function isNumeric({ letter, count }: Extract<Token, { kind: "letters" }>): boolean {
  return letter === "M" ? count <= 2 : "yYxDdewHkKhmsS".includes(letter);
}

function numeric(digits: string, take: (fields: ZonedFields, value: number) => void): Element {
  return { source: digits, take: (fields, text) => take(fields, Number(text)) };
}

function named(names: ReadonlyMap<string, number>, take: (fields: ZonedFields, value: number) => void): Element {
  const longestFirst = [...names.keys()].sort((a, b) => b.length - a.length);
  return {
    source: longestFirst.map(escaped).join("|"),
    take: (fields, text) => take(fields, names.get(text.toLowerCase()) ?? NaN),
  };
}

/** Two letters are two digits; four that stand there all the same are taken for what they are. */
const year: Letter = (count, next) => ({
  source: count !== 2 ? "\\d{4}" : next === "number" ? "\\d{2}" : "\\d{4}|\\d{2}",
  take: (fields, text) => {
    fields.year = Number(text);
    fields.twoDigitYear = text.length === 2;
  },
});

/** A zone's offset in numbers, as the source of a regular expression. Joda takes it with and without colons wherever one stands. */
export const OFFSET = "[+-]\\d{2}(?::?\\d{2}(?::?\\d{2})?)?|Z";
const WHOLLY_OFFSET = new RegExp(`^(?:${OFFSET})$`, "i");

const offset: Element = { source: OFFSET, take: (fields, text) => void (fields.offset = offsetSeconds(text)) };

/** What a pattern's letter reads. Letters that Joda knows and that are not here: `G` and `C` (eras, centuries), `z` (Joda cannot read it either). */
const LETTERS: Readonly<Record<string, Letter>> = {
  y: year,
  Y: year,
  x: () => numeric("\\d{4}", (fields, value) => (fields.weekYear = value)),
  M: (count, _, names) =>
    count <= 2
      ? numeric("\\d{1,2}", (fields, value) => (fields.month = value))
      : named(names.months, (fields, value) => (fields.month = value)),
  d: () => numeric("\\d{1,2}", (fields, value) => (fields.day = value)),
  D: () => numeric("\\d{1,3}", (fields, value) => (fields.dayOfYear = value)),
  w: () => numeric("\\d{1,2}", (fields, value) => (fields.week = value)),
  e: () => numeric("\\d", (fields, value) => (fields.weekday = value)),
  E: (_, __, names) => named(names.weekdays, (fields, value) => (fields.weekday = value)),
  a: (_, __, names) => named(names.halfdays, (fields, value) => (fields.afternoon = value === 1)),
  H: () => numeric("\\d{1,2}", (fields, value) => (fields.hour = value)),
  // Hours of a clock that shows 24 or 12 where others show 0.
  k: () => numeric("\\d{1,2}", (fields, value) => (fields.hour = value === 0 ? 99 : value % 24)),
  K: () => numeric("\\d{1,2}", (fields, value) => (fields.halfdayHour = value === 12 ? 99 : value)),
  h: () => numeric("\\d{1,2}", (fields, value) => (fields.halfdayHour = value === 0 ? 99 : value)),
  m: () => numeric("\\d{1,2}", (fields, value) => (fields.minute = value)),
  s: () => numeric("\\d{1,2}", (fields, value) => (fields.second = value)),
  S: (count) => ({ source: `\\d{1,${String(count)}}`, take: (fields, text) => void (fields.fraction = text) }),
  Z: (count) =>
    count < 3
      ? offset
      : {
          source: `${OFFSET}|[A-Z][A-Z0-9_+-]*(?:/[A-Z0-9_+-]+)*`,
          take: (fields, text) => {
            if (WHOLLY_OFFSET.test(text)) fields.offset = offsetSeconds(text);
            else fields.zone = text;
          },
        },
};

/** `+01:00`, `+0100`, `+01`, `Z` in seconds. */
export function offsetSeconds(text: string): number {
  if (/^z$/i.test(text)) return 0;
  const [hours = 0, minutes = 0, seconds = 0] = text.slice(1).match(/\d\d/g)!.map(Number);
  // Not an offset: no date will come of it.
  if (hours > 23 || minutes > 59 || seconds > 59) return NaN;
  return (text.startsWith("-") ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

function unknownLetter(pattern: string, letter: string, column: number): ConfigError {
  const known = Object.keys(LETTERS).join(" ");
  return invalid(
    pattern,
    `${letter} at column ${String(column)} is no letter of a date pattern that can be read (those are ${known}); put plain text between single quotes`,
  );
}

function invalid(pattern: string, problem: string): ConfigError {
  return new ConfigError("DATE_FORMAT_INVALID", `the date format ${JSON.stringify(pattern)}: ${problem}`, {
    context: { format: pattern },
  });
}
