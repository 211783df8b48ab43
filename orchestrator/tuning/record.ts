import { appendFile, readFile } from "node:fs/promises";
import { z } from "zod";
import { parseJson } from "../../worker/contract/json.ts";

/**
 * `tuning.ndjson` of a campaign's directory: what the tuner saw, each second of the load a line, so that its decisions can be made once more under
 * another policy. History only: nothing is decided by it, so a line that gets lost does no harm.
 */
const number = z.number();
const recordSchema = z.object({
  /** Milliseconds since 1970. */
  at: number,
  /** What held then. */
  budgets: z.object({ bulkBytes: number, requestsInFlight: number, compressed: z.literal(true).optional() }),
  seen: z.object({
    seconds: number,
    documents: number,
    requests: number,
    latencyMillis: number,
    throttled: number,
    full: number,
    network: number.default(0),
    heap: number,
    collecting: number,
    merging: number,
    parsers: number,
    dataNodes: number,
    heapBytes: number,
  }),
});
/** One line of it. */
export type TuningRecord = z.infer<typeof recordSchema>;

/** Adds a line. */
export async function appendTuning(file: string, record: TuningRecord): Promise<void> {
  const seen = Object.fromEntries(Object.entries(record.seen).map(([name, value]) => [name, rounded(value)]));
  await appendFile(file, `${JSON.stringify({ ...record, seen })}\n`);
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** All lines that can be read; none when there is no such file. */
export async function readTuning(file: string): Promise<readonly TuningRecord[]> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  return text.split("\n").flatMap((line) => recordSchema.safeParse(parseJson(line)).data ?? []);
}
