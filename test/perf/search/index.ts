import { createCluster } from "../../../orchestrator/cluster.ts";
import { fieldsOfRules } from "../../../worker/pipeline/fields.ts";
import { addUp, createParserCampaign, MONTH } from "../../support/parser-campaign.ts";
import { DEFAULT_RULES } from "../../support/rules.ts";
import { inBenchPlace, type BenchPlace } from "../bench-place.ts";
import type { Benchmark, BenchContext } from "../benchmark.ts";
import { roundName } from "../parse/whole-parser.ts";
import { startBundledParser } from "../store/bundled-parser.ts";
import { settle } from "../store/measure-load.ts";
import { withServices, type Services } from "../store/services.ts";
import { grepsOf, type Grep } from "./greps.ts";
import { makeMonth, type Month } from "./month.ts";
import { readOptions, type SearchOptions } from "./options.ts";
import { all, countAndFirst, linesByUser } from "./question.ts";
import { ELASTICSEARCH, searchGoals, searchReport, searchRow, WAYS, type Asked } from "./report.ts";

const ID = "bench";
const LONGEST_LOAD_MS = 3 * 3_600_000;
/** The user of the question stood in 81,636 lines of about 800 million. */
const SHARE = 1e-4;
/** Users about whom both sides do not find the same, because one looks for words and the other for texts. */
const MOST_TRIED = 20;

/** How often each is asked in a round, whose time is the mean; and so many times as often before, until the code is compiled. */
const TIMES: Readonly<Record<Asked, number>> = { first: 20, all: 5, raw: 1, compressed: 1 };
const WARM_UP = 10;

/** The question with which this project began: every line of one user in a month. */
export const searchBenchmark: Benchmark = {
  name: "search",
  about:
    "every line of one user in a month: Elasticsearch against ripgrep on the raw files and zgrep on the compressed",
  run(args, context) {
    const options = readOptions(args);
    return inBenchPlace((place) =>
      withServices(place, [`${ID}-*`], (services) => measureAll(place, services, options, context)),
    );
  },
};

async function measureAll(
  place: BenchPlace,
  services: Services,
  options: SearchOptions,
  { signal, say }: BenchContext,
) {
  const { client } = services.node;
  const month = await loadMonth(place, services, options.lines, { signal, say });
  const index = `${ID}-*`;
  const [raw, compressed] = await grepsOf(month, signal);
  const { user, lines } = await chooseUser(services, index, month, raw);
  say(`${user} stands in ${lines} lines of ${month.lines}`);
  const ask: Readonly<Record<Asked, () => Promise<number>>> = {
    first: () => countAndFirst(client, index, user),
    all: () => all(client, index, user),
    raw: () => raw.find(user),
    compressed: () => compressed.find(user),
  };
  const millis: Record<Asked, number[]> = { first: [], all: [], raw: [], compressed: [] };
  for (let round = -1; round < options.rounds; round++) {
    for (const way of round % 2 === 0 ? WAYS : WAYS.toReversed()) {
      signal.throwIfAborted();
      say(`${roundName(round, options.rounds)}: ${way}`);
      const times = TIMES[way] * (round < 0 && way in ELASTICSEARCH ? WARM_UP : 1);
      const begin = performance.now();
      for (let i = 0; i < times; i++) {
        const found = await ask[way]();
        if (found !== lines) throw new Error(`${way} found ${found} lines of ${user}, not ${lines}`);
      }
      if (round >= 0) millis[way].push((performance.now() - begin) / times);
    }
  }
  const labels = { ...ELASTICSEARCH, raw, compressed };
  const rows = WAYS.map((way) => searchRow(way, labels[way], millis));
  const goals = searchGoals(millis);
  return {
    result: { bench: "search", rows, goals },
    text: searchReport(rows, goals, month, { user, lines, rounds: options.rounds }),
  };
}

async function loadMonth(
  place: BenchPlace,
  services: Services,
  lines: number,
  { signal, say }: BenchContext,
): Promise<Month> {
  const { config, dir } = place;
  const { node, redis } = services;
  const campaign = await createParserCampaign(ID, `${dir}/campaign`, redis, node);
  try {
    say(`making a month of ${lines} lines`);
    const month = await makeMonth(dir, campaign, lines, config.plan.chunkBytes, signal);
    const cluster = createCluster(node.client);
    const naming = { pattern: `${ID}-{day}-m{month}-r{revision}`, revision: 1 };
    const fields = fieldsOfRules(DEFAULT_RULES);
    const indices = await cluster.prepare(naming, [MONTH], { shards: 1, replicas: 0 }, fields);
    say(`loading ${(month.rawBytes / 1e9).toFixed(2)} GB`);
    const parser = await startBundledParser(campaign, { config, ...services }, config.parsers);
    try {
      await campaign.addChunks(month.chunks);
      await campaign.settled(LONGEST_LOAD_MS);
    } finally {
      await parser.kill();
    }
    const { read, stored } = addUp(await campaign.rows());
    if (stored !== read || read !== month.lines) {
      throw new Error(`of ${month.lines} lines ${read} were read and ${stored} stored`);
    }
    await settle(node.client, indices);
    await cluster.applyServingSettings(indices, new Map());
    return month;
  } finally {
    await campaign.close();
  }
}

/** The user who stands in a share of the lines that is nearest to the one of the question, and of whom both sides find as many. */
async function chooseUser(
  { node }: Services,
  index: string,
  month: Month,
  raw: Grep,
): Promise<{ readonly user: string; readonly lines: number }> {
  const distance = (lines: number) => Math.abs(Math.log(lines / (SHARE * month.lines)));
  const candidates = [...(await linesByUser(node.client, index, month.users))]
    .filter(([, lines]) => lines > 0)
    .sort((a, b) => distance(a[1]) - distance(b[1]))
    .slice(0, MOST_TRIED);
  for (const [user, lines] of candidates) if ((await raw.find(user)) === lines) return { user, lines };
  throw new Error(`of none of ${MOST_TRIED} users do both sides find the same lines`);
}
