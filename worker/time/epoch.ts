import { FRACTION_DIGITS, type Instant } from "./instant.ts";

/** The years 1000 to 9998: what can be written with four digits in every zone. */
const FIRST_SECOND = -30_610_224_000;
const LAST_SECOND = 253_370_764_799;

const DECIMAL = /^(-?)(\d{1,16})(?:\.(\d*))?$/;

/** Seconds since 1970, with or without a fraction: Logstash's `UNIX`. */
export function parseUnix(text: string): Instant | undefined {
  const match = DECIMAL.exec(text);
  if (!match) return undefined;
  const [, sign, whole, digits = ""] = match as unknown as [string, string, string, string | undefined];
  return bounded(sign === "-" ? negative(Number(whole), digits) : { seconds: Number(whole), fraction: digits });
}

/** Milliseconds since 1970: Logstash's `UNIX_MS`. */
export function parseUnixMs(text: string): Instant | undefined {
  if (!/^-?\d{1,16}$/.test(text)) return undefined;
  const millis = Number(text);
  const seconds = Math.floor(millis / 1000);
  return bounded({ seconds, fraction: String(millis - seconds * 1000).padStart(3, "0") });
}

/** The label of 1970 as daemontools write it: its tables know no leap second, and TAI was ten seconds ahead then. */
const TAI64_EPOCH = 0x4000_0000_0000_000an;

/**
 * `@4000000050d506482dbdf024`, with or without the `@`: Logstash's `TAI64N`, and multilog's.
 * @source https://cr.yp.to/libtai/tai64.html
 */
export function parseTai64n(text: string): Instant | undefined {
  const match = /^@?([0-9a-f]{16})([0-9a-f]{8})$/i.exec(text);
  if (!match) return undefined;
  const seconds = BigInt(`0x${match[1]!}`) - TAI64_EPOCH;
  const nanos = Number.parseInt(match[2]!, 16);
  if (nanos > 999_999_999) return undefined;
  return bounded({ seconds: Number(seconds), fraction: String(nanos).padStart(9, "0") });
}

/** The second before, and what its fraction lacks to a whole one: -1.25 is 0.75 behind -2. */
function negative(whole: number, digits: string): Instant {
  if (/^0*$/.test(digits)) return { seconds: -whole || 0, fraction: digits };
  digits = digits.slice(0, FRACTION_DIGITS);
  const rest = 10n ** BigInt(digits.length) - BigInt(digits);
  return { seconds: -whole - 1, fraction: String(rest).padStart(digits.length, "0") };
}

function bounded(instant: Instant): Instant | undefined {
  return instant.seconds >= FIRST_SECOND && instant.seconds <= LAST_SECOND ? instant : undefined;
}
