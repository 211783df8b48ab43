import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { freePort } from "./free-port.ts";
import { waitFor } from "./wait-for.ts";

/** A real Redis of a test's own, without a password, that can be killed and started again with its data. */
export interface TestRedis {
  readonly port: number;
  /** A connection for the test itself, which BullMQ can use too. */
  readonly client: Redis;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it in a folder below `dir`, with more lines of redis.conf if need be. The caller stops it. */
export async function startRedis(dir: string, settings: Readonly<Record<string, string>> = {}): Promise<TestRedis> {
  const port = await freePort();
  const data = join(dir, "redis");
  mkdirSync(data, { recursive: true });
  let child: ChildProcess | undefined;
  const client = new Redis({ host: "127.0.0.1", port, maxRetriesPerRequest: null, lazyConnect: true });
  client.on("error", () => undefined);

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    child = undefined;
    if (!ending || ending.exitCode !== null) return;
    const exited = new Promise((resolve) => ending.once("exit", resolve));
    ending.kill(signal);
    await exited;
  };
  const start = async (): Promise<void> => {
    const options = {
      port,
      bind: "127.0.0.1",
      dir: data,
      appendonly: "yes",
      appendfsync: "always",
      save: "",
      ...settings,
    };
    const argv = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    child = spawn("redis-server", argv, { stdio: "ignore" });
    await waitFor("Redis to answer", async () => {
      const probe = new Redis({ host: "127.0.0.1", port, lazyConnect: true, retryStrategy: () => null });
      probe.on("error", () => undefined);
      try {
        await probe.connect();
        return (await probe.ping()) === "PONG";
      } finally {
        probe.disconnect();
      }
    });
  };
  await start();
  await client.connect();
  return {
    port,
    client,
    start,
    kill: () => end("SIGKILL"),
    async stop() {
      client.disconnect();
      await end("SIGTERM");
    },
  };
}
