import { chmod, chown, mkdir } from "node:fs/promises";
import { describeError, GridError } from "../worker/contract/errors.ts";
import type { IndexNaming } from "../worker/contract/index-names.ts";
import { saveDashboards } from "../monitoring/index.ts";
import { writeAccess } from "./access.ts";
import { campaignSecrets, openGateway, visitorOf, type GatewayNeeds } from "./campaign-gateway.ts";
import { createCluster } from "./cluster.ts";
import { clusterOf, decide, move, step, until, type CampaignContext } from "./context.ts";
import { REPOSITORY } from "./finish.ts";
import { orchestratorClient } from "./gateway-client.ts";
import { atGateway, masterStatus, untilMasterAnswers, type GatewayState } from "./gateway/index.ts";
import type { JournalRecord } from "./journal.ts";
import type { NodeGroups } from "./node-groups.ts";
import { campaignRepositoryDir, repositoryDir, stagingDirOf } from "./node-specs.ts";
import { orderedChunks, toLoad, unpacksOf } from "./plan.ts";
import { jobPolicyOf } from "./jobs/policy.ts";
import { limitsOf, tellLimits } from "./limits.ts";
import { reasons } from "./reasons.ts";
import { restoreCarried } from "./revisions/restore-carried.ts";
import { loadCampaignSecrets } from "./security/index.ts";
import { isSpread, shardsOfDay } from "./shards.ts";

/**
 * Boots a campaign: secrets, gateway and jobs at once, then templates and indices, then the spool is filled. Every part
 * finds what an earlier attempt left. Ends with the campaign running and the spool open; one that only serves ends with its nodes up, restoring.
 * @throws GridError `BOOT_TIMEOUT` when nodes do not come up in time
 */
export async function boot(ctx: CampaignContext, groups: NodeGroups, signal: AbortSignal): Promise<void> {
  const { config, paths, plan } = ctx;
  const naming = { pattern: plan.pinned.indexPattern, revision: plan.pinned.revision };
  const deadline = bootBegin(ctx.journal.records) + config.batch.bootTimeout * 1000;
  // Parsers that are early must not take chunks before the indices are there.
  await ctx.spool.close();
  await makeDirectories(ctx);
  ctx.secrets = await campaignSecrets(ctx.record, paths, plan);
  await tellLimits(ctx);
  // Before any parser is.
  await ctx.redis.set(ctx.keys.rules, JSON.stringify(plan.rules));
  if (ctx.view.targets.dataNodes === 0) {
    const parsers = ctx.record.serves ? 0 : config.parsers.count;
    await decide(ctx, { type: "target", dataNodes: config.dataNodes.count, parsers });
  }

  // The gateway is open long before its master answers; the jobs start meanwhile.
  ctx.gateway = await openGateway(gatewayNeeds(ctx), ctx.log, signal);
  await groups.reconcile();
  await bringUpGateway(ctx, signal);
  const cluster = clusterOf(ctx);

  const inTime = (): void => {
    if (Date.now() < deadline) return;
    const why = reasons({ id: ctx.record.id, view: ctx.view, policy: jobPolicyOf(config), now: Date.now() })
      .filter(({ kind }) => kind !== "state")
      .map(({ text }) => text);
    throw new GridError(
      "BOOT_TIMEOUT",
      `the nodes did not come up within ${String(config.batch.bootTimeout)} s (batch.bootTimeout): ${why.join("; ")}. Look at their logs: gridharvest logs ${ctx.record.id}`,
    );
  };
  let looked = 0;
  const lookAfterJobs = async (): Promise<void> => {
    if (Date.now() - looked < config.batch.poll * 1000) return;
    looked = Date.now();
    await groups.reconcile();
  };
  await until(
    async () => {
      await lookAfterJobs();
      if ((await cluster.health()).dataNodes >= ctx.view.targets.dataNodes) return true;
      inTime();
      return false;
    },
    signal,
    300,
  );

  // What only serves has its indices from the snapshot.
  if (ctx.record.serves) {
    await move(ctx, "restore");
    return;
  }
  if (plan.again) await step(ctx, "restore-carried", () => restoreCarried(ctx, signal));
  await step(ctx, "prepare-indices", async () => {
    const shards = shardsOfDay(plan.months, ctx.view.targets.dataNodes, plan.estimate);
    const layout = { shards, replicas: config.dataNodes.replicas, index: config.elasticsearch.index };
    return (await cluster.prepare(naming, plan.months, layout, plan.fields, plan.pinned.ids)).length;
  });
  await step(ctx, "spread-shards", () => untilSpread(ctx, naming, signal));
  await step(ctx, "register-repository", () =>
    cluster.registerRepository(REPOSITORY, campaignRepositoryDir(config, ctx.state, ctx.record.id)),
  );
  await step(ctx, "fill-spool", async () => {
    const dir = stagingDirOf(config, ctx.record.id, paths);
    const { order } = limitsOf(config, ctx.view);
    const loaded = toLoad(plan);
    const unpacks = await ctx.spool.addUnpacks(unpacksOf(loaded, { dir, limitBytes: config.staging.limit }), order);
    const chunks = await ctx.spool.addChunks(orderedChunks(loaded), order);
    return { chunks, unpacks };
  });
  await step(ctx, "save-dashboards", async () => {
    const web = ctx.access.graphiteWeb;
    if (web === undefined) return;
    try {
      await saveDashboards(web, { prefix: config.metrics.prefix, campaign: ctx.record.id }, signal);
    } catch (error) {
      await decide(ctx, {
        type: "warning",
        text: `the Graphite dashboards could not be saved: ${describeError(error)}`,
      });
    }
  });
  await until(
    async () => {
      await lookAfterJobs();
      if ([...(await groups.registrations()).values()].some((node) => node.role === "parser")) return true;
      inTime();
      return false;
    },
    signal,
    200,
  );
  await step(ctx, "load-begin", async () => {
    const figures = await cluster.nodeFigures();
    const data = Object.entries(figures).filter(([name]) => ctx.view.jobs.get(name)?.role === "es-data");
    return { cpuMillis: data.reduce((sum, [, node]) => sum + node.cpuMillis, 0) };
  });
  await move(ctx, "booted");
  await ctx.spool.open();
}

