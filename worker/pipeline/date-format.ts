/**
 * Writes a time in the patterns that Logstash takes in `%{+…}` (Joda-Time's) and `%{{…}}` (java.time's), always in UTC and
 * English. Letters whose meaning hangs on the locale of the machine (java.time's weeks) are refused, not guessed.
 *
 * @source Joda-Time 2.x DateTimeFormat; java.time.format.DateTimeFormatter (JDK 17); Logstash's StringInterpolation
 */

/** One piece of a pattern: literal text, or a letter and how often it stands there. */
export type DatePart = string | { readonly letter: string; readonly count: number };

/** Whose letters a pattern uses. */
export type DateDialect = "joda" | "java";

/** A time that is to be written. */
interface Instant {
  readonly date: Date;
  /** The digits of the second's fraction that are known: `000`, `123456`. */
  readonly fraction: string;
}

type Letter = (time: Instant, count: number) => string;

const MONTHS = [
  ...["January", "February", "March", "April", "May", "June", "July"],
  ...["August", "September", "October", "November", "December"],
];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const DAY_MS = 86_400_000;

const pad = (value: number, count: number): string => String(value).padStart(count, "0");
const year: Letter = ({ date }, count) =>
  count === 2 ? pad(date.getUTCFullYear() % 100, 2) : pad(date.getUTCFullYear(), count);
const name = (names: readonly string[], index: number, count: number): string =>
  count === 5 ? names[index]!.slice(0, 1) : count >= 4 ? names[index]! : names[index]!.slice(0, 3);
const month: Letter = ({ date }, count) =>
  count >= 3 ? name(MONTHS, date.getUTCMonth(), count) : pad(date.getUTCMonth() + 1, count);
const number =
  (of: (date: Date) => number): Letter =>
  ({ date }, count) =>
    pad(of(date), count);

/** ISO weeks: week 1 holds the year's first Thursday. */
function isoWeek(date: Date): { readonly year: number; readonly week: number } {
  const day = Math.floor(date.getTime() / DAY_MS);
  // Day 0 was a Thursday; days before it are negative.
  const weekday = (((day + 3) % 7) + 7) % 7;
  const thursday = new Date((day - weekday + 3) * DAY_MS);
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  return {
    year: thursday.getUTCFullYear(),
    week: Math.floor((thursday.getTime() - first) / DAY_MS / 7) + 1,
  };
}

/** What both dialects mean alike. */
const COMMON: Readonly<Record<string, Letter>> = {
  y: year,
  M: month,
  d: number((date) => date.getUTCDate()),
  D: number((date) => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS) + 1),
  E: ({ date }, count) => name(DAYS, date.getUTCDay(), count),
  a: ({ date }) => (date.getUTCHours() < 12 ? "AM" : "PM"),
  H: number((date) => date.getUTCHours()),
  k: number((date) => date.getUTCHours() || 24),
  K: number((date) => date.getUTCHours() % 12),
  h: number((date) => date.getUTCHours() % 12 || 12),
  m: number((date) => date.getUTCMinutes()),
  s: number((date) => date.getUTCSeconds()),
};

const LETTERS: Readonly<Record<DateDialect, Readonly<Record<string, Letter>>>> = {
  joda: {
    ...COMMON,
    G: () => "AD",
    C: number((date) => Math.floor(date.getUTCFullYear() / 100)),
    Y: year,
    x: ({ date }, count) => (count === 2 ? pad(isoWeek(date).year % 100, 2) : pad(isoWeek(date).year, count)),
    w: number((date) => isoWeek(date).week),
    e: number((date) => date.getUTCDay() || 7),
    E: ({ date }, count) => name(DAYS, date.getUTCDay(), Math.min(count, 4)),
    M: (time, count) => month(time, Math.min(count, 4)),
    // Joda's times end with the millisecond.
    S: ({ fraction }, count) => fraction.slice(0, 3).padEnd(count, "0").slice(0, count),
    z: (_, count) => (count >= 4 ? "Coordinated Universal Time" : "UTC"),
    Z: (_, count) => (count === 1 ? "+0000" : count === 2 ? "+00:00" : "UTC"),
  },
  java: {
    ...COMMON,
    u: year,
    L: month,
    S: ({ fraction }, count) => fraction.padEnd(count, "0").slice(0, count),
    n: ({ fraction }, count) => pad(Number(fraction.padEnd(9, "0").slice(0, 9)), count),
    X: () => "Z",
    x: (_, count) => (count === 1 ? "+00" : count % 2 === 0 ? "+0000" : "+00:00"),
    Z: (_, count) => (count <= 3 ? "+0000" : count === 4 ? "GMT" : "Z"),
  },
};

/** Reads a pattern. @returns its parts, or what is wrong with it and what to do */
export function parseDatePattern(pattern: string, dialect: DateDialect): readonly DatePart[] | { problem: string } {
  const parts: DatePart[] = [];
  const token = /'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+/gy;
  let at = 0;
  for (let match; (match = token.exec(pattern)); at = token.lastIndex) {
    const [text, quoted, letter] = match;
    if (quoted !== undefined) parts.push(quoted === "" ? "'" : quoted.replaceAll("''", "'"));
    else if (letter === undefined) parts.push(text);
    else if (Object.hasOwn(LETTERS[dialect], letter)) parts.push({ letter, count: text.length });
    else {
      const known = Object.keys(LETTERS[dialect]).sort().join(" ");
      return { problem: `the letter ${letter} is not written here; known: ${known}, or put it in '…' for itself` };
    }
  }
  if (at < pattern.length) return { problem: `a ' is not closed; write '' for one that is meant itself` };
  return parts;
}

/** Writes an ISO 8601 time of UTC, as `@timestamp` holds it, by a pattern; empty when the text is no such time. */
export function formatDate(timestamp: string, parts: readonly DatePart[], dialect: DateDialect): string {
  const date = new Date(timestamp);
  if (Number.isNaN(date.getTime())) return "";
  const time = { date, fraction: /\.(\d+)/.exec(timestamp)?.[1] ?? "000" };
  return parts
    .map((part) => (typeof part === "string" ? part : LETTERS[dialect][part.letter]!(time, part.count)))
    .join("");
}
