import { ConfigError } from "../../worker/contract/errors.ts";
import { isYearMonth, type YearMonth } from "../../worker/contract/months.ts";

export interface SampleOptions {
  readonly month: YearMonth;
  /** Distinct lines to make, at least 1. */
  readonly lines: number;
  /** The same seed gives the same bytes. Default 1. */
  readonly seed?: number;
  /** Directory to make; must not exist, or be empty. The archive is `<dir>/hosts`, the truth `<dir>/manifest.json`. */
  readonly dir: string;
  /** Senders of logs, 1 to 50,000. Default 500. */
  readonly hosts?: number;
  /** Whether auth and pbs lines stand a second time in the files of their host, as in the seed's archive. Default false. */
  readonly overlap?: boolean;
  /** IANA zone of the local times in the lines. Default UTC. */
  readonly timeZone?: string;
  /** Files whose last line has no line end (`wc -l` does not count these lines). Default 0. */
  readonly unterminated?: number;
  readonly signal?: AbortSignal;
  /** Called now and then with the lines written so far. */
  readonly onProgress?: (lines: number) => void;
}

/** Options with defaults, checked. */
export interface CheckedOptions {
  readonly month: YearMonth;
  readonly lines: number;
  readonly seed: number;
  readonly hosts: number;
  readonly overlap: boolean;
  readonly timeZone: string;
  readonly unterminated: number;
}

/** @throws ConfigError `SAMPLE_OPTIONS` naming the option and what it may be */
export function checkOptions(options: SampleOptions): CheckedOptions {
  const { month, lines, seed = 1, hosts = 500, overlap = false, timeZone = "UTC", unterminated = 0 } = options;
  if (!isYearMonth(month)) refuse("month", month, "write a month such as 2013-01");
  const year = Number(month.slice(0, 4));
  if (year < 1971 || year > 9997) refuse("month", month, "choose a year from 1971 to 9997");
  checkInteger("lines", lines, 1, 100_000_000_000);
  checkInteger("seed", seed, 0, Number.MAX_SAFE_INTEGER);
  checkInteger("hosts", hosts, 1, 50_000);
  checkInteger("unterminated", unterminated, 0, 1_000_000);
  try {
    new Intl.DateTimeFormat("en", { timeZone });
  } catch {
    refuse("time-zone", timeZone, "write a name of the IANA database such as UTC or Europe/Prague");
  }
  return { month, lines, seed, hosts, overlap, timeZone, unterminated };
}

function checkInteger(name: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  refuse(name, String(value), `write a whole number from ${String(least)} to ${String(most)}`);
}

function refuse(option: string, value: string, remedy: string): never {
  throw new ConfigError("SAMPLE_OPTIONS", `--${option} ${value}: ${remedy}`, { context: { option } });
}
