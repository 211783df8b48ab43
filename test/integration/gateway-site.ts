import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { Redis } from "ioredis";
import type { GatewaySite as SiteServices } from "../../orchestrator/gateway/index.ts";
import { makeRedisUsers } from "../../orchestrator/redis-users.ts";
import {
  certify,
  createCampaignSecrets,
  loadGatewaySecrets,
  verifyJoin,
  writeJobSecrets,
  type CampaignSecrets,
} from "../../orchestrator/security/index.ts";
import { campaignKeys, type CampaignKeys, type NodeRole } from "../../worker/contract/keys.ts";
import { joinRequestSchema, type IssuedCertificates, type NodeSpec } from "../../worker/contract/node.ts";
import { identifyProcess, terminateProcess } from "../../worker/contract/process.ts";
import { waitFor } from "../support/index.ts";
import { DEFAULT_RULES } from "../support/rules.ts";

/**
 * A site for tests of gateway and agents: a real Redis with the ACL users of a campaign, a listener in carbon's place, the
 * campaign's secrets, and an authority that certifies agents as an orchestrator does.
 */
export interface GatewaySite {
  readonly dir: string;
  readonly campaign: string;
  readonly keys: CampaignKeys;
  readonly secrets: CampaignSecrets;
  /** As the site's administrator. */
  readonly redis: Redis;
  readonly redisPort: number;
  readonly carbonPort: number;
  /** The same as a gateway's supervisor is told. */
  readonly services: SiteServices;
  /** What came to carbon so far. */
  carbonText(): string;
  /** Shows a sign of life until told to stop. */
  live(): void;
  die(): Promise<void>;
  /** Certifies the jobs of this list as they ask; others are refused. */
  lease(jobName: string, role: NodeRole, address: string): void;
  /** Writes a job's files and starts its agent from the sources, after the words of the prefix. */
  startAgent(spec: NodeSpec, prefix?: readonly string[]): AgentProcess;
  stop(): Promise<void>;
}

export interface AgentProcess {
  readonly process: ChildProcess;
  readonly exited: Promise<number | null>;
  log(): string;
}

