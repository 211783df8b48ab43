import { readFileSync } from "node:fs";

/** Seconds by phase, in the order in which they began. */
export type Phases = Record<string, number>;

/** Measures phases one after another. */
export class Stopwatch {
  readonly phases: Phases = {};
  readonly #startedAt = performance.now();

  /** Runs the work and adds its seconds to the phase, also when it fails. */
  async time<T>(phase: string, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    try {
      return await work();
    } finally {
      this.phases[phase] = round((this.phases[phase] ?? 0) + (performance.now() - startedAt) / 1000);
    }
  }

  /** Seconds since it was made. */
  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }
}

export function round(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}

/** Ticks of the times in /proc/PID/stat. @source proc(5): USER_HZ, 100 on all of Linux's architectures */
const TICKS_PER_SECOND = 100;

/**
 * Seconds that the set-up took before this process: the age of the process that made it, when that is `setup.mjs`,
 * less our own. 0 when it was started in another way.
 */
export function setupSeconds(): number {
  try {
    const parent = process.ppid;
    if (!readFileSync(`/proc/${parent}/cmdline`, "utf8").includes("setup.mjs")) return 0;
    const stat = readFileSync(`/proc/${parent}/stat`, "latin1");
    // The command name stands in parentheses and may itself contain blanks.
    const startTicks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
    const uptime = Number(readFileSync("/proc/uptime", "latin1").split(" ")[0]);
    return Math.max(0, uptime - startTicks / TICKS_PER_SECOND - process.uptime());
  } catch {
    return 0;
  }
}
