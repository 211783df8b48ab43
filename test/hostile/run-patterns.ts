import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { HostilePattern } from "./patterns.ts";
import type { PatternOutcome, PatternReport } from "./try-pattern.ts";

/** What came of a hostile pattern, also when nothing came of it: `stalled` and `crashed` are faults of ours. */
export interface PatternResult {
  readonly name: string;
  readonly outcome:
    | PatternOutcome
    | { readonly kind: "stalled"; readonly seconds: number }
    | { readonly kind: "crashed"; readonly message: string };
  readonly cpuMs: number;
}

const PROGRAM = fileURLToPath(new URL("try-pattern.ts", import.meta.url));
/** So much of what a program said last is shown. */
const LAST_WORDS = 500;

/**
 * Tries patterns in a process of their own; when one of them ends or stalls it, those behind it get another.
 * @param seconds within which each pattern must have an outcome
 * @returns one result for each pattern, in their order, as they come
 */
export async function* runPatterns(
  patterns: readonly HostilePattern[],
  seconds: number,
): AsyncGenerator<PatternResult, void, undefined> {
  for (let at = 0; at < patterns.length;) {
    const names = patterns.slice(at).map(({ name }) => name);
    for await (const result of oneProcess(names, seconds)) {
      at++;
      yield result;
    }
  }
}

/** Results of the first patterns; the last of them is the one that ended the process, if one did. */
async function* oneProcess(names: readonly string[], seconds: number): AsyncGenerator<PatternResult, void, undefined> {
  const child = spawn(process.execPath, [PROGRAM, ...names], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-LAST_WORDS)));
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(`exit ${String(code ?? signal)}: ${said.trim()}`));
  });
  let stalled = false;
  const limit = setTimeout(() => {
    stalled = true;
    child.kill("SIGKILL");
  }, seconds * 1000);
  let reported = 0;
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      limit.refresh();
      reported++;
      yield JSON.parse(line) as PatternReport;
    }
    const end = await ended;
    const name = names[reported];
    if (name === undefined) return;
    yield {
      name,
      outcome: stalled ? { kind: "stalled", seconds } : { kind: "crashed", message: end },
      cpuMs: 0,
    };
  } finally {
    clearTimeout(limit);
    child.kill("SIGKILL");
    await ended;
  }
}
