import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { connect, type PeerCertificate } from "node:tls";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Client, errors } from "@elastic/elasticsearch";
import { visitorOf } from "../../orchestrator/campaign-gateway.ts";
import { redisPasswordHash, redisUserName } from "../../orchestrator/redis-users.ts";
import {
  gatewayReportSchema,
  readGateway,
  readGatewaySpec,
  REPORTED_MASTER,
  startGateway,
  stopGateway,
  untilMasterAnswers,
  type GatewayOptions,
  type GatewayReport,
  type GatewayState,
} from "../../orchestrator/gateway/index.ts";
import { findHaproxy, renderProxyConfig } from "../../orchestrator/gateway/provision.ts";
import { readProcesses } from "../../orchestrator/gateway/state.ts";
import { createLog } from "../../orchestrator/log.ts";
import {
  loaderConnection,
  operatorConnection,
  orchestratorConnection,
  type Identity,
} from "../../orchestrator/security/index.ts";
import { AGENT_EXITS } from "../../worker/contract/agent-exits.ts";
import { REDIS_ROLES, type RedisRole } from "../../worker/contract/keys.ts";
import type { NodeSpec } from "../../worker/contract/node.ts";
import { isAlive, type ProcessIdentity } from "../../worker/contract/process.ts";
import { processTree } from "../../worker/contract/process-tree.ts";
import { describeWith, listenersOf, privateStateDir, QUICK_JAVA, waitFor } from "../support/index.ts";
import { nodeSpecFor, registrationOf, startGatewaySite, type AgentProcess, type GatewaySite } from "./gateway-site.ts";

const log = createLog({ level: "error" });
const asRoot = process.getuid?.() === 0;
const runAs = { uid: 20119, gid: 20119 };

/**
 * One gateway through its whole life, in the order of a campaign: an Elasticsearch start costs 10 to 20 seconds, so the tests of this
 * file build on each other.
 */
