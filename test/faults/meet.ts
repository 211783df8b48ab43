import { expect } from "vitest";
import { Random } from "../../orchestrator/sample/random.ts";
import { IDS, type Ids } from "../../worker/contract/ids.ts";
import { beginLoad, type LoadOptions, type Proof } from "../support/load.ts";
import type { StoreGround } from "../support/store-ground.ts";
import { waitFor } from "../support/wait-for.ts";
import type { StoreFault } from "./store-faults.ts";

/** What meets what. */
export interface Meeting {
  /** One after the other, in one load. */
  readonly faults: readonly StoreFault[];
  readonly ids: Ids;
  /** Whatever is left to chance comes from it, and its name. */
  readonly seed: number;
  readonly name: string;
  readonly load?: Partial<LoadOptions>;
}

let serial = 0;

/**
 * Begins a load, lets faults happen to it, each until it was felt and then healed, and proves that each line stands in the store once.
 * @throws Error, with the proof's word for it, when a line is lost or doubled or something is left
 */
export async function meet(ground: StoreGround, { faults, ids, seed, name, load: options }: Meeting): Promise<Proof> {
  const random = new Random(seed, name);
  const load = await beginLoad(ground, {
    id: `s${String(++serial)}`,
    ids,
    ...(faults.length === 1 ? faults[0]?.load : { eventsPerSecond: 200 }),
    ...options,
  });
  try {
    await load.start();
    const injected = [];
    for (const fault of faults) {
      await load.until((await load.committed()) + (faults.length === 1 ? random.between(2, 6) : random.below(2)));
      const one = await fault.inject(load, random);
      injected.push(one);
      try {
        await waitFor(`${fault.name} to be felt`, one.felt, { timeoutMs: 120_000, everyMs: 20 });
      } finally {
        await one.heal();
      }
    }
    await load.unleash();
    const [only] = injected;
    const proof = await load.prove(only?.costs);
    const { missing } = proof;
    if (!faults.some(({ mayLose }) => mayLose)) expect(missing, JSON.stringify({ missing })).toBe(0);
    if (injected.length === 1) await only?.afterwards?.();
    console.info(
      `faults of the store: ${name}, ids: ${ids}: ${String(proof.lines)} lines, lost 0, doubled 0, left over 0 (${String(proof.again)} chunks done again, ` +
        `${String(proof.duplicates)} documents recognised, ${String(proof.swept)} swept, ${String(proof.missing)} missing and loaded again)`,
    );
    return proof;
  } finally {
    await load.close();
  }
}

/** A fault with each way of ids, where all are asked for; else with the one that it usually has. */
export function meetings(faults: readonly StoreFault[], isEvery: boolean): readonly Omit<Meeting, "seed">[] {
  return faults
    .filter(({ seldom }) => isEvery || !seldom)
    .flatMap((fault) => (isEvery ? IDS : [fault.usually]).map((ids) => ({ faults: [fault], ids, name: fault.name })));
}
