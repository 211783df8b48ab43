import type { Origin } from "../contract/chunk.ts";
import { indexedDays } from "../contract/months.ts";
import { dayNumber } from "./calendar.ts";
import { ZoneClock, type FoldedTime } from "./time-zone.ts";

/** A stretch of local time that the clock of a zone shows twice. */
export type ZoneFold = FoldedTime & { readonly timeZone: string };

const DAY = 86_400;
/** Of as many kinds of file the answer is remembered. */
const REMEMBERED = 64;
const known = new Map<string, readonly ZoneFold[]>();

/**
 * The times that clocks show twice and that lines of the file may tell, its own zone's and its hosts'. There are none in most months, and
 * then nothing has to be looked for.
 *
 * Lines are looked for in the days that have an index, or, where the file's date gives the year, in the year up to it.
 */
export function foldsOf(origin: Pick<Origin, "month" | "lastDay" | "timeZone" | "hostZones">): readonly ZoneFold[] {
  const { month, lastDay, timeZone, hostZones = [] } = origin;
  const zones = [...new Set([timeZone, ...hostZones.map((host) => host.timeZone)])];
  const days = indexedDays(month);
  const last = dayNumber(lastDay ?? days.at(-1)!);
  const first = lastDay === undefined ? dayNumber(days[0]!) : last - 366;
  const key = JSON.stringify([zones, first, last]);
  let folds = known.get(key);
  if (!folds) {
    folds = zones.flatMap((zone) =>
      new ZoneClock(zone).foldsBetween(first * DAY, (last + 1) * DAY).map((fold) => ({ ...fold, timeZone: zone })),
    );
    if (known.size >= REMEMBERED) known.clear();
    known.set(key, folds);
  }
  return folds;
}
