import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { StoreError } from "../worker/contract/errors.ts";
import type { UnpackedFile } from "../worker/contract/chunk.ts";
import type { LedgerRow } from "../worker/contract/ledger.ts";
import { clusterOf, decide, step, until, type CampaignContext } from "./context.ts";
import { loaderIsRevoked } from "./gateway-client.ts";
import { tilingProblems, totalOf, unbalancedRows, unpackedLengths, type ExpectedFile } from "./ledger.ts";
import type { NodeGroups } from "./node-groups.ts";
import { campaignRepositoryDir } from "./node-specs.ts";
import { compareWithStore } from "./reconcile.ts";
import type { FailedJob } from "./spool.ts";
import { liveJobs } from "./view.ts";

/** Name of the snapshot repository in Elasticsearch. */
export const REPOSITORY = "gridharvest";

/** What finishing found out; part of the report. */
export interface FinishResult {
  readonly documents: number;
  readonly storeBytes: number;
  readonly snapshot: { readonly name: string; readonly repository: string; readonly verified: boolean };
  readonly fileProblems: readonly FileProblem[];
}

/** A file that could not be loaded whole. It costs that file; what was read before stays. */
export interface FileProblem {
  readonly path: string;
  readonly problem: string;
  /** Lines up to here are stored; absent when it is not known. */
  readonly truncatedAt?: number;
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
 * The end of a load, in steps that each can be repeated: parsers go, their credential is revoked, uncommitted
 * leftovers are swept, the sums are checked, ledger and rejects exported, the result saved and the save tried out.
 * @throws StoreError `NOT_RECONCILED`, `SNAPSHOT_FAILED`, `SNAPSHOT_DIFFERS`: the campaign is then held
 */
export async function finish(ctx: CampaignContext, groups: NodeGroups, signal: AbortSignal): Promise<FinishResult> {
  const cluster = clusterOf(ctx);
  const naming = { pattern: ctx.plan.pinned.indexPattern, revision: ctx.plan.pinned.revision };
  const indices = await cluster.indices(naming);

  await step(ctx, "drain-parsers", async () => {
    await groups.drain(liveJobs(ctx.view, "parser"), "finished");
    const patience = Date.now() + 60_000;
    await until(async () => {
      await groups.poll();
      const left = liveJobs(ctx.view, "parser");
      if (left.length > 0 && Date.now() > patience) await groups.cancel(left, "did not drain");
      return left.length === 0;
    }, signal);
  });

  await step(ctx, "revoke-loader", async () => {
    await ctx.redis.set(ctx.keys.loaderCredential, "revoked");
    const nodes = [...(await groups.registrations()).values()].flatMap((node) => node.httpUrl ?? []);
    await until(() => loaderIsRevoked(ctx, nodes), signal);
  });

  const failed = await ctx.spool.failed();
  const foreign = failed.filter((job) => !isFileFault(job));
  if (foreign.length > 0) {
    throw new StoreError(
      "NOT_RECONCILED",
      `${String(foreign.length)} chunks could not be loaded, the first one: ${foreign[0]?.reason ?? ""}`,
    );
  }
  await step(ctx, "sweep", async () => {
    let swept = 0;
    for (const { chunk } of failed) {
      if (chunk) swept += await cluster.deleteRange(indices, chunk.origin.path, [chunk.range.start, chunk.range.end]);
    }
    return swept;
  });
  await step(ctx, "refresh", () => cluster.refresh(indices));

  const rows: LedgerRow[] = [];
  for await (const row of ctx.spool.rows()) rows.push(row);
  const unpacked: { files: readonly UnpackedFile[] }[] = [];
  for await (const result of ctx.spool.unpackResults()) unpacked.push(result);
  const { expected, problems: fileProblems } = expectedFiles(ctx, failed, unpackedLengths(unpacked));

  const { documents } = await step(ctx, "reconcile", async () => {
    const differences = [
      ...unbalancedRows(rows),
      ...tilingProblems(
        expected,
        rows.filter((row) => !isCostly(ctx, row, fileProblems)),
      ),
    ];
    const comparison = await compareWithStore(cluster, indices, rows, pathsOf(ctx));
    differences.push(...comparison.differences);
    if (differences.length > 0) {
      throw new StoreError(
        "NOT_RECONCILED",
        `the sums do not add up: ${differences.slice(0, 5).join("; ")}${differences.length > 5 ? `; and ${String(differences.length - 5)} more` : ""}`,
      );
    }
    return { documents: comparison.documents };
  });

  await step(ctx, "export", async () => {
    await exportLedger(ctx, rows);
    await collectRejects(ctx, rows);
  });

  const storeBytes = await step(ctx, "serving-settings", async () => {
    await cluster.applyServingSettings(indices);
    return cluster.storeBytes(indices);
  });

  const snapshot = ctx.record.id;
  const totals = totalOf(rows);
  await step(ctx, "snapshot", () => cluster.snapshot(REPOSITORY, snapshot, indices, signal));
  await step(ctx, "verify-snapshot", async () => {
    for (const index of indices) {
      signal.throwIfAborted();
      const restored = await cluster.restoredCount(REPOSITORY, snapshot, index, signal);
      if (restored !== (totals.perIndex[index] ?? 0)) {
        throw new StoreError(
          "SNAPSHOT_DIFFERS",
          `the snapshot of ${index} restores ${String(restored)} documents, the ledger has ${String(totals.perIndex[index] ?? 0)}`,
        );
      }
    }
  });
  return {
    documents,
    storeBytes,
    snapshot: {
      name: snapshot,
      repository: campaignRepositoryDir(ctx.config, ctx.state, ctx.record.id),
      verified: true,
    },
    fileProblems,
  };
}

/** Rows of a file whose tiling cannot be asked for, because the file itself changed or went. */
function isCostly(ctx: CampaignContext, row: LedgerRow, problems: readonly FileProblem[]): boolean {
  const path = pathsOf(ctx).get(row.fileId);
  return problems.some((problem) => problem.path === path && problem.truncatedAt === undefined);
}

/** File id → identity path of every file of the plan. */
export function pathsOf(ctx: Pick<CampaignContext, "plan">): ReadonlyMap<string, string> {
  return new Map(ctx.plan.files.map((file) => [file.origin.fileId, file.origin.path]));
}

function expectedFiles(
  ctx: CampaignContext,
  failed: readonly FailedJob[],
  unpacked: ReadonlyMap<string, UnpackedFile>,
): { expected: ExpectedFile[]; problems: FileProblem[] } {
  const problems: FileProblem[] = [];
  const lost = new Map<string, string>();
  for (const job of failed) {
    if (job.chunk) lost.set(job.chunk.origin.fileId, job.reason);
    for (const member of job.unpack?.members ?? []) lost.set(member.origin.fileId, job.reason);
  }
  const expected: ExpectedFile[] = [];
  for (const { origin, source } of ctx.plan.files) {
    const reason = lost.get(origin.fileId);
    if (reason !== undefined) {
      problems.push({ path: origin.path, problem: reason });
      continue;
    }
    const file = unpacked.get(origin.fileId);
    if (file?.truncatedAt !== undefined) {
      problems.push({ path: origin.path, problem: file.problem ?? "truncated", truncatedAt: file.truncatedAt });
    }
    const length = source.kind === "plain" ? source.size : file?.length;
    if (length === undefined) problems.push({ path: origin.path, problem: "it was not unpacked" });
    else expected.push({ fileId: origin.fileId, path: origin.path, length });
  }
  for (const problem of ctx.plan.problems) problems.push(problem);
  return { expected, problems };
}

async function exportLedger(ctx: CampaignContext, rows: readonly LedgerRow[]): Promise<void> {
  const draft = `${ctx.paths.ledger}.tmp`;
  await writeFile(draft, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  await rename(draft, ctx.paths.ledger);
}

/** Reads the exported ledger back. */
export async function readLedger(file: string): Promise<LedgerRow[]> {
  const text = await readFile(file, "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as LedgerRow);
}

/** Takes the rejects of committed attempts out of staging; those of other attempts go. */
async function collectRejects(ctx: CampaignContext, rows: readonly LedgerRow[]): Promise<void> {
  const from = join(ctx.paths.staging, "rejects");
  await mkdir(ctx.paths.rejects, { recursive: true });
  for (const row of rows) {
    if (row.counts.rejected === 0) continue;
    const target = join(ctx.paths.rejects, `${row.chunk}.ndjson`);
    const source = join(from, `${row.chunk}.${String(row.attempt)}.ndjson`);
    try {
      await rename(source, target);
    } catch (error) {
      // A repeated step finds it moved already.
      const there = await stat(target).then(
        () => true,
        () => false,
      );
      if (!there)
        throw new StoreError("REJECTS_MISSING", `the rejects of chunk ${row.chunk} are missing: ${source}`, {
          cause: error,
        });
    }
  }
  const left = await readdir(from).catch(() => []);
  await Promise.all(left.map((name) => rm(join(from, name), { force: true })));
  if (rows.some((row) => row.counts.rejected > 0)) {
    await decide(ctx, { type: "warning", text: `rejected documents are kept in ${ctx.paths.rejects}` });
  }
}
