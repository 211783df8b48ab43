import { createCluster } from "../../../orchestrator/cluster.ts";
import type { NodeLook } from "../../../orchestrator/tuning/looks.ts";
import { readTuning, type TuningRecord } from "../../../orchestrator/tuning/record.ts";
import { createTuner } from "../../../orchestrator/tuning/tuner.ts";
import { pause } from "../../../worker/contract/pause.ts";
import type { Budgets } from "../../../worker/contract/tuning.ts";
import { BAD_START } from "../../support/simulated-tuning.ts";
import { TUNED_NODES, tunedCampaign } from "../../support/tuned-campaign.ts";
import type { BenchPlace } from "../bench-place.ts";
import type { BenchContext, Row } from "../benchmark.ts";
import { sampleCorpus } from "../parse/corpora.ts";
import { roundName } from "../parse/whole-parser.ts";
import type { Services } from "../store/services.ts";
import { startEndlessLoad, type EndlessLoad, type LoadSums } from "./endless-load.ts";
import type { TunerOptions } from "./options.ts";
import { median } from "../../../orchestrator/median.ts";

/** What a setting is worth on the real node. */
export interface SettingRow extends Row, Budgets {
  readonly documentsPerSecond: number;
  /** Microseconds of CPU a document. */
  readonly store: number;
  readonly sender: number;
  /** Of the best fixed setting's rate in the same round. */
  readonly ofBest: number;
  readonly found: boolean;
}

/** What the tuner did on a real node. */
export interface RealTuning {
  readonly settings: readonly SettingRow[];
  /** Of the setting that it had found after a minute, against the best of the grid. */
  readonly share: number;
  /** How far rates of some seconds were from the usual one: in the minute after that, and in one in which the found setting was fixed. */
  readonly swing: number;
  readonly noise: number;
  readonly decisions: number;
}

/** What a setting brought in a round, and cost: documents a second, microseconds of CPU a document. */
type Worth = Readonly<Record<"rate" | "store" | "sender", number>>;

const ID = "bench-tuner";
const MIB = 2 ** 20;
const GRID: readonly Budgets[] = [MIB / 8, MIB / 2, 2 * MIB, 8 * MIB].flatMap((bulkBytes) =>
  [1, 2, 4, 8].map((requestsInFlight) => ({ bulkBytes, requestsInFlight })),
);
const MINUTE_S = 60;
const WARM_UP: Budgets = { bulkBytes: 2 * MIB, requestsInFlight: 2 };
/** Parsers read what they may once a second. */
const TOLD_MS = 1500;
const WINDOW_S = 5;

/** From a bad start with the orchestrator's own tuner, then over a grid of fixed settings with what it had found among them. */
export async function tuneReally(
  place: BenchPlace,
  services: Services,
  options: TunerOptions,
  { signal, say }: BenchContext,
): Promise<RealTuning> {
  say(`making ${options.lines} distinct lines`);
  const corpus = await sampleCorpus(place.dir, options.lines, 1, signal);
  const load = await startEndlessLoad(place, services, corpus, { id: ID, start: WARM_UP }, TUNED_NODES.parser);
  try {
    say("warming up");
    await pause(MINUTE_S * 1000, signal);
    say("tuning for two minutes from a bad start");
    await load.allow(BAD_START);
    await pause(TOLD_MS, signal);
    const { records, rates, decisions } = await tuneFor(place, services, load, 2 * MINUTE_S, signal);
    const found = heldLongest(records.slice(MINUTE_S - WINDOW_S * 3, MINUTE_S));
    say("the setting that it found, fixed for a minute");
    await load.allow(found);
    await pause(TOLD_MS, signal);
    const fixed = await ratesOf(load, MINUTE_S, signal);
    const worth = await overGrid(load, [...GRID, found], options, { signal, say });
    const settings = settingRows(worth, found);
    return {
      settings,
      share: settings.find((row) => row.found)?.ofBest ?? 0,
      swing: swingOf(rates.slice(MINUTE_S)),
      noise: swingOf(fixed),
      decisions,
    };
  } finally {
    await load.end();
  }
}

