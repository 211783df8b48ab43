import { ConfigError, describeError, StoreError } from "../../worker/contract/errors.ts";
import { until } from "../context.ts";
import type { Log } from "../log.ts";
import { originationDates } from "../profiles.ts";
import type { SavedMonth } from "./saved-month.ts";
import { countDifferences, planInto, renamed, type IntoIndex } from "./restore-plan.ts";
import type { Restores } from "./restores.ts";

/** What is asked of `restore-into`. */
export interface IntoOptions {
  /** The repository's directory as the permanent cluster sees it. */
  readonly repositoryPath?: string | undefined;
  /** `archive-{index}`: other names for the indices. */
  readonly rename?: string | undefined;
  /** Copies beside the first. */
  readonly replicas: number;
  /** Whether an index of the same name that is not what the ledger says is removed. */
  readonly replace: boolean;
}

export interface IntoResult {
  readonly snapshot: string;
  readonly documents: number;
  /** Names in the permanent cluster. */
  readonly restored: readonly string[];
  /** Those that were there already, with the right count. */
  readonly left: readonly string[];
  /** One line for each index whose count is not the ledger's; empty when all is well. */
  readonly differences: readonly string[];
}

const LOOK_MS = 1_000;
/** A restore that nothing is done about for this long has failed. */
const PATIENCE_MS = 30_000;

const FAILURE = { remedy: "Mend the cause, then call it again with --replace", retryable: false };

/** Index names as Elasticsearch takes them, with `{index}` in it. @source Elasticsearch reference, "Create index API" */
const RENAME = /^(?![-_+.])[a-z0-9._-]*\{index\}[a-z0-9._-]*$/;

/** @throws ConfigError `USAGE` */
export function checkRename(template: string): void {
  if (RENAME.test(template)) return;
  throw new ConfigError(
    "USAGE",
    `--rename ${template}: write {index} where the present name shall stand, and lower case letters, digits, dots and dashes around it, e.g. archive-{index}`,
  );
}

/**
 * Puts what a campaign saved into a permanent cluster and compares the counts with the ledger. Indices that are there with the right count
 * are left alone, so it may be called again: after an interruption it waits for what goes on.
 * @throws StoreError `REPOSITORY_UNSEEN`, `INDEX_EXISTS`, `RESTORE_FAILED`, `ELASTICSEARCH_REFUSED`
 */
export async function restoreInto(
  restores: Restores,
  month: SavedMonth,
  options: IntoOptions,
  log: Log,
  signal: AbortSignal,
): Promise<IntoResult> {
  const repository = `gridharvest-${month.record.id}`;
  await restores.register(repository, options.repositoryPath ?? month.repository);
  try {
    return await restoreFrom(repository, restores, month, options, log, signal);
  } finally {
    // In somebody's cluster only what was asked for stays. One that a restore still reads cannot be forgotten.
    await restores.unregister(repository).catch((error: unknown) => log.debug(describeError(error)));
  }
}

async function restoreFrom(
  repository: string,
  restores: Restores,
  month: SavedMonth,
  options: IntoOptions,
  log: Log,
  signal: AbortSignal,
): Promise<IntoResult> {
  const { snapshot } = month;
  const { rename = "{index}" } = options;
  const saved = await restores.indicesOf(repository, snapshot);
  const lacking = Object.keys(month.perIndex).filter((index) => !saved.includes(index));
  if (lacking.length > 0) {
    throw new StoreError(
      "SNAPSHOT_DIFFERS",
      `the snapshot ${snapshot} lacks ${lacking.join(", ")}, of which the ledger has documents`,
    );
  }
  const indices = saved.map((from): IntoIndex => ({ from, to: renamed(rename, from), due: month.perIndex[from] ?? 0 }));
  const names = indices.map(({ to }) => to);

  const seen = await restores.look(names);
  const ready = [...seen].filter(([, { kind }]) => kind === "ready").map(([name]) => name);
  const plan = planInto(indices, seen, await restores.counts(ready));
  if (plan.conflicts.length > 0 && !options.replace) {
    throw new StoreError(
      "INDEX_EXISTS",
      `nothing was restored, since these indices are there and are not what the ledger says: ${plan.conflicts.map(({ index, why }) => `${index.to} (${why})`).join("; ")}. Give the restored ones other names with --rename, or replace these with --replace`,
    );
  }
  const conflicting = plan.conflicts.map(({ index }) => index);
  await restores.remove(conflicting.map(({ to }) => to));
  const fresh = [...plan.restore, ...conflicting];
  await restores.start({
    repository,
    snapshot,
    indices: fresh.map(({ from }) => from),
    replicas: options.replicas,
    ...(rename === "{index}" ? {} : { rename }),
  });
  const coming = [...fresh, ...plan.wait].map(({ to }) => to);
  if (coming.length > 0) await untilReady(restores, coming, log, signal, FAILURE);
  // What earlier versions saved does not say it, nor does what a call has restored that was interrupted behind that.
  const { months, config } = month.record;
  const dates = originationDates({ pattern: config.plan.indexPattern, revision: config.plan.revision }, months);
  await restores.startRetention(
    new Map(
      indices.flatMap(({ from, to }) => {
        const date = dates.get(from);
        return date === undefined ? [] : [[to, date] as const];
      }),
    ),
  );

  const due = new Map(indices.map(({ to, due: documents }) => [to, documents]));
  const differences = countDifferences(due, await restores.counts(names));
  return {
    snapshot,
    documents: indices.reduce((sum, index) => sum + index.due, 0),
    restored: coming,
    left: plan.leave.map(({ to }) => to),
    differences,
  };
}

/** Waits until the primaries of all are there, however long it takes. @throws StoreError `RESTORE_FAILED` */
export async function untilReady(
  restores: Restores,
  names: readonly string[],
  log: Log,
  signal: AbortSignal,
  failure: { readonly remedy: string; readonly retryable: boolean },
): Promise<void> {
  let before = -1;
  let idleSince: number | undefined;
  await until(
    async () => {
      const seen = await restores.look(names);
      const kinds = names.map((name) => seen.get(name)?.kind);
      const ready = kinds.filter((kind) => kind === "ready").length;
      if (ready !== before) log.info("indices restored", { ready, of: names.length });
      if (ready !== before || kinds.includes("coming")) idleSince = undefined;
      else idleSince ??= Date.now();
      before = ready;
      if (ready === names.length) return true;
      if (idleSince !== undefined && Date.now() - idleSince > PATIENCE_MS) {
        const failed = names.filter((_, i) => kinds[i] !== "ready");
        throw new StoreError(
          "RESTORE_FAILED",
          `${String(failed.length)} of ${String(names.length)} indices were not restored, the first one ${failed[0] ?? ""}: ${await restores.why(failed[0] ?? "")}. ${failure.remedy}`,
          { retryable: failure.retryable },
        );
      }
      return false;
    },
    signal,
    LOOK_MS,
  );
}
