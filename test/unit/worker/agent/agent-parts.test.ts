import { describe, expect, it } from "vitest";
import { AGENT_EXITS } from "../../../../worker/contract/agent-exits.ts";
import { Life } from "../../../../worker/agent/life.ts";
import { walltimeMargins } from "../../../../worker/contract/walltime.ts";

describe("the end of an agent", () => {
  it("has an exit code of its own for each reason", () => {
    const codes = Object.values(AGENT_EXITS);
    expect(new Set(codes).size).toBe(codes.length);
    // From 126 on the shell speaks, from 128 on signals.
    expect(Math.max(...codes)).toBeLessThan(126);
    expect(AGENT_EXITS.drained).toBe(0);
  });

  it("is told by the first reason, while a stop may follow a drain", () => {
    const life = new Life();
    life.drain("drained", "finished");
    expect([life.drained.aborted, life.stopped.aborted]).toEqual([true, false]);
    life.stop("terminated", "SIGTERM");
    expect([life.drained.aborted, life.stopped.aborted]).toEqual([true, true]);
    expect(life.end).toEqual({ reason: "drained", detail: "finished" });
  });

  it("comes for a stop without a drain before", () => {
    const life = new Life();
    life.stop("orphaned", "alone");
    expect([life.drained.aborted, life.stopped.aborted]).toEqual([true, true]);
    expect(life.end?.reason).toBe("orphaned");
  });
});

describe("the margins of a walltime", () => {
  it.each([
    [12 * 3600, { drain: 120, stop: 30 }],
    [100, { drain: 20, stop: 5 }],
  ])("of %d s", (walltime, margins) => {
    expect(walltimeMargins(walltime)).toEqual(margins);
  });
});
