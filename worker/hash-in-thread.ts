import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Rules } from "./contract/rules.ts";
import type { ThreadData } from "./pipeline-thread.ts";

/**
 * `pipelineHash` of the rules, made in a thread that ends with it: what the specimens take, code and some 20 MB, is needed once, and a
 * process that runs for hours would keep it.
 * @param entry `pipeline-thread.ts`, or the bundle made of it
 */
export async function hashInThread(entry: string | URL, rules: Rules): Promise<string> {
  const data: ThreadData = { task: "hash", rules };
  const thread = new Worker(entry, { name: "pipeline-hash", workerData: data });
  const [[hash]] = (await Promise.all([once(thread, "message"), once(thread, "exit")])) as [[string], unknown];
  return hash;
}
