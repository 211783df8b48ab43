import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "vitest";
import { createCluster } from "../../orchestrator/cluster.ts";
import { failureCode } from "../../orchestrator/finish.ts";
import { removeLeftovers } from "../../orchestrator/leftovers.ts";
import { putBackMissing } from "../../orchestrator/loss/missing.ts";
import { withFields } from "../../orchestrator/mapping.ts";
import { createSpool } from "../../orchestrator/spool.ts";
import type { Unpack } from "../../worker/contract/chunk.ts";
import type { Ids } from "../../worker/contract/ids.ts";
import { readFigures, type ParserFigures } from "../../worker/contract/tuning.ts";
import { comparePairs } from "./compare-pairs.ts";
import { exportedPairs } from "./export-pairs.ts";
import {
  addUp,
  createParserCampaign,
  originOf,
  syslogLines,
  tiledLengths,
  type ParserCampaign,
} from "./parser-campaign.ts";
import { startParser, type TestParser } from "./parser-child.ts";
import { mountSmallDisk, type SmallDisk } from "./small-disk.ts";
import type { StoreGround } from "./store-ground.ts";
import { waitFor } from "./wait-for.ts";

/** A load under way, so slow that faults meet it, which proves at its end that each line stands in the store once. */
export interface Load {
  readonly ground: StoreGround;
  readonly campaign: ParserCampaign;
  /** Parsers that have not ended. */
  readonly parsers: readonly TestParser[];
  /** Paths of the plain files of the archive; one more file comes out of gzip. */
  readonly files: readonly string[];
  /** Of the staged blocks, if it has one of its own. */
  readonly stagingDisk: SmallDisk | undefined;
  /** Starts one more parser. */
  start(options?: Partial<Parameters<typeof startParser>[0]>): Promise<TestParser>;
  /** Waits until so many chunks are committed. @throws Error when the load is over: what comes then meets nothing */
  until(chunks: number): Promise<void>;
  committed(): Promise<number>;
  /** Whether everything is committed or has failed for good. */
  isOver(): Promise<boolean>;
  /** Sum over the parsers, of processes that ended as they said it last. */
  figure(name: keyof ParserFigures): Promise<number>;
  /** What living parsers say keeps them from their work. */
  problems(): readonly string[];
  /** Lets the rest go as fast as it can. */
  unleash(): Promise<void>;
  /**
   * Waits for the end, lets parsers go, sweeps, and proves: nothing failed, each line has one committed row and one document, as an export and
   * a script outside the product see it, and nothing is left of what was not committed.
   * @param costs the one file, and the code, of which chunks may have failed: nothing of those may stand there
   */
  prove(costs?: { readonly path: string; readonly code: string }): Promise<Proof>;
  /** Ends what still runs, and removes the indices. */
  close(): Promise<void>;
}

export interface Proof {
  readonly lines: number;
  /** Documents of attempts that were not committed, which the sweep took. */
  readonly swept: number;
  /** Documents that were sent again and recognised. */
  readonly duplicates: number;
  /** Deliveries of chunks beyond the first. */
  readonly again: number;
  /** Documents that the store had said to have, and whose chunks were loaded again. */
  readonly missing: number;
}

export interface LoadOptions {
  /** Unique on its ground. */
  readonly id: string;
  readonly ids: Ids;
  /** Where parsers send their bulks; the ground's proxy without. */
  readonly dataNodes?: readonly string[];
  readonly replicas?: number;
  /** Of all parsers together, until it is unleashed. */
  readonly eventsPerSecond?: number;
  /** Whether staged blocks go to a disk of their own that is full from the beginning. */
  readonly isStagingFull?: boolean;
  /** The parser's program, of other sources than these. */
  readonly parserEntry?: URL;
}

const FILES = 4;
const LINES_A_FILE = 2500;
export const LOAD_LINES = (FILES + 1) * LINES_A_FILE;
const CHUNK_BYTES = 40_000;
/** Several bulks to a chunk, a killed parser's chunk soon taken up again, and points of each second. */
const PARSER = { bulkBytes: 32 * 1024, lockSeconds: 2 };