/** Elasticsearch moves empty shards in an instant; what it has not evened out by then is told and loaded all the same. */
const SPREAD_MS = 15_000;

/** Waits until no data node has two hot shards more than another. */
async function untilSpread(ctx: CampaignContext, naming: IndexNaming, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + SPREAD_MS;
  await until(async () => {
    const held = await clusterOf(ctx).primariesByNode(naming);
    if (isSpread([...held.values()], ctx.view.targets.dataNodes)) return true;
    if (Date.now() < deadline) return false;
    const shards = [...held].map(([node, count]) => `${node} ${String(count)}`).join(", ");
    await decide(ctx, { type: "warning", text: `Elasticsearch does not spread the shards evenly: ${shards}` });
    return true;
  }, signal);
}

/**
 * Since when a campaign boots: an orchestrator that takes it over has the whole time again, whoever booted it before.
 * @returns milliseconds since 1970
 */
export function bootBegin(records: readonly JournalRecord[]): number {
  const begin = records.findLast(
    (record) => record.type === "owned" || (record.type === "transition" && record.to === "booting"),
  );
  return begin?.at ?? Date.now();
}

/** After an adoption: secrets, gateway and client of a campaign that has booted. */
export async function attach(ctx: CampaignContext, signal: AbortSignal): Promise<void> {
  if (ctx.cluster) return;
  ctx.secrets = await loadCampaignSecrets(ctx.paths.secrets);
  await bringUpGateway(ctx, signal);
}

/**
 * One look at the gateway: when its supervisor died it is started again; proxy and master go with it and come back on their ports.
 * Asks nothing of Redis, which may not be reachable without the gateway.
 */
export async function keepGateway(ctx: CampaignContext, signal: AbortSignal): Promise<void> {
  const { gateway, secrets } = ctx;
  if (!gateway || !secrets || (!ctx.cluster && ctx.view.state !== "tearing-down")) return;
  if ((await masterStatus(gateway, visitorOf(secrets))) !== undefined) return;
  if (await findGateway(ctx, signal)) return;
  ctx.log.warn("the gateway's supervisor is gone; it is started again");
  // Written down first: an orchestrator that was overtaken learns it here, where no Redis can tell it.
  await decide(ctx, { type: "warning", text: "the gateway's supervisor was gone and is started again" });
  if (ctx.view.state === "tearing-down") ctx.gateway = await openGateway(gatewayNeeds(ctx), ctx.log, signal);
  else await bringUpGateway(ctx, signal);
}

async function findGateway(ctx: CampaignContext, signal: AbortSignal): Promise<GatewayState | undefined> {
  const request = { act: "find", dir: ctx.paths.gateway } as const;
  return (await atGateway(ctx.config.network, request, ctx.log, signal)) ?? undefined;
}

function gatewayNeeds({ record, paths, state, programs }: CampaignContext): GatewayNeeds {
  return { record, paths, state, ...(programs ? { runtime: programs } : {}) };
}

/** Starts or finds the gateway, waits for its master, and makes the client. */
async function bringUpGateway(ctx: CampaignContext, signal: AbortSignal): Promise<void> {
  const { secrets } = ctx;
  if (!secrets) throw new GridError("GATEWAY_DOWN", "the campaign's secrets are not made yet");
  const gateway = await openGateway(gatewayNeeds(ctx), ctx.log, signal);
  ctx.gateway = gateway;
  await untilMasterAnswers(ctx.paths.gateway, gateway, visitorOf(secrets), () => findGateway(ctx, signal), signal);
  await writeAccess(ctx.paths, secrets, gateway.elasticsearchUrl);
  ctx.cluster = createCluster(orchestratorClient(secrets, gateway.elasticsearchUrl));
}

/** Directories that nodes share. The repository is written by Elasticsearch's own user. */
async function makeDirectories(ctx: CampaignContext): Promise<void> {
  const { config, paths, state } = ctx;
  const repository = repositoryDir(config, state);
  for (const dir of [
    paths.jobs,
    paths.gateway,
    paths.staging,
    stagingDirOf(config, ctx.record.id, paths),
    paths.rejects,
    state.scratch,
    repository,
  ]) {
    await mkdir(dir, { recursive: true });
  }
  await mkdir(`${paths.staging}/rejects`, { recursive: true });
  // A directory that the operator names belongs to the operator; ours is made for Elasticsearch's user.
  if (process.getuid?.() !== 0 || repository !== state.snapshots) return;
  const uid = config.elasticsearch.runAsUid;
  await chown(repository, uid, uid);
  await chmod(repository, 0o750);
}
