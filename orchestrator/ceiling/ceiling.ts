import { Client } from "@elastic/elasticsearch";
import { Redis } from "ioredis";
import { ConfigError, StoreError } from "../../worker/contract/errors.ts";
import { parseJson } from "../../worker/contract/json.ts";
import { campaignKeys } from "../../worker/contract/keys.ts";
import { nodeRegistrationSchema, type NodeRegistration } from "../../worker/contract/node.ts";
import { pause } from "../../worker/contract/pause.ts";
import type { EncodedBatch, Pipeline } from "../../worker/contract/pipeline.ts";
import { readBudgets, type Budgets } from "../../worker/contract/tuning.ts";
import { campaignAccess, isBehindProxy } from "../access-path.ts";
import { loadCampaign, type CampaignRecord } from "../campaign-store.ts";
import { createCluster } from "../cluster.ts";
import { orchestratorClient } from "../gateway-client.ts";
import type { SiteConfig } from "../launch.ts";
import { runner, samplePieces } from "../measure.ts";

import type { Plan } from "../plan.ts";
import { readPlan } from "../plan-file.ts";
import { campaignStatus } from "../status.ts";
import { tellOrchestrator } from "../tell.ts";
import { readTuning } from "../tuning/record.ts";
import { findCluster } from "../verify.ts";
import { measureCeiling, type Ceiling } from "./measure-ceiling.ts";
import { fillBody, ReplayBody } from "./replay-body.ts";
import { shardsOfDay } from "../shards.ts";
import { createScratch } from "./scratch.ts";

/** What was measured, and what the campaign makes of it. */
export interface CeilingReport extends Ceiling {
  /** What was sent with: so many requests of so many bytes in all. */
  readonly budgets: Budgets;
  readonly dataNodes: number;
  readonly indices: number;
  /** Whether bodies went to the data nodes as parsers' do, or through the gateway, where this machine reaches no nodes. */
  readonly directly: boolean;
  /** The campaign's rate over the last minute of its load; absent when it has not loaded yet. */
  readonly campaignDocumentsPerSecond?: number;
}

/** The campaign's rate is that of so many seconds. */
const RATE_SECONDS = 60;
const LOOK_MS = 500;

/**
 * Measures what a campaign's cluster takes when bodies are prebuilt: of the campaign's own lines, into scratch indices of its shape, which go
 * afterwards whatever happens. A load that runs is paused meanwhile. The same documents come again and again under other ids, so they compress
 * a little better than a month's.
 * @throws StoreError `VERIFY_NEEDS_CLUSTER` without a cluster; ConfigError `CEILING_UNFIT`, `ARCHIVE_EMPTY`
 */
export async function ceilingOf(
  site: SiteConfig,
  id: string,
  options: { readonly seconds: number; readonly pipelineOf: (plan: Plan) => Promise<Pipeline> },
  signal: AbortSignal,
): Promise<CeilingReport> {
  const { record, paths, state } = await loadCampaign(site.stateDir, id);
  const found = await findCluster(paths);
  if (!found) {
    throw new StoreError("VERIFY_NEEDS_CLUSTER", `the cluster of ${id} is not up; its ceiling is measured while it is`);
  }
  const plan = await readPlan(paths.plan);
  const naming = { pattern: plan.pinned.indexPattern, revision: plan.pinned.revision };
  const { replicas, count } = record.config.dataNodes;
  const { index } = record.config.elasticsearch;
  const layout = { shards: shardsOfDay(plan.months, count, plan.estimate), replicas, index };
  const admin = orchestratorClient(found.secrets, found.url);
  const cluster = createCluster(admin);
  const scratch = createScratch(admin, id, naming, { layout, fields: plan.fields, ids: plan.pinned.ids });
  let sender: Client | undefined;
  try {
    const { nodes, budgets } = await lookInto(
      id,
      await campaignAccess({ record, paths, state }, ["redis"]),
      record.config,
    );
    const batches = await batchesOf(plan, scratch.naming.pattern, await options.pipelineOf(plan), signal);
    const indices = [...new Set(batches.flatMap(({ tallies }) => Object.keys(tallies.perIndex)))];
    // One more than are on their way: it is stamped while the others are.
    const bodies = Array.from({ length: budgets.requestsInFlight + 1 }, (_, i) => {
      return new ReplayBody(fillBody(batches, budgets.bulkBytes, i));
    });
    const directly = !isBehindProxy(record.config);
    const { tls, auth } = { tls: { ca: found.secrets.authorities.http.certificate }, auth: found.secrets.users.admin };
    const urls = nodes.flatMap(({ httpUrl }) => httpUrl ?? []);
    if (directly) sender = new Client({ nodes: urls, tls, auth });
    const wasRunning = await pauseLoad(site, id, signal);
    try {
      await scratch.create(indices);
      const ceiling = await measureCeiling(
        {
          client: sender ?? admin,
          cluster,
          dataNodes: new Set(nodes.map(({ jobName }) => jobName)),
          bodies,
          requestsInFlight: budgets.requestsInFlight,
          warmUpSeconds: options.seconds / 4,
          seconds: options.seconds,
        },
        signal,
      );
      const rate = campaignRate(await readTuning(paths.tuning));
      return {
        ...ceiling,
        budgets,
        dataNodes: nodes.length,
        indices: indices.length,
        directly,
        ...(rate === undefined ? {} : { campaignDocumentsPerSecond: rate }),
      };
    } finally {
      // Also after an interruption, which must not leave the campaign standing still, nor its disks with what is nobody's.
      await scratch.remove();
      if (wasRunning) await tellOrchestrator(site, id, { kind: "resume" }, new AbortController().signal);
    }
  } finally {
    await Promise.all([admin.close(), sender?.close()]);
  }
}

