import { z } from "zod";

/**
 * What several sections of the configuration file hold.
 *
 * Sizes are written `8MiB`, `2GiB` or a number of bytes; durations `90s`, `5m`, `12h` or seconds.
 * Inside the program they are bytes and seconds.
 */

const UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
const SPANS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 };

/** Bytes. */
export const size = z.union([z.int().nonnegative(), z.string()]).transform((value, ctx) => {
  if (typeof value === "number") return value;
  const match = /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB)$/.exec(value);
  if (!match) {
    ctx.addIssue({ code: "custom", message: `"${value}" is not a size; write for example 8MiB or 2GiB` });
    return z.NEVER;
  }
  return Math.round(Number(match[1]) * (UNITS[match[2] ?? ""] ?? 1));
});

/** Seconds. */
export const duration = z.union([z.number().nonnegative(), z.string()]).transform((value, ctx) => {
  if (typeof value === "number") return value;
  const match = /^(\d+(?:\.\d+)?)\s*(s|m|h|d)$/.exec(value);
  if (!match) {
    ctx.addIssue({ code: "custom", message: `"${value}" is not a duration; write for example 90s, 5m or 12h` });
    return z.NEVER;
  }
  return Number(match[1]) * (SPANS[match[2] ?? ""] ?? 1);
});

export const timeZone = z.string().refine(
  (zone) => {
    try {
      new Intl.DateTimeFormat("en", { timeZone: zone });
      return true;
    } catch {
      return false;
    }
  },
  { message: "not a time zone of the IANA database; write for example Europe/Prague or UTC" },
);
