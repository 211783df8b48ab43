import { readFile } from "node:fs/promises";
import { createCluster } from "../../../orchestrator/cluster.ts";
import type { Config } from "../../../orchestrator/config-schema.ts";
import { fieldsOfRules } from "../../../worker/pipeline/fields.ts";
import { treeFigures } from "../../../worker/contract/process-tree.ts";
import { pause } from "../../../worker/contract/pause.ts";
import { createParserCampaign } from "../../support/parser-campaign.ts";
import { BENCH_RULES, serviceOf } from "../parse/rules.ts";
import type { Corpus } from "../parse/corpora.ts";
import { startBundledParser } from "../store/bundled-parser.ts";
import type { Services } from "../store/services.ts";
import { cpuMicrosOf } from "../store/measure-load.ts";
import { writtenTo } from "../store/written.ts";
import type { Budgets } from "../../../worker/contract/tuning.ts";

/** Sums of a load. CPU is user and system of all threads. */
export interface LoadSums {
  readonly documents: number;
  readonly storeMicros: number;
  readonly senderMicros: number;
}

/** A load that does not end by itself. */
export interface EndlessLoad {
  /** What it has done, and cost, since it began. */
  sums(): Promise<LoadSums>;
  /** What the parser may have on its way from now on. */
  allow(budgets: Budgets): Promise<void>;
  end(): Promise<void>;
}

/** So many chunks wait at least; a parser does some in a second. */
const WAITING = 64;
const LOOK_MS = 500;
const FILE_ID_BYTES = 12;

/** A parser loads the file again and again, each time as another file, into indices of its days. @param name of the parser */
export async function startEndlessLoad(
  { dir, config }: { readonly dir: string; readonly config: Config },
  services: Services,
  corpus: Corpus,
  { id, start }: { readonly id: string; readonly start: Budgets },
  parserName: string,
): Promise<EndlessLoad> {
  const { node, redis } = services;
  const campaign = await createParserCampaign(id, `${dir}/${id}`, redis, node, BENCH_RULES);
  const chunks = campaign.plainFile("hosts/all.log", await readFile(corpus.file), config.plan.chunkBytes);
  const fields = fieldsOfRules(BENCH_RULES);
  const naming = chunks[0]!.origin.index;
  const cluster = createCluster(node.client);
  await cluster.prepare(naming, [corpus.month], { shards: 1, replicas: 0 }, fields, "store");
  const parser = await startBundledParser(campaign, { config, ...services }, start, parserName);
  const ended = new AbortController();
  let copies = 0;
  const feed = async () => {
    while (!ended.signal.aborted) {
      while ((await campaign.parse.getWaitingCount()) < WAITING) {
        const fileId = (copies += 1).toString(32).padStart(FILE_ID_BYTES, "0");
        const origin = { service: serviceOf("ssh"), ids: "store", fileId } as const;
        await campaign.addChunks(
          chunks.map((chunk, n) => ({ ...chunk, id: `${fileId}-${n}`, origin: { ...chunk.origin, ...origin } })),
        );
      }
      await pause(LOOK_MS, ended.signal);
    }
  };
  const fed = feed();
  // Whoever ends the load hears of it.
  fed.catch(() => undefined);
  return {
    sums: async () => ({
      documents: (await writtenTo(node.client, campaign.indices)).written,
      storeMicros: await cpuMicrosOf(cluster),
      senderMicros: treeFigures(parser.child.pid ?? 0).cpuSeconds * 1e6,
    }),
    allow: async ({ bulkBytes, requestsInFlight }) => {
      await redis.client.hset(campaign.keys.tuning, { bulkBytes, requestsInFlight });
    },
    async end() {
      ended.abort();
      await parser.kill();
      try {
        await fed;
      } finally {
        await campaign.close();
      }
    },
  };
}
