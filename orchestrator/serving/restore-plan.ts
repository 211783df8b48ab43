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

/** An index of the snapshot on its way into a permanent cluster. */
export interface IntoIndex {
  /** Its name in the snapshot, and the one that it shall have. */
  readonly from: string;
  readonly to: string;
  /** Documents, as the ledger says. */
  readonly due: number;
}

export interface IntoPlan {
  readonly restore: readonly IntoIndex[];
  /** There, with the right count. */
  readonly leave: readonly IntoIndex[];
  /** Another call of the command is restoring it, or was interrupted while it did. */
  readonly wait: readonly IntoIndex[];
  /** There, but not what the ledger says: nothing that a restore may silently overwrite. */
  readonly conflicts: readonly { readonly index: IntoIndex; readonly why: string }[];
}

/** @param counts documents of the indices that are ready; undefined for one that cannot be counted, such as a closed one */
export function planInto(
  indices: readonly IntoIndex[],
  seen: ReadonlyMap<string, IndexSight>,
  counts: ReadonlyMap<string, number | undefined>,
): IntoPlan {
  const restore: IntoIndex[] = [];
  const leave: IntoIndex[] = [];
  const wait: IntoIndex[] = [];
  const conflicts: { index: IntoIndex; why: string }[] = [];
  for (const index of indices) {
    const sight = seen.get(index.to);
    if (!sight) restore.push(index);
    else if (sight.kind === "coming" || (sight.kind === "unassigned" && sight.fromSnapshot)) wait.push(index);
    else if (sight.kind === "unassigned") conflicts.push({ index, why: `its data are gone (${sight.why})` });
    else {
      const count = counts.get(index.to);
      if (count === index.due) leave.push(index);
      else {
        const has = count === undefined ? "it cannot be counted" : `it has ${String(count)} documents`;
        conflicts.push({ index, why: `${has}, the ledger ${String(index.due)}` });
      }
    }
  }
  return { restore, leave, wait, conflicts };
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

/** `archive-{index}` and an index → its new name. */
export function renamed(template: string, index: string): string {
  return template.replaceAll("{index}", index);
}
