import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** What `compare-pairs.py` says of the documents of some files. */
export interface PairComparison {
  /** Lines that ought to have a document. */
  readonly lines: number;
  readonly lost: number;
  readonly doubled: number;
  /** Documents of no such line. */
  readonly foreign: number;
  /** Some of the pairs that are wrong. */
  readonly examples: readonly string[];
}

/** A range of offsets of a file of which nothing may stand there. */
export interface Unread {
  readonly path: string;
  readonly range: readonly [number, number];
}

const COMPARE = join(import.meta.dirname, "compare-pairs.py");

/**
 * Has a script outside the product compare exported pairs with the raw files.
 * @param pairsFile what `exportedPairs` gave
 * @param raw identity → raw file
 */
export function comparePairs(
  pairsFile: string,
  raw: Iterable<readonly [identity: string, file: string]>,
  unread: readonly Unread[] = [],
): PairComparison {
  const files = [...raw].map(([identity, file]) => `${identity}=${file}`);
  const without = unread.map(({ path, range: [first, end] }) => `${path}=${String(first)}-${String(end)}`);
  const words = [COMPARE, pairsFile, ...files, ...(without.length > 0 ? ["--without", ...without] : [])];
  return JSON.parse(execFileSync("python3", ["-B", ...words], { encoding: "utf8" })) as PairComparison;
}
