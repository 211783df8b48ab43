import { createHash } from "node:crypto";
import fc from "fast-check";

/** A kind of things that are compared. */
export interface Part {
  readonly name: string;
  /** How much of the time it gets, beside the others. */
  readonly weight: number;
  /**
   * Makes some cases, all of them from the seed alone, and compares.
   * @param patience milliseconds that making a failing case smaller may take, about
   */
  batch(seed: number, patience: number): Batch;
}

/** What came of a batch. */
export interface Batch {
  /** Lines, or texts, that were compared. */
  readonly lines: number;
  /** Of these, such as are no proof since a matcher gave up. */
  readonly overBudget: number;
  /** How often something was met of which a fuzzer must meet all, by name. */
  readonly met: Readonly<Record<string, number>>;
  /** The first difference with all that belongs to it, as text. */
  readonly failure: string | undefined;
}

/** Counts while a batch runs. */
export class Counts {
  lines = 0;
  overBudget = 0;
  readonly met: Record<string, number> = {};

  meet(name: string, times = 1): void {
    this.met[name] = (this.met[name] ?? 0) + times;
  }
}

/** The seed of a part's batch, from the seed of the whole run. */
export function batchSeed(seed: number, part: string, number: number): number {
  return createHash("sha256")
    .update(`${String(seed)} ${part} ${String(number)}`)
    .digest()
    .readUIntLE(0, 3);
}

/**
 * Looks among random cases for one that fails, and makes it smaller for a while.
 * @returns the smallest that was found
 */
export function smallestFailure<T>(
  cases: fc.Arbitrary<T>,
  fails: (value: T) => boolean,
  { seed, runs, patience }: { readonly seed: number; readonly runs: number; readonly patience: number },
): T | undefined {
  let until = Infinity;
  const property = fc.property(cases, (value) => {
    // What is left to try counts as good: the smallest so far stays.
    if (performance.now() > until || !fails(value)) return true;
    if (until === Infinity) until = performance.now() + patience;
    return false;
  });
  const details = fc.check(property, { seed, numRuns: runs });
  return details.counterexample?.[0];
}
