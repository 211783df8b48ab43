import { DelayedError, Worker, type Job, type Processor } from "bullmq";
import { Redis } from "ioredis";
import type { Meter } from "../monitoring/index.ts";
import { createAdmission, type Admission } from "./admission.ts";
import { createAttempts } from "./attempts.ts";
import { processChunk, type ChunkContext } from "./chunk-job.ts";
import { BLOCK_MISSING } from "./chunk-source.ts";
import { chunkSchema, unpackSchema, type Chunk, type Unpack, type UnpackResult } from "./contract/chunk.ts";
import { BackfillError, ConfigError, describeError } from "./contract/errors.ts";
import { parseJson } from "./contract/json.ts";
import { campaignKeys, PARSE_QUEUE, UNPACK_QUEUE, type CampaignKeys } from "./contract/keys.ts";
import type { LedgerRow } from "./contract/ledger.ts";
import { nodeRegistrationSchema, type NodeSpec } from "./contract/node.ts";
import type { ParserStart } from "./contract/parser-process.ts";
import type { Sink } from "./contract/pipeline.ts";
import { replaySchema, type Replay } from "./contract/replay.ts";
import { rulesSchema, type Rules } from "./contract/rules.ts";
import { CHUNK_JOB, REPLAY_JOB } from "./contract/spool.ts";
import { readBudgets, type Budgets } from "./contract/tuning.ts";
import { hashInThread } from "./hash-in-thread.ts";
import { createOrderedQueue } from "./ordered-queue.ts";
import { ParserLoad } from "./parser-load.ts";
import { createPipelinePool, type PipelinePool } from "./pipeline-pool.ts";
import { readDatabases } from "./databases.ts";
import { createRateLimit } from "./rate-limit.ts";
import { processReplay } from "./replay-job.ts";
import { createReplayPools, type ReplayPools } from "./replay-pools.ts";
import { committedSource, SOURCE_WAITS } from "./replay-source.ts";
import { createDataNodes, type DataNodes } from "./sinks/elasticsearch/nodes.ts";
import { DEFAULT_POLICY } from "./sinks/elasticsearch/policy.ts";
import { createElasticsearchSink, type BulkObservation } from "./sinks/elasticsearch/sink.ts";
import {
  createQueues,
  PermanentJobError,
  spoolConnection,
  workerOptions,
  type ParseQueue,
  type UnpackQueue,
} from "./spool.ts";
import { createStaging, type Staging } from "./staging.ts";
import { restMs, StoreHold, type Held } from "./store-hold.ts";
import { unpackAgain } from "./unpack-again.ts";
import { processUnpack, type UnpackContext } from "./unpack-job.ts";

/** How often it is looked whether the data nodes are others, the budgets are read, whether documents were lost, and this parser's figures written. */
const NODES_MS = 1000;
/** How long a chunk waits for its block to be unpacked again before it is looked at again. */
const BLOCK_AGAIN_MS = 2000;
/** How long a replay waits for what it loads again to be committed before it is looked at again. */
const SOURCE_AGAIN_MS = 2000;
/** How long a chunk rests when the store refuses to work at all. No attempt is used up by it. */
const REFUSED_MS = 15_000;
/** After a stop, jobs have this long to give themselves back; what is left is taken up when its lock runs out. */
const STOP_MS = 5000;

/** What the agent is told. */
export interface ParserStatus {
  readonly state: "running" | "draining";
  readonly chunks: number;
  readonly unpacks: number;
  readonly chunksDone: number;
  readonly linesRead: number;
  readonly problem?: string;
}

/**
 * The work of a parser: two BullMQ workers, one for chunks and one for compressed files, so that a full staging space
 * always drains.
 *
 * Starting → running → draining → ended. While running it takes jobs. `drain` takes no more, lets chunks be finished, and
 * gives compressed files back, since they may be long and may be waiting for space that only other parsers make.
 * `stop` gives everything back. What is given back costs no attempt.
 */
