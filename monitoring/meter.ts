import type { GraphiteSender, Point } from "./graphite.ts";
import {
  METRICS,
  type CountName,
  type GaugeName,
  type MetricKind,
  type MetricName,
  type MetricRole,
} from "./metrics.ts";
import { pathPart, prefixPath } from "./metric-path.ts";

/**
 * Where a part of the program leaves its figures. Nothing here waits, throws or does I/O: an interval's values become
 * one point for each metric, handed to the sender at the interval's end.
 *
 * Points of all processes bear the same seconds (multiples of the interval), so that sums over hosts are sums of one
 * moment. A point bears the second at which its interval began.
 */
export interface Meter<R extends MetricRole = MetricRole> {
  /** Adds to a counter: `n` more happened. */
  count(metric: CountName<R>, n: number): void;
  /** For a counter that somebody else keeps: its value now; what it grew by is counted. A lower value is a fresh start. */
  total(metric: CountName<R>, value: number): void;
  /** A value: the newest stands for `last` metrics, the interval's mean or maximum for the others. */
  gauge(metric: GaugeName<R>, value: number): void;
  /** Sends the unfinished interval as it is (its end replaces it) and waits at most two seconds for delivery. */
  flush(): Promise<void>;
  /** Flushes and stops. The sender is its owner's and stays open. */
  close(): Promise<void>;
}

export interface MeterOptions<R extends MetricRole> {
  readonly prefix: string;
  readonly campaign: string;
  readonly role: R;
  /** Address or name of the host; its dots become `_`. */
  readonly host: string;
  /**
   * Tells processes of one role on one host apart, e.g. a parser's number within its group. Without it two of them
   * would write the same paths, and the later would replace the earlier.
   */
  readonly instance?: string;
  readonly intervalSeconds: number;
  readonly sender: GraphiteSender;
}

/** Milliseconds after an interval's end at which it is sent: late enough for values that are due at its end. */
const SETTLE_MS = 100;
const DELIVERY_MS = 2_000;
/** A process that slept longer than this many intervals does not fill them all. */
const MOST_INTERVALS = 60;

interface Tally {
  sum: number;
  number: number;
  newest: number;
  greatest: number;
}

/** Makes the meter of a process and starts its timer, which does not keep the process alive. */
export function createMeter<R extends MetricRole>(options: MeterOptions<R>): Meter<R> {
  return new IntervalMeter(options);
}

class IntervalMeter implements Meter {
  readonly #base: string;
  readonly #intervalSeconds: number;
  readonly #sender: GraphiteSender;
  readonly #tallies = new Map<MetricName, Tally>();
  readonly #totals = new Map<MetricName, number>();
  /** Number of the interval that is being filled, counted since 1970. */
  #interval: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: MeterOptions<MetricRole>) {
    const host = options.instance === undefined ? options.host : `${options.host}-${options.instance}`;
    this.#base = [prefixPath(options.prefix), pathPart(options.campaign), options.role, pathPart(host)].join(".");
    this.#intervalSeconds = Math.max(1, Math.round(options.intervalSeconds));
    this.#sender = options.sender;
    this.#interval = this.#intervalNow();
    this.#schedule();
  }

  count(metric: CountName, n: number): void {
    this.#add(metric, n);
  }

  total(metric: CountName, value: number): void {
    const before = this.#totals.get(metric);
    this.#totals.set(metric, value);
    this.#add(metric, before === undefined ? 0 : value >= before ? value - before : value);
  }

  gauge(metric: GaugeName, value: number): void {
    this.#add(metric, value);
  }

  async flush(): Promise<void> {
    this.#roll();
    this.#sender.send(this.#points([this.#interval]));
    await this.#sender.drain(DELIVERY_MS);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.flush();
  }

  #add(metric: MetricName, value: number): void {
    if (!Number.isFinite(value)) {
      // The one place that counts them: `points.invalid` itself is always finite.
      this.#add("points.invalid", 1);
      return;
    }
    this.#roll();
    const tally = this.#tallies.get(metric);
    if (!tally) {
      this.#tallies.set(metric, { sum: value, number: 1, newest: value, greatest: value });
      return;
    }
    tally.sum += value;
    tally.greatest = tally.number === 0 ? value : Math.max(tally.greatest, value);
    tally.number++;
    tally.newest = value;
  }

  #intervalNow(): number {
    return Math.floor(Date.now() / 1000 / this.#intervalSeconds);
  }

  #schedule(): void {
    const dueAt = (this.#interval + 1) * this.#intervalSeconds * 1000 + SETTLE_MS;
    this.#timer = setTimeout(
      () => {
        this.#roll();
        this.#schedule();
      },
      Math.max(SETTLE_MS, dueAt - Date.now()),
    );
    this.#timer.unref();
  }

  /** Sends what is complete when the interval is over. */
  #roll(): void {
    const now = this.#intervalNow();
    // A clock that was set back: waiting for it to come round again would be hours without a point.
    if (now < this.#interval) this.#interval = now;
    if (now === this.#interval) return;
    const losses = this.#sender.takeLosses();
    // After a blocked event loop or a suspended machine the values belong to all the intervals gone by.
    const first = Math.max(this.#interval, now - MOST_INTERVALS);
    const intervals = Array.from({ length: now - first }, (_, i) => first + i);
    this.#interval = now;
    this.#sender.send(this.#points(intervals));
    for (const [metric, tally] of this.#tallies) {
      const keep = METRICS[metric].kind === "last" ? tally.newest : 0;
      this.#tallies.set(metric, { sum: 0, number: 0, newest: keep, greatest: 0 });
    }
    // After the reset, so that they count for the interval that begins.
    this.#add("points.dropped", losses.dropped);
    this.#add("points.invalid", losses.invalid);
  }

  #points(intervals: readonly number[]): Point[] {
    const points: Point[] = [];
    for (const [metric, tally] of this.#tallies) {
      const value = valueOf(METRICS[metric].kind, tally, this.#intervalSeconds * intervals.length);
      if (value === undefined) continue;
      for (const interval of intervals) {
        points.push({ path: `${this.#base}.${metric}`, value, at: interval * this.#intervalSeconds });
      }
    }
    return points;
  }
}

function valueOf(kind: MetricKind, tally: Tally, seconds: number): number | undefined {
  switch (kind) {
    case "count":
      return tally.sum / seconds;
    case "last":
      return tally.newest;
    case "mean":
      return tally.number === 0 ? undefined : tally.sum / tally.number;
    case "max":
      return tally.number === 0 ? undefined : tally.greatest;
  }
}
