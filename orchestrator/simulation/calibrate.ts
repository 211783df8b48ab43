import type { Costs } from "./costs.ts";
import { simulate, type Setup } from "./simulate.ts";
import { withoutWarmUp } from "./warm-up.ts";

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
const EXACT = 1e-7;

/**
 * Costs with which the simulator plays this run as it was: what a line and a document are by division, the store by the factor
 * that its warm CPU was off, and on a machine that all nodes share what others took of it by trying until the load is as long. One run cannot tell more
 * parameters apart, so the rest stays.
 */
export function calibrate(setup: Setup, measured: Measured, before: Costs): Costs {
  const { lines, documents } = measured;
  if (lines === 0 || documents === 0) return before;
  const chunks = setup.files.reduce((sum, { count, bytes }) => sum + count * Math.ceil(bytes / setup.chunkBytes), 0);
  // What they would have used if they had been warm, as if each had done the same.
  const { count } = setup.parsers;
  const warm = count * withoutWarmUp(measured.parserCpuSeconds / count, before.parserWarmUp);
  const linesSeconds = Math.max(0, warm - (chunks * before.parserMicrosPerChunk) / 1e6);
  const parsing = measured.parserCpuSeconds > 0 ? measured.parseCpuSeconds / measured.parserCpuSeconds : 0;
  let costs: Costs = {
    ...before,
    lineBytes: measured.bytes / lines,
    documentsPerLine: documents / lines,
    parseMicrosPerLine: (linesSeconds * parsing * 1e6) / lines || before.parseMicrosPerLine,
    sendMicrosPerDocument: (linesSeconds * (1 - parsing) * 1e6) / documents,
    indexBytesPerDocument: measured.storeBytes / documents || before.indexBytesPerDocument,
  };
  const still = (some: Costs): Costs => ({ ...some, spread: 0, nodeSpread: 0 });
  // The warm-up's own CPU does not grow with them, so a factor alone needs a few steps.
  for (let i = 0; i < STEPS; i++) {
    const simulated = simulate(setup, still(costs), 1);
    const nodes = setup.dataNodes.count;
    const warmOf = (cpuSeconds: number): number => nodes * withoutWarmUp(cpuSeconds / nodes, before.storeWarmUp);
    const factor = warmOf(measured.storeCpuSeconds) / warmOf(simulated.storeCpuSeconds);
    if (!(factor > 0) || Math.abs(factor - 1) < EXACT) break;
    costs = {
      ...costs,
      storeMicrosPerDocument: costs.storeMicrosPerDocument * factor,
      storeMicrosPerRequest: costs.storeMicrosPerRequest * factor,
    };
  }
  // That run may have been a slow one or a fast one, too.
  const spread = before.spread * Math.SQRT2;
  if (setup.machineCores === undefined) return { ...costs, spread };
  let low = 0;
  let high = setup.machineCores * 0.9;
  for (let i = 0; i < STEPS; i++) {
    const overheadCores = (low + high) / 2;
    const { loadSeconds } = simulate(setup, still({ ...costs, overheadCores }), 1);
    if (loadSeconds < measured.loadSeconds) low = overheadCores;
    else high = overheadCores;
  }
  return { ...costs, spread, overheadCores: (low + high) / 2 };
}
