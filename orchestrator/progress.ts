import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { UnpackResult } from "../worker/contract/chunk.ts";
import type { JobStatus } from "../pbs/batch-system.ts";
import { describeError } from "../worker/contract/errors.ts";
import { addCounts, ZERO_COUNTS, type Counts, type LedgerRow } from "../worker/contract/ledger.ts";
import { isFinal } from "./campaign.ts";
import { progressFile, writeFileAtomic } from "./campaign-store.ts";
import type { CampaignContext } from "./context.ts";
import { createFigures } from "./figures.ts";
import { fileProblemsOf, type FileProblem } from "./file-problems.ts";
import type { FinishResult } from "./finish.ts";
import { unpackedLengths } from "./ledger.ts";
import { readLedger } from "./ledger-export.ts";
import type { JobUsage } from "./jobs/agents.ts";
import { toldRates } from "./limits.ts";
import type { NodeGroups } from "./node-groups.ts";
import { countsIn } from "./replay/sums.ts";
import { makeReport, reportText } from "./report.ts";
import type { QueueCounts } from "./spool.ts";
import type { Rates } from "../worker/contract/rate-bucket.ts";
import type { Budgets } from "../worker/contract/tuning.ts";
import type { NodeLook } from "./tuning/looks.ts";
import type { LimitingStage } from "./tuning/stage.ts";
import type { Tuner } from "./tuning/tuner.ts";

/**
 * `progress.json`: the orchestrator's last look at everything, rewritten at each look, so that `status` and `watch`
 * need neither Redis nor a living orchestrator.
 */
export interface ProgressFile {
  readonly at: number;
  readonly parse: QueueCounts;
  readonly unpack: QueueCounts;
  /** Sums over the committed chunks. */
  readonly lines: Counts;
  /** Chunks known so far; more appear while compressed files are unpacked. */
  readonly chunks: number;
  readonly eventsPerSecond: number;
  readonly bytesPerSecond: number;
  /** What parsers may load now: the campaign's limits, or its part of the site's. 0 = no limit. */
  readonly allowed?: Rates;
  /** Share of the bytes to load that is committed, 0 to 1. */
  readonly share: number;
  readonly etaSeconds?: number;
  /** Of the plan's estimate. */
  readonly leftBytes: number;
  readonly stagedBytes: number;
  /** Attempts at chunks whose documents carry a tag, and which were not committed: what they wrote is deleted in the end. */
  readonly uncommittedAttempts?: number;
  /** How busy the data nodes are with writing, 0 to 1, over the last half minute or so. */
  readonly storeBusy: number;
  /** CPU milliseconds by data node, those that are gone included. */
  readonly storeCpuMillis: Readonly<Record<string, number>>;
  /** By job name, what each data node holds. */
  readonly holdings: ReturnType<NodeGroups["holdings"]>;
  /** By job name. */
  readonly jobs: Readonly<Record<string, JobProgress>>;
  readonly usage: Readonly<Record<string, JobUsage>>;
  /** What holds the load up; absent while nothing is known of it. */
  readonly stage?: LimitingStage;
  /** What each parser may have on its way to the store. */
  readonly budgets?: Budgets;
}

/** What the batch system and the agent say of a job. */
export interface JobProgress {
  readonly batch?: string;
  readonly agent?: string;
  readonly host?: string;
  /** Why its node does not get on. */
  readonly problem?: string;
  /** What the batch system says of a job that waits. */
  readonly comment?: string;
}

export interface Progress {
  update(): Promise<void>;
  /** What `update` found last. */
  latest(): ProgressFile | undefined;
  /** The last look at the data nodes. */
  nodes(): NodeLook | undefined;
  writeReport(finished: FinishResult | undefined): Promise<void>;
  /** CPU milliseconds of all data nodes since they started, those that are gone included. */
  storeCpuMillis(): Promise<number>;
  close(): Promise<void>;
}

/** Weight of one look in the figure of how busy the store is. */
const BUSY_WEIGHT = 0.2;
/** The rate is that of the last this many milliseconds. */
const RATE_WINDOW_MS = 20_000;
/** A report waits no longer than this for a spool that does not answer. */
const LONGEST_ASKING_MS = 30_000;

function isWaiting(status: JobStatus | undefined): status is JobStatus {
  return status?.state === "queued" || status?.state === "held";
}

export async function readProgress(file: string): Promise<ProgressFile | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as ProgressFile;
  } catch {
    return undefined;
  }
}

