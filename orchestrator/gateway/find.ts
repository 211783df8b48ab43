import { readdirSync, readFileSync } from "node:fs";
import { identifyProcess, isAlive, type ProcessIdentity } from "../../worker/contract/process.ts";
import { readProcesses } from "./state.ts";

/** The last words of a supervisor's command line. */
export const GATEWAY_COMMAND = "gateway";

/**
 * The living supervisor of a gateway's directory. One that was started but has not written its file yet is known by
 * its command line.
 */
export async function findSupervisor(dir: string): Promise<ProcessIdentity | undefined> {
  const recorded = await readProcesses(dir);
  if (recorded && isAlive(recorded.supervisor)) return recorded.supervisor;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    let words: string[];
    try {
      words = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0");
    } catch {
      continue;
    }
    if (words.at(-3) === GATEWAY_COMMAND && words.at(-2) === dir && Number(name) !== process.pid) {
      const identity = identifyProcess(Number(name));
      if (identity) return identity;
    }
  }
  return undefined;
}
