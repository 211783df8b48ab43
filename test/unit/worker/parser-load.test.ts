import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Occupancy, ParserLoad, waitedFor } from "../../../worker/parser-load.ts";

describe("where a parser's time goes", () => {
  let now = 0;
  beforeEach(() => {
    now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now);
  });
  afterEach(() => vi.restoreAllMocks());

  it("what goes on is counted up to now, as often as it goes on", () => {
    const waiting = new Occupancy();
    const first = waiting.begin();
    now = 100;
    const second = waiting.begin();
    now = 150;
    first();
    first();
    expect(waiting.millis()).toBe(100 + 2 * 50);
    now = 170;
    expect(waiting.millis()).toBe(200 + 20);
    second();
    now = 500;
    expect(waiting.millis()).toBe(220);
    expect(waiting.current).toBe(0);
  });

  it("waiting for items is counted, and working on them is not", async () => {
    const waiting = new Occupancy();
    async function* items(): AsyncGenerator<number> {
      for (let i = 0; i < 3; i++) {
        now += 10;
        yield await Promise.resolve(i);
      }
    }
    for await (const item of waitedFor(items(), waiting)) {
      now += 1000;
      if (item === 1) break;
    }
    expect(waiting.millis()).toBe(20);
    expect(waiting.current).toBe(0);
  });

  it("a slot is idle without a chunk; small chunks that share one do not make it less than none", () => {
    const load = new ParserLoad(2);
    now = 10;
    const ends = [load.chunk(), load.chunk(), load.chunk()];
    now = 20;
    for (const end of ends) end();
    now = 25;
    expect(load.figures()).toMatchObject({ upMillis: 25, slots: 2, idleMillis: 2 * 10 + 2 * 5 });
  });

  it("what asks Redis does not wait for the store meanwhile, and asks once however many blocks of it do", () => {
    const load = new ParserLoad(1);
    load.chunk();
    load.sending.begin();
    now = 10;
    const ends = [load.asking.begin(), load.asking.begin(), load.asking.begin()];
    now = 30;
    for (const end of ends) end();
    now = 35;
    expect(load.figures()).toMatchObject({ askMillis: 20, waitMillis: 10 + 5, idleMillis: 0 });
  });

  it("reading keeps nothing up while the threads have work", () => {
    const load = new ParserLoad(2);
    for (let chunk = 0; chunk < 5; chunk++) load.reading.begin();
    now = 10;
    const isParsed = load.parsing.begin();
    now = 30;
    load.parsing.begin();
    now = 70;
    isParsed();
    now = 75;
    expect(load.figures()).toMatchObject({ readMillis: 2 * 10 + 20 + 5, parseMillis: 20 + 2 * 40 + 5 });
  });

  it("documents are counted when they are settled, requests when they are answered", () => {
    const load = new ParserLoad(1);
    const bulk = {
      documents: 10,
      bytes: 1000,
      millis: 50,
      tookMillis: 40,
      retried: 0,
      failed: false,
      throttled: false,
    };
    load.bulk(bulk);
    load.bulk({ ...bulk, retried: 4, throttled: true });
    load.bulk({ ...bulk, retried: 10, failed: true });
    expect(load.figures()).toMatchObject({
      documents: 16,
      requests: 2,
      bytes: 2000,
      latencyMillis: 100,
      tookMillis: 80,
      throttled: 1,
      failed: 1,
    });
  });
});