/** Begins it: the spool is filled, no parser runs yet. The caller closes it. */
export async function beginLoad(ground: StoreGround, options: LoadOptions): Promise<Load> {
  const { id, ids, dataNodes = [ground.proxy.url], replicas = 0, eventsPerSecond = 2000, parserEntry } = options;
  const { redis, store, proxy, client, carbon } = ground;
  const dir = join(ground.dir, id);
  const campaign = await createParserCampaign(id, dir, redis, store);
  const { keys, parse, unpack } = campaign;
  const spool = createSpool(redis.client, keys);
  proxy.faults.length = 0;
  proxy.requests.length = 0;

  await campaign.createIndices(withFields({ file: { type: "keyword" }, offset: { type: "long" } }, [], ids));
  if (replicas > 0) {
    await store.request("PUT", `/${campaign.indices}/_settings`, { index: { number_of_replicas: replicas } });
    await store.request("GET", `/_cluster/health/${campaign.indices}?wait_for_status=green&timeout=60s`);
  }
  await redis.client.del(keys.nodes, keys.nodesVersion);
  for (const [n, url] of dataNodes.entries()) await campaign.setDataNode(url, `d${String(n + 1)}`);
  await redis.client.hset(keys.knobs, "eventsPerSecond", eventsPerSecond);

  // Raw files that nobody of the product ever sees.
  const raw = new Map<string, string>();
  const keep = (path: string, text: string): void => {
    const file = join(dir, "raw", path.replaceAll("/", "-"));
    mkdirSync(join(dir, "raw"), { recursive: true });
    writeFileSync(file, text);
    raw.set(path, file);
  };
  const files = Array.from({ length: FILES }, (_, n) => `host-${String(n)}/syslog`);
  const packed = "packed/syslog";
  const texts = new Map([...files, packed].map((path) => [path, overDays(syslogLines(LINES_A_FILE, path))]));
  for (const [path, text] of texts) keep(path, text);
  const withIds = <T extends object>(origin: T): T & { ids?: "store" } =>
    ids === "store" ? { ...origin, ids } : origin;
  const paths = new Map([...texts.keys()].map((path) => [originOf(path, "").fileId, path]));
  const chunks = files.flatMap((path) =>
    campaign
      .plainFile(path, texts.get(path) ?? "", CHUNK_BYTES)
      .map((chunk) => ({ ...chunk, origin: withIds(chunk.origin) })),
  );
  const gzip = join(dir, "archive", "packed.gz");
  writeFileSync(gzip, gzipSync(texts.get(packed) ?? ""));
  const message = campaign.unpackOf("gzip", gzip, [{ member: "", path: packed }], { chunkBytes: CHUNK_BYTES });
  const stagingDisk = options.isStagingFull === true ? mountSmallDisk(message.stagingDir, 2 ** 20) : undefined;
  stagingDisk?.fill(0);
  const packedFile: Unpack = {
    ...message,
    members: message.members.map((member) => ({ ...member, origin: withIds(member.origin) })),
  };
  // The packed file's chunks come between the others.
  await campaign.addUnpack(packedFile);
  await campaign.addChunks(chunks);

  const all: TestParser[] = [];
  const living = (): readonly TestParser[] =>
    all.filter(({ child }) => child.exitCode === null && child.signalCode === null);

  const load: Load = {
    ground,
    campaign,
    files,
    stagingDisk,
    get parsers() {
      return living();
    },
    async start(more = {}) {
      const parser = await startParser({
        dir,
        campaign: id,
        redisPort: redis.port,
        name: `p${String(all.length + 1)}`,
        parser: PARSER,
        relay: { host: carbon.host, port: carbon.port },
        ...(parserEntry === undefined ? {} : { program: parserEntry }),
        ...more,
      });
      all.push(parser);
      return parser;
    },
    committed: () => parse.getCompletedCount(),
    async until(wanted) {
      await waitFor(`${String(wanted)} chunks of ${id}`, async () => (await load.committed()) >= wanted, {
        timeoutMs: 90_000,
        everyMs: 20,
      });
      if (await load.isOver()) throw new Error(`the load ${id} was over before anything could happen to it`);
    },
    async isOver() {
      // Unpacking adds chunks before it ends.
      return await spool.isDrained();
    },
    async figure(name) {
      const figures = readFigures(await redis.client.hgetall(keys.figures));
      return [...figures.values()].reduce((sum, one) => sum + Number(one[name]), 0);
    },
    problems: () =>
      living().flatMap(({ reports }) => {
        const last = reports.findLast((report) => report.type === "status");
        return last?.problem === undefined ? [] : [last.problem];
      }),
    async unleash() {
      await redis.client.hset(keys.knobs, "eventsPerSecond", 0);
    },
    async prove(costs) {
      const cluster = createCluster(client);
      const untilOver = (): Promise<unknown> =>
        waitFor(
          `the end of ${id}`,
          async () => {
            // Nobody waits for the end of a chunk's rest.
            for (const queue of [unpack, parse]) {
              for (const job of await queue.getDelayed()) await job.promote().catch(() => undefined);
            }
            return await load.isOver();
          },
          { timeoutMs: 150_000, everyMs: 250 },
        );
      await untilOver();
      const indices = (await client.cat.indices({ index: campaign.indices, format: "json", h: "index" })).map(
        ({ index = "" }) => index,
      );
      // As the orchestrator ends a load.
      const context = { cluster, redis: redis.client, keys, spool };
      const { documents: missing, chunks: reloaded } = await putBackMissing(context, { cluster, indices, paths });
      if (reloaded.length > 0) await untilOver();
      for (const parser of living()) {
        parser.send("drain");
        expect(await parser.exited).toBe(0);
      }
      const failed = await spool.failed();
      const faults = failed.map((job) => ({
        path: job.chunk?.origin.path,
        code: failureCode(job),
        reason: job.reason,
      }));
      expect(faults).toEqual(faults.map(({ reason }) => ({ ...costs, reason })));
      const unread = failed.flatMap(({ chunk }) =>
        chunk ? [{ path: chunk.origin.path, range: [chunk.range.start, chunk.range.end] as const }] : [],
      );
      expect(costs === undefined || unread.length > 0).toBe(true);

      const sweep = (): Promise<number> => removeLeftovers(context, indices, failed, new AbortController().signal);
      const swept = await sweep();
      expect(await sweep()).toBe(0);

      const pairsFile = join(dir, "pairs");
      const pairs: string[] = [];
      for await (const pair of exportedPairs(client, campaign.indices)) pairs.push(pair);
      writeFileSync(pairsFile, pairs.join(""));
      const compared = comparePairs(pairsFile, raw, unread);
      expect(compared, JSON.stringify(compared)).toMatchObject({ lost: 0, doubled: 0, foreign: 0 });
      if (costs === undefined) expect(compared.lines).toBe(LOAD_LINES);

      const rows = await campaign.rows();
      expect(new Set(rows.map(({ chunk }) => chunk)).size).toBe(rows.length);
      const sum = addUp(rows);
      expect(sum, JSON.stringify(sum)).toMatchObject({ read: compared.lines, stored: compared.lines, rejected: 0 });
      expect(pairs).toHaveLength(compared.lines);
      const lost = new Set(failed.map(({ chunk }) => chunk?.origin.fileId));
      const lengths = Object.values(tiledLengths(rows.filter(({ fileId }) => !lost.has(fileId))));
      const wanted = [...texts].filter(([path]) => path !== costs?.path).map(([, text]) => text.length);
      expect(lengths.toSorted()).toEqual(wanted.toSorted());
      if (ids === "store") expect(new Set(rows.map(({ tag }) => tag)).size).toBe(rows.length);
      // A block may be counted whose parser was killed right behind the commit; none whose chunk was not committed.
      const committed = new Set(rows.map(({ chunk }) => chunk));
      expect((await redis.client.hkeys(keys.stagedBlocks)).filter((chunk) => !committed.has(chunk))).toEqual([]);
      return {
        lines: compared.lines,
        swept,
        duplicates: rows.reduce((sum, { counts }) => sum + counts.duplicate, 0),
        again: rows.reduce((sum, { attempt }) => sum + attempt - 1, 0),
        missing,
      };
    },
    async close() {
      await Promise.all(living().map((parser) => parser.kill()));
      stagingDisk?.remove();
      proxy.faults.length = 0;
      await spool.disconnect();
      await campaign.close();
      await store.request("DELETE", `/${campaign.indices}`);
      await redis.client.del(...(await redis.client.keys(keys.everything)));
    },
  };
  return load;
}

/** The same lines on three days in turn, so that each bulk goes to three indices. Every length stays. */
function overDays(text: string): string {
  let n = 0;
  return text.replaceAll(/^Jan 10/gm, () => `Jan ${String(10 + (n++ % 3))}`);
}
