import type { Client } from "@elastic/elasticsearch";
import { ConfigError, StoreError } from "../../worker/contract/errors.ts";
import { pause } from "../../worker/contract/pause.ts";
import type { EncodedBatch, Pipeline } from "../../worker/contract/pipeline.ts";
import { ask } from "../ask-elasticsearch.ts";
import { createCluster, loadingTemplate } from "../cluster.ts";
import { daysOf } from "../estimate.ts";
import type { Log } from "../log.ts";
import { runner, samplePieces } from "../measure.ts";
import type { Plan } from "../plan.ts";
import { checkProfile, mergeSegments, segmentBytes, settle } from "../index-settings.ts";
import { loadProfile, type IndexChoice } from "../profiles.ts";
import { choiceName, choicesFor, figuresOf, type ChoiceResult, type Load } from "./choices.ts";

/** What choices of how documents are kept cost, on a sample of the archive: bytes on disk and CPU of the store, each of a document. */

export interface MappingComparison {
  readonly sample: Sample;
  readonly choices: readonly ChoiceResult[];
}

/** What was loaded, again and again. */
export interface Sample {
  readonly files: number;
  readonly lines: number;
  /** Decompressed. */
  readonly bytes: number;
  readonly documents: number;
}

export interface ComparisonOptions {
  readonly configured: IndexChoice;
  readonly rounds: number;
  readonly sampleBytes: number;
  /** Of one bulk body. */
  readonly bulkBytes: number;
  /** Documents of the plan by service. */
  readonly planned: ReadonlyMap<string, number>;
}

/** What the indices' names begin with; everything of that name is deleted. */
const PREFIX = "gh-compare-";
/** Bulks on their way at once. */
const REQUESTS = 2;
/** Elasticsearch looks at its own CPU once a second; what it tells of a store that rests is right after that. */
const CPU_AGE_MS = 1_200;
/** An answer for every document would be measured too. */
const ONLY_ERRORS = "filter_path=errors,items.*.error.type";
/** Of one file: enough for each of a few hundred, and no more than what a stratum of four needs. */
const LEAST_HEAD_BYTES = 128 * 1024;

/** Documents of one service, whose index is its own, so that its bytes can be told. */
interface ServiceBodies {
  readonly service: string;
  readonly index: string;
  readonly bodies: readonly Buffer[];
}

/**
 * Loads the sample with each choice in turn, round by round in another order, after one round that only warms the store up. Scratch indices are deleted
 * whatever happens. Other work of the store would be measured too.
 * @throws ConfigError `ARCHIVE_EMPTY`; StoreError
 */
export async function compareMappings(
  client: Client,
  plan: Plan,
  pipeline: Pipeline,
  options: ComparisonOptions,
  log: Pick<Log, "info">,
  signal: AbortSignal,
): Promise<MappingComparison> {
  const { sample, services } = await bodiesOf(plan, pipeline, options, signal);
  const choices = choicesFor(options.configured);
  const loads = new Map(choices.map((choice) => [choiceName(choice), [] as Load[]]));
  const problems = new Map<string, string>();
  const indices = services.map(({ index }) => index);
  const remove = () =>
    ask("deleting scratch indices", () => client.indices.delete({ index: indices, ignore_unavailable: true }));
  try {
    for (let round = 0; round <= options.rounds; round++) {
      log.info("comparing", { round, of: options.rounds, documents: sample.documents, choices: choices.length });
      for (let i = 0; i < choices.length; i++) {
        const choice = choices[(i + round) % choices.length]!;
        const name = choiceName(choice);
        if (problems.has(name)) continue;
        signal.throwIfAborted();
        await remove();
        try {
          await createIndices(client, indices, choice, plan);
        } catch (error) {
          if (!(error instanceof StoreError) || error.retryable) throw error;
          problems.set(name, error.message);
          continue;
        }
        const load = await loadOnce(client, services, signal);
        if (round > 0) loads.get(name)?.push(load);
      }
    }
  } finally {
    await remove();
  }
  const configured = choiceName(options.configured);
  return {
    sample,
    choices: choices.map((choice): ChoiceResult => {
      const name = choiceName(choice);
      const problem = problems.get(name);
      const result = { name, choice, isConfigured: name === configured };
      return problem === undefined
        ? { ...result, figures: figuresOf(loads.get(name) ?? [], options.planned, daysOf(plan.months)) }
        : { ...result, problem };
    }),
  };
}

