/** A moment as a line tells it: whole seconds, and the digits behind them as they were written. */
export interface Instant {
  /** Seconds since 1970 in UTC, an integer. */
  readonly seconds: number;
  /** The digits of the fraction of a second, however many; empty when the line has none. */
  readonly fraction: string;
}

/** Digits of a fraction of a second that Elasticsearch takes. */
export const FRACTION_DIGITS = 9;

/** What stands for second 60: the last thousandth before the next minute. */
export const LEAP_FRACTION = "999";

/** `2013-01-14T22:20:01.123456Z`, as documents have it: at least milliseconds, at most nanoseconds. */
export function isoInstant({ seconds, fraction }: Instant): string {
  const digits = fraction.slice(0, FRACTION_DIGITS).padEnd(3, "0");
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${digits}Z`;
}
