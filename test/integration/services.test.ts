import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";

import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";

import { configSchema } from "../../orchestrator/config-schema.ts";
import { createLog } from "../../orchestrator/log.ts";
import { statePaths } from "../../orchestrator/paths.ts";
import {
  ensureServices,
  keepServices,
  repairServices,
  readServices,
  redisOptions,
  servicesStatus,
  stopServices,
  type Services,
} from "../../orchestrator/services/index.ts";
import { identifyProcess, signalProcess } from "../../worker/contract/process.ts";
import { describeWith, leftoverProcesses, privateStateDir, waitFor } from "../support/index.ts";

const config = configSchema.parse({});
const log = createLog({ level: "error" });

async function withRedis<T>(services: Services, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(redisOptions(services.redis));
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

describeWith(["redis", "carbon", "graphite-web"], "the embedded services", () => {
  const stateDir = privateStateDir("services");
  const paths = statePaths(stateDir);
  let services: Services;

  async function pidOf(name: string): Promise<number> {
    const pid = (await servicesStatus(config, paths)).find((service) => service.name === name)?.pid;
    if (pid === undefined) throw new Error(`${name} does not run`);
    return pid;
  }

  async function kill(name: string): Promise<void> {
    const identity = identifyProcess(await pidOf(name));
    if (!identity) throw new Error(`${name} does not run`);
    signalProcess(identity, "SIGKILL");
    await waitFor(`${name} to die`, () => identifyProcess(identity.pid) === undefined);
  }

  beforeAll(async () => {
    services = await ensureServices(config, paths, log);
  });
  afterAll(async () => {
    await stopServices(paths, log);
  });

  it("listen at the loopback address only", async () => {
    const status = await servicesStatus(config, paths);
    expect(status.map((service) => [service.kind, service.state])).toEqual(Array(3).fill(["embedded", "up"]));
    const ports = [services.redis.port, services.carbon.port, Number(new URL(services.graphiteWeb?.url ?? "").port)];
    const listening = readFileSync("/proc/net/tcp", "latin1") + readFileSync("/proc/net/tcp6", "latin1");
    for (const port of ports) {
      const hex = port.toString(16).toUpperCase().padStart(4, "0");
      // State 0A is LISTEN. @source proc(5)
      const addresses = [...listening.matchAll(new RegExp(` ([0-9A-F]+):${hex} [0-9A-F:]+ 0A `, "g"))].map((m) => m[1]);
      expect(addresses).toEqual(["0100007F"]);
    }
  });

  it("keep Redis's password in a file of its owner, and let nobody in without it", async () => {
    const file = join(paths.services, "redis-admin.json");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    for (const dir of ["redis", "carbon", "graphite-web"]) {
      expect(statSync(join(paths.services, dir)).mode & 0o777, dir).toBe(0o700);
    }
    expect(readFileSync(join(paths.services, "services.json"), "utf8")).not.toContain(services.redis.password);
    const { host, port } = services.redis;
    const stranger = new Redis({ host, port, enableReadyCheck: false, lazyConnect: true, retryStrategy: () => null });
    stranger.on("error", () => {});
    await expect(stranger.connect().then(() => stranger.get("key"))).rejects.toThrow("NOAUTH");
    stranger.disconnect();
  });

  it("set Redis up so that what is acknowledged stays", async () => {
    const settings = await withRedis(services, async (redis) => {
      const found: Record<string, string> = {};
      for (const name of ["appendonly", "appendfsync", "maxmemory-policy", "enable-debug-command"]) {
        found[name] = ((await redis.config("GET", name)) as string[])[1] ?? "";
      }
      return found;
    });
    expect(settings).toEqual({
      appendonly: "yes",
      appendfsync: "always",
      "maxmemory-policy": "noeviction",
      "enable-debug-command": "no",
    });
  });

  it("up again changes nothing, also many at once", async () => {
    const before = await servicesStatus(config, paths);
    const again = await Promise.all([1, 2, 3].map(() => ensureServices(config, paths, log)));
    expect(again).toEqual([services, services, services]);
    expect(await servicesStatus(config, paths)).toEqual(before);
    expect(await readServices(config, paths)).toEqual(services);
  });

  it("a killed Redis comes back at its port with its data and its users", async () => {
    await withRedis(services, async (redis) => {
      await redis.set("kept", "yes");
      await redis.call("ACL", "SETUSER", "role", "on", ">role-password", "~*", "+get", "+info");
      await redis.call("ACL", "SAVE");
    });
    await kill("redis");
    await expect(readServices(config, paths)).rejects.toMatchObject({ code: "SERVICES_DOWN" });
    expect(await ensureServices(config, paths, log)).toEqual(services);
    const role = { ...services.redis, username: "role", password: "role-password" };
    expect(await withRedis({ ...services, redis: role }, (redis) => redis.get("kept"))).toBe("yes");
  });

  it("a client that waits goes on when Redis is back", async () => {
    await withRedis(services, async (redis) => {
      redis.on("error", () => {});
      await redis.ping();
      await kill("redis");
      const answer = redis.set("waited", "yes");
      await ensureServices(config, paths, log);
      expect(await answer).toBe("OK");
    });
  });

  it("what dies beside a running campaign is started again, what was ended is not", async () => {
    const stop = new AbortController();
    const keeping = keepServices(config, paths, log, stop.signal, { everyMs: 50 });
    try {
      const old = await pidOf("redis");
      await kill("redis");
      await withRedis(services, async (redis) => {
        redis.on("error", () => {});
        expect(await redis.ping()).toBe("PONG");
      });
      expect(await waitFor("the record", () => pidOf("redis"))).not.toBe(old);

      await stopServices(paths, log);
      // What each round of keeping does.
      await repairServices(config, paths, log, stop.signal);
      expect((await servicesStatus(config, paths)).map((service) => service.state)).toEqual(["down", "down", "down"]);
    } finally {
      stop.abort();
      await keeping;
    }
    services = await ensureServices(config, paths, log);
  });

  it("a killed master of graphite-web leaves no worker beside the new one", async () => {
    const before = services.graphiteWeb?.url;
    await kill("graphiteWeb");
    services = await ensureServices(config, paths, log);
    expect(services.graphiteWeb?.url).toBe(before);
    const masters = leftoverProcesses(join(paths.services, "graphite-web")).filter((p) =>
      p.command.includes("gunicorn"),
    );
    // A master and its two workers.
    expect(masters.length).toBe(3);
    const response = await fetch(`${before ?? ""}/dashboard/find/?query=`);
    expect(await response.text()).toContain("gridharvest-campaign");
  });

  it("a lost record costs nothing: what runs is ended before its directory is used again", async () => {
    await withRedis(services, (redis) => redis.set("before-loss", "yes"));
    const old = await pidOf("redis");
    writeFileSync(join(paths.services, "services.json"), "{ broken");
    await expect(readServices(config, paths)).rejects.toMatchObject({ code: "SERVICES_RECORD_BROKEN" });
    services = await ensureServices(config, paths, log);
    expect(identifyProcess(old)).toBeUndefined();
    expect(await withRedis(services, (redis) => redis.get("before-loss"))).toBe("yes");
  });

  it("takes another port when its own is taken, and says nothing wrong", async () => {
    const { port } = services.redis;
    await stopServices(paths, log);
    const thief = createServer().listen(port, "127.0.0.1");
    await once(thief, "listening");
    try {
      services = await ensureServices(config, paths, createLog({ level: "error" }));
      expect(services.redis.port).not.toBe(port);
      expect(await withRedis(services, (redis) => redis.get("kept"))).toBe("yes");
    } finally {
      thief.close();
    }
  });

  it("down ends every process, keeps the ports for the next time, and may be said twice", async () => {
    expect(await stopServices(paths, log)).toEqual(["redis", "carbon", "graphiteWeb"]);
    expect(leftoverProcesses(paths.services)).toEqual([]);
    expect(await stopServices(paths, log)).toEqual([]);
    await expect(readServices(config, paths)).rejects.toThrow("gridharvest services up");
    expect((await servicesStatus(config, paths)).map((service) => service.state)).toEqual(["down", "down", "down"]);
    expect(await ensureServices(config, paths, log)).toEqual(services);
  });
});

describeWith(["redis"], "the operator's Redis", () => {
  const dir = privateStateDir("redis");
  const paths = statePaths(join(dir, "state"));
  const children: ChildProcess[] = [];

  afterAll(async () => {
    await Promise.all(
      children.map(async (child) => {
        if (child.exitCode !== null) return;
        child.kill("SIGKILL");
        await once(child, "exit");
      }),
    );
  });

  /** A Redis of somebody else's, configured as told. */
  async function operatorRedis(...settings: readonly string[]): Promise<string> {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as { port: number };
    probe.close();
    await once(probe, "close");
    const common = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", dir];
    const child = spawn("redis-server", [...common, "--appenddirname", `aof-${String(port)}`, ...settings], {
      stdio: "ignore",
    });
    children.push(child);
    const url = `redis://127.0.0.1:${String(port)}`;
    await waitFor("the operator's Redis", async () => {
      const socket = connect({ host: "127.0.0.1", port });
      try {
        await once(socket, "connect");
        return true;
      } finally {
        socket.destroy();
      }
    });
    return url;
  }

  /** Only Redis: the Graphite of these tests is the operator's, too, and away. */
  function withUrl(url: string, passwordFile?: string) {
    const redis = passwordFile === undefined ? { url } : { url, passwordFile };
    return configSchema.parse({ services: { redis, graphite: { carbon: "127.0.0.1:1" } } });
  }

  it("is used when it is durable and never evicts; nothing of ours is started", async () => {
    const url = await operatorRedis("--appendonly", "yes", "--requirepass", "operator-secret");
    const passwordFile = join(dir, "password");
    writeFileSync(passwordFile, "default:operator-secret\n", { mode: 0o600 });
    const services = await ensureServices(withUrl(url, passwordFile), paths, log);
    expect(services.embedded).toEqual({ redis: false, carbon: false, graphiteWeb: false });
    expect(await withRedis(services, (redis) => redis.ping())).toBe("PONG");
    expect(existsSync(paths.services)).toBe(false);
    await expect(ensureServices(withUrl(url), paths, log)).rejects.toMatchObject({ code: "REDIS_DENIED" });
  });

  it("is used when it keeps its users in no file, with a warning", async () => {
    const aclFile = join(dir, "users.acl");
    writeFileSync(aclFile, "user default on nopass ~* &* +@all\n");
    const warned: string[] = [];
    const listening = { ...log, warn: (text: string) => warned.push(text) };
    for (const settings of [[], ["--aclfile", aclFile]]) {
      await ensureServices(withUrl(await operatorRedis("--appendonly", "yes", ...settings)), paths, listening);
    }
    expect(warned.filter((text) => text.includes("aclfile"))).toHaveLength(1);
  });

  it.each([
    ["REDIS_NOT_DURABLE", ["--appendonly", "no"], "appendonly yes"],
    ["REDIS_EVICTS", ["--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"], "maxmemory-policy noeviction"],
  ])("is refused with a remedy: %s", async (code, settings, remedy) => {
    const config = withUrl(await operatorRedis(...settings));
    const refusal = ensureServices(config, paths, log);
    await expect(refusal).rejects.toMatchObject({ code });
    await expect(refusal).rejects.toThrow(remedy);
  });

  it("that is not there is named", async () => {
    await expect(ensureServices(withUrl("redis://127.0.0.1:1"), paths, log)).rejects.toMatchObject({
      code: "REDIS_UNREACHABLE",
      message: expect.stringContaining("127.0.0.1:1") as string,
    });
  });
});