describeWith(["redis", "haproxy", "elasticsearch"], "a gateway with a data node", () => {
  const dir = privateStateDir("gateway");
  const gatewayDir = join(dir, "gateway");
  const repository = join(dir, "snapshots");
  let site: GatewaySite;
  let options: GatewayOptions;
  let gateway: GatewayState;
  let admin: Client;
  let spec: NodeSpec;
  let agent: AgentProcess;
  let httpUrl: string;
  let web: Server;

  const home = process.env["ES_HOME"] ?? "";
  const javaHome = process.env["ES_JAVA_HOME"] ?? "";
  const never = new AbortController().signal;
  /** The status that a node answers a request of the credential with. */
  const statusOf = async (
    connection: ReturnType<typeof loaderConnection>,
    call: (client: Client) => Promise<unknown>,
  ) => {
    const client = new Client({ ...connection, maxRetries: 0, requestTimeout: 10_000 });
    try {
      await call(client);
      return 200;
    } catch (error) {
      if (error instanceof errors.ResponseError) return error.statusCode;
      throw error;
    } finally {
      await client.close();
    }
  };

  /** Starts the gateway and waits for its master, as an orchestrator does. */
  const start = async (wanted: GatewayOptions): Promise<GatewayState> => {
    const started = await startGateway(wanted, log, never);
    const find = () => readGateway(gatewayDir);
    await untilMasterAnswers(gatewayDir, started, visitorOf(site.secrets), find, never);
    return started;
  };
  const supervisor = async (): Promise<ProcessIdentity> => {
    const found = (await readProcesses(gatewayDir))?.supervisor;
    if (!found) throw new Error("the gateway has no supervisor");
    return found;
  };
  const report = async (): Promise<GatewayReport> =>
    gatewayReportSchema.parse(JSON.parse((await site.redis.get(site.keys.gatewayReport)) ?? ""));

  beforeAll(async () => {
    site = await startGatewaySite(dir);
    // As if Redis had been restarted without an ACL file: the supervisor makes the users.
    for (const role of REDIS_ROLES) await site.redis.call("ACL", "DELUSER", redisUserName(site.campaign, role));
    site.live();
    // In graphite-web's place.
    web = createServer((request, response) => response.end(`${request.method ?? ""} ${request.headers.host ?? ""}`));
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    const webPort = (web.address() as AddressInfo).port;
    options = {
      dir: gatewayDir,
      campaign: site.campaign,
      tag: "tag",
      address: "127.0.0.1",
      outsideAddress: "127.0.2.1",
      site: {
        ...site.services,
        services: {
          ...site.services.services,
          graphite: { ...site.services.services.graphite, web: `http://127.0.0.1:${String(webPort)}` },
        },
      },
      elasticsearch: {
        home,
        javaHome,
        heapBytes: 512 * 2 ** 20,
        javaOptions: [...QUICK_JAVA],
        clusterName: "gateway-test",
        repositories: [repository],
      },
      secretsDir: site.secrets.dir,
      ...(asRoot ? { runAs } : {}),
      orphanGraceSeconds: 120,
    };
    gateway = await start(options);
    admin = new Client(orchestratorConnection(site.secrets, gateway.elasticsearchUrl));
  });
  afterAll(async () => {
    await admin.close();
    await site.stop();
    await stopGateway(gatewayDir, log);
    await new Promise((resolve) => web.close(resolve));
  }, 120_000);

  /** The status of a request through the proxy; the error's code when TLS refuses. */
  const through = (
    client: Identity | undefined,
    auth?: string,
    url = gateway.elasticsearchUrl,
  ): Promise<number | string | undefined> =>
    new Promise((resolve) => {
      const { hostname, port } = new URL(url);
      request(
        {
          hostname,
          port,
          path: "/_cluster/health",
          ca: site.secrets.authorities.http.certificate,
          ...(client ? { cert: client.certificate, key: client.key } : {}),
          ...(auth === undefined ? {} : { auth }),
          agent: false,
        },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      )
        .once("error", (error: NodeJS.ErrnoException) => resolve(error.code))
        .end();
    });

  it("answers through the proxy only with a client certificate of the right kind and a password", async () => {
    const { orchestratorClient, operatorClient, joiningClient, users } = site.secrets;
    const reader = `${users.reader.username}:${users.reader.password}`;
    expect(await through(operatorClient, reader)).toBe(200);
    expect(await through(operatorClient)).toBe(401);
    expect(await through(orchestratorClient, "gh-admin:wrong")).toBe(401);
    expect(await through(joiningClient, reader)).toBe(403);
    expect(await through(undefined, reader)).toMatch(/ERR_SSL|ECONNRESET/);
  });

  const redisAt = (endpoint: { host: string; port: number }, role: RedisRole, client: Identity | undefined): Redis =>
    new Redis({
      ...endpoint,
      username: redisUserName(site.campaign, role),
      password: site.secrets.redisPasswords[role],
      tls: {
        ca: site.secrets.authorities.http.certificate,
        ...(client ? { cert: client.certificate, key: client.key } : {}),
      },
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
    }).on("error", () => undefined);

  it("lets a joining agent reach Redis with its role's rights, and nobody without a certificate", async () => {
    const { joiningClient, operatorClient } = site.secrets;
    const agentRedis = redisAt(gateway.redis, "es-data", joiningClient);
    expect(await agentRedis.get(site.keys.alive)).toBe("1");
    await expect(agentRedis.set(site.keys.alive, "2")).rejects.toThrow(/NOPERM/);
    await expect(agentRedis.get(site.keys.gatewayReport)).rejects.toThrow(/NOPERM/);
    await expect(agentRedis.get("gh:another:control:alive")).rejects.toThrow(/NOPERM/);
    agentRedis.disconnect();
    for (const stranger of [undefined, operatorClient]) {
      const redis = redisAt(gateway.redis, "es-data", stranger);
      await expect(redis.get(site.keys.alive)).rejects.toThrow();
      redis.disconnect();
    }
  });

  it("lets the orchestrator reach its campaign's keys from outside, and nobody else anything of Redis", async () => {
    const { joiningClient, operatorClient, orchestratorClient } = site.secrets;
    const redis = redisAt(gateway.outside.redis, "orchestrator", orchestratorClient);
    expect(await redis.eval("return redis.call('SET', KEYS[1], ARGV[1])", 1, site.keys.knobs, "x")).toBe("OK");
    await redis.del(site.keys.knobs);
    for (const refused of [
      () => redis.get("gh:another:control:alive"),
      () => redis.call("ACL", "LIST"),
      () => redis.call("FLUSHALL"),
      () => redis.call("CONFIG", "GET", "*"),
    ]) {
      await expect(refused()).rejects.toThrow(/NOPERM/);
    }
    redis.disconnect();
    for (const stranger of [undefined, operatorClient, joiningClient]) {
      const other = redisAt(gateway.outside.redis, "orchestrator", stranger);
      await expect(other.get(site.keys.alive)).rejects.toThrow();
      other.disconnect();
    }
    // The orchestrator has no business on the nodes' leg.
    const inside = redisAt(gateway.redis, "orchestrator", orchestratorClient);
    await expect(inside.get(site.keys.alive)).rejects.toThrow();
    inside.disconnect();
  });

  it("shows graphite-web to the orchestrator and to operators, under the name that it knows", async () => {
    const { orchestratorClient, operatorClient, joiningClient } = site.secrets;
    const url = gateway.outside.graphiteWebUrl ?? "";
    expect(await through(orchestratorClient, undefined, url)).toBe(200);
    expect(await through(operatorClient, undefined, url)).toBe(200);
    expect(await through(joiningClient, undefined, url)).toBe(403);
    expect(await through(undefined, undefined, url)).toMatch(/ERR_SSL|ECONNRESET/);
  });

  it("has a configuration that haproxy takes too when graphite-web speaks TLS", async () => {
    const known = await readGatewaySpec(gatewayDir);
    if (!known) throw new Error("the gateway has no spec");
    const endpoint = { host: "127.0.0.1", port: 1 };
    const graphiteWeb = { url: "https://localhost/graphite" };
    const file = join(dir, "haproxy-tls.cfg");
    writeFileSync(file, renderProxyConfig(gatewayDir, known, { redis: endpoint, carbon: endpoint, graphiteWeb }));
    execFileSync(findHaproxy(), ["-c", "-q", "-f", file]);
  });

  it("listens on the two legs and on loopback, and nowhere else", async () => {
    const known = await readGatewaySpec(gatewayDir);
    if (!known) throw new Error("the gateway has no ports");
    const { address, outsideAddress, ports } = known;
    const expected = [
      ...[ports.redis, ports.carbon, ports.transport].map((port) => `${address}:${String(port)}`),
      ...[ports.outsideRedis, ports.outsideCarbon, ports.elasticsearch, ports.graphiteWeb].map(
        (port) => `${outsideAddress}:${String(port)}`,
      ),
      `127.0.0.1:${String(ports.masterHttp)}`,
    ];
    const tree = processTree((await supervisor()).pid);
    expect(listenersOf(tree.map(({ pid }) => pid)).sort()).toEqual(expected.sort());
  });

  it("makes the users of Redis again when it has lost them, from hashes", async () => {
    const name = redisUserName(site.campaign, "parser");
    await site.redis.call("ACL", "DELUSER", name);
    await waitFor("the user", async () => ((await site.redis.call("ACL", "USERS")) as string[]).includes(name));
    const client = redisAt(gateway.redis, "parser", site.secrets.joiningClient);
    expect(await client.get(site.keys.alive)).toBe("1");
    client.disconnect();
    const known = JSON.stringify(await site.redis.call("ACL", "LIST"));
    for (const password of Object.values(site.secrets.redisPasswords)) {
      expect(known).not.toContain(password);
      expect(known).toContain(redisPasswordHash(password));
    }
  });

  it("keeps carbon for joined nodes", async () => {
    const { joiningClient, authorities } = site.secrets;
    const closed = new Promise((resolve) => {
      const socket = connect({
        ...gateway.carbon,
        ca: authorities.http.certificate,
        cert: joiningClient.certificate,
        key: joiningClient.key,
      });
      socket.on("error", () => undefined);
      socket.once("close", resolve);
      socket.resume();
    });
    await closed;
  });

  it("keeps keys and configuration to the user that it runs as", () => {
    for (const part of ["proxy", "master/config", "master/config/tls"]) {
      const at = join(gatewayDir, part);
      expect(statSync(at).mode & 0o777).toBe(0o700);
      for (const entry of readdirSync(at, { withFileTypes: true })) {
        if (!entry.isFile() || entry.name === "elasticsearch.keystore") continue;
        const stat = statSync(join(at, entry.name));
        expect([entry.name, stat.mode & 0o777]).toEqual([entry.name, 0o600]);
        if (asRoot) expect([entry.name, stat.uid]).toEqual([entry.name, runAs.uid]);
      }
    }
    const state =
      readFileSync(join(gatewayDir, "gateway.json"), "utf8") + readFileSync(join(gatewayDir, "processes.json"), "utf8");
    expect(state).not.toContain(site.secrets.users.admin.password);
    expect(state).not.toContain("PRIVATE KEY");
  });

  it("is found running by another orchestrator", async () => {
    const before = await supervisor();
    const others = await Promise.all([1, 2, 3].map(() => startGateway(options, log, never)));
    for (const other of others) expect(other).toEqual(gateway);
    expect(await readGateway(gatewayDir)).toEqual(gateway);
    expect(await supervisor()).toEqual(before);
  });

  it("has a killed proxy back within two seconds", async () => {
    const before = (await readProcesses(gatewayDir))?.haproxy;
    process.kill(before?.pid ?? 0, "SIGKILL");
    const { operatorClient, users } = site.secrets;
    await waitFor("the proxy to die", () => before && !isAlive(before));
    const reader = `${users.reader.username}:${users.reader.password}`;
    await waitFor("the proxy", async () => (await through(operatorClient, reader)) === 200, { timeoutMs: 2_000 });
  });

  it("takes a data node in, whose certificate names the leased address", async () => {
    const jobName = "gh-gate-d1";
    site.lease(jobName, "es-data", "127.0.1.8");
    mkdirSync(join(dir, "scratch"));
    spec = await nodeSpecFor(
      site,
      { redis: gateway.redis, carbon: gateway.carbon },
      {
        jobName,
        role: "es-data",
        elasticsearch: {
          home,
          javaHome,
          clusterName: "gateway-test",
          seedHosts: [gateway.transport],
          heapBytes: 512 * 2 ** 20,
          javaOptions: [...QUICK_JAVA],
          repositories: [repository],
        },
      },
    );
    agent = site.startAgent(spec);
    const registration = await Promise.race([
      registrationOf(site, jobName),
      agent.exited.then((code) => {
        throw new Error(`the agent ended with ${code}: ${agent.log()}`);
      }),
    ]);
    httpUrl = registration.httpUrl ?? "";
    expect(new URL(httpUrl).hostname).toBe("127.0.1.8");
    await waitFor("two nodes", async () => (await admin.cluster.health()).number_of_nodes === 2, { timeoutMs: 60_000 });
    const { hostname, port } = new URL(httpUrl);
    const certificate = await new Promise<PeerCertificate>((resolve, reject) => {
      const socket = connect(
        { host: hostname, port: Number(port), ca: site.secrets.authorities.http.certificate },
        () => {
          resolve(socket.getPeerCertificate());
          socket.destroy();
        },
      );
      socket.once("error", reject);
    });
    expect(certificate.subjectaltname).toBe("IP Address:127.0.1.8");
    expect(certificate.subject.CN).toBe(jobName);
  });

  it.runIf(asRoot)(
    "ends a data node on a machine whose limits are too low, and says which, and what to do",
    async () => {
      // Not one of 127.0.0.0/8: there Elasticsearch only warns.
      const address = "10.213.77.1";
      execFileSync("ip", ["address", "add", `${address}/32`, "dev", "lo"]);
      try {
        const jobName = "gh-gate-d7";
        site.lease(jobName, "es-data", address);
        const { elasticsearch } = spec;
        if (!elasticsearch) throw new Error("the data node has no Elasticsearch");
        const low = await nodeSpecFor(site, spec.gateway, { jobName, role: "es-data", elasticsearch });
        const unfit = site.startAgent(low, ["prlimit", "--nofile=4096:4096", "--"]);
        expect(await unfit.exited).toBe(AGENT_EXITS["unfit-node"]);
        const last = unfit.log().trimEnd().split("\n").at(-1);
        expect(last).toContain(`Elasticsearch refuses to run on ${hostname()}: max file descriptors [4096]`);
        expect(last).toContain("at least [65535]; raise the hard limit of open files (nofile)");
        expect(existsSync(join(low.scratchDir, jobName))).toBe(false);
      } finally {
        execFileSync("ip", ["address", "del", `${address}/32`, "dev", "lo"]);
      }
    },
  );

  it("refuses a second agent of the data node's name", async () => {
    const second = site.startAgent(spec);
    expect(await second.exited).toBe(AGENT_EXITS["second-agent"]);
    expect(agent.process.exitCode).toBeNull();
  });

  it("lets the loader create documents in indices made beforehand and do nothing else", async () => {
    const index = "logs-2013.01.01-m2013.01-r1";
    await admin.indices.create({ index, settings: { number_of_replicas: 0 }, mappings: { dynamic: false } });
    const loader = loaderConnection(site.secrets, httpUrl);
    const client = new Client({ ...loader, maxRetries: 0 });
    const bulk = async (operation: object, document: object) => {
      const { items } = await client.bulk({ operations: [operation, document] });
      return Object.values(items[0] ?? {})[0]?.status;
    };
    expect(await bulk({ create: { _index: index, _id: "a" } }, { n: 1 })).toBe(201);
    expect(await bulk({ create: { _index: index } }, { n: 1 })).toBe(201);
    expect(await bulk({ create: { _index: index, _id: "a" } }, { n: 2 })).toBe(409);
    expect(await bulk({ index: { _index: index, _id: "a" } }, { n: 3 })).toBe(403);
    expect(await bulk({ update: { _index: index, _id: "a" } }, { doc: { n: 4 } })).toBe(403);
    expect(
      (await client.bulk({ operations: [{ delete: { _index: index, _id: "a" } }] })).items[0]?.delete?.status,
    ).toBe(403);
    // An index that was not made: the loader may not make it by writing.
    expect(await bulk({ create: { _index: "logs-new", _id: "a" } }, { n: 1 })).toBeGreaterThanOrEqual(400);
    expect(await bulk({ create: { _index: "other", _id: "a" } }, { n: 1 })).toBe(403);
    await client.close();
    const refused: Record<string, (client: Client) => Promise<unknown>> = {
      search: (c) => c.search({ index }),
      get: (c) => c.get({ index, id: "a" }),
      count: (c) => c.count({ index }),
      "delete index": (c) => c.indices.delete({ index }),
      "create index": (c) => c.indices.create({ index: "logs-new" }),
      "change mapping": (c) => c.indices.putMapping({ index, properties: { n: { type: "long" } } }),
      refresh: (c) => c.indices.refresh({ index }),
      health: (c) => c.cluster.health(),
    };
    for (const [what, call] of Object.entries(refused))
      expect([what, await statusOf(loader, call)]).toEqual([what, 403]);
    expect(await admin.indices.exists({ index: "logs-new" })).toBe(false);
    await admin.indices.refresh({ index });
    expect(await admin.count({ index })).toMatchObject({ count: 2 });
  });

  it("lets an operator read and nothing else", async () => {
    const reader = operatorConnection(site.secrets, gateway.elasticsearchUrl);
    expect(await statusOf(reader, (c) => c.search({ index: "logs-*" }))).toBe(200);
    expect(await statusOf(reader, (c) => c.cluster.health())).toBe(200);
    expect(await statusOf(reader, (c) => c.indices.delete({ index: "logs-2013.01.01-m2013.01-r1" }))).toBe(403);
    expect(await statusOf(reader, (c) => c.index({ index: "logs-2013.01.01-m2013.01-r1", document: {} }))).toBe(403);
  });

  it("writes a snapshot to the repository that both nodes know", async () => {
    await admin.snapshot.createRepository({
      name: "r",
      verify: true,
      repository: { type: "fs", settings: { location: repository } },
    });
    const { snapshot } = await admin.snapshot.create({
      repository: "r",
      snapshot: "s",
      indices: "logs-*",
      wait_for_completion: true,
    });
    expect(snapshot?.state).toBe("SUCCESS");
  });

  it("has a killed data node back with its documents", async () => {
    const before = await registrationOf(site, spec.jobName);
    const server = processTree(before.pid).at(-1);
    process.kill(server?.pid ?? 0, "SIGKILL");
    const after = await registrationOf(site, spec.jobName, before);
    expect(after.httpUrl).toBe(before.httpUrl);
    await waitFor("its documents", async () => (await admin.count({ index: "logs-*" })).count === 2, {
      timeoutMs: 60_000,
    });
  });

  it("revokes the loader on every node within ten seconds", async () => {
    const authenticate = (client: Client) => client.security.authenticate();
    const onNode = loaderConnection(site.secrets, httpUrl);
    // The proxy wants the orchestrator's certificate in front of the loader's password.
    const onMaster = {
      ...orchestratorConnection(site.secrets, gateway.elasticsearchUrl),
      auth: site.secrets.users.loader,
    };
    expect([await statusOf(onNode, authenticate), await statusOf(onMaster, authenticate)]).toEqual([200, 200]);
    await site.redis.set(site.keys.loaderCredential, "revoked");
    const refused = async () =>
      (await statusOf(onNode, authenticate)) === 401 && (await statusOf(onMaster, authenticate)) === 401;
    await waitFor("401 on both", refused, { timeoutMs: 10_000, everyMs: 250 });
    // Who cannot reach the nodes is told by who can.
    await waitFor("the report", async () => (await report()).loaderRefusedBy.length === 2, { timeoutMs: 10_000 });
    expect((await report()).loaderRefusedBy.sort()).toEqual([httpUrl, REPORTED_MASTER].sort());
    expect(await statusOf(operatorConnection(site.secrets, gateway.elasticsearchUrl), authenticate)).toBe(200);
  });

  it("lets a drained data node go without a trace", async () => {
    const tree = processTree(agent.process.pid ?? 0);
    await site.redis.set(site.keys.drain(spec.jobName), "teardown");
    expect(await agent.exited).toBe(AGENT_EXITS.drained);
    expect(tree.filter(isAlive)).toEqual([]);
    expect(existsSync(join(spec.scratchDir, spec.jobName))).toBe(false);
    expect(existsSync(join(spec.jobDir, "elasticsearch.log"))).toBe(true);
  });

  it("leaves no child when its supervisor is killed, and comes back on the same ports with the same cluster", async () => {
    const cluster = (await admin.cluster.stats()).cluster_uuid;
    const { pid } = await supervisor();
    const tree = processTree(pid);
    expect(tree.length).toBeGreaterThanOrEqual(4);
    process.kill(pid, "SIGKILL");
    await waitFor("its children to end", () => tree.every((one) => !isAlive(one)), { timeoutMs: 20_000 });
    expect(await readGateway(gatewayDir)).toBeUndefined();
    const again = await start({ ...options, orphanGraceSeconds: 8 });
    expect(again).toEqual(gateway);
    expect((await admin.cluster.stats()).cluster_uuid).toBe(cluster);
    // The credential that was revoked stays so on a master that starts again.
    const onMaster = {
      ...orchestratorConnection(site.secrets, gateway.elasticsearchUrl),
      auth: site.secrets.users.loader,
    };
    expect(await statusOf(onMaster, (client) => client.security.authenticate())).toBe(401);
  });

  it("ends everything when it has been left alone for its grace", async () => {
    const tree = processTree((await supervisor()).pid);
    await site.die();
    await waitFor("the gateway to end", () => tree.every((one) => !isAlive(one)), { timeoutMs: 40_000 });
    expect((await readProcesses(gatewayDir))?.ended).toContain("no sign of life");
  });

  it("can be stopped any number of times, from any state; keys and data are gone then", async () => {
    await stopGateway(gatewayDir, log);
    await stopGateway(gatewayDir, log);
    await stopGateway(join(dir, "never-started"), log);
    expect(readdirSync(gatewayDir).sort()).toEqual([
      "elasticsearch.log",
      "gateway.json",
      "haproxy.log",
      "supervisor.log",
    ]);
    expect(() => execFileSync("grep", ["-rlE", "PRIVATE KEY", gatewayDir])).toThrow();
  });
});
