import { access, constants, rename } from "node:fs/promises";
import { StoreError } from "../worker/contract/errors.ts";
import type { UnpackedFile } from "../worker/contract/chunk.ts";
import type { LedgerRow } from "../worker/contract/ledger.ts";
import { clusterOf, decide, step as anyStep, until, type CampaignContext } from "./context.ts";
import { fileProblemsOf, filesOf, lostFiles, type FileProblem } from "./file-problems.ts";
import { untilLoaderIsRevoked } from "./gateway-client.ts";
import { tilingProblems, totalOf, unbalancedRows, unpackedLengths, type ExpectedFile } from "./ledger.ts";
import { collectRejects, exportLedger, refuseMissing } from "./ledger-export.ts";
import type { NodeGroups } from "./node-groups.ts";
import { campaignRepositoryDir } from "./node-specs.ts";
import { lengthOf } from "./plan.ts";
import { originationDates } from "./profiles.ts";
import { manifestText } from "./proof/manifest.ts";
import { compareWithStore } from "./reconcile.ts";
import { inTurn } from "./in-turn.ts";
import { createReminder } from "./reminder.ts";
import { rowsOf } from "./revisions/carried.ts";
import { restoredAtOnce } from "./shards.ts";
import { earlierSnapshots, snapshotName } from "./snapshot-name.ts";
import type { FailedJob } from "./spool.ts";
import { removeLeftovers } from "./leftovers.ts";
import { liveJobs, type FinishStep } from "./view.ts";
import { writePieces } from "./write-pieces.ts";

/** Name of the snapshot repository in Elasticsearch. */
export const REPOSITORY = "gridharvest";

/** Parsers that were asked to drain and do not end within this time are cancelled, and then again in this interval. */
const DRAIN_PATIENCE_MS = 60_000;
const CANCEL_AGAIN_MS = 30_000;

/** What finishing found out; part of the report. */
export interface FinishResult {
  readonly documents: number;
  readonly storeBytes: number;
  readonly snapshot: { readonly name: string; readonly repository: string; readonly verified: boolean };
  readonly fileProblems: readonly FileProblem[];
  /** The Merkle root of each month; absent of what loaded nothing itself. */
  readonly roots?: Readonly<Record<string, string>>;
  /** Documents by index, of a campaign that only serves; of another one the ledger says it. */
  readonly perIndex?: Readonly<Record<string, number>>;
}

/** Codes of permanent failures that are a file's fault, not the system's. */
const FILE_FAULTS = new Set([
  "FILE_CHANGED",
  "FILE_MISSING",
  "FILE_UNREADABLE",
  "FILE_SHORTENED",
  "FILE_READ_FAILED",
  "FORMAT_UNSUPPORTED",
  "ARCHIVE_DAMAGED",
  "ARCHIVE_ENCRYPTED",
  "ARCHIVE_LISTING",
  "ARCHIVE_TRUNCATED",
  "OFFSET_TOO_LARGE",
]);

/** The error code at the front of a failed job's reason. */
export function failureCode(job: FailedJob): string {
  return /^([A-Z][A-Z_]+):/.exec(job.reason)?.[1] ?? "";
}

export function isFileFault(job: FailedJob): boolean {
  return FILE_FAULTS.has(failureCode(job));
}

/**
 * Why the load must not be finished, if there is a reason: chunks failed and no file is to blame, or the files that failed
 * are so many that the archive is. What is mended is loaded by `resume`, which needs the parsers.
 */
export async function obstacleTo(ctx: CampaignContext, failed: readonly FailedJob[]): Promise<string | undefined> {
  const foreign = failed.filter((job) => !isFileFault(job));
  if (foreign.length > 0) {
    return `${String(foreign.length)} chunks could not be loaded, the first one ${foreign[0]?.id ?? ""}: ${foreign[0]?.reason ?? ""}`;
  }
  if (failed.length === 0) return undefined;
  const { root } = ctx.config.archive;
  try {
    await access(root, constants.R_OK | constants.X_OK);
  } catch {
    return `the archive ${root} cannot be read any more, and ${String(failed.length)} of its chunks and compressed files failed`;
  }
  const lost = new Set(failed.flatMap((job) => filesOf(job)));
  if (ctx.plan.files.length > 1 && lost.size >= ctx.plan.files.length) {
    return `not one of the ${String(lost.size)} files could be read, the first one: ${failed[0]?.reason ?? ""}`;
  }
  return undefined;
}

