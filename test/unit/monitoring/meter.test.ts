import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { createMeter, type GraphiteSender, type Meter, type Point } from "../../../monitoring/index.ts";

/** A sender that keeps what it gets: the meter's far side, which has its own test on a real carbon. */
class KeepingSender implements GraphiteSender {
  readonly points: Point[] = [];
  losses = { dropped: 0, invalid: 0 };

  send(points: readonly Point[]): void {
    this.points.push(...points);
  }
  stats() {
    return { sent: this.points.length, dropped: 0, invalid: 0, buffered: 0 };
  }
  takeLosses() {
    const losses = this.losses;
    this.losses = { dropped: 0, invalid: 0 };
    return losses;
  }
  async drain(): Promise<boolean> {
    return true;
  }
  async close(): Promise<void> {}

  /** What Whisper would hold for a metric: the last value of each second. */
  series(metric: string): Readonly<Record<number, number>> {
    const own = this.points.filter((point) => point.path.endsWith(`.${metric}`));
    return Object.fromEntries(own.map((point) => [point.at, point.value]));
  }
}

const START = 1_700_000_000; // A multiple of 5.

describe("createMeter", () => {
  let sender: KeepingSender;
  let meter: Meter<"parser">;

  beforeEach(() => {
    vi.useFakeTimers({ now: START * 1000 });
    sender = new KeepingSender();
    meter = createMeter({
      prefix: "gh.site",
      campaign: "2013-01 a",
      role: "parser",
      host: "127.0.1.1",
      instance: "p/1",
      intervalSeconds: 5,
      sender,
    });
  });
  afterEach(async () => {
    await meter.close();
    vi.useRealTimers();
  });

  it("mends names and makes the host one part", async () => {
    meter.count("lines.read", 1);
    await meter.flush();
    expect(sender.points[0]?.path).toBe("gh.site.2013-01_a.parser.127_0_1_1-p_1.lines.read");
  });

  it("sends counts as rates whose sum times the interval is the count", () => {
    meter.count("lines.read", 10);
    vi.advanceTimersByTime(2_000);
    meter.count("lines.read", 15);
    vi.advanceTimersByTime(5_000);
    meter.count("lines.read", 5);
    vi.advanceTimersByTime(5_000);
    expect(sender.series("lines.read")).toEqual({ [START]: 5, [START + 5]: 1 });
  });

  it("goes on at once when the clock is set back", () => {
    meter.count("lines.read", 5);
    vi.advanceTimersByTime(6_000);
    vi.setSystemTime((START - 7200) * 1000);
    meter.count("lines.read", 10);
    vi.advanceTimersByTime(12_000);
    meter.count("lines.read", 15);
    vi.advanceTimersByTime(6_000);
    expect(sender.series("lines.read")).toMatchObject({ [START]: 1, [START - 7200]: 2, [START - 7190]: 3 });
  });

  it("goes on with zeros, so that a graph shows a standstill and no gap", () => {
    meter.count("lines.read", 5);
    vi.advanceTimersByTime(16_000);
    expect(sender.series("lines.read")).toEqual({ [START]: 1, [START + 5]: 0, [START + 10]: 0 });
  });

  it("replaces an unfinished interval that was flushed by the finished one", async () => {
    meter.count("lines.read", 5);
    await meter.flush();
    meter.count("lines.read", 5);
    vi.advanceTimersByTime(6_000);
    expect(sender.series("lines.read")).toEqual({ [START]: 2 });
  });

  it("spreads what happened while the timer could not run", () => {
    meter.count("lines.read", 30);
    vi.setSystemTime((START + 15) * 1000);
    meter.count("lines.read", 1);
    expect(sender.series("lines.read")).toEqual({ [START]: 2, [START + 5]: 2, [START + 10]: 2 });
  });

  it("repeats levels, averages means, keeps maxima, and is silent about nothing", () => {
    meter.gauge("process.rss", 100);
    for (const ms of [10, 30]) {
      meter.gauge("bulk.latency", ms);
      meter.gauge("bulk.slowest", ms);
    }
    vi.advanceTimersByTime(11_000);
    expect(sender.series("process.rss")).toEqual({ [START]: 100, [START + 5]: 100 });
    expect(sender.series("bulk.latency")).toEqual({ [START]: 20 });
    expect(sender.series("bulk.slowest")).toEqual({ [START]: 30 });
  });

  it("counts the growth of somebody else's counter, and its fresh start", () => {
    for (const value of [100, 150, 20]) meter.total("process.cpu", value);
    vi.advanceTimersByTime(6_000);
    expect(sender.series("process.cpu")).toEqual({ [START]: (50 + 20) / 5 });
  });

  it("leaves out what is no number, and says so in a metric", () => {
    meter.gauge("process.rss", Number.NaN);
    meter.count("lines.read", Number.POSITIVE_INFINITY);
    vi.advanceTimersByTime(6_000);
    expect(sender.series("process.rss")).toEqual({});
    expect(sender.series("lines.read")).toEqual({});
    expect(sender.series("points.invalid")).toEqual({ [START]: 2 / 5 });
  });

  it("reports what the sender had to drop", () => {
    meter.count("lines.read", 1);
    sender.losses = { dropped: 10, invalid: 0 };
    vi.advanceTimersByTime(11_000);
    expect(sender.series("points.dropped")).toEqual({ [START + 5]: 2 });
  });
});
