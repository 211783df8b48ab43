import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";

/** One run of a contender over one file. */
export interface Measure {
  readonly lines: number;
  /** Of all threads of its process, user and system. */
  readonly cpuMicros: number;
  readonly wallMicros: number;
}

/** A contender that is ready. */
export interface Running {
  /** Reads the file, writes a JSON document for each line to `output`. */
  run(input: string, output: string, month: string): Promise<Measure>;
  /** The most memory that it has held so far, if that can be told. */
  peakBytes(): number | undefined;
  end(): Promise<void>;
}

/** A contender that stays. */
export interface Server extends Running {
  /** SIGKILL, and waits until it is gone. A run that is under way fails. */
  kill(): Promise<void>;
}

/** How a program is started: bound to a core, and ended by the signal. */
export interface Start {
  readonly argv: readonly string[];
  readonly pin: string | undefined;
  readonly signal: AbortSignal;
  /** Ours when absent. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/**
 * A contender that stays: what compiles while it runs has done so after some rounds, as in a parser that works for hours. A line on its stdin,
 * `INPUT tab OUTPUT tab MONTH`, is a run; its answer is `LINES CPU_MICROS WALL_MICROS`.
 */
export function startServer(start: Start): Server {
  const child = spawnPinned(start, ["pipe", "pipe", "pipe"]);
  const answers = createInterface({ input: child.stdout! });
  const complaint = keepTail(child);
  return {
    async run(input, output, month) {
      child.stdin!.write(`${input}\t${output}\t${month}\n`);
      const answer = /^(\d+) (\d+) (\d+)$/.exec(await nextLine(answers, child, complaint));
      if (!answer) throw new Error(`${start.argv.join(" ")} did not answer with three figures: ${complaint()}`);
      const [lines, cpuMicros, wallMicros] = answer.slice(1).map(Number) as [number, number, number];
      return { lines, cpuMicros, wallMicros };
    },
    peakBytes: () => peakBytesOf(child.pid!),
    async end() {
      child.stdin!.end();
      if (isThere(child)) await once(child, "exit");
    },
    async kill() {
      if (!isThere(child)) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

function isThere(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function nextLine(answers: Interface, child: ChildProcess, complaint: () => string): Promise<string> {
  const done = new AbortController();
  const { signal } = done;
  try {
    return await Promise.race([
      once(answers, "line", { signal }).then(([line]) => String(line)),
      once(child, "close", { signal }).then(([code]) => {
        throw new Error(`a contender ended (exit ${String(code)}) in mid-run: ${complaint()}`);
      }),
    ]);
  } finally {
    done.abort();
  }
}

/** A filter: started for each run, its stdin the input and its stdout the output. The shell tells its CPU time in milliseconds. */
export function startFilter(start: Start, linesOf: (input: string) => number): Running {
  let peak: number | undefined;
  return {
    async run(input, output) {
      const script = 'TIMEFORMAT="%3R %3U %3S"; input=$1 output=$2; shift 2; time "$@" <"$input" >"$output"';
      const child = spawnPinned({ ...start, argv: ["bash", "-c", script, "bash", input, output, ...start.argv] }, [
        "ignore",
        "ignore",
        "pipe",
      ]);
      const complaint = keepTail(child);
      const watch = setInterval(() => (peak = Math.max(peak ?? 0, ...childrenOf(child.pid!).map(peakBytesOf))), 20);
      let code: unknown;
      try {
        [code] = (await once(child, "close")) as [number | null];
      } finally {
        clearInterval(watch);
      }
      const times = /(\d+\.\d{3}) (\d+\.\d{3}) (\d+\.\d{3})\s*$/.exec(complaint());
      if (code !== 0 || !times)
        throw new Error(`${start.argv.join(" ")} ended with exit code ${String(code)}: ${complaint()}`);
      const [real, user, system] = times.slice(1).map((seconds) => Number(seconds) * 1e6) as [number, number, number];
      return { lines: linesOf(input), cpuMicros: user + system, wallMicros: real };
    },
    peakBytes: () => peak,
    end: () => Promise.resolve(),
  };
}

/** Runs a program to its end. @throws Error with what it said when it fails */
export async function runProgram(start: Start): Promise<string> {
  const child = spawnPinned(start, ["ignore", "pipe", "pipe"]);
  const complaint = keepTail(child);
  let output = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${start.argv.join(" ")} ended with exit code ${String(code)}: ${complaint()}`);
  return output;
}

function spawnPinned({ argv, pin, signal, env, cwd }: Start, stdio: ("pipe" | "ignore")[]): ChildProcess {
  const [command, ...args] = pin === undefined ? argv : ["taskset", "-c", pin, ...argv];
  const child = spawn(command!, args, {
    stdio,
    signal,
    killSignal: "SIGKILL",
    ...(env ? { env } : {}),
    ...(cwd === undefined ? {} : { cwd }),
  });
  // Both come with the signal.
  child.on("error", () => undefined);
  child.stdin?.on("error", () => undefined);
  return child;
}

function keepTail(child: ChildProcess): () => string {
  let tail = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (tail = (tail + text).slice(-4000)));
  return () => tail.trim();
}

/** @source proc(5): VmHWM is the most resident memory so far. 0 when the process has gone. */
function peakBytesOf(pid: number): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(readProc(`${pid}/status`))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

function childrenOf(pid: number): number[] {
  return readProc(`${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);
}

function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch {
    return "";
  }
}
