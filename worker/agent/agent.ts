import { randomBytes } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { createGraphiteSender, createMeter } from "../../monitoring/index.ts";
import { describeError } from "../contract/errors.ts";
import { campaignKeys, type NodeRole } from "../contract/keys.ts";
import { registerNode, withdrawNode } from "../contract/node-list.ts";
import type { TreeFigures } from "../contract/process-tree.ts";
import type { NodeRegistration, NodeSecrets, NodeSpec } from "../contract/node.ts";
import { runElasticsearchNode } from "./elasticsearch-node.ts";
import { AgentEnded, type AgentEnd } from "./end.ts";
import { startPulse, type Pulse } from "./heartbeat.ts";
import { claimName, joinCampaign, type Joined } from "./join.ts";
import type { Life } from "./life.ts";
import type { AgentLog } from "./log.ts";
import { runParserNode } from "./parser-node.ts";
import { startRelay } from "./relay.ts";
import type { LoaderState, Service } from "./service.ts";
import { connectRedis, persistently } from "./spool-connection.ts";
import { scheduleWalltime } from "./walltime.ts";
import { watchControl } from "./watch.ts";

/** The service of each role. */
const SERVICES: Readonly<Record<NodeRole, Service>> = { "es-data": runElasticsearchNode, parser: runParserNode };

export interface AgentOptions {
  readonly spec: NodeSpec;
  readonly secrets: NodeSecrets;
  /** The batch system's id of this job. */
  readonly jobId: string;
  /** When the job began. */
  readonly startedAt: number;
  readonly life: Life;
  readonly log: AgentLog;
}

/**
 * The life of a node agent, which every job runs.
 *
 * *Claiming*: through the proxy with the common joining certificate it takes its job's name; a second agent of the same name
 * ends itself here, before it has touched anything. *Joining*: it makes a key and asks to have it certified; the
 * orchestrator checks who it is and answers with certificates for the address that the batch system leased, or
 * refuses. *Starting*: with its own certificate it connects again, starts the relay for metrics and the service of its role,
 * which registers when it works. *Running*: it beats, restarts what dies, watches the orchestrator's sign of life.
 * *Draining*: asked through Redis, or because the walltime is nearly over, the service finishes its work. *Ended*: the service and
 * everything below it is gone, the registration withdrawn, the scratch directory removed.
 *
 * From every state but the last a stop leads to the end: TERM, an orphan's grace, a failed service.
 */
export async function runAgent(options: AgentOptions): Promise<AgentEnd> {
  const { spec, secrets, life, log } = options;
  const keys = campaignKeys(spec.campaign);
  const instance = randomBytes(8).toString("hex");
  const scratch = join(spec.scratchDir, spec.jobName);
  const loader: LoaderState = { revoked: false };
  const watching = new AbortController();
  let redis: Redis = connectRedis(spec, secrets, secrets.proxyClient);
  const closing: (() => Promise<void> | void)[] = [];
  let end: AgentEnd = { reason: "fault", detail: "" };
  let hasName = false;

  const watched = watchControl({
    spec,
    keys,
    redis: () => redis,
    life,
    instance: () => (hasName ? instance : undefined),
    onLoader: (revoked) => {
      loader.revoked = revoked;
      loader.onChange?.();
    },
    log,
    signal: watching.signal,
  });
  closing.push(scheduleWalltime(spec, options.startedAt, life));
  try {
    const context = { redis, keys, secrets, jobName: spec.jobName, instance, jobId: options.jobId, log };
    // Nothing to finish before the node works: a drain ends it as well.
    const early = AbortSignal.any([life.drained, life.stopped]);
    await claimName(context, early);
    hasName = true;

    const figures: { use?: (figures: TreeFigures) => void } = {};
    const pulse: Pulse = startPulse({
      spec,
      keys,
      instance,
      redis: () => redis,
      onFigures: (now) => figures.use?.(now),
    });
    closing.push(() => pulse.end());
    life.drained.addEventListener("abort", () => pulse.state("draining"), { once: true });

    pulse.state("joining");
    const joined = await joinCampaign(context, early);
    log(`joined as ${spec.jobName} at ${joined.address}`);

    pulse.state("starting");
    const own = { certificate: joined.certificates.proxyClient, key: joined.key };
    const joining = redis;
    redis = connectRedis(spec, secrets, own);
    joining.disconnect();
    await rm(scratch, { recursive: true, force: true });
    await mkdir(spec.scratchDir, { recursive: true });
    await mkdir(scratch, { mode: 0o700 });
    closing.push(() => rm(scratch, { recursive: true, force: true, maxRetries: 5 }));
    const { relay, meter, close } = await startMetrics(options, joined, own);
    closing.push(close);
    figures.use = ({ cpuSeconds, rssBytes }) => {
      meter.total("process.cpu", cpuSeconds);
      meter.gauge("process.rss", rssBytes);
    };
    const withdraw = async (): Promise<void> => {
      await withdrawNode(redis, keys, spec.jobName).catch(() => undefined);
    };
    closing.push(withdraw);
    // Parsers stop sending to a data node before it goes.
    if (spec.role === "es-data") life.drained.addEventListener("abort", () => void withdraw(), { once: true });

    await SERVICES[spec.role]({
      spec,
      secrets,
      joined,
      scratch,
      life,
      loader,
      relay,
      problem: (problem) => pulse.problem(problem),
      log,
      async register(offer) {
        const registration: NodeRegistration = {
          jobName: spec.jobName,
          role: spec.role,
          instance,
          address: joined.address,
          startedAt: options.startedAt,
          ...offer,
        };
        const text = JSON.stringify(registration);
        await persistently("registering", () => registerNode(redis, keys, spec.jobName, text), life.stopped, log);
        if (!life.drained.aborted) pulse.state("running");
        log(`${spec.role} works${offer.httpUrl === undefined ? "" : ` at ${offer.httpUrl}`}`);
      },
    });
    end = life.end ?? { reason: "fault", detail: "the service ended without being asked to" };
  } catch (error) {
    if (life.end && !(error instanceof AgentEnded)) end = life.end;
    else if (error instanceof AgentEnded) end = error.end;
    else end = { reason: "fault", detail: describeError(error) };
  } finally {
    // Last opened, first closed; the connection after all that needs it.
    for (const close of closing.reverse()) {
      try {
        await close();
      } catch (error) {
        log(`while ending: ${describeError(error)}`);
      }
    }
    watching.abort();
    redis.disconnect();
    await watched;
  }
  return end;
}

/** The relay and the agent's own figures, which go through it as the parser's do. */
async function startMetrics(options: AgentOptions, joined: Joined, own: { certificate: string; key: string }) {
  const { spec, secrets, log } = options;
  const relay = await startRelay({
    target: spec.gateway.carbon,
    tls: { ca: secrets.httpAuthority, cert: own.certificate, key: own.key },
    log,
  });
  const sender = createGraphiteSender({ host: relay.host, port: relay.port });
  const meter = createMeter({
    ...spec.metrics,
    campaign: spec.campaign,
    role: "agent",
    host: joined.address,
    // Jobs of both roles share hosts: the role's letter belongs to it.
    instance: spec.jobName.split("-").at(-1) ?? spec.jobName,
    sender,
  });
  return {
    relay,
    meter,
    close: async () => {
      await meter.close();
      await sender.close(500);
      await relay.close(1_000);
    },
  };
}
