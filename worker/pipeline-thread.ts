import { parentPort, workerData } from "node:worker_threads";
import type { Origin } from "./contract/chunk.ts";
import { BackfillError, describeError } from "./contract/errors.ts";
import type { EncodedBatch, RunOptions } from "./contract/pipeline.ts";
import type { Rules } from "./contract/rules.ts";
import type { Databases } from "./databases.ts";
import { createPipeline, pipelineHash } from "./pipeline.ts";

/** What a thread starts with: blocks to come, or the one question what the rules' hash is. The databases' bytes are shared, not copied. */
export type ThreadData =
  | { readonly task: "blocks"; readonly rules: Rules; readonly databases: Databases }
  | { readonly task: "hash"; readonly rules: Rules };

/** The pool asks its thread for one block at a time; `null` ends it. */
export interface PipelineRequest {
  readonly block: Uint8Array<ArrayBuffer>;
  readonly base: number;
  readonly origin: Origin;
  readonly options: RunOptions;
}

/** What a thread answers: the batch, or an error as plain values, since an error's own fields do not survive the message. */
export type PipelineResponse =
  | {
      readonly kind: "batch";
      readonly batch: EncodedBatch & { readonly cpuMicros: number };
      /** Of the block, which nobody needs any more. */
      readonly memory: ArrayBuffer;
    }
  | { readonly kind: "error"; readonly code: string | undefined; readonly message: string };

/** Making a program's code takes as long as some hundred of its lines done plainly. */
const PLAIN_LINES = 50;

/** Entry of a pipeline thread: blocks in, batches out, their buffers moved and not copied. */
function serve(port: NonNullable<typeof parentPort>): void {
  const data = workerData as ThreadData;
  if (data.task === "hash") {
    port.postMessage(pipelineHash(data.rules));
    return;
  }
  const { rules, databases } = data;
  const pipeline = createPipeline(rules, { databases, plainLines: PLAIN_LINES });
  port.on("message", (request: PipelineRequest | null) => {
    if (request === null) {
      port.close();
      return;
    }
    const before = process.threadCpuUsage();
    let response: PipelineResponse;
    const transfer: ArrayBuffer[] = [];
    try {
      const { block, base, origin, options } = request;
      const batch = pipeline.run(block, base, origin, options);
      const cpu = process.threadCpuUsage(before);
      response = { kind: "batch", batch: { ...batch, cpuMicros: cpu.user + cpu.system }, memory: block.buffer };
      transfer.push(block.buffer);
      for (const { buffer } of [batch.body, batch.offsets, batch.lengths]) transfer.push(buffer as ArrayBuffer);
    } catch (error) {
      const code = error instanceof BackfillError ? error.code : undefined;
      response = { kind: "error", code, message: describeError(error) };
    }
    port.postMessage(response, transfer);
  });
}

if (parentPort) serve(parentPort);