export class ParserProcess {
  readonly #spec: NodeSpec;
  readonly #parser: NonNullable<NodeSpec["parser"]>;
  readonly #keys: CampaignKeys;
  readonly #redis: Redis;
  readonly #queues: { readonly parse: ParseQueue; readonly unpack: UnpackQueue };
  readonly #nodes: DataNodes;
  readonly #sink: Sink;
  /** What this parser may have on its way to the store, as it was told last. */
  #budgets: Budgets;
  readonly #load: ParserLoad;
  readonly #meter: Meter<"parser">;
  /** There once the rules have been read. */
  #pool: PipelinePool | undefined;
  readonly #admission: Admission;
  readonly #staging: Staging;
  #chunkContext: ChunkContext | undefined;
  #replayPools: ReplayPools | undefined;
  readonly #unpackContext: UnpackContext;
  readonly #log: (text: string) => void;
  /** No chunk is taken while it is not open. */
  readonly #hold: StoreHold;
  readonly #stopped = new AbortController();
  readonly #draining = new AbortController();
  readonly #unpackStopped = new AbortController();
  /** Releases of blocks that are under way. */
  readonly #releases = new Set<Promise<void>>();
  #workers:
    { readonly parse: Worker<Chunk | Replay, LedgerRow>; readonly unpack: Worker<Unpack, UnpackResult> } | undefined;
  #nodesTimer: NodeJS.Timeout | undefined;
  /** Of the list of data nodes that was read last. */
  #nodesVersion: string | null = null;
  /** Of the load, as it was read last. */
  #generation: string | null | undefined;
  #state: ParserStatus["state"] = "running";
  #chunks = 0;
  #unpacks = 0;
  #chunksDone = 0;
  #linesRead = 0;
  #sinkProblem: string | undefined;
  #jobProblem: string | undefined;
  #drained: Promise<void> | undefined;

