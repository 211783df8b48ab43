import type { StageOutcome } from "./specialise.ts";

/** What became of a line whose header was read, as a number that indexes counters; what they mean stands at `ProgramLines`. */
export const FULL = 0;
export const FAILED = 1;
export const HEADER_ONLY = 2;
export const DROPPED = 3;
export const OUTCOMES = 4;

/** The outcome of a line that went through these stages, and was not dropped. */
export function outcomeOf(stages: readonly StageOutcome[]): number {
  if (stages.length === 0) return HEADER_ONLY;
  return stages.some(({ failed }) => failed) ? FAILED : FULL;
}

/** The last stage that failed: of nested ones the inner. */
export function failedStage(stages: readonly StageOutcome[]): string | undefined {
  return stages.findLast(({ failed }) => failed)?.name;
}
