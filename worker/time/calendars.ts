import type { Origin } from "../contract/chunk.ts";
import { compileHostZones } from "../contract/host-zones.ts";
import { Calendar, type CalendarOrigin } from "./calendar.ts";

/** A campaign of many months, each with its days: old ones go, oldest first. */
const MOST = 64;
/** Likewise for the calendars of hosts, which are several for a file. */
const MOST_BY_HOST = 8;

/** The calendar of a line's host `[start, end)`; undefined when the host has no zone but its file's. */
export type HostCalendars = (src: Buffer, start: number, end: number) => Calendar | undefined;

/** The calendars of origins, made once for what they have in common. One serves one thread. */
export class Calendars {
  readonly #calendars = new Map<string, Calendar>();
  readonly #byHost = new Map<string, HostCalendars>();

  /** The calendar of the file's own zone. @throws RangeError for a zone that ICU does not know */
  of(origin: CalendarOrigin): Calendar {
    const key = keyOf(origin);
    return remembered(this.#calendars, key, MOST, () => new Calendar(origin));
  }

  /** The calendars of hosts that have a zone of their own; undefined when none has. */
  byHost(origin: Origin): HostCalendars | undefined {
    const { hostZones } = origin;
    if (hostZones === undefined || hostZones.length === 0) return undefined;
    const key = JSON.stringify([keyOf(origin), hostZones]);
    return remembered(this.#byHost, key, MOST_BY_HOST, () => {
      const zoneOf = compileHostZones(hostZones);
      const own = new Map<string, Calendar>();
      return (src, start, end) => {
        const timeZone = zoneOf(src.toString("utf8", start, end));
        if (timeZone === undefined || timeZone === origin.timeZone) return undefined;
        let calendar = own.get(timeZone);
        // Made when a host of the zone turns up: few of a site's zones are in one file.
        if (!calendar) own.set(timeZone, (calendar = this.of({ ...origin, timeZone })));
        return calendar;
      };
    });
  }
}

function keyOf({ timeZone, month, firstDay, lastDay, index, secondFolds }: CalendarOrigin): string {
  return JSON.stringify([timeZone, month, firstDay, lastDay, index, secondFolds]);
}

function remembered<T>(known: Map<string, T>, key: string, most: number, make: () => T): T {
  let value = known.get(key);
  if (value === undefined) {
    if (known.size >= most) known.delete(known.keys().next().value!);
    known.set(key, (value = make()));
  }
  return value;
}
