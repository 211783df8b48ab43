import { UnrecoverableError, Worker, type Job } from "bullmq";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { createSpool, type Spool } from "../../orchestrator/spool.ts";
import type { Chunk } from "../../worker/contract/chunk.ts";
import { campaignKeys, PARSE_QUEUE } from "../../worker/contract/keys.ts";
import { ZERO_COUNTS, type LedgerRow } from "../../worker/contract/ledger.ts";
import type { Replay } from "../../worker/contract/replay.ts";
import { workerOptions } from "../../worker/spool.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { originOf } from "../support/parser-campaign.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

/** The spool's side of a loss, with workers that do what the test says. */
describeWith(["redis"], "a spool after a loss", () => {
  const dir = privateStateDir("spool");
  const keys = campaignKeys("loss");
  let redis: TestRedis;
  let spool: Spool;
  const workers: Worker<Chunk, LedgerRow>[] = [];
  beforeAll(async () => {
    redis = await startRedis(dir);
    spool = createSpool(redis.client, keys);
  });
  afterEach(async () => {
    for (const gate of gates.splice(0)) gate.open();
    await Promise.all(workers.splice(0).map((worker) => worker.close()));
    await redis.client.flushall();
  });
  afterAll(async () => {
    await spool.disconnect();
    await redis.stop();
  });

  const chunk = (n: number): Chunk => ({
    id: `f-${String(n)}`,
    origin: originOf("f/syslog", "logs-{day}-m{month}-r{revision}"),
    range: { start: n, end: n + 1 },
    format: "syslog",
    source: { kind: "plain", file: "f", size: 10, mtimeMs: 0 },
    pipeline: "p",
  });
  const row = (job: Job<Chunk>, worker: string): LedgerRow => ({
    chunk: job.data.id,
    fileId: "f",
    attempt: job.attemptsStarted,
    worker,
    counts: ZERO_COUNTS,
    perIndex: {},
    droppedBy: {},
    rejectedBy: {},
    unparsedBy: {},
    covered: [0, 1],
    millis: 1,
    parseCpuMicros: 1,
  });
  const rows = async (): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const { chunk: id, attempt, worker } of spool.rows()) found.push(`${id} ${String(attempt)} ${worker}`);
    return found.sort();
  };

  /** Where attempts wait until the test lets them commit. */
  interface Gate {
    readonly waiting: Set<string>;
    open(): void;
  }
  const gates: Gate[] = [];
  const start = (name: string, gated: boolean, concurrency = 2): Gate & { readonly refused: string[] } => {
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    const gate = { waiting: new Set<string>(), refused: [] as string[], open };
    const worker = new Worker<Chunk, LedgerRow>(
      PARSE_QUEUE,
      async (job) => {
        gate.waiting.add(job.data.id);
        if (gated) await opened;
        return row(job, name);
      },
      {
        connection: redis.client.duplicate(),
        prefix: keys.queuePrefix,
        concurrency,
        ...workerOptions(30),
      },
    );
    worker.on("error", (error) => gate.refused.push(error.message));
    workers.push(worker);
    gates.push(gate);
    return gate;
  };

  it("lets no attempt commit that was in work before: the chunk is done again, by whoever takes it next", async () => {
    await spool.addChunks([chunk(0), chunk(1)]);
    const old = start("old", true);
    await waitFor("both chunks to be in work", () => old.waiting.size === 2);
    await spool.close();
    expect(await spool.endAttempts()).toBe(2);
    expect((await spool.counts()).parse).toMatchObject({ active: 0, waiting: 2, completed: 0 });
    expect(await spool.isDrained()).toBe(false);

    // Its locks are as young as they can be; what counts is that they are not its own any more.
    const next = start("next", false);
    old.open();
    await waitFor("the old attempts to be refused", () => old.refused.length >= 2);
    expect(await rows()).toEqual([]);
    await spool.open();
    await waitFor("the chunks to be done", async () => (await spool.counts()).parse.completed === 2);
    expect((await rows()).map((text) => text.split(" ").slice(0, 2).join(" "))).toEqual(["f-0 2", "f-1 2"]);
    expect(next.refused).toEqual([]);
  });

  it("ends an attempt while another one has its chunk already", async () => {
    await spool.addChunks([chunk(0)]);
    // No room in it for another one.
    const old = start("old", true, 1);
    await waitFor("the chunk to be in work", () => old.waiting.size === 1);
    await spool.close();
    await spool.endAttempts();
    const next = start("next", true);
    await spool.open();
    await waitFor("the chunk to be in work again", () => next.waiting.size === 1);
    old.open();
    await waitFor("the old attempt to be refused", () => old.refused.length >= 1);
    expect(await rows()).toEqual([]);
    next.open();
    await waitFor("the chunk to be done", async () => (await spool.counts()).parse.completed === 1);
    expect(await rows()).toEqual(["f-0 2 next"]);
  });

  it("takes rows out of the ledger and lets their chunks wait, with all their attempts before them", async () => {
    await spool.addChunks([chunk(0), chunk(1), chunk(2)]);
    start("first", false);
    await waitFor("the chunks to be done", async () => (await spool.counts()).parse.completed === 3);
    await spool.close();
    expect(await spool.endAttempts()).toBe(0);
    await spool.putBack(["f-0", "f-2"]);
    expect(await rows()).toEqual(["f-1 1 first"]);
    expect((await spool.counts()).parse).toMatchObject({ waiting: 2, completed: 1 });
    // Of a chunk that was put back already nothing is to be done.
    await spool.putBack([]);
    await spool.open();
    await waitFor("the chunks to be done again", async () => (await spool.counts()).parse.completed === 3);
    expect(await rows()).toEqual(["f-0 2 first", "f-1 1 first", "f-2 2 first"]);
  });

  it("leaves alone what failed for good", async () => {
    await spool.addChunks([chunk(0)]);
    const worker = new Worker<Chunk, LedgerRow>(
      PARSE_QUEUE,
      () => Promise.reject(new UnrecoverableError("FILE_CHANGED: it was changed")),
      { connection: redis.client.duplicate(), prefix: keys.queuePrefix },
    );
    workers.push(worker);
    await waitFor("the chunk to fail", async () => (await spool.failed()).length === 1);
    await spool.close();
    expect(await spool.endAttempts()).toBe(0);
    expect(await spool.failed()).toHaveLength(1);
  });

  it("takes a replay once, and one that has failed again as it is given then", async () => {
    const replay = (pipeline: string): Replay => {
      return { id: "f-0-r1", of: "f-0", chunk: "f-0", origin: chunk(0).origin, pipeline };
    };
    expect(await spool.addReplays([replay("a")])).toBe(1);
    expect(await spool.addReplays([replay("b")])).toBe(0);
    const seen: string[] = [];
    const worker = new Worker<Chunk, LedgerRow>(
      PARSE_QUEUE,
      (job) => {
        seen.push(`${job.name} ${job.data.pipeline}`);
        if (seen.length === 1) throw new UnrecoverableError("DATABASE_UNFIT: it is gone");
        return Promise.resolve(row(job, "p1"));
      },
      { connection: redis.client.duplicate(), prefix: keys.queuePrefix },
    );
    workers.push(worker);
    await waitFor("the replay to fail", async () => (await spool.failed()).length === 1);
    expect(await spool.failed()).toMatchObject([{ queue: "parse", id: "f-0-r1", replay: replay("a") }]);
    expect((await spool.failed())[0]).not.toHaveProperty("chunk");
    expect(await spool.addReplays([replay("b")])).toBe(1);
    await waitFor("the replay to be done", async () => (await spool.counts()).parse.completed === 1);
    expect(seen).toEqual(["replay a", "replay b"]);
    expect(await spool.addReplays([replay("c")])).toBe(0);
  });
});