const AGENT = join(import.meta.dirname, "../../worker/agent/main.ts");

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function startGatewaySite(dir: string): Promise<GatewaySite> {
  const campaign = `t-${randomBytes(3).toString("hex")}`;
  const keys = campaignKeys(campaign);
  const redisPort = await freePort();
  const password = randomBytes(12).toString("hex");
  const server = spawn(
    "redis-server",
    ["--port", String(redisPort), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--requirepass", password],
    { cwd: dir, stdio: "ignore" },
  );
  const redis = new Redis({ port: redisPort, host: "127.0.0.1", password, maxRetriesPerRequest: null });
  redis.on("error", () => undefined);
  await redis.ping();
  await redis.set(keys.rules, JSON.stringify(DEFAULT_RULES));

  let text = "";
  const connections = new Set<Socket>();
  const carbon: Server = createServer((socket) => {
    connections.add(socket);
    socket.on("data", (data) => (text += data.toString("latin1")));
    socket.on("error", () => undefined);
    socket.on("close", () => connections.delete(socket));
  });
  await new Promise<void>((resolve) => carbon.listen(0, "127.0.0.1", resolve));

  const secrets = await createCampaignSecrets(join(dir, "secrets"), {
    campaign,
    gatewayAddresses: ["127.0.0.1", "127.0.2.1"],
    indices: ["logs-*"],
  });
  await makeRedisUsers(redis, campaign, (await loadGatewaySecrets(secrets.dir)).redisPasswordHashes);
  const carbonPort = (carbon.address() as AddressInfo).port;
  const passwordFile = join(dir, "redis.password");
  writeFileSync(passwordFile, password, { mode: 0o600 });

  const leases = new Map<string, { role: NodeRole; address: string }>();
  const authority = certifyJoins(redis.duplicate(), keys, secrets, leases);
  let alive: NodeJS.Timeout | undefined;
  const agents = new Set<ChildProcess>();

  return {
    dir,
    campaign,
    keys,
    secrets,
    redis,
    redisPort,
    carbonPort,
    services: {
      stateDir: dir,
      services: {
        redis: { url: `redis://127.0.0.1:${String(redisPort)}`, passwordFile },
        graphite: { carbon: `127.0.0.1:${String(carbonPort)}` },
        runAsUid: 20120,
      },
      metrics: { prefix: "test", interval: 1 },
    },
    carbonText: () => text,
    live() {
      const beat = (): void => void redis.set(keys.alive, "1", "PX", 3000);
      beat();
      clearInterval(alive);
      alive = setInterval(beat, 1000);
    },
    async die() {
      clearInterval(alive);
      await redis.del(keys.alive);
    },
    lease: (jobName, role, address) => leases.set(jobName, { role, address }),
    startAgent(spec, prefix = []) {
      mkdirSync(spec.jobDir, { recursive: true });
      const file = join(spec.jobDir, "node.json");
      writeFileSync(file, JSON.stringify(spec));
      const [command = "", ...words] = [...prefix, process.execPath, AGENT, file];
      const child = spawn(command, words, {
        cwd: spec.jobDir,
        env: { ...process.env, PBS_JOBID: `${spec.jobName}.test` },
        stdio: ["ignore", "ignore", "pipe"],
      });
      agents.add(child);
      let log = "";
      child.stderr.on("data", (data: Buffer) => (log += data.toString()));
      const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
      void exited.then(() => agents.delete(child));
      return { process: child, exited, log: () => log };
    },
    async stop() {
      clearInterval(alive);
      for (const agent of agents) {
        const identity = identifyProcess(agent.pid ?? 0);
        if (identity) await terminateProcess(identity, 20_000);
      }
      await authority.stop();
      redis.disconnect();
      for (const socket of connections) socket.destroy();
      await new Promise((resolve) => carbon.close(resolve));
      const identity = identifyProcess(server.pid ?? 0);
      if (identity) await terminateProcess(identity, 5_000);
    },
  };
}

/** Answers the stream of join requests as the orchestrator does, for the leases that it is told of. */
function certifyJoins(
  redis: Redis,
  keys: CampaignKeys,
  secrets: CampaignSecrets,
  leases: ReadonlyMap<string, { readonly role: NodeRole; readonly address: string }>,
): { stop(): Promise<void> } {
  let stopped = false;
  redis.on("error", () => undefined);
  const run = async (): Promise<void> => {
    let from = "-";
    while (!stopped) {
      for (const [id, fields] of await redis.xrange(keys.join, from, "+")) {
        from = `(${id}`;
        const request = joinRequestSchema.parse(JSON.parse(fields[1] ?? ""));
        const { jobName, instance, csr } = request;
        const lease = leases.get(jobName);
        const good = lease !== undefined && (await verifyJoin(secrets, request));
        const answer: IssuedCertificates = good
          ? {
              kind: "issued",
              instance,
              address: lease.address,
              ...(await certify(secrets, { role: lease.role, address: lease.address, jobName, csr })),
            }
          : {
              kind: "refused",
              instance,
              reason: lease ? "the request was not signed with the job's own token" : "no such job",
            };
        await redis.set(keys.certificates(jobName), JSON.stringify(answer));
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const running = run().catch(() => undefined);
  return {
    async stop() {
      stopped = true;
      redis.disconnect();
      await running;
    },
  };
}

/** `node.json` of a job at a gateway; its secrets file is written. */
export async function nodeSpecFor(
  site: GatewaySite,
  gateway: NodeSpec["gateway"],
  job: { readonly jobName: string; readonly role: NodeRole } & Partial<NodeSpec>,
): Promise<NodeSpec> {
  const { jobName, role, ...more } = job;
  const secretsFile = await writeJobSecrets(site.secrets, { jobName, role });
  const asRoot = process.getuid?.() === 0;
  return {
    campaign: site.campaign,
    jobName,
    role,
    jobDir: join(site.dir, "jobs", jobName),
    secretsFile,
    scratchDir: join(site.dir, "scratch"),
    gateway,
    orphanGraceSeconds: 120,
    heartbeatSeconds: 1,
    walltimeSeconds: 3600,
    ...(asRoot ? { runAs: { uid: 20119, gid: 20119 } } : {}),
    metrics: { prefix: "test", intervalSeconds: 1 },
    ...more,
  };
}

/** Waits for the registration of a job that differs from the one known. */
export async function registrationOf(
  site: GatewaySite,
  jobName: string,
  before?: { readonly pid: number },
): Promise<{ readonly pid: number; readonly httpUrl?: string; readonly address: string; readonly instance: string }> {
  return waitFor(
    `the registration of ${jobName}`,
    async () => {
      const text = await site.redis.hget(site.keys.nodes, jobName);
      if (text === null) return undefined;
      const found = JSON.parse(text) as { pid: number; httpUrl?: string; address: string; instance: string };
      return found.pid === before?.pid ? undefined : found;
    },
    { timeoutMs: 120_000 },
  );
}
