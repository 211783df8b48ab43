import { Worker } from "node:worker_threads";
import type { Origin } from "./contract/chunk.ts";
import { DataError, describeError, GridError } from "./contract/errors.ts";
import type { EncodedBatch, RunOptions } from "./contract/pipeline.ts";
import type { Rules } from "./contract/rules.ts";
import type { Databases } from "./databases.ts";
import type { PipelineRequest, PipelineResponse, ThreadData } from "./pipeline-thread.ts";
import { roomFor, SpareMemory } from "./spare-memory.ts";

/** Buffers kept for each thread: about as many blocks and bodies as its chunk has under way. */
const SPARE_BUFFERS = 8;

/** A batch and the CPU time of the thread that made it. */
export type MeteredBatch = EncodedBatch & { readonly cpuMicros: number };

/** Runs the pipeline away from the thread that renews locks. */
export interface PipelinePool {
  /** Where blocks may come from; bodies want to be given back to it once their documents are settled. */
  readonly memory: SpareMemory;
  /**
   * Encodes a block on the next free thread; waits for one in the order of the calls. The block's ArrayBuffer is moved
   * to the thread: afterwards the caller has an empty one, and `memory` has it when the batch is made. Nobody else may use that buffer
   * (see `LineBlock.block`).
   * @param options as in `Pipeline.run`
   * @throws GridError `PIPELINE_THREAD_DIED` (retryable) when the thread ended in mid-run; another one takes its place
   * @throws DataError with the code that the pipeline gave
   */
  run(
    block: Uint8Array<ArrayBuffer>,
    base: number,
    origin: Origin,
    options?: Omit<RunOptions, "memory">,
  ): Promise<MeteredBatch>;
  /** Lets what was asked for finish, then ends the threads. No `run` may follow. */
  close(): Promise<void>;
}

interface Run extends PipelineRequest {
  readonly resolve: (batch: MeteredBatch) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A pool of pipeline threads. Threads start when there is work for them, so one that died is replaced by the next run.
 * @param options.entry `pipeline-thread.ts`, or the bundle made of it
 * @param options.rules such that a pipeline can be made of them
 * @param options.databases those that the rules name
 */
export function createPipelinePool(options: {
  threads: number;
  entry: string | URL;
  rules: Rules;
  databases?: Databases;
}): PipelinePool {
  const memory = new SpareMemory(options.threads * SPARE_BUFFERS);
  const data: ThreadData = { task: "blocks", rules: options.rules, databases: options.databases ?? new Map() };
  const waiting: Run[] = [];
  const threads = new Set<PipelineThread>();
  let closing: Promise<void> | undefined;

  function dispatch(): void {
    for (const run of waiting.splice(0)) {
      let thread = [...threads].find((candidate) => candidate.run === undefined);
      if (!thread && threads.size < options.threads) {
        thread = new PipelineThread(options.entry, data, memory, settle);
        threads.add(thread);
      }
      if (thread) thread.start(run);
      else waiting.push(run);
    }
  }

  /** A thread is free again, or gone. */
  function settle(thread: PipelineThread, alive: boolean): void {
    if (!alive) threads.delete(thread);
    dispatch();
  }

  async function drain(): Promise<void> {
    while (waiting.length > 0 || [...threads].some((thread) => thread.run)) {
      await Promise.all([...threads].map((thread) => thread.idle()));
    }
    await Promise.all([...threads].map((thread) => thread.end()));
  }

  return {
    memory,
    run(block, base, origin, options = {}) {
      if (closing) {
        return Promise.reject(new GridError("PIPELINE_CLOSED", "The pipeline's threads have been ended already."));
      }
      return new Promise((resolve, reject) => {
        waiting.push({ block, base, origin, options, resolve, reject });
        dispatch();
      });
    },
    close() {
      return (closing ??= drain());
    },
  };
}

/** One thread and the run that it works on. */
class PipelineThread {
  run: Run | undefined;
  readonly #worker: Worker;
  readonly #memory: SpareMemory;
  readonly #exited: Promise<void>;
  readonly #settled: (thread: PipelineThread, alive: boolean) => void;
  #failure: unknown;
  #wakeIdle: (() => void)[] = [];

  constructor(
    entry: string | URL,
    data: ThreadData,
    memory: SpareMemory,
    settled: (thread: PipelineThread, alive: boolean) => void,
  ) {
    this.#memory = memory;
    this.#settled = settled;
    this.#worker = new Worker(entry, { name: "pipeline", workerData: data });
    this.#worker.on("message", (response: PipelineResponse) => this.#answer(response));
    this.#worker.on("messageerror", (error: unknown) => (this.#failure = error));
    this.#worker.on("error", (error: unknown) => (this.#failure = error));
    this.#exited = new Promise((resolve) => {
      this.#worker.once("exit", (code) => {
        this.#died(code);
        resolve();
      });
    });
  }

  start(run: Run): void {
    this.run = run;
    const { block, base, origin, options } = run;
    const memory = this.#memory.take(roomFor(block.length));
    const request: PipelineRequest = { block, base, origin, options: { ...options, memory } };
    try {
      this.#worker.postMessage(request, [block.buffer, memory]);
    } catch (error) {
      // A block whose buffer is gone already, or cannot be moved.
      this.#finish(true, () => run.reject(error instanceof Error ? error : new Error(String(error))));
    }
  }

  /** Resolves when the thread has no run any more. */
  idle(): Promise<void> {
    return this.run ? new Promise((resolve) => this.#wakeIdle.push(resolve)) : Promise.resolve();
  }

  end(): Promise<void> {
    this.#worker.postMessage(null);
    return this.#exited;
  }

  #answer(response: PipelineResponse): void {
    const run = this.run;
    this.#finish(true, () => {
      if (response.kind === "batch") {
        this.#memory.give(response.memory);
        run?.resolve(response.batch);
      } else run?.reject(new DataError(response.code ?? "PIPELINE_FAILED", response.message));
    });
  }

  #died(exitCode: number): void {
    const run = this.run;
    this.#finish(false, () =>
      run?.reject(
        new GridError(
          "PIPELINE_THREAD_DIED",
          `A pipeline thread ended (exit code ${exitCode}) while it parsed ${run.origin.path} at byte ${run.base}: ` +
            `${this.#failure === undefined ? "no reason given" : describeError(this.#failure)}. The chunk is tried again on a new thread.`,
          { retryable: true, cause: this.#failure },
        ),
      ),
    );
  }

  #finish(alive: boolean, report: () => void): void {
    this.run = undefined;
    report();
    for (const wake of this.#wakeIdle.splice(0)) wake();
    this.#settled(this, alive);
  }
}
