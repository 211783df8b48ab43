import type { DateFields } from "./date-fields.ts";
import { OFFSET, offsetSeconds } from "./joda-pattern.ts";

const DATE = "(\\d{4})(?:-(\\d{1,2})(?:-(\\d{1,2}))?|-(\\d{3})|-W(\\d{1,2})(?:-(\\d))?)?";
const TIME = "(\\d{1,2})(?::(\\d{1,2})(?::(\\d{1,2}))?)?(?:[.,](\\d+))?";

/** A date, a `T` or a blank, a time, an offset; or a time alone behind its `T`. */
const FORM = new RegExp(`^(?:${DATE}(?:[T ](?:${TIME})?(${OFFSET})?)?|T${TIME}(${OFFSET})?)$`, "i");
/** `20130114T232001Z`. */
const BASIC = new RegExp(
  `^(\\d{4})(\\d\\d)(\\d\\d)(?:T(\\d\\d)(?:(\\d\\d)(?:(\\d\\d)(?:[.,](\\d+))?)?)?(${OFFSET})?)?$`,
  "i",
);

const SECONDS_OF = { hour: 3600, minute: 60 } as const;

/**
 * ISO 8601 in all the forms that Logstash's `ISO8601` takes (calendar, ordinal and week dates, times cut short, fractions of hours
 * and minutes, a dot or a comma, a blank for the `T`, offsets with and without a colon), and the basic form without separators.
 * @source https://www.joda.org/joda-time/apidocs/org/joda/time/format/ISODateTimeFormat.html#dateTimeParser--
 */
export function parseIso8601(text: string): DateFields | undefined {
  const form = FORM.exec(text);
  if (form) {
    const [, year, month, day, ordinal, week, weekday, ...times] = form;
    const time = times[0] === undefined && year === undefined ? times.slice(5) : times.slice(0, 5);
    return {
      ...(year === undefined ? {} : week === undefined ? { year: Number(year) } : { weekYear: Number(year) }),
      ...numbers({ month, day, dayOfYear: ordinal, week, weekday }),
      ...timeOf(time),
    };
  }
  const basic = BASIC.exec(text);
  if (!basic) return undefined;
  const [, year, month, day, ...time] = basic;
  return { ...numbers({ year, month, day }), ...timeOf(time) };
}

function numbers(parts: Readonly<Record<string, string | undefined>>): DateFields {
  const fields: Record<string, number> = {};
  for (const [name, text] of Object.entries(parts)) if (text !== undefined) fields[name] = Number(text);
  return fields;
}

/** @param time hour, minute, second, fraction, offset */
function timeOf([hour, minute, second, digits, zone]: readonly (string | undefined)[]): DateFields {
  const offset = zone === undefined ? {} : { offset: offsetSeconds(zone) };
  const whole = { ...numbers({ hour, minute, second }), ...offset };
  if (digits === undefined) return whole;
  if (second !== undefined) return { ...whole, fraction: digits };
  return { ...whole, ...fractionOf(minute === undefined ? "hour" : "minute", digits) };
}

/** A fraction of an hour or a minute in minutes, seconds and nanoseconds. */
function fractionOf(unit: keyof typeof SECONDS_OF, digits: string): DateFields {
  const nanos = Number(digits.slice(0, 9).padEnd(9, "0")) * SECONDS_OF[unit];
  const seconds = Math.floor(nanos / 1e9);
  const rest = String(nanos - seconds * 1e9).padStart(9, "0");
  return {
    ...(unit === "hour" ? { minute: Math.floor(seconds / 60) } : {}),
    second: seconds % 60,
    fraction: rest.replace(/0+$/, ""),
  };
}