  /** Begins to connect to Redis, and nothing else. @throws ConfigError `PARSER_START_INVALID` */
  constructor(start: ParserStart, meter: Meter<"parser">, log: (text: string) => void) {
    const { spec, redis } = start;
    if (!spec.parser)
      throw new ConfigError("PARSER_START_INVALID", `node.json of ${spec.jobName} has no part "parser"`);
    this.#spec = spec;
    this.#parser = spec.parser;
    this.#log = log;
    this.#keys = campaignKeys(spec.campaign);
    this.#redis = new Redis(spoolConnection(redisOptions(redis)));
    this.#redis.on("error", (error) => log(`Redis: ${error.message}`));
    this.#queues = createQueues(this.#redis, this.#keys);
    for (const queue of [this.#queues.parse, this.#queues.unpack]) queue.on("error", () => undefined);
    this.#nodes = createDataNodes(DEFAULT_POLICY);
    const { slots, bulkBytes, requestsInFlight } = this.#parser;
    this.#budgets = { bulkBytes, requestsInFlight: requestsInFlight * slots };
    this.#load = new ParserLoad(slots);
    this.#sink = createElasticsearchSink({
      nodes: this.#nodes,
      ...(start.httpAuthority === undefined ? {} : { authority: start.httpAuthority }),
      ...(start.loader === undefined ? {} : { auth: start.loader }),
      budgets: this.#live(1),
      onFull: (isFull) => this.#load.full.set(isFull ? 1 : 0),
      observe: (bulk) => {
        this.#load.bulk(bulk);
        observeBulk(meter, bulk);
      },
      onProblem: (problem) => {
        if (problem !== undefined) log(problem);
        this.#sinkProblem = problem;
      },
    });
    this.#meter = meter;
    this.#hold = new StoreHold(this.#held(), AbortSignal.any([this.#stopped.signal, this.#draining.signal]));
    this.#admission = createAdmission(slots, () => this.#budgets.bulkBytes);
    this.#staging = createStaging(this.#redis, this.#keys);
    const parse = createOrderedQueue(this.#queues.parse, this.#redis, this.#keys);
    this.#unpackContext = { parse, staging: this.#staging, meter, load: this.#load };
  }

  /**
   * Reads the campaign's rules and where the data nodes are, and begins to take jobs; waits while Redis is away.
   * @throws ConfigError `PIPELINE_MISMATCH`, `DATABASE_UNFIT`
   */
  async start(): Promise<void> {
    const rules = await this.#rules();
    const databases = await readDatabases(rules.databases);
    const pool = createPipelinePool({ threads: this.#parser.slots, entry: pipelineEntry(), rules, databases });
    this.#pool = pool;
    this.#chunkContext = {
      pool,
      sink: this.#watchedSink(),
      rateLimit: createRateLimit(this.#redis, this.#keys),
      attempts: createAttempts(this.#redis, this.#keys),
      meter: this.#meter,
      worker: this.#spec.jobName,
      pipeline: await hashInThread(pipelineEntry(), rules),
      budgets: this.#live(this.#parser.slots),
      load: this.#load,
      rejectsDir: this.#parser.rejectsDir,
    };
    this.#replayPools = createReplayPools(
      this.#redis,
      this.#keys,
      { pipeline: this.#chunkContext.pipeline, pool },
      pipelineEntry(),
    );
    await this.#refreshNodes();
    const options = {
      connection: this.#redis,
      prefix: this.#keys.queuePrefix,
      name: this.#spec.jobName,
      ...workerOptions(this.#parser.lockSeconds),
    };
    const doChunk: Processor<Chunk | Replay, LedgerRow> = (job, token, signal) => this.#parse(job, token, signal);
    const doUnpack: Processor<Unpack, UnpackResult> = (job, token, signal) => this.#unpack(job, token, signal);
    const parse = new Worker(PARSE_QUEUE, doChunk, { ...options, concurrency: this.#parser.slots });
    const unpack = new Worker(UNPACK_QUEUE, doUnpack, { ...options, concurrency: this.#parser.unpackSlots });
    for (const worker of [parse, unpack]) {
      worker.on("error", (error) => this.#log(`${worker.name}: ${error.message}`));
      // Another parser may have the job by now: what this one does with it is for nothing.
      worker.on("lockRenewalFailed", (ids) => {
        for (const id of ids) worker.cancelJob(id, "its lock is lost");
      });
      worker.on("failed", (job, error) => this.#log(`${worker.name} ${job?.id ?? ""}: ${error.message}`));
    }
    parse.on("completed", (job) => this.#release(job));
    parse.on("failed", (job) => {
      // Failed for good. Somebody who tries it again has the block unpacked again.
      if (job?.finishedOn !== undefined) this.#release(job);
    });
    this.#workers = { parse, unpack };
    await Promise.all([parse.waitUntilReady(), unpack.waitUntilReady()]);
  }

  /** The sink, of which a batch that was settled shows that the store takes something. */
  #watchedSink(): ChunkContext["sink"] {
    return {
      write: async (batch, signal) => {
        const result = await this.#sink.write(batch, signal);
        if (batch.count > 0) this.#hold.settled();
        return result;
      },
    };
  }

  /** What a hold does to this parser. */
  #held(): Held {
    return {
      // What it has in work it goes on with.
      rest: () => {
        this.#workers?.parse.pause(true).catch((error: unknown) => this.#log(describeError(error)));
      },
      tryOne: () => {
        this.#log("the store answers: one chunk is tried");
        if (!this.#workers) return;
        this.#workers.parse.concurrency = 1;
        void this.#workers.parse.resume();
      },
      goOn: () => {
        this.#log("the store takes documents again");
        if (this.#workers) this.#workers.parse.concurrency = this.#parser.slots;
      },
      probe: (signal) => this.#sink.check(signal),
      problem: (text) => (this.#jobProblem = text),
    };
  }

  /** The budgets as they are whenever somebody looks; the requests shared by so many. */
  #live(sharers: number): Budgets {
    const now = (): Budgets => this.#budgets;
    return {
      get bulkBytes() {
        return now().bulkBytes;
      },
      get requestsInFlight() {
        return Math.ceil(now().requestsInFlight / sharers);
      },
      get compressed() {
        return now().compressed;
      },
    };
  }

  status(): ParserStatus {
    const problem = this.#sinkProblem ?? this.#jobProblem;
    return {
      state: this.#state,
      chunks: this.#chunks,
      unpacks: this.#unpacks,
      chunksDone: this.#chunksDone,
      linesRead: this.#linesRead,
      ...(problem === undefined ? {} : { problem }),
    };
  }

  /** Takes no more jobs, finishes the chunks in work, and closes everything. */
  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  /** Gives every job back. `drain` then ends. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    const { parse, unpack } = this.#workers ?? {};
    const drained = this.drain();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        parse?.cancelAllJobs("stopped");
        unpack?.cancelAllJobs("stopped");
        resolve();
      }, STOP_MS);
    });
    await Promise.race([drained, late]);
    clearTimeout(timer);
  }

  async #drain(): Promise<void> {
    this.#state = "draining";
    this.#draining.abort();
    this.#unpackStopped.abort();
    await Promise.all([this.#workers?.parse.close(), this.#workers?.unpack.close()]);
    clearTimeout(this.#nodesTimer);
    await Promise.all(this.#releases);
    await Promise.all([this.#pool?.close(), this.#replayPools?.close()]);
    await this.#sink[Symbol.asyncDispose]();
    await Promise.all([this.#queues.parse.close(), this.#queues.unpack.close()]);
    this.#redis.disconnect();
  }

  async #parse(
    job: Job<Chunk | Replay, LedgerRow>,
    token: string | undefined,
    lost: AbortSignal | undefined,
  ): Promise<LedgerRow> {
    const signal = AbortSignal.any([this.#stopped.signal, ...(lost ? [lost] : [])]);
    // Taken just before the parser was held.
    if (this.#hold.state === "resting") throw await giveBack(job, token, 0);
    this.#chunks += 1;
    const isDone = this.#load.chunk();
    try {
      const row = await (job.name === REPLAY_JOB ? this.#replay(job, signal) : this.#chunk(job, signal));
      this.#chunksDone += 1;
      this.#jobProblem = undefined;
      return row;
    } catch (error) {
      const code = error instanceof BackfillError ? error.code : "";
      if (this.#stopped.signal.aborted && !lost?.aborted) throw await giveBack(job, token, 0);
      if (code === BLOCK_MISSING && isChunk(job) && job.data.source.kind === "staged") {
        throw await this.#waitForBlock(job, token, job.data.source.unpackId);
      }
      if (code === SOURCE_WAITS) throw await giveBack(job, token, SOURCE_AGAIN_MS);
      if (code === "STORE_REFUSED") {
        this.#jobProblem = describeError(error);
        this.#log(this.#jobProblem);
        throw await giveBack(job, token, REFUSED_MS);
      }
      if (code === "WRITE_UNCERTAIN") {
        this.#jobProblem = describeError(error);
        this.#log(`chunk ${job.id ?? ""}: ${this.#jobProblem}`);
        this.#hold.failed();
        // Others are to show whether it is the store, or this chunk alone.
        throw await giveBack(job, token, restMs(job.attemptsStarted));
      }
      throw jobError(error);
    } finally {
      isDone();
      this.#chunks -= 1;
    }
  }

  async #chunk(job: Job<Chunk | Replay>, signal: AbortSignal): Promise<LedgerRow> {
    const chunk = parseMessage(chunkSchema, job);
    const bytes = chunk.source.kind === "staged" ? chunk.source.bytes : chunk.range.end - chunk.range.start;
    if (this.#workers && this.#hold.state === "open") {
      this.#workers.parse.concurrency = this.#admission.concurrency(bytes);
    }
    const leave = await this.#admission.enter(bytes, signal);
    try {
      // Jobs come after `start`.
      const row = await processChunk(chunk, job.attemptsStarted, this.#chunkContext!, signal);
      this.#linesRead += row.counts.read;
      return row;
    } finally {
      leave();
    }
  }

  /** Its lines are counted as read already. */
  async #replay(job: Job<Chunk | Replay>, signal: AbortSignal): Promise<LedgerRow> {
    const replay = parseMessage(replaySchema, job);
    const source = await committedSource(this.#queues.parse, replay);
    const pool = await this.#replayPools!.of(replay.pipeline);
    const leave = await this.#admission.enter(this.#budgets.bulkBytes, signal);
    try {
      return await processReplay(replay, source, pool, job.attemptsStarted, this.#chunkContext!, signal);
    } finally {
      leave();
    }
  }

  async #waitForBlock(job: Job, token: string | undefined, unpackId: string): Promise<Error> {
    try {
      await unpackAgain(this.#queues.unpack, unpackId);
    } catch (error) {
      return jobError(error);
    }
    this.#log(`chunk ${job.id ?? ""}: its block is missing and is unpacked again`);
    return await giveBack(job, token, BLOCK_AGAIN_MS);
  }

  async #unpack(
    job: Job<Unpack, UnpackResult>,
    token: string | undefined,
    lost: AbortSignal | undefined,
  ): Promise<UnpackResult> {
    const signal = AbortSignal.any([this.#stopped.signal, this.#unpackStopped.signal, ...(lost ? [lost] : [])]);
    this.#unpacks += 1;
    try {
      const unpack = parseMessage(unpackSchema, job);
      const owner = `${this.#spec.jobName}.${job.id ?? ""}.${job.attemptsStarted}`;
      return await processUnpack(unpack, owner, this.#unpackContext, (bytes) => job.updateProgress({ bytes }), signal);
    } catch (error) {
      if (signal.aborted && !lost?.aborted) throw await giveBack(job, token, 0);
      throw jobError(error);
    } finally {
      this.#unpacks -= 1;
    }
  }

  /** A block is released after the commit, not before: until then the chunk may be done again. */
  #release(job: Job<Chunk | Replay>): void {
    if (!isChunk(job)) return;
    const chunk = job.data;
    const { source } = chunk;
    if (source.kind !== "staged" || source.bytes === 0) return;
    const release: Promise<void> = this.#staging
      .release(chunk.id, source.file)
      .catch((error: unknown) => this.#log(`releasing the block of ${chunk.id}: ${describeError(error)}`))
      .finally(() => this.#releases.delete(release));
    this.#releases.add(release);
  }

  /** What the campaign does with lines. @throws ConfigError `PIPELINE_MISMATCH` */
  async #rules(): Promise<Rules> {
    const text = await this.#redis.get(this.#keys.rules);
    const rules = text === null ? undefined : rulesSchema.safeParse(JSON.parse(text));
    if (rules?.success) return rules.data;
    throw new ConfigError(
      "PIPELINE_MISMATCH",
      `the campaign's pipelines are not there, or not as this parser knows them (${rules?.error.message ?? "none"}); run one version everywhere`,
    );
  }

  /** Reads the data nodes' addresses, the budgets and the load's generation, and writes the figures, now and from then on. */
  async #refreshNodes(): Promise<void> {
    try {
      await this.#endLostAttempts();
      await this.#readNodes();
      this.#budgets = readBudgets(await this.#redis.hgetall(this.#keys.tuning)) ?? this.#budgets;
      await this.#redis.hset(this.#keys.figures, this.#spec.jobName, JSON.stringify(this.#load.figures()));
    } catch (error) {
      this.#log(`reading the data nodes: ${describeError(error)}`);
    }
    this.#nodesTimer = setTimeout(() => void this.#refreshNodes(), NODES_MS);
  }

  /** Reads the list when its version says that it is another one; while nobody has said so yet there is nothing to it. */
  async #readNodes(): Promise<void> {
    const version = await this.#redis.get(this.#keys.nodesVersion);
    if (version !== null && version === this.#nodesVersion) return;
    const urls: string[] = [];
    for (const text of Object.values(await this.#redis.hgetall(this.#keys.nodes))) {
      const node = nodeRegistrationSchema.safeParse(parseJson(text));
      if (node.success && node.data.role === "es-data" && node.data.httpUrl) urls.push(node.data.httpUrl);
    }
    this.#nodes.update(urls);
    this.#nodesVersion = version;
  }

  /**
   * Ends the attempts that began before documents were lost. Their locks are taken away already; without this word they would write on
   * until the next renewal, and the same chunk might be taken here once more meanwhile.
   */
  async #endLostAttempts(): Promise<void> {
    const generation = await this.#redis.get(this.#keys.loadGeneration);
    const before = this.#generation;
    this.#generation = generation;
    if (before === undefined || before === generation) return;
    this.#log("documents were lost with a data node: the chunks in work are given up and done again");
    this.#workers?.parse.cancelAllJobs("documents were lost");
  }
}

function redisOptions(redis: ParserStart["redis"]) {
  const { host, port, username, password, tls } = redis;
  return {
    host,
    port,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined
      ? {}
      : {
          tls: {
            ca: tls.authority,
            cert: tls.certificate,
            key: tls.key,
            ...(tls.servername === undefined ? {} : { servername: tls.servername }),
          },
        }),
  };
}

/** The thread's entry: beside this file as a source, beside the bundle as a bundle. */
function pipelineEntry(): URL {
  return new URL(import.meta.url.endsWith(".ts") ? "./pipeline-thread.ts" : "./pipeline-thread.mjs", import.meta.url);
}

function observeBulk(meter: Meter<"parser">, bulk: BulkObservation): void {
  meter.count("bulk.bytes", bulk.bytes);
  if (bulk.retried > 0) meter.count("documents.retried", bulk.retried);
  if (bulk.throttled) meter.count("bulk.throttled", 1);
  if (bulk.failed) {
    meter.count("bulk.failed", 1);
    return;
  }
  meter.count("bulk.requests", 1);
  meter.gauge("bulk.latency", bulk.millis);
  meter.gauge("bulk.slowest", bulk.millis);
  meter.gauge("bulk.size", bulk.bytes);
}

function isChunk(job: Job<Chunk | Replay>): job is Job<Chunk> {
  return job.name === CHUNK_JOB;
}

interface Schema<T> {
  safeParse(data: unknown): { success: true; data: T } | { success: false; error: { message: string } };
}

/** @throws ConfigError `SPOOL_MESSAGE_INVALID`: producer and worker are of different versions */
function parseMessage<T>(schema: Schema<T>, job: Job): T {
  const parsed = schema.safeParse(job.data);
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    "SPOOL_MESSAGE_INVALID",
    `the message of job ${job.id ?? ""} is not what this parser understands (${parsed.error.message}); run one version everywhere`,
  );
}

/** Puts the job back without using up an attempt. Returns what the processor must then throw. */
async function giveBack(job: Job, token: string | undefined, waitMs: number): Promise<Error> {
  try {
    await job.moveToDelayed(Date.now() + waitMs, token);
    return new DelayedError();
  } catch (error) {
    // The lock is lost: somebody else has the job.
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** What BullMQ gets: it keeps only the message, which therefore begins with the code. */
function jobError(error: unknown): Error {
  if (!(error instanceof BackfillError)) return error instanceof Error ? error : new Error(String(error));
  if (!error.retryable) return new PermanentJobError(error);
  return new Error(`${error.code}: ${describeError(error)}`, { cause: error });
}
