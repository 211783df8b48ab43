import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ratioOf, scaleStep, whyNotScaled, type ScaleInputs } from "../../../orchestrator/autoscale.ts";

const POLICY: ScaleInputs["policy"] = {
  target: { eventsPerSecond: 1000 },
  parsers: { min: 1, max: 16 },
  dataNodes: { min: 1, max: 8 },
  tolerance: 0.2,
  coolDown: 300,
};
const INPUTS: ScaleInputs = {
  now: 1_000_000,
  policy: POLICY,
  targets: { dataNodes: 2, parsers: 4 },
  settled: true,
  settledAt: 0,
  ratio: 1,
  storeBusy: 0.5,
};
const next = (more: Partial<ScaleInputs>) => {
  const step = scaleStep({ ...INPUTS, ...more });
  return step && [step.dataNodes, step.parsers];
};

describe("scaling by itself", () => {
  it.each<[string, Partial<ScaleInputs>, number[] | undefined]>([
    ["a rate that is right", { ratio: 1 }, undefined],
    ["one that is a little low", { ratio: 0.81 }, undefined],
    ["one that is a little high", { ratio: 1.19 }, undefined],
    ["too low", { ratio: 0.7 }, [2, 6]],
    ["far too low: twice as many at most", { ratio: 0.01 }, [2, 8]],
    ["no time left", { ratio: 0 }, [2, 8]],
    ["too low, since the data nodes are busy", { ratio: 0.7, storeBusy: 0.9 }, [3, 4]],
    ["too low, and the limiting stage lacks data nodes", { ratio: 0.7, lacking: "data nodes" }, [3, 4]],
    [
      "too low, and it lacks parsers, however busy the store is",
      { ratio: 0.7, storeBusy: 0.9, lacking: "parsers" },
      [2, 6],
    ],
    ["too low, and as many as there may be", { ratio: 0.7, targets: { dataNodes: 2, parsers: 16 } }, undefined],
    ["too high", { ratio: 2 }, [2, 2]],
    ["too high, but one fewer would be too few", { ratio: 1.3, targets: { dataNodes: 1, parsers: 2 } }, undefined],
    [
      "too high, parsers at their least, and the data nodes idle",
      { ratio: 3, storeBusy: 0.1, targets: { dataNodes: 2, parsers: 1 } },
      [1, 1],
    ],
    [
      "too high, parsers at their least, and the data nodes busy",
      { ratio: 3, targets: { dataNodes: 2, parsers: 1 } },
      undefined,
    ],
    ["nodes still to come", { ratio: 0.1, settled: false }, undefined],
    ["cooling down", { ratio: 0.1, settledAt: 1_000_000 - 299_000 }, undefined],
    ["nothing measured", { ratio: undefined }, undefined],
    ["off", { ratio: 0.1, policy: { ...POLICY, target: {} } }, undefined],
    ["out of bounds", { targets: { dataNodes: 9, parsers: 0 }, settled: false }, [8, 1]],
  ])("%s", (_, inputs, expected) => {
    expect(next(inputs)).toEqual(expected);
  });

  it.each<[string, Partial<ScaleInputs>, RegExp | undefined]>([
    ["nodes still to come", { ratio: 0.1, settled: false }, /until as many nodes work/],
    ["cooling down", { ratio: 0.1, settledAt: 1_000_000 - 290_000 }, /for another 10 s/],
    ["nothing measured", { ratio: undefined }, /no rate is measured/],
    ["at its bound", { ratio: 0.5, targets: { dataNodes: 2, parsers: 16 } }, /as many parsers as there may be/],
    ["about to change", { ratio: 0.5 }, undefined],
    ["as it should be", { ratio: 1.1 }, undefined],
    ["off", { ratio: 0.1, settled: false, policy: { ...POLICY, target: {} } }, undefined],
  ])("says why it does nothing: %s", (_, inputs, expected) => {
    const text = whyNotScaled({ ...INPUTS, ...inputs });
    if (expected === undefined) expect(text).toBeUndefined();
    else expect(text).toMatch(expected);
  });

  it("measures against the target, which no limit of the campaign's own may be above", () => {
    const measured = {
      now: Date.parse("2026-01-01T00:00:00Z"),
      eventsPerSecond: 500,
      bytesPerSecond: 1000,
      leftBytes: 3_600_000,
    };
    expect(ratioOf({ eventsPerSecond: 1000 }, { eventsPerSecond: 0 }, measured)).toBe(0.5);
    expect(ratioOf({ eventsPerSecond: 1000 }, { eventsPerSecond: 500 }, measured)).toBe(1);
    expect(ratioOf({ finishBy: "2026-01-01T02:00:00Z" }, { eventsPerSecond: 0 }, measured)).toBe(2);
    expect(ratioOf({ finishBy: "2025-12-31T23:00:00Z" }, { eventsPerSecond: 0 }, measured)).toBe(0);
    expect(
      ratioOf({ eventsPerSecond: 1000 }, { eventsPerSecond: 0 }, { ...measured, eventsPerSecond: 0 }),
    ).toBeUndefined();
    expect(ratioOf({}, { eventsPerSecond: 0 }, measured)).toBeUndefined();
  });

  it("comes to rest under a constant load, without ever turning round", () => {
    const world = fc.record({
      perParser: fc.double({ min: 20, max: 3000, noNaN: true }),
      perDataNode: fc.double({ min: 100, max: 5000, noNaN: true }),
      dataNodes: fc.integer({ min: 1, max: 8 }),
      parsers: fc.integer({ min: 1, max: 16 }),
    });
    fc.assert(
      fc.property(world, ({ perParser, perDataNode, ...start }) => {
        let targets: ScaleInputs["targets"] = start;
        const seen: (typeof targets)[] = [targets];
        for (let round = 0; round < 60; round++) {
          const rate = Math.min(targets.parsers * perParser, targets.dataNodes * perDataNode);
          const step = scaleStep({
            ...INPUTS,
            targets,
            ratio: rate / 1000,
            storeBusy: Math.min(1, rate / (targets.dataNodes * perDataNode)),
          });
          if (!step) {
            expect(round).toBeLessThan(40);
            const turns = (role: "dataNodes" | "parsers") => {
              const signs = seen
                .map((now, i) => Math.sign(now[role] - (seen[i - 1]?.[role] ?? now[role])))
                .filter((sign) => sign !== 0);
              return signs.filter((sign, i) => i > 0 && sign !== signs[i - 1]).length;
            };
            expect(turns("dataNodes")).toBe(0);
            expect(turns("parsers")).toBeLessThanOrEqual(1);
            return;
          }
          targets = { dataNodes: step.dataNodes, parsers: step.parsers };
          seen.push(targets);
        }
        throw new Error(`it does not come to rest: ${JSON.stringify(seen.slice(-4))}`);
      }),
    );
  });

  it("does not thrash when the measured rate wavers", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 60, max: 900, noNaN: true }),
        fc.array(fc.double({ min: 0.95, max: 1.05, noNaN: true }), { minLength: 100, maxLength: 100 }),
        (perParser, wavering) => {
          let targets = { dataNodes: 2, parsers: 1 };
          let changes = 0;
          for (const noise of wavering) {
            const step = scaleStep({
              ...INPUTS,
              targets,
              ratio: (targets.parsers * perParser * noise) / 1000,
              storeBusy: 0.5,
            });
            if (!step) continue;
            targets = { dataNodes: step.dataNodes, parsers: step.parsers };
            changes += 1;
          }
          // Growing from one to sixteen takes four steps; then it may correct itself once or twice.
          expect(changes).toBeLessThanOrEqual(7);
        },
      ),
    );
  });
});
