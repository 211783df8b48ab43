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

/** A place at which more bytes than this are possible tells nothing. */
const MOST_BYTES = 64;

/** So many that fail at their first bytes cost less than a look before. */
const FEW = 2;

/** A candidate with the few bytes that can stand at each place; `undefined`: too many to tell. */
interface Known {
  readonly number: number;
  readonly bytes: readonly (readonly number[] | undefined)[];
}

/**
 * Sorts candidates by the first bytes that tell them apart. Their order is kept in each list, so that the first that matches is
 * the same as without.
 */
export function dispatch(candidates: readonly Candidate[]): Dispatch {
  const known = candidates.map(({ number, prefix }) => ({
    number,
    bytes: prefix.map(fewBytes),
  }));
  return sort(known, 0);
}

function fewBytes(set: ByteSet): readonly number[] | undefined {
  const bytes: number[] = [];
  for (let byte = set.indexOf(1); byte >= 0; byte = set.indexOf(1, byte + 1)) {
    if (bytes.push(byte) > MOST_BYTES) return undefined;
  }
  return bytes;
}

function sort(candidates: readonly Known[], from: number): Dispatch {
  const longest = Math.max(0, ...candidates.map(({ bytes }) => bytes.length));
  for (let at = from; candidates.length > 1 && at < longest; at++) {
    const bytes = [...new Set(candidates.flatMap((one) => one.bytes[at] ?? []))].sort((a, b) => a - b);
    if (bytes.length === 0) continue;
    const untold = candidates.filter((one) => one.bytes[at] === undefined);
    // Bytes that leave the same candidates are one case.
    const cases = new Map<string, { readonly bytes: number[]; readonly left: readonly Known[] }>();
    for (const byte of bytes) {
      const left = candidates.filter((one) => one.bytes[at]?.includes(byte) ?? true);
      const key = left.map(({ number }) => number).join();
      const same = cases.get(key);
      if (same) same.bytes.push(byte);
      else cases.set(key, { bytes: [byte], left });
    }
    // All that want a byte want the same: trying the few tells as much.
    if (cases.size === 1 && candidates.length - untold.length <= FEW) continue;
    return {
      kind: "switch",
      at,
      cases: [...cases.values()].map((one) => ({ bytes: one.bytes, next: sort(one.left, at + 1) })),
      otherwise: sort(untold, at + 1),
    };
  }
  return { kind: "try", candidates: candidates.map(({ number }) => number) };
}
