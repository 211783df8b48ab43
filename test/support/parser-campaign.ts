import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Chunk, Origin, Unpack, UnpackResult } from "../../worker/contract/chunk.ts";
import { registerNode } from "../../worker/contract/node-list.ts";
import { indexNamesOf } from "../../worker/contract/index-names.ts";
import { campaignKeys, type CampaignKeys } from "../../worker/contract/keys.ts";
import type { LedgerRow } from "../../worker/contract/ledger.ts";
import type { Rules } from "../../worker/contract/rules.ts";
import { CHUNK_JOB, SPOOL_JOB_OPTIONS, UNPACK_JOB } from "../../worker/contract/spool.ts";
import { pipelineHash } from "../../worker/pipeline.ts";
import { createQueues, type ParseQueue, type UnpackQueue } from "../../worker/spool.ts";
import type { TestElasticsearch } from "./elasticsearch-node.ts";
import type { TestRedis } from "./redis-server.ts";
import { DEFAULT_RULES } from "./rules.ts";
import { waitFor } from "./wait-for.ts";

/** The part of a campaign that parsers see: a spool, data nodes' addresses, indices; without orchestrator or batch jobs. */
export interface ParserCampaign {
  readonly id: string;
  readonly dir: string;
  readonly keys: CampaignKeys;
  readonly parse: ParseQueue;
  readonly unpack: UnpackQueue;
  /** Matches this campaign's indices. */
  readonly indices: string;
  createIndices(properties?: object): Promise<void>;
  /** Where parsers send their bulks; one more place under another name. */
  setDataNode(url: string, name?: string): Promise<void>;
  /** Writes a file and returns its chunks. */
  plainFile(path: string, content: string | Buffer, chunkBytes: number): readonly Chunk[];
  addChunks(chunks: readonly Chunk[]): Promise<void>;
  /** The message for a compressed file that is there. */
  unpackOf(
    format: Unpack["format"],
    file: string,
    members: readonly { readonly member: string; readonly path: string }[],
    options: { readonly chunkBytes: number; readonly limitBytes?: number; readonly stream?: Unpack["stream"] },
  ): Unpack;
  addUnpack(unpack: Unpack): Promise<void>;
  /** Waits until both queues are empty of work. */
  settled(timeoutMs?: number): Promise<void>;
  rows(): Promise<readonly LedgerRow[]>;
  results(): Promise<readonly UnpackResult[]>;
  close(): Promise<void>;
}

export const MONTH = "2013-01";

/** Syslog lines of one second each; every tenth line is an accepted login. */
export function syslogLines(n: number, label: string): string {
  const lines: string[] = [];
  for (let i = 0; i < n; i++) {
    const time = new Date(Date.UTC(2013, 0, 10) + i * 1000).toISOString();
    const day = time.slice(8, 10).replace(/^0/, " ");
    const text =
      i % 10 === 0
        ? `sshd[${i}]: Accepted password for user${i} from 10.1.2.${i % 250} port 4000 ssh2`
        : `cron[${i % 120}]: (root) CMD (${label} ${"x".repeat(i % 90)})`;
    lines.push(`Jan ${day} ${time.slice(11, 19)} host-${i % 7} ${text}\n`);
  }
  return lines.join("");
}

export function originOf(path: string, pattern: string): Origin {
  // Any 12 characters of the alphabet will do here, as long as they differ by path.
  let hash = 0n;
  for (const byte of Buffer.from(path)) hash = (hash * 257n + BigInt(byte)) % (1n << 59n);
  return {
    fileId: hash.toString(32).padStart(12, "0"),
    path,
    month: MONTH,
    firstDay: "2013-01-10",
    timeZone: "UTC",
    service: "syslog",
    index: { pattern, revision: 1 },
    dropPrograms: [],
  };
}

