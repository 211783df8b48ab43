import type { Origin } from "../contract/chunk.ts";
import type { Calendar } from "../time/calendar.ts";
import { Calendars, type HostCalendars } from "../time/calendars.ts";
import { HEADER_READ, HeaderScanner } from "./syslog-header.ts";
import { TimestampScanner } from "./timestamp.ts";

/** A header is read whole within this much of a line. */
export const HEAD_BYTES = 1024;

/** The times of a file's lines and nothing else of them, as the pipeline reads them but for which of two equal ones they are. */
export class LineTimes {
  readonly #own: Calendar;
  readonly #byHost: HostCalendars | undefined;
  readonly #timestamp: TimestampScanner;
  readonly #header: HeaderScanner;

  /** Of the line that was read last: its calendar, and its instant in seconds. */
  calendar: Calendar;
  utc = 0;

  constructor(origin: Origin) {
    const calendars = new Calendars();
    const undecided = { ...origin, secondFolds: [] };
    this.#own = this.calendar = calendars.of(undecided);
    this.#byHost = calendars.byHost(undecided);
    this.#timestamp = new TimestampScanner(this.#own);
    this.#header = new HeaderScanner(this.#timestamp);
  }

  /** What its wall clock showed, where that may be shown twice; else NaN. */
  get wall(): number {
    return this.#timestamp.wall;
  }

  /** Reads the line `[start, end)`, or its first `HEAD_BYTES`. @returns whether it tells a time */
  read(src: Buffer, start: number, end: number): boolean {
    const header = this.#header;
    const timestamp = this.#timestamp;
    if (header.scan(src, start, end) !== HEADER_READ) return false;
    this.calendar = this.#own;
    if (this.#byHost && header.hostEnd > header.hostStart) {
      const calendar = this.#byHost(src, header.hostStart, header.hostEnd);
      if (calendar) {
        timestamp.rescan(calendar, src, end);
        this.calendar = calendar;
      }
    }
    this.utc = timestamp.quarter.hour + timestamp.minute * 60 + timestamp.second;
    return true;
  }
}
