import { ConfigError } from "../../worker/contract/errors.ts";
import { daysInMonth, isYearMonth } from "../../worker/contract/months.ts";

const SPANS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * The time that `--until` names, in milliseconds since 1970: `+4h` from now, the next `18:30`, or an ISO time such as
 * `2026-03-01T18:00Z`. Times without a zone are this machine's. Pure but for the machine's time zone.
 * @throws ConfigError `USAGE` for what is no time, or one that is over
 */
export function parseUntil(text: string, now: number): number {
  const at = fromNow(text, now) ?? nextTime(text, now) ?? isoTime(text);
  if (at === undefined) {
    throw new ConfigError(
      "USAGE",
      `--until ${text}: write how long from now (+4h, +30m), a time of day (18:30) or a time (2026-03-01T18:00, with Z or an offset when it is not local)`,
    );
  }
  if (at <= now)
    throw new ConfigError("USAGE", `--until ${text}: that was ${new Date(at).toISOString()}; name a time to come`);
  return at;
}

function fromNow(text: string, now: number): number | undefined {
  const match = /^\+(\d{1,6}(?:\.\d+)?)([smhd])$/.exec(text);
  return match ? now + Number(match[1]) * (SPANS[match[2] ?? ""] ?? 0) * 1000 : undefined;
}

function nextTime(text: string, now: number): number | undefined {
  const match = /^(\d{1,2}):(\d{2})$/.exec(text);
  const [hours, minutes] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || hours > 23 || minutes > 59) return undefined;
  const date = new Date(now);
  date.setHours(hours, minutes, 0, 0);
  // A day of the calendar, which may have 23 or 25 hours.
  if (date.getTime() <= now) date.setDate(date.getDate() + 1);
  return date.getTime();
}

function isoTime(text: string): number | undefined {
  const match = /^(\d{4}-\d{2})-(\d{2})[T ](\d{2}:\d{2})(:\d{2})?(Z|[+-]\d{2}:\d{2})?$/.exec(text);
  if (!match) return undefined;
  const [, month = "", day = "", time = "", seconds = "", zone = ""] = match;
  // The engine takes the 31st of February for a day of March.
  if (!isYearMonth(month) || Number(day) > daysInMonth(month)) return undefined;
  const at = Date.parse(`${month}-${day}T${time}${seconds}${zone}`);
  return Number.isNaN(at) ? undefined : at;
}
