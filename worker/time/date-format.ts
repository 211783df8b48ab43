import { ConfigError } from "../contract/errors.ts";
import { fileClock, instantOf, zoneClock, type DateContext, type LocalClock } from "./date-fields.ts";
import { parseTai64n, parseUnix, parseUnixMs } from "./epoch.ts";
import type { Instant } from "./instant.ts";
import { parseIso8601 } from "./iso8601.ts";
import { compileJodaPattern } from "./joda-pattern.ts";
import { ZoneClock } from "./time-zone.ts";

/** Reads a date of a line. Pure, and never throws: undefined when no format fits, or when there is no such time. */
export type DateReader = (text: string | number, line: DateContext) => Instant | undefined;

/** What a date filter says beside its formats; names and meaning are Logstash's. */
export interface DateFormatOptions {
  /** IANA zone of dates without an offset; the file's when absent. */
  readonly zone?: string | undefined;
  /** Language of the names of months and days, e.g. `cs`; English ones are read beside them. */
  readonly locale?: string | undefined;
}

type FormatReader = (text: string, line: DateContext, clock: LocalClock) => Instant | undefined;

/** Formats that are names. */
const NAMED: Readonly<Record<string, FormatReader>> = {
  ISO8601: (text, line, clock) => {
    const fields = parseIso8601(text);
    return fields && instantOf(fields, line, clock);
  },
  UNIX: parseUnix,
  UNIX_MS: parseUnixMs,
  TAI64N: parseTai64n,
};

/** Longer text is no date; nothing looks at it. */
const LONGEST = 256;

/**
 * The formats of Logstash's date filter: `ISO8601`, `UNIX`, `UNIX_MS`, `TAI64N`, and Joda's patterns (`MMM dd HH:mm:ss`,
 * `dd/MMM/yyyy:HH:mm:ss Z`, `MM/dd/yyyy HH:mm:ss.SSSSSS`). They are tried in order; the first that gives a time counts.
 *
 * A number is taken for its decimal text. What a date does not say (year, zone, which of two equal times) the line's file
 * says: see `instantOf`. One reader serves one thread.
 *
 * @throws ConfigError `DATE_FORMAT_INVALID`: no format at all, a pattern's unknown letter with its column, an unknown zone or locale
 */
export function compileDateFormat(formats: readonly string[], options: DateFormatOptions = {}): DateReader {
  if (formats.length === 0) throw invalid("a date filter without a format reads nothing; name one, e.g. ISO8601");
  const locale = checkedLocale(options.locale);
  const readers = formats.map((format) => NAMED[format] ?? patternReader(format, locale));
  const zone = options.zone === undefined ? undefined : zoneClock(clockOf(options.zone));

  return (text, line) => {
    const written = typeof text === "number" ? decimal(text) : text;
    if (written.length > LONGEST) return undefined;
    const clock = zone ?? fileClock(line);
    for (const read of readers) {
      const instant = read(written, line, clock);
      if (instant) return instant;
    }
    return undefined;
  };
}

function patternReader(format: string, locale: string | undefined): FormatReader {
  const read = compileJodaPattern(format, locale);
  const zones = new Map<string, LocalClock | undefined>();

  /** Zones that stand in lines are anything; only so many are remembered. */
  function clockNamed(zone: string): LocalClock | undefined {
    if (zones.has(zone)) return zones.get(zone);
    let clock: LocalClock | undefined;
    try {
      clock = zoneClock(new ZoneClock(zone));
    } catch {
      clock = undefined;
    }
    if (zones.size < 1000) zones.set(zone, clock);
    return clock;
  }

  return (text, line, clock) => {
    const fields = read(text);
    if (!fields) return undefined;
    const named = fields.zone === undefined ? clock : clockNamed(fields.zone);
    return named && instantOf(fields, line, named);
  };
}

/** As a person would write it: never with an exponent. */
function decimal(value: number): string {
  const text = String(value);
  return text.includes("e") && Number.isFinite(value) ? value.toFixed(Math.abs(value) < 1 ? 20 : 0) : text;
}

function clockOf(zone: string): ZoneClock {
  try {
    return new ZoneClock(zone);
  } catch {
    throw invalid(
      `${JSON.stringify(zone)} is not a time zone of the IANA database; write for example Europe/Prague or UTC`,
    );
  }
}

function checkedLocale(locale: string | undefined): string | undefined {
  if (locale === undefined) return undefined;
  try {
    if (Intl.DateTimeFormat.supportedLocalesOf(locale).length > 0) return locale;
  } catch {
    // Not even the form of a language tag.
  }
  throw invalid(`${JSON.stringify(locale)} is not a language whose names are known; write for example en or cs`);
}

function invalid(problem: string): ConfigError {
  return new ConfigError("DATE_FORMAT_INVALID", problem);
}