export async function createParserCampaign(
  id: string,
  dir: string,
  redis: Pick<TestRedis, "client">,
  store: Pick<TestElasticsearch, "url" | "request">,
  rules: Rules = DEFAULT_RULES,
): Promise<ParserCampaign> {
  const keys = campaignKeys(id);
  const { parse, unpack } = createQueues(redis.client, keys);
  for (const queue of [parse, unpack]) queue.on("error", () => undefined);
  await redis.client.set(keys.rules, JSON.stringify(rules));
  const pattern = `${id}-{day}-m{month}-r{revision}`;
  mkdirSync(dir, { recursive: true });

  const campaign: ParserCampaign = {
    id,
    dir,
    keys,
    parse,
    unpack,
    indices: `${id}-*`,
    async createIndices(properties = {}) {
      for (const index of indexNamesOf({ pattern, revision: 1 }, MONTH)) {
        if (!/2013\.01\.(09|1[0-3])|outside/.test(index)) continue;
        await store.request("PUT", `/${index}`, {
          settings: { number_of_shards: 1, number_of_replicas: 0 },
          mappings: { dynamic: false, properties: { "@timestamp": { type: "date" }, ...properties } },
        });
      }
    },
    async setDataNode(url, jobName = "d1") {
      const node = {
        jobName,
        role: "es-data",
        instance: "i",
        address: "127.0.0.1",
        pid: 1,
        startedAt: 0,
        httpUrl: url,
      };
      await registerNode(redis.client, keys, jobName, JSON.stringify(node));
    },
    plainFile(path, content, chunkBytes) {
      const file = join(dir, "archive", path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      const { size, mtimeMs } = statSync(file);
      const origin = originOf(path, pattern);
      return Array.from({ length: Math.ceil(size / chunkBytes) }, (_, n) => ({
        id: `${origin.fileId}-${n}`,
        origin,
        range: { start: n * chunkBytes, end: Math.min(size, (n + 1) * chunkBytes) },
        format: "syslog",
        source: { kind: "plain", file, size, mtimeMs },
        pipeline: pipelineHash(rules),
      }));
    },
    async addChunks(chunks) {
      await parse.addBulk(
        chunks.map((data) => ({ name: CHUNK_JOB, data, opts: { ...SPOOL_JOB_OPTIONS, jobId: data.id } })),
      );
    },
    unpackOf(format, file, members, { chunkBytes, limitBytes = 2 ** 30, stream = [] }) {
      const { size, mtimeMs } = statSync(file);
      return {
        id: `u${originOf(file, pattern).fileId}`,
        format,
        file,
        size,
        mtimeMs,
        members: members.map(({ member, path }) => ({ member, origin: originOf(path, pattern) })),
        stream,
        chunkBytes,
        stagingDir: join(dir, "staging"),
        stagingLimitBytes: limitBytes,
        pipeline: pipelineHash(rules),
      };
    },
    async addUnpack(data) {
      await unpack.add(UNPACK_JOB, data, { ...SPOOL_JOB_OPTIONS, jobId: data.id });
    },
    async settled(timeoutMs = 90_000) {
      await waitFor(
        "the spool to be empty",
        async () => {
          for (const queue of [unpack, parse]) {
            const counts = await queue.getJobCounts("wait", "active", "delayed", "prioritized");
            if (Object.values(counts).some((n) => n > 0)) return false;
          }
          return true;
        },
        { timeoutMs },
      );
    },
    async rows() {
      return (await parse.getCompleted(0, -1)).map((job) => job.returnvalue);
    },
    async results() {
      return (await unpack.getCompleted(0, -1)).map((job) => job.returnvalue);
    },
    async close() {
      await Promise.all([parse.close(), unpack.close()]);
    },
  };
  await campaign.setDataNode(store.url);
  return campaign;
}

/** Sums of ledger rows, after checking that each row's own sum is right. */
export function addUp(rows: readonly LedgerRow[]): { read: number; stored: number; rejected: number; bytes: number } {
  const sum = { read: 0, stored: 0, rejected: 0, bytes: 0 };
  for (const { counts, perIndex, chunk } of rows) {
    const { read, written, duplicate, dropped, rejected, bytes } = counts;
    const inIndices = Object.values(perIndex).reduce((a, b) => a + b, 0);
    if (read !== written + duplicate + dropped + rejected || inIndices !== written + duplicate) {
      throw new Error(`the row of chunk ${chunk} does not add up: ${JSON.stringify({ counts, perIndex })}`);
    }
    sum.read += read;
    sum.stored += written + duplicate;
    sum.rejected += rejected;
    sum.bytes += bytes;
  }
  return sum;
}

/** Checks that the rows of each file cover it from 0 without gap or overlap; returns each file's length. */
export function tiledLengths(rows: readonly LedgerRow[]): Readonly<Record<string, number>> {
  const lengths: Record<string, number> = {};
  const n = (row: LedgerRow): number => Number(row.chunk.slice(row.chunk.lastIndexOf("-") + 1));
  for (const row of [...rows].sort((a, b) => n(a) - n(b))) {
    const [first, last] = row.covered;
    if (first === last) continue;
    const at = lengths[row.fileId] ?? 0;
    if (first !== at) throw new Error(`chunk ${row.chunk} begins at ${first}, the one before it ended at ${at}`);
    lengths[row.fileId] = last;
  }
  return lengths;
}
