import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createHttpClient } from "../../../worker/sinks/elasticsearch/http.ts";
import { DEFAULT_POLICY } from "../../../worker/sinks/elasticsearch/policy.ts";
import { createPipeline } from "../../../worker/pipeline.ts";
import { BENCH_RULES } from "../parse/rules.ts";
import type { StoreAccess } from "../peers/store-access.ts";
import { batchesOf } from "../store/batches.ts";
import { pinned } from "./shape.ts";

/**
 * The ceiling: bodies that the engine has made beforehand are sent, and nothing else is done. `ceiling-process.ts ACCESS.JSON BULK_BYTES IN_FLIGHT`;
 * the protocol is that of `startServer`. The output counts for nothing: the bodies name their index.
 */
const access = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as StoreAccess;
const [bulkBytes, inFlight] = process.argv.slice(3).map(Number) as [number, number];
const { username, password } = access;
const http = createHttpClient({
  authority: readFileSync(access.authorityFile, "utf8"),
  auth: { username, password },
  silenceMs: DEFAULT_POLICY.silenceMs,
  connectMs: DEFAULT_POLICY.connectMs,
});
const PATH = "/_bulk?filter_path=errors";
/** As long as the tags of attempts are. */
const TAG = "0000000000";
const never = new AbortController().signal;

interface Body {
  readonly bytes: Uint8Array;
  readonly documents: number;
}

let bodies: readonly Body[] | undefined;
for await (const request of createInterface({ input: process.stdin })) {
  const [file, , month] = request.split("\t") as [string, string, string];
  bodies ??= prebuilt(file, month);
  const begin = performance.now();
  const before = process.cpuUsage();
  const documents = await sendAll(bodies);
  const cpu = process.cpuUsage(before);
  process.stdout.write(`${documents} ${cpu.user + cpu.system} ${Math.round((performance.now() - begin) * 1000)}\n`);
}
http.close();

function prebuilt(file: string, month: string): readonly Body[] {
  const origin = { ...pinned(month, access.ids), fileId: "0123456789ab", path: "hosts/all.log" };
  const attempt = access.ids === "store" ? TAG : undefined;
  const batches = batchesOf(createPipeline(BENCH_RULES), readFileSync(file), origin, bulkBytes, attempt);
  return Array.from(batches, ({ body, count }) => ({ bytes: Buffer.from(body), documents: count }));
}

async function sendAll(all: readonly Body[]): Promise<number> {
  const left = all.values();
  const send = async () => {
    for (const { bytes } of left) {
      const { status, text } = await http.send(access.url, { method: "POST", path: PATH, body: bytes }, never);
      if (status !== 200 || !text.includes('"errors":false')) throw new Error(`a bulk was refused: ${status} ${text}`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, send));
  return all.reduce((sum, { documents }) => sum + documents, 0);
}