export async function createProgress(
  ctx: CampaignContext,
  groups: NodeGroups,
  tuner: Pick<Tuner, "stage" | "budgets" | "decisions">,
): Promise<Progress> {
  const file = progressFile(ctx.paths);
  const before = await readProgress(file);
  const usage = new Map<string, JobUsage>(Object.entries(before?.usage ?? {}));
  const figures = createFigures(ctx);
  /** By chunk: the spool's order of commits is that of the workers' clocks, so a page may show a row twice or not at all. */
  const rows = new Map<string, LedgerRow>();
  let sum = ZERO_COUNTS;
  let chunks = before?.chunks ?? 0;
  const history: { at: number; read: number; bytes: number }[] = [];
  let storeBusy = 0;
  const storeCpu = new Map<string, number>(Object.entries(before?.storeCpuMillis ?? {}));
  let latest: ProgressFile | undefined;
  let nodeLook: NodeLook | undefined;

  const lookAtStore = async (): Promise<void> => {
    if (!ctx.cluster) return;
    const nodes = await ctx.cluster.nodeFigures();
    nodeLook = { at: Date.now(), figures: nodes };
    figures.nodes(nodes);
    const data = Object.entries(nodes).filter(([name]) => ctx.view.jobs.get(name)?.role === "es-data");
    for (const [name, node] of data) storeCpu.set(name, Math.max(storeCpu.get(name) ?? 0, node.cpuMillis));
    if (data.length === 0) return;
    const busy = data.map(([, node]) => (node.writeQueue > 0 ? 1 : node.writeActive / ctx.config.dataNodes.cpus));
    const mean = busy.reduce((total, share) => total + Math.min(1, share), 0) / busy.length;
    storeBusy += BUSY_WEIGHT * (mean - storeBusy);
  };

  /** Losses after which committed chunks were taken out of the ledger, as far as `rows` knows. */
  let reloads = 0;
  const readRows = async (committed: number): Promise<void> => {
    const done = ctx.view.reloads.filter((reload) => reload.done).length;
    if (done !== reloads) {
      reloads = done;
      rows.clear();
      sum = ZERO_COUNTS;
      history.length = 0;
    }
    const take = async (from: number): Promise<void> => {
      for await (const row of ctx.spool.rows(from)) {
        if (rows.has(row.chunk)) continue;
        rows.set(row.chunk, row);
        sum = addCounts(sum, countsIn(row));
      }
    };
    await take(rows.size);
    if (rows.size < committed) await take(0);
  };

  const rate = (now: number): { events: number; bytes: number } => {
    history.push({ at: now, read: sum.read, bytes: sum.bytes });
    while (history.length > 2 && now - (history[0]?.at ?? now) > RATE_WINDOW_MS) history.shift();
    const first = history[0];
    const seconds = first ? (now - first.at) / 1000 : 0;
    if (!first || seconds <= 0) return { events: 0, bytes: 0 };
    return { events: (sum.read - first.read) / seconds, bytes: (sum.bytes - first.bytes) / seconds };
  };

  const noteUsage = (): void => {
    for (const [name, now] of groups.usage) {
      const known = usage.get(name) ?? { rssBytes: 0, cpuSeconds: 0 };
      usage.set(name, {
        rssBytes: Math.max(known.rssBytes, now.rssBytes),
        cpuSeconds: Math.max(known.cpuSeconds, now.cpuSeconds),
      });
    }
  };

  const uncommitted = async ({ completed, active }: QueueCounts): Promise<number> =>
    Math.max(0, (await ctx.redis.hlen(ctx.keys.attempts)) - completed - active);

  const update = async (): Promise<void> => {
    const now = Date.now();
    const { parse, unpack } = await ctx.spool.counts();
    await readRows(parse.completed);
    chunks = parse.waiting + parse.active + parse.delayed + parse.completed + parse.failed;
    const beats = await groups.heartbeats();
    noteUsage();
    const { events, bytes } = rate(now);
    const expected = ctx.plan.estimate?.bytes ?? 0;
    const drained =
      parse.waiting + parse.active + parse.delayed + unpack.waiting + unpack.active + unpack.delayed === 0;
    const share = drained && sum.bytes > 0 ? 1 : expected > 0 ? Math.min(0.999, sum.bytes / expected) : 0;
    const left = Math.max(0, expected - sum.bytes);
    const jobs: Record<string, JobProgress> = {};
    for (const name of ctx.view.jobs.keys()) {
      const status = groups.lastStatus(name);
      const beat = beats.get(name);
      const host = status?.hosts[0];
      jobs[name] = {
        ...(status ? { batch: status.state } : {}),
        ...(beat ? { agent: beat.state } : {}),
        ...(host === undefined ? {} : { host }),
        ...(beat?.problem === undefined ? {} : { problem: beat.problem }),
        ...(isWaiting(status) && status.comment !== undefined ? { comment: status.comment } : {}),
      };
    }
    const stagedBytes = Number((await ctx.redis.get(ctx.keys.stagedBytes)) ?? 0);
    const stage = ctx.view.state === "running" ? tuner.stage({ parse, unpack, stagedBytes }) : undefined;
    const progress: ProgressFile = {
      at: now,
      parse,
      unpack,
      lines: sum,
      chunks,
      eventsPerSecond: Math.round(events),
      bytesPerSecond: Math.round(bytes),
      allowed: await toldRates(ctx),
      share,
      ...(bytes > 0 && ctx.view.state === "running" ? { etaSeconds: Math.round(left / bytes) } : {}),
      leftBytes: left,
      stagedBytes,
      ...(ctx.plan.pinned.ids === "store" ? { uncommittedAttempts: await uncommitted(parse) } : {}),
      storeBusy,
      holdings: groups.holdings(),
      storeCpuMillis: Object.fromEntries(storeCpu),
      jobs,
      usage: Object.fromEntries(usage),
      ...(stage === undefined ? {} : { stage }),
      budgets: tuner.budgets(),
    };
    latest = progress;
    await writeFileAtomic(file, JSON.stringify(progress));
    figures.queues(parse, unpack, stagedBytes);
    figures.reloads(ctx.view.reloads);
    figures.tuning(tuner.budgets(), tuner.decisions());
    figures.jobs(groups);
    await lookAtStore();
  };

  const storeCpuMillis = async (): Promise<number> => {
    await lookAtStore();
    return [...storeCpu.values()].reduce((total, millis) => total + millis, 0);
  };

  /** Asked of the spool while there is one; at the very end its keys are gone, and what was found last stays. */
  let problems: readonly FileProblem[] = ctx.plan.problems;
  const findProblems = async (): Promise<readonly FileProblem[]> => {
    if (isFinal(ctx.view.state)) return problems;
    const ask = async (): Promise<readonly FileProblem[]> => {
      const unpacked: UnpackResult[] = [];
      for await (const result of ctx.spool.unpackResults()) unpacked.push(result);
      return fileProblemsOf(ctx.plan, await ctx.spool.failed(), [...rows.values()], unpackedLengths(unpacked));
    };
    const settled = new AbortController();
    try {
      // A Redis that is away answers nobody, and this orchestrator may be told to stop meanwhile.
      const stopped = sleep(LONGEST_ASKING_MS, undefined, { signal: AbortSignal.any([ctx.signal, settled.signal]) });
      problems = await Promise.race([
        ask(),
        stopped.then(() => Promise.reject(new Error("the spool does not answer"))),
      ]);
    } catch (error) {
      // A report must not keep a campaign from its end.
      ctx.log.warn("the report may not name every file that is not whole", { error: describeError(error) });
    } finally {
      settled.abort();
    }
    return problems;
  };

  return {
    update,
    latest: () => latest,
    nodes: () => nodeLook,
    storeCpuMillis,
    async writeReport(finished) {
      noteUsage();
      // A ledger that a service has is that of the campaign it serves.
      const ledger = ctx.record.serves ? [] : await readLedger(ctx.paths.ledger).catch(() => undefined);
      const begin = (ctx.view.steps.get("load-begin")?.result as { cpuMillis?: number } | undefined)?.cpuMillis ?? 0;
      const end = (ctx.view.steps.get("load-end")?.result as { cpuMillis?: number } | undefined)?.cpuMillis ?? begin;
      const report = makeReport({
        record: ctx.record,
        plan: ctx.plan,
        view: ctx.view,
        rows: ledger ?? [...rows.values()],
        finish: finished,
        fileProblems: await findProblems(),
        chunksTotal: chunks,
        usage,
        storeCpuMillis: Math.max(0, end - begin),
        orchestratorPeakBytes: process.resourceUsage().maxRSS * 1024,
        now: Date.now(),
      });
      await writeFileAtomic(ctx.paths.reportJson, `${JSON.stringify(report, null, 1)}\n`);
      await writeFileAtomic(ctx.paths.reportMd, reportText(report));
    },
    close: () => figures.close(),
  };
}
