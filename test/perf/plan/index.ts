import { execFile } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { ORCHESTRATOR_FLAGS } from "../../../orchestrator/launch.ts";
import { ConfigError } from "../../../worker/contract/errors.ts";
import { startRedis } from "../../support/redis-server.ts";
import { atMost, type Benchmark, type BenchContext, type Row } from "../benchmark.ts";

const USAGE = `npm run bench -- plan [options] [--json]
  --files N     files of the archive, which is made for it in the temporary directory: a million inodes, a minute (1000000)
  --chunks N    chunks that they have together; files beyond that are empty (100000)`;

const LARGEST_BYTES = 500 * 2 ** 20;

/** What a plan of a million files costs whoever makes it, the orchestrator, and Redis. */
export const planBenchmark: Benchmark = {
  name: "plan",
  about:
    "a plan of 1,000,000 files and 100,000 chunks: memory and time of planning and of filling the spool, Redis's size",
  async run(args, context) {
    const { files, chunks } = readOptions(args);
    const dir = await mkdtemp(join(tmpdir(), "gridharvest-bench-plan-"));
    try {
      return await measure(dir, files, chunks, context);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  },
};

function readOptions(args: readonly string[]): { readonly files: number; readonly chunks: number } {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: { files: { type: "string", default: "1000000" }, chunks: { type: "string", default: "100000" } },
    }));
  } catch (error) {
    throw new ConfigError("USAGE", `${(error as Error).message}\n${USAGE}`);
  }
  for (const [name, text] of Object.entries(values)) {
    if (!/^[1-9]\d{0,8}$/.test(text))
      throw new ConfigError("USAGE", `--${name} ${text}: write a whole number, 1 or more\n${USAGE}`);
  }
  return { files: Number(values.files), chunks: Number(values.chunks) };
}

async function measure(dir: string, files: number, chunks: number, { signal, say }: BenchContext) {
  const file = join(dir, "plan.json");
  const archive = join(dir, "archive");
  say(`laying out an archive of ${String(files)} files`);
  await stage([], ["archive", String(files), String(chunks), archive], signal);
  say(`planning ${String(files)} files`);
  const made = await stage([], ["make", archive, file], signal);
  const redis = await startRedis(dir);
  try {
    say(`filling the spool with ${String(chunks)} chunks`);
    const filled = await stage(ORCHESTRATOR_FLAGS, ["fill", file, String(redis.port)], signal);
    const figure = async (section: string, field: string): Promise<number> =>
      Number(new RegExp(`^${field}:(\\d+)`, "m").exec(await redis.client.info(section))?.[1]);
    const redisBytes = await figure("memory", "used_memory");
    const aofBytes = await figure("persistence", "aof_current_size");
    const { size: planBytes } = await stat(file);
    const rows: Row[] = [
      { name: "making the plan", files, planBytes, ...made },
      { name: "orchestrator", ...filled },
      { name: "Redis", redisBytes, aofBytes, bytesPerChunk: redisBytes / chunks },
    ];
    const goals = [
      atMost("memory of making the plan, bytes", LARGEST_BYTES, made.peakBytes),
      atMost("memory of the orchestrator, bytes", LARGEST_BYTES, filled.peakBytes),
    ];
    const text = [
      `${files.toLocaleString("en-US")} files, ${chunks.toLocaleString("en-US")} chunks`,
      `plan          listed and made in ${seconds(made.planSeconds)}, written in ${seconds(made.writeSeconds)}, ${mib(planBytes)} on disk; peak memory ${mib(made.peakBytes)} (goal: ${mib(LARGEST_BYTES)})`,
      `orchestrator  plan read in ${seconds(filled.readSeconds)}, spool filled in ${seconds(filled.fillSeconds)}; peak memory ${mib(filled.peakBytes)} (goal: ${mib(LARGEST_BYTES)})`,
      `Redis         ${mib(redisBytes)} of memory, ${(redisBytes / chunks).toFixed(0)} bytes a chunk; ${mib(aofBytes)} on disk`,
    ].join("\n");
    return { result: { bench: "plan", rows, goals }, text };
  } finally {
    await redis.stop();
  }
}

const seconds = (value: number | undefined): string => `${(value ?? 0).toFixed(1)} s`;
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

type Figures = Readonly<Record<string, number>> & { readonly peakBytes: number };

/** Runs a stage in a process of its own. @param flags of its Node */
async function stage(flags: readonly string[], args: readonly string[], signal: AbortSignal): Promise<Figures> {
  const argv = [...flags, join(import.meta.dirname, "stage.ts"), ...args];
  const { stdout } = await promisify(execFile)(process.execPath, argv, { signal });
  return JSON.parse(stdout) as Figures;
}