/** The data nodes, and what all parsers together have on their way to them. */
async function lookInto(
  id: string,
  access: Awaited<ReturnType<typeof campaignAccess>>,
  config: CampaignRecord["config"],
): Promise<{ readonly nodes: readonly NodeRegistration[]; readonly budgets: Budgets }> {
  const keys = campaignKeys(id);
  const redis = new Redis(access.redis);
  redis.on("error", () => undefined);
  try {
    const all = Object.values(await redis.hgetall(keys.nodes)).flatMap(
      (text) => nodeRegistrationSchema.safeParse(parseJson(text)).data ?? [],
    );
    const parsers = all.filter(({ role }) => role === "parser").length || config.parsers.count;
    const each = readBudgets(await redis.hgetall(keys.tuning)) ?? {
      bulkBytes: config.parsers.bulkBytes,
      requestsInFlight: config.parsers.requestsInFlight * config.parsers.slots,
    };
    return {
      nodes: all.filter(({ role }) => role === "es-data"),
      budgets: { bulkBytes: each.bulkBytes, requestsInFlight: each.requestsInFlight * parsers },
    };
  } finally {
    redis.disconnect();
  }
}

/** The campaign's own lines as its pipeline makes documents of them, for scratch indices. */
async function batchesOf(
  plan: Plan,
  pattern: string,
  pipeline: Pipeline,
  signal: AbortSignal,
): Promise<readonly EncodedBatch[]> {
  const pieces = await samplePieces(plan, signal);
  const runOn = runner(pipeline);
  const batches = pieces.map(({ file: { origin }, block }) =>
    runOn(block, { origin: { ...origin, index: { ...origin.index, pattern } } }),
  );
  const full = batches.filter(({ count }) => count > 0);
  if (full.length === 0) {
    throw new ConfigError(
      "ARCHIVE_EMPTY",
      `no line of ${plan.root} could be read to make documents of; is it mounted?`,
    );
  }
  return full;
}

/** @returns whether it ran: then it is to be resumed */
async function pauseLoad(site: SiteConfig, id: string, signal: AbortSignal): Promise<boolean> {
  if ((await campaignStatus(site.stateDir, id)).state !== "running") return false;
  await tellOrchestrator(site, id, { kind: "pause" }, signal);
  try {
    // Parsers finish the chunks that they have.
    while ((await campaignStatus(site.stateDir, id)).chunks.active > 0) {
      await pause(LOOK_MS, signal);
      signal.throwIfAborted();
    }
  } catch (error) {
    await tellOrchestrator(site, id, { kind: "resume" }, new AbortController().signal);
    throw error;
  }
  return true;
}

function campaignRate(records: Awaited<ReturnType<typeof readTuning>>): number | undefined {
  const last = records.slice(-RATE_SECONDS);
  const seconds = last.reduce((sum, { seen }) => sum + seen.seconds, 0);
  return seconds === 0 ? undefined : last.reduce((sum, { seen }) => sum + seen.documents, 0) / seconds;
}
