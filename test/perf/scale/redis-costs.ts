import type { Redis } from "ioredis";
import { Worker, type Processor } from "bullmq";
import { createSpool } from "../../../orchestrator/spool.ts";
import type { Chunk } from "../../../worker/contract/chunk.ts";
import { campaignKeys, PARSE_QUEUE } from "../../../worker/contract/keys.ts";
import type { LedgerRow } from "../../../worker/contract/ledger.ts";
import { workerOptions } from "../../../worker/spool.ts";
import type { Row } from "../benchmark.ts";
import { textTable } from "../table.ts";

/** What one thing costs the only thread of a real Redis that syncs each write. */
export interface RedisRow extends Row {
  /** CPU of that thread, and time as a client with many connections sees it go by. */
  readonly cpuMicros: number;
  readonly wallMicros: number;
  /** Bytes of one answer, where they count. */
  readonly bytes?: number;
}

const CAMPAIGN = "costs";
const COMMANDS = 20_000;
const CHUNKS = 4_000;
/** Connections, each with a command under way: nodes do not share one. */
const CONNECTIONS = 100;

/** @param redis a connection that has everything to itself; its data is thrown away */
export async function redisCosts(redis: Redis): Promise<readonly RedisRow[]> {
  const keys = campaignKeys(CAMPAIGN);
  const name = (n: number): string => `gh-abcde-p${String(n % 1000)}`;
  const beat = JSON.stringify({
    jobName: name(1),
    instance: "0123456789abcdef0123456789abcdef",
    state: "running",
    at: 1_700_000_000_000,
    rssBytes: 724_451_328,
    cpuSeconds: 123.45,
  });
  const registration = JSON.stringify({
    jobName: name(1),
    role: "es-data",
    instance: "0123456789abcdef0123456789abcdef",
    address: "10.20.30.40",
    pid: 12_345,
    startedAt: 1_700_000_000_000,
    httpUrl: "https://10.20.30.40:9200",
  });
  for (let n = 0; n < 1000; n++) await redis.hset(keys.nodes, name(n), registration);
  await redis.set(keys.alive, "1");

  const connections = Array.from({ length: CONNECTIONS }, () => redis.duplicate({ lazyConnect: false }));
  await Promise.all(connections.map((connection) => connection.ping()));
  const many = (
    what: string,
    times: number,
    command: (connection: Redis, n: number) => Promise<unknown>,
  ): Promise<RedisRow> =>
    measured(redis, what, times, async () => {
      await Promise.all(
        connections.map(async (connection, i) => {
          for (let n = i; n < times; n += CONNECTIONS) await command(connection, n);
        }),
      );
    });
  const all = await redis.hgetall(keys.nodes);
  const answer = Object.entries(all).reduce((sum, [field, text]) => sum + field.length + text.length + 10, 0);
  const rows = [
    await many("heartbeat", COMMANDS, (connection, n) => connection.set(keys.heartbeat(name(n)), beat, "PX", 9000)),
    await many("look at four keys", COMMANDS, (connection, n) =>
      connection.mget(keys.alive, keys.drain(name(n)), keys.loaderCredential, keys.claim(name(n))),
    ),
    {
      ...(await many("the list of 1,000 nodes", 2000, (connection) => connection.hgetall(keys.nodes))),
      bytes: answer,
    },
    await chunkCost(redis),
  ];
  for (const connection of connections) connection.disconnect();
  await redis.flushall();
  return rows;
}

/** The figures for people. */
export function redisText(rows: readonly RedisRow[]): string {
  return textTable<RedisRow>(
    [
      { title: "", text: (row) => row.name },
      { title: "CPU µs", right: true, text: (row) => row.cpuMicros.toFixed(1) },
      { title: "passing µs", right: true, text: (row) => row.wallMicros.toFixed(0) },
      { title: "bytes", right: true, text: (row) => (row.bytes === undefined ? "" : String(row.bytes)) },
    ],
    rows,
  );
}