/** The documents that the campaign's own pipeline makes of the sample. */
async function bodiesOf(
  plan: Plan,
  pipeline: Pipeline,
  { sampleBytes, bulkBytes }: Pick<ComparisonOptions, "sampleBytes" | "bulkBytes">,
  signal: AbortSignal,
): Promise<{ readonly sample: Sample; readonly services: readonly ServiceBodies[] }> {
  const heads = await samplePieces(plan, signal, LEAST_HEAD_BYTES);
  const each = Math.floor(sampleBytes / Math.max(1, heads.length));
  const pieces = each > LEAST_HEAD_BYTES ? await samplePieces(plan, signal, each) : heads;
  const runOn = runner(pipeline);
  const services: ServiceBodies[] = [];
  const sample = { files: 0, lines: 0, bytes: 0, documents: 0 };
  for (const [service, some] of Map.groupBy(pieces, ({ file }) => file.origin.service)) {
    signal.throwIfAborted();
    const index = `${PREFIX}${String(services.length)}`;
    const batches: EncodedBatch[] = [];
    for (const { file, block } of some) {
      const { origin } = file;
      // Short enough to be of use whatever is sampled, and not cut within a line.
      const whole = block.subarray(0, cut(block, each));
      const batch = runOn(whole, { origin: { ...origin, index: { ...origin.index, pattern: index } } });
      batches.push(batch);
      sample.files += 1;
      sample.lines += batch.tallies.read;
      sample.bytes += whole.length;
      sample.documents += batch.count;
    }
    const bodies = batches.flatMap((batch) => [...piecesOf(batch, bulkBytes)]);
    if (bodies.length > 0) services.push({ service, index, bodies });
  }
  if (sample.documents === 0) {
    throw new ConfigError(
      "ARCHIVE_EMPTY",
      `no line of ${plan.root} could be read to make documents of; is it mounted?`,
    );
  }
  return { sample, services };
}

const LF = 10;

function cut(block: Uint8Array, bytes: number): number {
  if (block.length <= bytes) return block.length;
  return block.lastIndexOf(LF, bytes) + 1 || block.length;
}

/** Bulk bodies of about so many bytes, of whole documents. */
function* piecesOf({ body, count, lengths }: EncodedBatch, bulkBytes: number): Generator<Buffer> {
  let start = 0;
  let end = 0;
  for (let i = 0; i < count; i++) {
    end += lengths[i] ?? 0;
    if (end - start < bulkBytes && i < count - 1) continue;
    yield Buffer.from(body.subarray(start, end));
    start = end;
  }
}

/** @throws StoreError for what the store will not do: a choice that it has no licence for, or does not know */
async function createIndices(
  client: Client,
  indices: readonly string[],
  choice: IndexChoice,
  { fields, pinned }: Plan,
): Promise<void> {
  const layout = { shards: 1, replicas: 0, index: choice };
  const { template } = loadingTemplate(layout, fields, pinned.ids) as { readonly template: object };
  for (const index of indices) {
    await ask(`creating ${index}`, () => client.indices.create({ index, ...template, wait_for_active_shards: 1 }));
  }
  await checkProfile(client, indices, loadProfile(layout));
}

async function loadOnce(client: Client, services: readonly ServiceBodies[], signal: AbortSignal): Promise<Load> {
  const cluster = createCluster(client);
  const micros = async (): Promise<number> => {
    await pause(CPU_AGE_MS, signal);
    return Object.values(await cluster.nodeFigures()).reduce((sum, { cpuMillis }) => sum + cpuMillis * 1000, 0);
  };
  const indices = services.map(({ index }) => index);
  const before = await micros();
  // One of each in turn, as a parser's chunks come.
  const waiting = inTurns(services.map(({ bodies }) => bodies));
  let rejected = 0;
  const lane = async (): Promise<void> => {
    for (let body = waiting.shift(); body; body = waiting.shift()) {
      signal.throwIfAborted();
      const bulkBody = body;
      const answer = await ask("a bulk of sampled documents", () =>
        client.transport.request<{ readonly items?: readonly { create?: { error?: object } }[] }>({
          method: "POST",
          path: "/_bulk",
          querystring: ONLY_ERRORS,
          bulkBody,
        }),
      );
      rejected += (answer.items ?? []).filter(({ create }) => create?.error !== undefined).length;
    }
  };
  await Promise.all(Array.from({ length: REQUESTS }, lane));
  await settle(client, indices, signal);
  const storeMicros = (await micros()) - before;
  await mergeSegments(client, indices, 1, signal);
  const counts = await cluster.counts(indices);
  const bytes = new Map<string, { bytes: number; documents: number }>();
  for (const { service, index } of services) {
    bytes.set(service, { bytes: await segmentBytes(client, [index]), documents: counts[index] ?? 0 });
  }
  const documents = Object.values(counts).reduce((sum, n) => sum + n, 0);
  return { storeMicros, documents, rejected, bytes };
}

function inTurns<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
}