async function tuneFor(
  { dir }: BenchPlace,
  { node, redis }: Services,
  load: EndlessLoad,
  seconds: number,
  signal: AbortSignal,
): Promise<{
  readonly records: readonly TuningRecord[];
  readonly rates: readonly number[];
  readonly decisions: number;
}> {
  const start = { "parsers.bulkBytes": BAD_START.bulkBytes, "parsers.requestsInFlight": BAD_START.requestsInFlight };
  const ctx = await tunedCampaign(dir, ID, redis.client, start);
  const cluster = createCluster(node.client);
  let nodes: NodeLook | undefined;
  const tuner = createTuner(ctx, () => nodes);
  try {
    // The first look only sees where things stand.
    const rates = await ratesOf(load, seconds + 1, signal, async () => {
      const [figures] = Object.values(await cluster.nodeFigures());
      if (figures) nodes = { at: Date.now(), figures: { [TUNED_NODES.dataNode]: figures } };
      await tuner.look();
    });
    return { records: await readTuning(ctx.paths.tuning), rates, decisions: tuner.decisions() };
  } finally {
    await ctx.journal.close();
  }
}

/** Documents a second, second by second. @param look what is done in each of them */
async function ratesOf(
  load: EndlessLoad,
  seconds: number,
  signal: AbortSignal,
  look: () => Promise<void> = () => Promise.resolve(),
): Promise<readonly number[]> {
  const rates: number[] = [];
  for (let second = 0; second < seconds; second++) rates.push((await worthOf(load, 1, signal, look)).rate);
  return rates;
}

/** What some seconds have brought and cost. */
async function worthOf(
  load: EndlessLoad,
  seconds: number,
  signal: AbortSignal,
  look: () => Promise<void> = () => Promise.resolve(),
): Promise<Worth> {
  const before = await load.sums();
  const begin = performance.now();
  await look();
  await pause(seconds * 1000 - (performance.now() - begin), signal);
  signal.throwIfAborted();
  const after = await load.sums();
  const wallSeconds = (performance.now() - begin) / 1000;
  const documents = after.documents - before.documents;
  const each = (of: (sums: LoadSums) => number) => (of(after) - of(before)) / Math.max(1, documents);
  return {
    rate: documents / wallSeconds,
    store: each(({ storeMicros }) => storeMicros),
    sender: each(({ senderMicros }) => senderMicros),
  };
}

/** Everybody in turn, then everybody again; the order turns round each time. @returns the worth of each setting, by round */
async function overGrid(
  load: EndlessLoad,
  settings: readonly Budgets[],
  { rounds, seconds }: TunerOptions,
  { signal, say }: BenchContext,
): Promise<ReadonlyMap<Budgets, readonly Worth[]>> {
  const worth = new Map<Budgets, Worth[]>(settings.map((setting) => [setting, []]));
  for (let round = 0; round < rounds; round++) {
    say(`fixed settings, ${roundName(round, rounds)}`);
    for (const setting of round % 2 === 0 ? settings : settings.toReversed()) {
      await load.allow(setting);
      await pause(TOLD_MS, signal);
      worth.get(setting)!.push(await worthOf(load, seconds, signal));
    }
  }
  return worth;
}

/** The best of the grid is the one whose median is: the best of each round would be the luckiest. */
function settingRows(worth: ReadonlyMap<Budgets, readonly Worth[]>, found: Budgets): readonly SettingRow[] {
  const usual = (rounds: readonly Worth[], of: (round: Worth) => number) => median(rounds.map(of));
  const rate = (round: Worth) => round.rate;
  const [, best] = [...worth]
    .filter(([setting]) => setting !== found)
    .reduce((most, one) => (usual(one[1], rate) > usual(most[1], rate) ? one : most));
  return [...worth].map(([setting, rounds]) => ({
    name: setting === found ? "found by the tuner" : "fixed",
    ...setting,
    documentsPerSecond: usual(rounds, rate),
    store: usual(rounds, ({ store }) => store),
    sender: usual(rounds, ({ sender }) => sender),
    ofBest: median(rounds.map((round, i) => round.rate / best[i]!.rate)),
    found: setting === found,
  }));
}

function heldLongest(records: readonly TuningRecord[]): Budgets {
  const seconds = new Map<string, number>();
  for (const { budgets, seen } of records) {
    const key = JSON.stringify(budgets);
    seconds.set(key, (seconds.get(key) ?? 0) + seen.seconds);
  }
  const [longest] = [...seconds].sort((a, b) => b[1] - a[1]);
  if (!longest) throw new Error("the tuner has seen nothing: its parser did not report");
  return JSON.parse(longest[0]) as Budgets;
}

/** How far rates are from the usual one, half of them further. @param rates of seconds, taken some at a time */
function swingOf(rates: readonly number[]): number {
  const windows: number[] = [];
  for (let at = 0; at + WINDOW_S <= rates.length; at += WINDOW_S) {
    windows.push(rates.slice(at, at + WINDOW_S).reduce((sum, rate) => sum + rate, 0) / WINDOW_S);
  }
  const usual = median(windows);
  return median(windows.map((rate) => Math.abs(rate / usual - 1)));
}
