import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { findHaproxy, gatewayFiles, provisionProxy } from "../../orchestrator/gateway/provision.ts";
import type { GatewaySpec } from "../../orchestrator/gateway/state.ts";
import { createAgents } from "../../orchestrator/jobs/agents.ts";
import { loadGatewaySecrets } from "../../orchestrator/security/index.ts";
import { emptyView } from "../../orchestrator/view.ts";
import { AGENT_EXITS } from "../../worker/contract/agent-exits.ts";
import { spawnGuarded, type GuardedChild } from "../../worker/contract/guarded-child.ts";
import type { NodeSecrets, NodeSpec } from "../../worker/contract/node.ts";
import { identifyProcess, isAlive } from "../../worker/contract/process.ts";
import { processTree } from "../../worker/contract/process-tree.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import {
  freePort,
  nodeSpecFor,
  registrationOf,
  startGatewaySite,
  type AgentProcess,
  type GatewaySite,
} from "./gateway-site.ts";

const PARSER = join(import.meta.dirname, "../../worker/parser.ts");

describeWith(["redis", "haproxy"], "a node agent behind the proxy", () => {
  const dir = privateStateDir("agent");
  let site: GatewaySite;
  let proxy: GuardedChild;
  let gateway: NodeSpec["gateway"];
  let jobs = 0;

  beforeAll(async () => {
    site = await startGatewaySite(dir);
    const port = freePort;
    const spec: GatewaySpec = {
      campaign: site.campaign,
      tag: "tag",
      address: "127.0.0.1",
      outsideAddress: "127.0.0.1",
      ports: {
        redis: await port(),
        carbon: await port(),
        transport: 1,
        outsideRedis: await port(),
        outsideCarbon: await port(),
        elasticsearch: await port(),
        graphiteWeb: await port(),
        masterHttp: await port(),
      },
      site: site.services,
      // No master behind it: these tests need none.
      elasticsearch: { home: "/", javaHome: "/", heapBytes: 1, javaOptions: [], clusterName: "none", repositories: [] },
      secretsDir: site.secrets.dir,
      orphanGraceSeconds: 60,
    };
    const gatewayDir = join(dir, "gateway");
    mkdirSync(gatewayDir);
    const backends = {
      redis: { host: "127.0.0.1", port: site.redisPort },
      carbon: { host: "127.0.0.1", port: site.carbonPort },
    };
    await provisionProxy(gatewayDir, spec, backends, await loadGatewaySecrets(site.secrets.dir));
    proxy = spawnGuarded({
      command: findHaproxy(),
      args: ["-db", "-q", "-f", gatewayFiles(gatewayDir).proxyConfig],
      env: { PATH: process.env["PATH"] ?? "" },
      output: 2,
      deathSignal: "KILL",
    });
    gateway = {
      redis: { host: "127.0.0.1", port: spec.ports.redis },
      carbon: { host: "127.0.0.1", port: spec.ports.carbon },
    };
    site.live();
  });
  afterAll(async () => {
    await site.stop();
    await proxy.stop(2000);
  });

  /** A parser's job that is leased `127.0.1.9`; every test has its own name. */
  async function parserSpec(more: Partial<NodeSpec> = {}): Promise<NodeSpec> {
    const jobName = `gh-agent-p${++jobs}`;
    site.lease(jobName, "parser", "127.0.1.9");
    return nodeSpecFor(site, gateway, {
      jobName,
      role: "parser",
      parser: {
        bundle: PARSER,
        slots: 1,
        unpackSlots: 1,
        requestsInFlight: 1,
        bulkBytes: 1_000_000,
        rejectsDir: join(dir, "rejects"),
        lockSeconds: 10,
      },
      ...more,
    });
  }

  async function running(spec: NodeSpec): Promise<AgentProcess> {
    const agent = site.startAgent(spec);
    await Promise.race([
      registrationOf(site, spec.jobName),
      agent.exited.then((code) => {
        throw new Error(`the agent ended with ${code}: ${agent.log()}`);
      }),
    ]);
    return agent;
  }

  it("joins, runs its parser, beats, sends metrics, and leaves nothing when it drains", async () => {
    const spec = await parserSpec();
    const agent = await running(spec);
    const registration = await registrationOf(site, spec.jobName);
    expect(registration.address).toBe("127.0.1.9");
    expect(identifyProcess(registration.pid)).toBeDefined();
    const beat = await waitFor("a heartbeat that says running", async () => {
      const text = await site.redis.get(site.keys.heartbeat(spec.jobName));
      const found = JSON.parse(text ?? "null") as { state: string; rssBytes: number } | null;
      return found?.state === "running" ? found : undefined;
    });
    expect(beat.rssBytes).toBeGreaterThan(50_000_000);
    expect(await site.redis.pttl(site.keys.heartbeat(spec.jobName))).toBeGreaterThan(0);
    await waitFor("its metrics", () =>
      site.carbonText().includes(`test.${site.campaign}.agent.127_0_1_9-p1.process.rss`),
    );
    await waitFor("the parser's metrics", () =>
      site.carbonText().includes(`test.${site.campaign}.parser.127_0_1_9-1.`),
    );

    const tree = processTree(agent.process.pid ?? 0);
    await site.redis.set(site.keys.drain(spec.jobName), "finished");
    expect(await agent.exited).toBe(AGENT_EXITS.drained);
    expect(tree.filter(isAlive)).toEqual([]);
    expect(await site.redis.hget(site.keys.nodes, spec.jobName)).toBeNull();
    expect(existsSync(join(spec.scratchDir, spec.jobName))).toBe(false);
    const secrets = JSON.parse(readFileSync(spec.secretsFile, "utf8")) as NodeSecrets;
    for (const secret of [secrets.redis.password, secrets.joinToken, secrets.loader?.password ?? ""]) {
      expect(agent.log()).not.toContain(secret);
    }
  });

  it("starts a killed parser again and ends with it at TERM", async () => {
    const spec = await parserSpec();
    const agent = await running(spec);
    const first = await registrationOf(site, spec.jobName);
    process.kill(first.pid, "SIGKILL");
    const second = await registrationOf(site, spec.jobName, first);
    const child = identifyProcess(second.pid);
    expect(second.instance).toBe(first.instance);
    agent.process.kill("SIGTERM");
    expect(await agent.exited).toBe(AGENT_EXITS.terminated);
    expect(child && isAlive(child)).toBe(false);
  });

  it("takes its parser with it when it is killed itself", async () => {
    const spec = await parserSpec();
    const agent = await running(spec);
    const child = identifyProcess((await registrationOf(site, spec.jobName)).pid);
    agent.process.kill("SIGKILL");
    await waitFor("the parser to end", () => child && !isAlive(child), { timeoutMs: 3000 });
  });

  it("ends itself when another agent has its job name, and leaves that one alone", async () => {
    const spec = await parserSpec();
    const first = await running(spec);
    const second = site.startAgent(spec);
    expect(await second.exited).toBe(AGENT_EXITS["second-agent"]);
    expect(existsSync(join(spec.scratchDir, spec.jobName))).toBe(true);
    expect(await site.redis.hget(site.keys.nodes, spec.jobName)).not.toBeNull();
    first.process.kill("SIGTERM");
    await first.exited;
  });

  it("has the name of an earlier life of its job, once that is given up", async () => {
    const spec = await parserSpec();
    const first = await running(spec);
    const before = await registrationOf(site, spec.jobName);
    first.process.kill("SIGKILL");
    await first.exited;
    const second = site.startAgent(spec);
    await waitFor("the second agent to find the name taken", () => second.log().includes("holds the job name"));
    const agents = createAgents({ redis: site.redis, keys: site.keys, view: emptyView() });
    // Of a life that is not the one that has the name.
    await agents.forgetLife(spec.jobName, "another");
    expect(await site.redis.get(site.keys.claim(spec.jobName))).toBe(before.instance);
    await agents.forgetLife(spec.jobName, before.instance);
    const after = await registrationOf(site, spec.jobName, before);
    expect(after.instance).not.toBe(before.instance);
    // The same once more, by somebody who comes late, does no harm.
    await agents.forgetLife(spec.jobName, before.instance);
    expect(await site.redis.get(site.keys.claim(spec.jobName))).toBe(after.instance);
    expect(await site.redis.hget(site.keys.nodes, spec.jobName)).not.toBeNull();
    second.process.kill("SIGTERM");
    expect(await second.exited).toBe(AGENT_EXITS.terminated);
  });

  it("ends itself when its name was given to another agent while nobody heard it", async () => {
    const spec = await parserSpec();
    const agent = await running(spec);
    await site.redis.set(site.keys.claim(spec.jobName), "another");
    expect(await agent.exited).toBe(AGENT_EXITS["second-agent"]);
  });

  it("is refused as an unknown job", async () => {
    const spec = await nodeSpecFor(site, gateway, { jobName: "gh-agent-p99", role: "parser" });
    expect(await site.startAgent(spec).exited).toBe(AGENT_EXITS.refused);
  });

  it("is refused with a token that is not its own", async () => {
    const spec = await parserSpec();
    const secrets = JSON.parse(readFileSync(spec.secretsFile, "utf8")) as NodeSecrets;
    const forged = join(dir, "forged.json");
    writeFileSync(forged, JSON.stringify({ ...secrets, joinToken: "0".repeat(64) }), { mode: 0o600 });
    const agent = site.startAgent({ ...spec, secretsFile: forged });
    expect(await agent.exited).toBe(AGENT_EXITS.refused);
    expect(agent.log()).toContain("not signed with the job's own token");
  });

  it("ends itself when the leased address is not this machine's", async () => {
    const spec = await parserSpec();
    site.lease(spec.jobName, "parser", "192.0.2.7");
    expect(await site.startAgent(spec).exited).toBe(AGENT_EXITS["foreign-address"]);
  });

  it("ends before its walltime", async () => {
    const spec = await parserSpec({ walltimeSeconds: 10 });
    expect(await site.startAgent(spec).exited).toBe(AGENT_EXITS.walltime);
  });

  it("says what is wrong with its start", async () => {
    const spec = await parserSpec();
    const agent = site.startAgent({ ...spec, secretsFile: join(dir, "nowhere.json") });
    expect(await agent.exited).toBe(AGENT_EXITS["bad-start"]);
    expect(agent.log()).toContain("nowhere.json");
  });

  it("can be ended while it starts a broken parser again and again", async () => {
    const broken = join(dir, "broken.mjs");
    writeFileSync(broken, "process.exit(9)");
    const spec = await parserSpec();
    const agent = site.startAgent({
      ...spec,
      parser: { ...spec.parser, bundle: broken } as NonNullable<NodeSpec["parser"]>,
    });
    await waitFor("the third restart", () => agent.log().includes("restart 3 of"));
    agent.process.kill("SIGTERM");
    expect(await agent.exited).toBe(AGENT_EXITS.terminated);
  });

  it("ends itself without a sign of life, whether it has joined or never reached Redis", async () => {
    const spec = await parserSpec({ orphanGraceSeconds: 3 });
    const lonely = await parserSpec({ orphanGraceSeconds: 2 });
    const nowhere = site.startAgent({
      ...lonely,
      gateway: { ...gateway, redis: { host: "127.0.0.1", port: await freePort() } },
    });
    expect(await nowhere.exited).toBe(AGENT_EXITS.orphaned);
    const agent = await running(spec);
    const tree = processTree(agent.process.pid ?? 0);
    await site.die();
    expect(await agent.exited).toBe(AGENT_EXITS.orphaned);
    expect(tree.filter(isAlive)).toEqual([]);
  });
});
