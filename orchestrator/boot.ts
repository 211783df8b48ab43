import { chmod, chown, mkdir } from "node:fs/promises";
import { describeError, GridError } from "../worker/contract/errors.ts";
import { monthWildcard } from "../worker/contract/index-names.ts";
import { saveDashboards } from "../monitoring/index.ts";
import { writeAccess } from "./access.ts";
import { createCluster } from "./cluster.ts";
import { clusterOf, decide, move, programsOf, step, until, type CampaignContext } from "./context.ts";
import { REPOSITORY } from "./finish.ts";
import { orchestratorClient } from "./gateway-client.ts";
import { readGateway, startGateway } from "./gateway/index.ts";
import type { JournalRecord } from "./journal.ts";
import type { NodeGroups } from "./node-groups.ts";
import { campaignRepositoryDir, repositoryDir, stagingDirOf } from "./node-specs.ts";
import { orderedChunks, unpacksOf } from "./plan.ts";
import { createRedisUsers } from "./redis-users.ts";
import { commandLine } from "./runtimes/index.ts";
import { createCampaignSecrets, loadCampaignSecrets } from "./security/index.ts";
import { liveJobs } from "./view.ts";

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
  ctx.secrets = await createCampaignSecrets(paths.secrets, {
    campaign: ctx.record.id,
    gatewayAddresses: [config.network.gatewayAddress],
    indices: plan.months.map((month) => monthWildcard(naming, month)),
  });
  await createRedisUsers(ctx.redis, ctx.record.id, ctx.secrets.redisPasswords);
  await ctx.redis.hset(ctx.keys.knobs, {
    eventsPerSecond: config.limits.eventsPerSecond,
    bytesPerSecond: config.limits.bytesPerSecond,
  });
  if (ctx.view.targets.dataNodes === 0) {
    const parsers = ctx.record.serves ? 0 : config.parsers.count;
    await decide(ctx, { type: "target", dataNodes: config.dataNodes.count, parsers });
  }

  // The gateway's ports are known long before its master answers; the jobs start meanwhile.
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const gatewayUp = bringUpGateway(ctx, either);
  const gatewayKnown = until(() => gatewayIsKnown(ctx), either, 100);
  try {
    await Promise.race([gatewayUp, gatewayKnown]);
    await groups.reconcile();
    await gatewayUp;
  } finally {
    // Whatever ended this, neither goes on beside what comes next: a teardown, or another attempt.
    over.abort();
    await Promise.allSettled([gatewayUp, gatewayKnown]);
  }
  const cluster = clusterOf(ctx);

  const inTime = (): void => {
    if (Date.now() < deadline) return;
    const waiting = liveJobs(ctx.view).map((job) => `${job.name} (${groups.lastStatus(job.name)?.state ?? "unknown"})`);
    throw new GridError(
      "BOOT_TIMEOUT",
      `the nodes did not come up within ${String(config.batch.bootTimeout)} s (batch.bootTimeout): ${waiting.join(", ")}. Look at their logs: gridharvest logs ${ctx.record.id}`,
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
  await step(ctx, "prepare-indices", async () => (await cluster.prepare(naming, plan.months)).length);
  await step(ctx, "register-repository", () =>
    cluster.registerRepository(REPOSITORY, campaignRepositoryDir(config, ctx.state, ctx.record.id)),
  );
  await step(ctx, "fill-spool", async () => {
    const dir = stagingDirOf(config, ctx.record.id, paths);
    const unpacks = await ctx.spool.addUnpacks(unpacksOf(plan, { dir, limitBytes: config.staging.limit }));
    const chunks = await ctx.spool.addChunks(orderedChunks(plan));
    return { chunks, unpacks };
  });
  await step(ctx, "save-dashboards", async () => {
    const url = ctx.services.graphiteWeb?.url;
    if (url === undefined) return;
    try {
      await saveDashboards(url, { prefix: config.metrics.prefix, campaign: ctx.record.id }, signal);
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
  // Redis may have been restarted without an ACL file since.
  await createRedisUsers(ctx.redis, ctx.record.id, ctx.secrets.redisPasswords);
  await bringUpGateway(ctx, signal);
}

/** Starts the gateway again when its supervisor died; proxy and master go with it and come back on their ports. */
export async function keepGateway(ctx: CampaignContext, signal: AbortSignal): Promise<void> {
  if (!ctx.cluster || (await readGateway(ctx.paths.gateway))) return;
  ctx.log.warn("the gateway's supervisor is gone; it is started again");
  await bringUpGateway(ctx, signal);
}

/** Whether the gateway's supervisor runs and has chosen its ports. */
async function gatewayIsKnown(ctx: CampaignContext): Promise<boolean> {
  const gateway = await readGateway(ctx.paths.gateway);
  if (gateway) ctx.gateway = gateway;
  return gateway !== undefined;
}

async function bringUpGateway(ctx: CampaignContext, signal: AbortSignal): Promise<void> {
  const { config, secrets } = ctx;
  if (!secrets) throw new GridError("GATEWAY_DOWN", "the campaign's secrets are not made yet");
  const uid = config.elasticsearch.runAsUid;
  ctx.gateway = await startGateway(
    {
      dir: ctx.paths.gateway,
      command: commandLine(),
      campaign: ctx.record.id,
      address: config.network.gatewayAddress,
      backends: {
        redis: { host: ctx.services.redis.host, port: ctx.services.redis.port },
        carbon: ctx.services.carbon,
      },
      elasticsearch: {
        home: programsOf(ctx).elasticsearchHome,
        javaHome: programsOf(ctx).javaHome,
        heapBytes: config.elasticsearch.masterHeap,
        clusterName: `gridharvest-${ctx.record.id}`,
        repositories: [repositoryDir(config, ctx.state)],
      },
      secretsDir: ctx.paths.secrets,
      ...(process.getuid?.() === 0 ? { runAs: { uid, gid: uid } } : {}),
      orphanGraceSeconds: config.dataNodes.orphanGrace,
    },
    ctx.log,
    signal,
  );
  await writeAccess(ctx.paths, secrets, ctx.gateway.elasticsearchUrl);
  ctx.cluster = createCluster(orchestratorClient(secrets, ctx.gateway.elasticsearchUrl));
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
