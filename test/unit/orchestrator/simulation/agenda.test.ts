import fc from "fast-check";
import { expect, it } from "vitest";
import { Agenda } from "../../../../orchestrator/simulation/agenda.ts";

it("lets things happen in the order of their times, and of equal times in the order in which they were planned", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (delays) => {
      const agenda = new Agenda();
      const seen: (readonly [number, number])[] = [];
      delays.forEach((delay, i) => agenda.after(delay, () => seen.push([agenda.now, i])));
      agenda.run();
      const wanted = delays.map((delay, i) => [delay, i] as const).toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
      expect(seen).toEqual(wanted);
      expect(agenda.events).toBe(delays.length);
    }),
  );
});

it("goes on with what is planned on the way, never goes back, and stops when it is over", () => {
  const agenda = new Agenda();
  const seen: number[] = [];
  const again = (): void => {
    seen.push(agenda.now);
    agenda.after(seen.length === 2 ? -5 : 1, again);
  };
  agenda.after(1, again);
  agenda.run(() => seen.length === 4);
  expect(seen).toEqual([1, 2, 2, 3]);
});