/** From being taken to being committed with a row of the ledger, by eight workers. */
async function chunkCost(redis: Redis): Promise<RedisRow> {
  const keys = campaignKeys(CAMPAIGN);
  const spool = createSpool(redis, keys);
  await spool.close();
  await spool.addChunks(Array.from({ length: CHUNKS }, (_, n) => chunk(n)));
  const doChunk: Processor<Chunk, LedgerRow> = async (job) => row(job.data.id);
  let done = 0;
  const workers: Worker<Chunk, LedgerRow>[] = [];
  try {
    return await measured(redis, "a chunk", CHUNKS, async () => {
      const over = new Promise<void>((resolve, reject) => {
        for (let i = 0; i < 8; i++) {
          const worker = new Worker(PARSE_QUEUE, doChunk, {
            connection: redis,
            prefix: keys.queuePrefix,
            ...workerOptions(30),
            concurrency: 1,
          });
          worker.on("error", reject);
          worker.on("completed", () => {
            if (++done === CHUNKS) resolve();
          });
          workers.push(worker);
        }
      });
      await spool.open();
      await over;
    });
  } finally {
    await Promise.all(workers.map((worker) => worker.close(true)));
    await spool.disconnect();
  }
}

/** A chunk as a plan makes it. */
export function chunk(n: number): Chunk {
  const fileId = n.toString(32).padStart(12, "0");
  return {
    id: `${fileId}-0`,
    origin: {
      fileId,
      path: `2013/01/10.16.${String(n >> 8)}.${String(n & 255)}/syslog`,
      month: "2013-01",
      firstDay: "2013-01-01",
      timeZone: "Europe/Prague",
      service: "syslog",
      collector: "10.16.0.4",
      index: { pattern: "logs-{day}-m{month}-r{revision}", revision: 1 },
      dropPrograms: [],
    },
    range: { start: 0, end: 8_388_608 },
    format: "syslog",
    source: { kind: "plain", file: `/archive/hosts/2013/01/10.16.0.4/syslog`, size: 8_388_608, mtimeMs: 1.7e12 },
    pipeline: "0123456789abcdef",
  };
}

/** A row of the ledger as a parser commits it. */
export function row(id: string): LedgerRow {
  const days = Array.from({ length: 10 }, (_, day) => [`logs-2013.01.${String(day + 10)}-m2013.01-r1`, 6000] as const);
  const programs = ["sshd", "CRON", "kernel", "pbs_mom", "sudo", "su"].map(
    (program) => [program, [9000, 100, 20]] as const,
  );
  return {
    chunk: id,
    fileId: id.slice(0, 12),
    attempt: 1,
    worker: "gh-abcde-p12",
    counts: { read: 64_000, written: 64_000, duplicate: 0, dropped: 0, rejected: 0, unparsed: 12, bytes: 8_388_608 },
    perIndex: Object.fromEntries(days),
    droppedBy: {},
    rejectedBy: {},
    unparsedBy: { "no-header": 12, ...Object.fromEntries(programs.map(([program]) => [program, 1])) },
    covered: [0, 8_388_608],
    millis: 1234,
    parseCpuMicros: 345_678,
  };
}

async function measured(redis: Redis, name: string, times: number, work: () => Promise<void>): Promise<RedisRow> {
  const before = await cpuSeconds(redis);
  const begin = performance.now();
  await work();
  const wall = performance.now() - begin;
  const cpu = (await cpuSeconds(redis)) - before;
  return { name: `Redis: ${name}`, cpuMicros: (cpu * 1e6) / times, wallMicros: (wall * 1000) / times };
}

async function cpuSeconds(redis: Redis): Promise<number> {
  const info = await redis.info("cpu");
  const figure = (field: string): number => Number(new RegExp(`^${field}:([\\d.]+)`, "m").exec(info)?.[1] ?? 0);
  return figure("used_cpu_sys_main_thread") + figure("used_cpu_user_main_thread");
}
