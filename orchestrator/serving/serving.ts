import { BackfillError, describeError, StoreError } from "../../worker/contract/errors.ts";
import { writeFileAtomic } from "../campaign-store.ts";
import { clusterOf, decide, move, until, type CampaignContext } from "../context.ts";
import { REPOSITORY, type FinishResult } from "../finish.ts";
import { readLedger } from "../ledger-export.ts";
import { totalOf } from "../ledger.ts";
import { monthsOf } from "../revisions/published.ts";
import { snapshotName } from "../snapshot-name.ts";
import { countDifferences, planRestore } from "./restore-plan.ts";
import type { Restores } from "./restores.ts";
import { isServiceOver } from "./service.ts";
import { servingFile, type ServingFile } from "./serving-file.ts";

/**
 * A cluster that serves searches, whether it loaded the month itself (`finish: keep`) or restored what another campaign saved. Data nodes come
 * and go; what went with one is restored from the snapshot again, which is the copy that outlives them all.
 */

/** How often the indices are looked at. */
const LOOK_MS = 2_000;
/** An index whose primary stands nowhere for this long does not come back by itself. An Elasticsearch starts in half of that. */
const PATIENCE_MS = 30_000;
/** After so many restores that came to nothing, before it served, somebody has to look. */
const MOST_RESTORES = 3;
/** While it serves, the patience doubles with each restore that came to nothing, up to this. */
const LONGEST_PATIENCE_MS = 600_000;

/** What serving holds: the snapshot, and the documents by index that the ledger promises. */
interface Served {
  readonly restores: Restores;
  readonly snapshot: string;
  readonly due: ReadonlyMap<string, number>;
}

async function servedOf(ctx: CampaignContext): Promise<Served> {
  const { restores } = clusterOf(ctx);
  const snapshot = ctx.record.serves?.snapshot ?? snapshotName(ctx.record.id, ctx.view);
  const { perIndex } = totalOf(await readLedger(ctx.paths.ledger));
  const saved = await restores.indicesOf(REPOSITORY, snapshot);
  const lacking = Object.keys(perIndex).filter((index) => !saved.includes(index));
  if (lacking.length > 0) {
    throw new StoreError(
      "SNAPSHOT_DIFFERS",
      `the snapshot ${snapshot} lacks ${lacking.join(", ")}, of which the ledger has documents`,
    );
  }
  return { restores, snapshot, due: new Map(saved.map((index) => [index, perIndex[index] ?? 0])) };
}

/**
 * Restores the month into an empty cluster, whatever an earlier attempt left there, and checks it against the ledger.
 * @throws StoreError `SNAPSHOT_DIFFERS`: the campaign is then held
 */
export async function restoreMonth(ctx: CampaignContext, signal: AbortSignal): Promise<FinishResult> {
  const { serves } = ctx.record;
  if (!serves) throw new StoreError("SNAPSHOT_DIFFERS", `campaign ${ctx.record.id} was not made to serve a snapshot`);
  const cluster = clusterOf(ctx);
  await decide(ctx, { type: "step", name: RESTORED, status: "started" });
  // Nobody loads anything into this cluster.
  await ctx.redis.set(ctx.keys.loaderCredential, "revoked");
  await cluster.restores.register(REPOSITORY, serves.repository);
  const served = await servedOf(ctx);
  const indices = [...served.due.keys()];
  // What was restored before and differs would differ again; it is restored anew, once for each `verify`.
  const before = await differencesOf(served, await readyOf(served));
  await served.restores.remove([...before.keys()]);

  const watch = createWatch(ctx, served);
  await until(
    async () => {
      const { lost, ready } = await watch.look();
      const hopeless = lost.find((index) => watch.timesRestored(index) >= MOST_RESTORES);
      if (hopeless !== undefined) {
        throw new StoreError(
          "SNAPSHOT_DIFFERS",
          `${hopeless} cannot be restored from the snapshot ${served.snapshot} in ${serves.repository}: ${await served.restores.why(hopeless)}. Mend the cause, then \`gridharvest verify ${ctx.record.id}\``,
        );
      }
      await watch.restoreAgain();
      return ready === indices.length;
    },
    signal,
    LOOK_MS,
  );
  const counts = await served.restores.counts(indices);
  const differences = countDifferences(served.due, counts);
  if (differences.length > 0) {
    throw new StoreError(
      "SNAPSHOT_DIFFERS",
      `what was restored is not what the ledger of ${serves.campaign} says: ${differences.slice(0, 5).join("; ")}${differences.length > 5 ? `; and ${String(differences.length - 5)} more` : ""}. Look at it, then \`gridharvest verify ${ctx.record.id}\` restores these again`,
    );
  }
  const result: FinishResult = {
    documents: [...served.due.values()].reduce((sum, n) => sum + n, 0),
    storeBytes: await cluster.storeBytes(indices),
    snapshot: { name: served.snapshot, repository: serves.repository, verified: true },
    fileProblems: [],
    perIndex: Object.fromEntries(served.due),
  };
  await decide(ctx, { type: "step", name: RESTORED, status: "done", result });
  return result;
}

/** The step of the journal that holds what was restored. */
export const RESTORED = "restored";

