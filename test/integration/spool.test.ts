import { UnrecoverableError, Worker, type Job } from "bullmq";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createSpool, type Spool } from "../../orchestrator/spool.ts";
import type { Chunk, Unpack } from "../../worker/contract/chunk.ts";
import { campaignKeys, PARSE_QUEUE } from "../../worker/contract/keys.ts";
import { ZERO_COUNTS, type LedgerRow } from "../../worker/contract/ledger.ts";
import type { Replay } from "../../worker/contract/replay.ts";
import { CHUNK_JOB, SPOOL_JOB_OPTIONS } from "../../worker/contract/spool.ts";
import { createOrderedQueue } from "../../worker/ordered-queue.ts";
import { createQueues, workerOptions } from "../../worker/spool.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { originOf } from "../support/parser-campaign.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

/** The spool's side of a loss, and of orders, with workers that do what the test says. */
describeWith(["redis"], "a spool", () => {
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

  describe("an order", () => {
    /** A chunk of the n-th of January. */
    const ofDay = (n: number): Chunk => {
      const day = `2013-01-${String(n).padStart(2, "0")}`;
      return { ...chunk(n), origin: { ...chunk(n).origin, firstDay: day } };
    };
    const days = (...numbers: readonly number[]): Chunk[] => numbers.map(ofDay);
    /** Takes what waits, one after the other, until `until` are done. */
    const taken = async (until: number): Promise<readonly number[]> => {
      const seen: number[] = [];
      const worker = new Worker<Chunk, LedgerRow>(
        PARSE_QUEUE,
        (job) => {
          if (job.name === CHUNK_JOB) seen.push(Number(job.data.id.slice(2)));
          else seen.push(0);
          return Promise.resolve(row(job, "p1"));
        },
        { connection: redis.client.duplicate(), prefix: keys.queuePrefix },
      );
      await waitFor("the chunks to be done", async () => (await spool.counts()).parse.completed >= until);
      await worker.close();
      return seen;
    };

    it("is the one in which they are added, until it is changed; then the rest is in the other", async () => {
      await spool.close();
      await spool.addChunks(days(2, 5, 1, 4, 3), "oldest");
      // Never closed, not even meanwhile.
      await spool.open();
      expect(await spool.reorder("oldest")).toBe(0);
      expect(await spool.reorder("newest")).toBe(5);
      expect(await spool.reorder("newest")).toBe(0);
      expect(await taken(5)).toEqual([5, 4, 3, 2, 1]);
    });

    it("holds for what waits unsorted too, and a replay comes first", async () => {
      await spool.close();
      await spool.addChunks(days(2, 5, 1, 4, 3));
      await spool.addReplays([{ id: "f-0-r1", of: "f-0", chunk: "f-0", origin: chunk(0).origin, pipeline: "p" }]);
      expect(await spool.reorder("spread")).toBe(0);
      expect(await spool.reorder("oldest")).toBe(6);
      await spool.open();
      expect(await taken(6)).toEqual([0, 1, 2, 3, 4, 5]);
    });

    it("is mended of what comes back with the priority of another time", async () => {
      await spool.close();
      await spool.addChunks(days(1, 2, 3), "oldest");
      const old = start("old", true, 1);
      await spool.open();
      await waitFor("the first to be in work", () => old.waiting.size === 1);
      await spool.close();
      expect(await spool.reorder("newest")).toBe(2);
      await spool.endAttempts();
      const worker = workers.splice(0);
      old.open();
      await Promise.all(worker.map((one) => one.close()));
      expect(await spool.reorder("newest")).toBe(1);
      await spool.open();
      expect(await taken(3)).toEqual([3, 2, 1]);
    });

    it("changes under parsers that take chunks all the while, and each chunk is done once", async () => {
      const many = Array.from({ length: 2000 }, (_, n) => ({ ...ofDay(1 + (n % 31)), id: `f-${String(n)}` }));
      await spool.addChunks(many);
      const parser = start("p1", false, 8);
      let moved = 0;
      for (const order of ["newest", "oldest", "spread", "newest"] as const) moved += await spool.reorder(order);
      expect(moved).toBeGreaterThan(0);
      await waitFor("the chunks to be done", async () => (await spool.counts()).parse.completed === 2000);
      expect(parser.refused).toEqual([]);
      expect(await rows()).toEqual(many.map(({ id }) => `${id} 1 p1`).sort());
    });

    it("of archives is that of the day in them that comes first", async () => {
      const archive = (id: string, ...numbers: number[]): Unpack => ({
        id,
        format: "7z",
        file: id,
        size: 1,
        mtimeMs: 0,
        members: days(...numbers).map(({ origin }) => ({ member: origin.firstDay, origin })),
        stream: [],
        chunkBytes: 1,
        stagingDir: "/s",
        stagingLimitBytes: 1,
        pipeline: "p",
      });
      await spool.addUnpacks([archive("ab", 2, 3), archive("cd", 1, 9), archive("ef", 4, 5)], "oldest");
      const { unpack } = createQueues(redis.client, keys);
      const ids = async () => (await unpack.getPrioritized()).map(({ id }) => id);
      expect(await ids()).toEqual(["cd", "ab", "ef"]);
      await spool.reorder("newest");
      expect(await ids()).toEqual(["cd", "ef", "ab"]);
      await unpack.close();
    });

    it("is that of the chunks that come of archives, too", async () => {
      const { parse } = createQueues(redis.client, keys);
      const queue = createOrderedQueue(parse, redis.client, keys);
      const add = async (order: string, n: number): Promise<void> => {
        await redis.client.hset(keys.knobs, "order", order);
        await queue.add(CHUNK_JOB, ofDay(n), { ...SPOOL_JOB_OPTIONS, jobId: ofDay(n).id });
      };
      await add("newest", 3);
      await add("newest", 5);
      await add("newest", 4);
      expect(await spool.reorder("newest")).toBe(0);
      expect(await taken(3)).toEqual([5, 4, 3]);
      await add("spread", 9);
      expect(await parse.getPrioritizedCount()).toBe(0);
      expect(await taken(4)).toEqual([9]);
      await parse.close();
    });
  });
});
