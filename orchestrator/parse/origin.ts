import { stat } from "node:fs/promises";
import type { Origin } from "../../worker/contract/chunk.ts";
import { ConfigError } from "../../worker/contract/errors.ts";
import { daysInMonth, isYearMonth } from "../../worker/contract/months.ts";
import type { Config } from "../config-schema.ts";
import { dateFile, localDay, type FileDating } from "../dating.ts";
import { originsOf } from "../planned-files.ts";

/**
 * What is known of the lines of an input, as a plan would say it of a file of an archive.
 * @param date when they were written: a year, a month or a day; absent: the file's date, or now, is the latest that they can be of
 * @throws ConfigError `USAGE` for what is no date
 */
export async function originOfInput(
  file: string,
  service: string,
  config: Config,
  date: string | undefined,
): Promise<Origin> {
  const { archive, plan } = config;
  const dating = date === undefined ? await datingOf(file, archive.timeZone) : datingBy(date);
  const { timeZone, hostZones, encoding } = archive;
  const originOf = originsOf({
    timeZone,
    hostZones,
    indexPattern: plan.indexPattern,
    revision: plan.revision,
    // A line is one document here.
    repeated: "count",
    // Nothing is sent.
    ids: "derived",
  });
  return originOf({
    ...dating,
    path: file,
    service,
    ...(encoding === undefined ? {} : { encoding }),
    dropPrograms: [],
  });
}

/** As of a file whose path names no time. */
async function datingOf(file: string, timeZone: string): Promise<FileDating> {
  // What cannot be looked at is refused where it is read.
  const modified = file === "-" ? undefined : await stat(file).catch(() => undefined);
  const day = localDay(modified?.mtimeMs ?? Date.now(), timeZone);
  return dateFile({ named: {}, service: "", kind: "per-service" }, day, "file-date")!;
}

function datingBy(date: string): FileDating {
  if (/^(19[7-9]\d|[2-9]\d{3})$/.test(date))
    return { month: `${date}-01`, day: `${date}-01-01`, lastDay: `${date}-12-31` };
  const month = date.slice(0, 7);
  if (isYearMonth(month)) {
    if (date === month) return { month };
    const [, day] = /^-(\d\d)$/.exec(date.slice(7)) ?? [];
    if (day !== undefined && Number(day) >= 1 && Number(day) <= daysInMonth(month)) return { month, day: date };
  }
  throw new ConfigError(
    "USAGE",
    `--date ${date} is no date; write a year, 2013, a month, 2013-01, or a day, 2013-01-14`,
  );
}
