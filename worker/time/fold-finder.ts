import type { Origin } from "../contract/chunk.ts";
import type { FoldedTime } from "./time-zone.ts";

/** Where a file comes to the second of two equal local times; see `Origin.secondFolds`. */
export type SecondFold = NonNullable<Origin["secondFolds"]>[number];

/**
 * Where the wall clock is set back, an hour of local times comes twice, and a line does not tell which one it means. The order of the
 * lines does: a file is written as time goes by, so where its times fall back within that hour the second one has begun.
 *
 * The finder is given the lines of a file in order, those whose time is shown twice; what it finds is a function of the file's bytes
 * alone, so every attempt at any part of the file gives the same.
 *
 * - Lines of several hosts arrive a little out of order: only a fall of more than a quarter of the hour counts.
 * - A file that says nothing in one of the two hours, or hardly anything, shows no such fall: its lines count as the first.
 * - A line that was held back for longer than that quarter and arrives within the hour is taken for the second one's beginning.
 *   Then the rest of the hour is an hour late, which the time of no other line of the file can disprove.
 */
export class FoldFinder {
  readonly #found: SecondFold[] = [];
  /** By zone and stretch: the latest time so far; Infinity once the second one has begun. */
  readonly #latest = new Map<string, number>();

  /** What was found so far. */
  get found(): readonly SecondFold[] {
    return this.#found;
  }

  /** @param wall the line's local time, within `fold`; `offset` where it begins in the file */
  take(timeZone: string, wall: number, fold: FoldedTime, offset: number): void {
    const key = `${timeZone} ${String(fold.from)}`;
    const latest = this.#latest.get(key) ?? wall;
    if (latest - wall > (fold.to - fold.from) / 4 && latest !== Infinity) {
      this.#found.push({ timeZone, from: fold.from, offset });
      this.#latest.set(key, Infinity);
    } else {
      this.#latest.set(key, Math.max(latest, wall));
    }
  }
}