/**
 * The end of a load, in steps that each can be repeated: parsers go, their credential is revoked, the indices are closed and
 * uncommitted leftovers swept, the sums are checked, ledger and rejects exported, the result saved and the save tried out.
 * @param exported called when ledger and rejects are exported
 * @throws StoreError `NOT_REVOKED`, `NOT_RECONCILED`, `SNAPSHOT_FAILED`, `SNAPSHOT_DIFFERS`: the campaign is then held
 */
export async function finish(
  ctx: CampaignContext,
  groups: NodeGroups,
  exported: () => Promise<void>,
  signal: AbortSignal,
): Promise<FinishResult> {
  const cluster = clusterOf(ctx);
  const step = async <T>(name: FinishStep, run: () => Promise<T>): Promise<T> => {
    // The load may be going on again: then what a step would find or save is not the result.
    signal.throwIfAborted();
    return await anyStep(ctx, name, run);
  };
  // Before the parsers go: without them nothing that failed can be loaded again.
  const obstacle = await obstacleTo(ctx, await ctx.spool.failed());
  if (obstacle !== undefined) throw new StoreError("NOT_RECONCILED", obstacle);
  const naming = { pattern: ctx.plan.pinned.indexPattern, revision: ctx.plan.pinned.revision };
  const indices = await cluster.indices(naming);
  const planned = pathsOf(ctx);

  await step("drain-parsers", async () => {
    await groups.drain(liveJobs(ctx.view, "parser"), "finished");
    const isCancelDue = createReminder(DRAIN_PATIENCE_MS, CANCEL_AGAIN_MS);
    await until(async () => {
      await groups.poll();
      const left = liveJobs(ctx.view, "parser");
      if (left.length > 0 && isCancelDue()) await groups.cancel(left, "did not drain");
      return left.length === 0;
    }, signal);
  });

  await step("revoke-loader", async () => {
    await ctx.redis.set(ctx.keys.loaderCredential, "revoked");
    const nodes = new Map<string, string>();
    for (const [name, { httpUrl }] of await groups.registrations()) if (httpUrl !== undefined) nodes.set(name, httpUrl);
    await untilLoaderIsRevoked(ctx, nodes, signal);
    // A node that is off the list cannot be asked; it is on its way out.
    await until(async () => {
      await groups.poll();
      return liveJobs(ctx.view, "es-data").every((job) => job.releasedAt === undefined);
    }, signal);
  });

  const failed = await ctx.spool.failed();
  await step("sweep", () => removeLeftovers(ctx, indices, failed, signal));
  await step("refresh", () => cluster.refresh(indices));

  const rows = await rowsOf(ctx);
  const unpacked: { files: readonly UnpackedFile[] }[] = [];
  for await (const result of ctx.spool.unpackResults()) unpacked.push(result);
  const { expected, problems: fileProblems } = expectedFiles(ctx, failed, rows, unpackedLengths(unpacked));
  const whole = new Set(expected.map(({ fileId }) => fileId));

  const { documents } = await step("reconcile", async () => {
    const differences = [
      ...unbalancedRows(rows),
      ...tilingProblems(
        expected,
        // The tiling of a file that changed or went cannot be asked for.
        rows.filter((row) => whole.has(row.fileId) || !planned.has(row.fileId)),
      ),
    ];
    const comparison = await compareWithStore(cluster, indices, rows, planned);
    differences.push(...comparison.differences);
    if (differences.length > 0) {
      throw new StoreError(
        "NOT_RECONCILED",
        `the sums do not add up: ${differences.slice(0, 5).join("; ")}${differences.length > 5 ? `; and ${String(differences.length - 5)} more` : ""}`,
      );
    }
    return { documents: comparison.documents };
  });

  const totals = totalOf(rows);
  const roots = await step("export", async () => {
    await exportLedger(ctx.paths, rows);
    const lengths = new Map(expected.map(({ fileId, length }) => [fileId, length]));
    const draft = `${ctx.paths.manifest}.tmp`;
    const monthRoots = await writePieces(draft, manifestText(ctx.record.id, ctx.plan, rows, lengths));
    await rename(draft, ctx.paths.manifest);
    refuseMissing(await collectRejects(ctx.paths, rows));
    if (totals.counts.rejected > 0) {
      await decide(ctx, { type: "warning", text: `rejected documents are kept in ${ctx.paths.rejects}` });
    }
    await exported();
    return monthRoots;
  });

  const { segments, readOnly } = ctx.config.serving;
  if (segments > 0) await step("merge-segments", () => cluster.mergeSegments(indices, segments, signal));
  const storeBytes = await step("serving-settings", async () => {
    await cluster.applyServingSettings(indices, originationDates(naming, ctx.plan.months));
    return cluster.storeBytes(indices);
  });

  const snapshot = snapshotName(ctx.record.id, ctx.view);
  await step("snapshot", () => cluster.snapshot(REPOSITORY, snapshot, indices, signal));
  await step("verify-snapshot", async () => {
    const differences: string[] = [];
    const atOnce = restoredAtOnce(indices.length, liveJobs(ctx.view, "es-data").length);
    await inTurn(indices, atOnce, async (index) => {
      signal.throwIfAborted();
      if (differences.length > 0) return;
      const restored = await cluster.restoredCount(REPOSITORY, snapshot, index, signal);
      const wanted = totals.perIndex[index] ?? 0;
      if (restored !== wanted)
        differences.push(
          `the snapshot of ${index} restores ${String(restored)} documents, the ledger has ${String(wanted)}`,
        );
    });
    if (differences.length === 0) return;
    // Worth nothing, and checking again must not find it. Elasticsearch deletes no snapshot that is being restored from.
    await cluster.deleteSnapshot(REPOSITORY, snapshot);
    throw new StoreError(
      "SNAPSHOT_DIFFERS",
      `${differences.join("; ")}; the snapshot was removed, \`gridharvest verify ${ctx.record.id}\` takes another`,
    );
  });
  const earlier = earlierSnapshots(ctx.record.id, ctx.view);
  if (earlier.length > 0) {
    await step("drop-earlier-snapshots", async () => {
      for (const name of earlier) await cluster.deleteSnapshot(REPOSITORY, name);
    });
  }
  // From here on what stands there is the operator's, for whom nothing is in the way but what is asked for.
  if (!readOnly) await step("allow-writes", () => cluster.allowWrites(indices));
  return {
    documents,
    storeBytes,
    snapshot: {
      name: snapshot,
      repository: campaignRepositoryDir(ctx.config, ctx.state, ctx.record.id),
      verified: true,
    },
    fileProblems,
    roots,
  };
}

/** File id → identity path of every file of the plan. */
export function pathsOf(ctx: Pick<CampaignContext, "plan">): ReadonlyMap<string, string> {
  return new Map(ctx.plan.files.map((file) => [file.origin.fileId, file.origin.path]));
}

/** The files whose tiling can be asked for, with their lengths, and those that are not whole. */
function expectedFiles(
  ctx: CampaignContext,
  failed: readonly FailedJob[],
  rows: readonly LedgerRow[],
  unpacked: ReadonlyMap<string, UnpackedFile>,
): { expected: ExpectedFile[]; problems: FileProblem[] } {
  const problems = fileProblemsOf(ctx.plan, failed, rows, unpacked);
  const lost = lostFiles(failed);
  const expected: ExpectedFile[] = [];
  for (const file of ctx.plan.files) {
    const { origin } = file;
    if (lost.has(origin.fileId)) continue;
    const length = lengthOf(file, unpacked);
    if (length === undefined) {
      const problem = file.carried
        ? "an earlier campaign has not loaded it whole, and it is not loaded again"
        : "it was not unpacked";
      problems.push({ path: origin.path, problem });
    } else expected.push({ fileId: origin.fileId, path: origin.path, length });
  }
  return { expected, problems };
}
