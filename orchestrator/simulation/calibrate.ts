import type { Costs } from "./costs.ts";
import { simulate, type Setup } from "./simulate.ts";

/** What one real run showed; what it did not show is absent. CPU and seconds of the load. */
export interface Measured {
  readonly loadSeconds: number;
  /** CPU of all data nodes while loading. */
  readonly storeCpuSeconds: number;
  /** CPU of the parsing threads, and of all of the parsers while loading. */
  readonly parseCpuSeconds: number;
  readonly parserCpuSeconds: number;
  readonly lines: number;
  readonly documents: number;
  readonly bytes: number;
  readonly storeBytes: number;
}

const STEPS = 24;

/**
 * Costs with which the simulator plays this run as it was: what a line and a document are by division, the store by the factor
 * that its CPU was off, and on a machine that all nodes share what others took of it by trying until the load is as long. One run cannot tell more
 * parameters apart, so the rest stays.
 */
export function calibrate(setup: Setup, measured: Measured, before: Costs): Costs {
  const { lines, documents } = measured;
  if (lines === 0 || documents === 0) return before;
  const cold = setup.parsers.count * before.parserColdSeconds;
  let costs: Costs = {
    ...before,
    lineBytes: measured.bytes / lines,
    documentsPerLine: documents / lines,
    parseMicrosPerLine: (measured.parseCpuSeconds * 1e6) / lines || before.parseMicrosPerLine,
    sendMicrosPerDocument: (Math.max(0, measured.parserCpuSeconds - cold - measured.parseCpuSeconds) * 1e6) / documents,
    indexBytesPerDocument: measured.storeBytes / documents || before.indexBytesPerDocument,
  };
  const still = (some: Costs): Costs => ({ ...some, spread: 0, nodeSpread: 0 });
  const factor = measured.storeCpuSeconds / simulate(setup, still(costs), 1).storeCpuSeconds;
  if (factor > 0) {
    costs = {
      ...costs,
      storeMicrosPerDocument: costs.storeMicrosPerDocument * factor,
      storeMicrosPerRequest: costs.storeMicrosPerRequest * factor,
    };
  }
  if (setup.machineCores === undefined) return costs;
  let low = 0;
  let high = setup.machineCores * 0.9;
  for (let i = 0; i < STEPS; i++) {
    const overheadCores = (low + high) / 2;
    const { loadSeconds } = simulate(setup, still({ ...costs, overheadCores }), 1);
    if (loadSeconds < measured.loadSeconds) low = overheadCores;
    else high = overheadCores;
  }
  return { ...costs, overheadCores: (low + high) / 2 };
}