/** Keeps the indices searchable until something ends the phase. What cannot be kept is said and tried again; the rest is served. */
export async function keepServing(ctx: CampaignContext, signal: AbortSignal): Promise<void> {
  const served = await servedOf(ctx);
  const indices = [...served.due.keys()];
  const { replicas, readOnly } = ctx.config.serving;
  const set = async (some: readonly string[]): Promise<void> => {
    await served.restores.replicate(some, replicas);
    if (readOnly) await served.restores.closeWrites(some);
  };
  await set(indices);
  const { indexPattern: pattern, revision } = ctx.plan.pinned;
  const months = monthsOf(pattern, ctx.plan.months, ctx.config.serving.alias);
  const publish = () => clusterOf(ctx).publish(months, revision);
  await publish();
  const watch = createWatch(ctx, served);
  const coming = new Set<string>();
  let said = "";
  const look = async (): Promise<void> => {
    const { missing, lost, waiting } = await watch.look();
    const gone = [...missing, ...lost];
    if (gone.length > 0) {
      const text = `${String(gone.length)} indices are gone and restored from the snapshot again: ${gone.slice(0, 5).join(", ")}${gone.length > 5 ? ", …" : ""}`;
      await decide(ctx, { type: "warning", text });
      ctx.log.warn(text);
      await watch.restoreAgain();
      for (const index of gone) coming.add(index);
    }
    const back = [...coming].filter((index) => !gone.includes(index) && !waiting.includes(index));
    if (back.length === 0) return;
    for (const index of back) coming.delete(index);
    await set(back);
    // An alias goes with its index.
    await publish();
    const differences = await differencesOf(served, back);
    for (const text of differences.values())
      await decide(ctx, { type: "warning", text: `after it was restored again: ${text}` });
    ctx.log.info("indices are back", { indices: back.length, differing: differences.size });
  };
  await until(
    async () => {
      try {
        await look();
        said = "";
      } catch (error) {
        signal.throwIfAborted();
        // A gateway that is started again, or a node that is busy: nothing that ends a service.
        const text = describeError(error);
        if (!(error instanceof BackfillError)) throw error;
        if (said !== text) ctx.log.warn("the indices could not be looked at; again in a moment", { error: text });
        said = text;
      }
      return false;
    },
    signal,
    LOOK_MS,
  );
}

/** Ends a service whose time is over, in whatever state it is. Part of the orchestrator's every tick. */
export async function endServiceInTime(ctx: CampaignContext): Promise<void> {
  if (!isServiceOver(ctx.record, ctx.view, Date.now())) return;
  const { state } = ctx.view;
  const reason = state === "serving" ? "its serving time is over" : `its serving time was over while it was ${state}`;
  if (!(await move(ctx, "release", reason))) await move(ctx, "cancel", reason);
}

async function readyOf({ restores, due }: Served): Promise<string[]> {
  const seen = await restores.look([...due.keys()]);
  return [...seen].filter(([, { kind }]) => kind === "ready").map(([index]) => index);
}

/** By index, what is wrong with its count. */
async function differencesOf({ restores, due }: Served, indices: readonly string[]): Promise<Map<string, string>> {
  const counts = await restores.counts(indices);
  const differences = new Map<string, string>();
  for (const index of indices) {
    const [text] = countDifferences(new Map([[index, due.get(index) ?? 0]]), counts);
    if (text !== undefined) differences.set(index, text);
  }
  return differences;
}

/** Looks at the indices again and again, and remembers since when which of them is gone, and how often it was restored. */
function createWatch(ctx: CampaignContext, served: Served) {
  const indices = [...served.due.keys()];
  const goneSince = new Map<string, number>();
  const restored = new Map<string, number>();
  let plan = planRestore([], new Map(), 0, () => false);
  let file = "";
  const timesRestored = (index: string): number => restored.get(index) ?? 0;
  const isPatienceOver = (index: string): boolean => {
    const patience = Math.min(LONGEST_PATIENCE_MS, PATIENCE_MS * 2 ** Math.max(0, timesRestored(index) - 1));
    return Date.now() - (goneSince.get(index) ?? Date.now()) >= patience;
  };
  return {
    timesRestored,
    async look(): Promise<typeof plan & { readonly ready: number }> {
      const [seen, { dataNodes }] = await Promise.all([served.restores.look(indices), clusterOf(ctx).health()]);
      for (const index of indices) {
        if (seen.get(index)?.kind !== "unassigned") goneSince.delete(index);
        else if (!goneSince.has(index)) goneSince.set(index, Date.now());
        if (seen.get(index)?.kind === "ready") restored.delete(index);
      }
      plan = planRestore(indices, seen, dataNodes, isPatienceOver);
      const ready = indices.length - plan.missing.length - plan.lost.length - plan.waiting.length;
      const now = JSON.stringify({ indices: indices.length, ready });
      if (now !== file) {
        const content: ServingFile = { at: Date.now(), indices: indices.length, ready };
        await writeFileAtomic(servingFile(ctx.paths), JSON.stringify(content));
        ctx.log.info("indices that can be searched", { ready, of: indices.length });
        file = now;
      }
      return { ...plan, ready };
    },
    /** Restores what the last look found missing or lost. */
    async restoreAgain(): Promise<void> {
      const { missing, lost } = plan;
      await served.restores.remove(lost);
      for (const index of [...missing, ...lost]) {
        restored.set(index, timesRestored(index) + 1);
        goneSince.delete(index);
      }
      await served.restores.start({
        repository: REPOSITORY,
        snapshot: served.snapshot,
        indices: [...missing, ...lost],
      });
    },
  };
}
