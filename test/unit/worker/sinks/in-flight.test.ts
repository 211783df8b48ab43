import { describe, expect, it } from "vitest";
import { InFlight } from "../../../../worker/sinks/elasticsearch/in-flight.ts";

describe("requests in flight of a parser", () => {
  it("are what it is told, at any time", () => {
    let told = 4;
    const inFlight = new InFlight(() => told);
    expect(inFlight.limit).toBe(4);
    told = 9;
    for (let i = 0; i < 20; i++) inFlight.answered(false);
    expect(inFlight.limit).toBe(9);
    told = 2;
    expect(inFlight.limit).toBe(2);
  });

  it("are halved by a 429 at once, and by those of the same moment not once more", () => {
    const inFlight = new InFlight(() => 8);
    for (let i = 0; i < 8; i++) inFlight.answered(true);
    expect(inFlight.limit).toBe(4);
    // What is refused after those was sent under the new limit.
    inFlight.answered(true);
    expect(inFlight.limit).toBe(2);
  });

  it("never fall below one, and come back one by one when nothing is refused any more", () => {
    const inFlight = new InFlight(() => 4);
    for (let i = 0; i < 50; i++) inFlight.answered(true);
    expect(inFlight.limit).toBe(1);
    const limits = new Set<number>();
    for (let i = 0; i < 30; i++) {
      inFlight.answered(false);
      limits.add(inFlight.limit);
    }
    expect([...limits]).toEqual([2, 3, 4]);
  });
});
