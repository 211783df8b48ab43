import { startsWith } from "../parsers/byte-search.ts";

/**
 * Leaves out the lines of programs that stand in another file of the plan too. A program belongs to a prefix that it
 * begins with (`pbs` is `pbs_mom`'s and `pbs_server`'s); with several, the first of the list. A line without a program is kept.
 */
export interface DropPrograms {
  /** What its lines are counted under in `droppedBy`, by position in the list. */
  readonly reasons: readonly string[];
  /** @returns the position of the prefix of the program in `src` at `[start, end)`, or -1 when its lines are kept */
  match(src: Uint8Array, start: number, end: number): number;
}

/** The key in `droppedBy` for lines dropped by a prefix. */
export function dropReason(prefix: string): string {
  return `program ${prefix}`;
}

/** Compiles the list for use on bytes. */
export function compileDropPrograms(prefixes: readonly string[]): DropPrograms {
  const compiled = prefixes.map((prefix) => Buffer.from(prefix));
  return {
    reasons: prefixes.map(dropReason),
    match(src, start, end) {
      if (start === end) return -1;
      for (let i = 0; i < compiled.length; i++) {
        if (startsWith(src, start, end, compiled[i]!)) return i;
      }
      return -1;
    },
  };
}
