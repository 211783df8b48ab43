import type { ByteSet } from "../regex/byte-set.ts";

/** Something to try, by its number, with what the text must begin with for it. */
export interface Candidate {
  readonly number: number;
  readonly prefix: readonly ByteSet[];
}

/** Which candidates a text leaves, decided by its first bytes. */
export type Dispatch =
  | { readonly kind: "try"; readonly candidates: readonly number[] }
  /** By the byte at `at`; a byte, or the end of the text, that no case has goes to `otherwise`. */
  | {
      readonly kind: "switch";
      readonly at: number;
      readonly cases: readonly { readonly bytes: readonly number[]; readonly next: Dispatch }[];
      readonly otherwise: Dispatch;
    };

/** So few are tried at once. */
const FEW = 1;

/**
 * Sorts candidates by the first bytes that tell them apart. Their order is kept in each list, so that the first that matches is
 * the same as without.
 */
export function dispatch(candidates: readonly Candidate[], at = 0): Dispatch {
  const all: Dispatch = { kind: "try", candidates: candidates.map(({ number }) => number) };
  if (candidates.length <= FEW) return all;
  const longest = Math.max(...candidates.map(({ prefix }) => prefix.length));
  for (let position = at; position < longest; position++) {
    const byByte = new Map<string, { bytes: number[]; left: readonly Candidate[] }>();
    for (let byte = 0; byte < 256; byte++) {
      const left = candidates.filter(({ prefix }) => (prefix[position]?.[byte] ?? 1) === 1);
      const key = left.map(({ number }) => number).join();
      const known = byByte.get(key);
      if (known) known.bytes.push(byte);
      else byByte.set(key, { bytes: [byte], left });
    }
    // The same for every byte: nothing is told here.
    if (byByte.size === 1 && [...byByte.values()][0]!.left.length === candidates.length) continue;
    const short = candidates.filter(({ prefix }) => prefix[position] === undefined);
    const told = [...byByte.values()].filter(({ left }) => left.length > short.length);
    return {
      kind: "switch",
      at: position,
      cases: told.map(({ bytes, left }) => ({ bytes, next: dispatch(left, position + 1) })),
      otherwise: dispatch(short, position + 1),
    };
  }
  return all;
}
