import { describe, expect, it } from "vitest";
import { Agenda } from "../../../../orchestrator/simulation/agenda.ts";
import { createDraws } from "../../../../orchestrator/simulation/random.ts";
import { Station } from "../../../../orchestrator/simulation/station.ts";

describe("a station", () => {
  it("serves first come first served on as many servers as it has, and counts how busy they were", () => {
    const agenda = new Agenda();
    const station = new Station(agenda, 2);
    const ends: number[] = [];
    for (const seconds of [3, 1, 1, 5]) station.run(seconds, () => ends.push(agenda.now));
    agenda.run();
    expect(ends).toEqual([1, 2, 3, 7]);
    expect(station.busySeconds).toBe(10);
  });

  it("of one and a half servers is two slow ones", () => {
    const agenda = new Agenda();
    const station = new Station(agenda, 1.5);
    for (let i = 0; i < 6; i++) station.run(1, () => undefined);
    agenda.run();
    expect(agenda.now).toBeCloseTo(6 / 1.5);
  });

  it("keeps the order of a queue that becomes very long", () => {
    const agenda = new Agenda();
    const station = new Station(agenda, 1);
    const seen: number[] = [];
    for (let i = 0; i < 5000; i++) station.run(1, () => seen.push(i));
    agenda.run();
    expect(seen).toEqual(Array.from({ length: 5000 }, (_, i) => i));
  });

  // Pollaczek and Khinchine: with one server and equal work the mean wait is ρ / (2 (1 − ρ)) of the work.
  it.each([0.5, 0.8, 0.9])("of random arrivals at a load of %d makes them wait as an M/D/1 queue does", (load) => {
    const agenda = new Agenda();
    const station = new Station(agenda, 1);
    const draws = createDraws(7, "arrivals");
    const arrivals = 400_000;
    let waited = 0;
    let left = arrivals;
    const arrive = (): void => {
      const at = agenda.now;
      station.run(1, () => (waited += agenda.now - at - 1));
      if (--left > 0) agenda.after(draws.exponential(1 / load), arrive);
    };
    arrive();
    agenda.run();
    const wanted = load / (2 * (1 - load));
    expect(Math.abs(waited / arrivals / wanted - 1)).toBeLessThan(0.06);
    expect(station.busySeconds).toBeCloseTo(arrivals, 3);
  });
});
