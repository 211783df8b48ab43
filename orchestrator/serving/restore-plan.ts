/** What to restore, decided from what the cluster shows. Pure. */

/** An index as the cluster shows it, by its primaries. */
export type IndexSight =
  /** All primaries work. */
  | { readonly kind: "ready" }
  /** A primary is being restored or recovered. */
  | { readonly kind: "coming" }
  /** A primary stands nowhere and nothing is being done about it. */
  | {
      readonly kind: "unassigned";
      /** Number of that primary. */
      readonly shard: number;
      /** It is to come out of a snapshot: perhaps only its turn has not come. */
      readonly fromSnapshot: boolean;
      readonly why: string;
    };

/** What to do about each index that shall be there. Indices that are ready are in none of the lists. */
export interface RestorePlan {
  /** Restore: there is no index of this name. */
  readonly missing: readonly string[];
  /** Remove and restore again: its data are gone, and nobody brings them back. */
  readonly lost: readonly string[];
  /** Look again later. */
  readonly waiting: readonly string[];
}

/**
 * A primary that stands nowhere is lost when that has lasted for a while: an Elasticsearch that its agent starts again comes back with
 * its data. While others are being restored it may only wait for its turn, and without data nodes for them.
 * @param seen indices that are there
 * @param isPatienceOver whether the index has been unassigned for long enough
 */
export function planRestore(
  wanted: readonly string[],
  seen: ReadonlyMap<string, IndexSight>,
  dataNodes: number,
  isPatienceOver: (index: string) => boolean,
): RestorePlan {
  const missing: string[] = [];
  const lost: string[] = [];
  const waiting: string[] = [];
  const isBusy = [...seen.values()].some(({ kind }) => kind === "coming");
  for (const index of wanted) {
    const sight = seen.get(index);
    if (!sight) missing.push(index);
    else if (sight.kind === "coming") waiting.push(index);
    else if (sight.kind === "unassigned") {
      const mayCome = dataNodes === 0 || (sight.fromSnapshot && isBusy) || !isPatienceOver(index);
      (mayCome ? waiting : lost).push(index);
    }
  }
  return { missing, lost, waiting };
}

/** One line for each index whose count is not the ledger's. */
export function countDifferences(
  due: ReadonlyMap<string, number>,
  counts: ReadonlyMap<string, number | undefined>,
): string[] {
  const differences: string[] = [];
  for (const [index, expected] of due) {
    const found = counts.get(index);
    if (found !== expected) {
      differences.push(
        `index ${index}: ${found === undefined ? "no count" : `${String(found)} documents`}, the ledger has ${String(expected)}`,
      );
    }
  }
  return differences;
}
