import { daysInMonth, type YearMonth } from "../worker/contract/months.ts";
import type { Config } from "./config-schema.ts";
import { indexBytesOf, segmentsOf, type IndexDensity } from "./index-size.ts";
import type { Plan, PlannedFile } from "./plan.ts";
import { indexCount, shardsOfDay } from "./shards.ts";
import { DEFAULT_COSTS, type Costs } from "./simulation/costs.ts";
import { forecast } from "./simulation/forecast.ts";
import { setupOf, type SimulatedConfig } from "./simulation/setup.ts";
import { limitText } from "./simulation/stages.ts";
import { groupFiles, type FileGroup } from "./simulation/work.ts";

/** What a plan will cost. Pure: measurements come in as values, from `measure.ts`. */

/** What a sample of one service's files showed. */
export interface ServiceSample {
  readonly service: string;
  readonly lines: number;
  /** Decompressed. */
  readonly bytes: number;
  readonly documents: number;
  /** For each sample the indices that its documents go to beyond the first, summed: how fast a file runs through the days. */
  readonly furtherIndices: number;
}

/** The parser's cost, measured on a sample of this archive. */
export interface ParserSample {
  readonly files: number;
  readonly services: readonly ServiceSample[];
  /** CPU of parsing one line. */
  readonly microsPerLine: number;
  /** Bytes of a bulk body for each document. */
  readonly bodyBytesPerDocument: number;
  /** Decompressed bytes for each byte of a gzip file; absent when none was sampled. */
  readonly gzipRatio?: number;
}

/** What things cost, and where that is known from: `campaign ID` or `default`. */
export interface KnownCosts {
  readonly costs: Costs;
  readonly source: string;
}

/** Bytes of index that documents take, measured on a sample of this archive. */
export interface MeasuredIndex {
  readonly densities: ReadonlyMap<string, IndexDensity>;
  /** Of services that the sample lacks. */
  readonly otherwise: IndexDensity;
}

/** Where no campaign has been measured yet. */
export const DEFAULT_KNOWN_COSTS: KnownCosts = { costs: DEFAULT_COSTS, source: "default" };

/** The indices of a month: its days, those beside it, and what lies outside. */
const DAYS_AT_MOST = 34;
/** Runs of the simulator that a plan's interval comes from. */
const RUNS = 5;

/** What a plan says beforehand. All of it is approximate but the chunks of plain files. */
export interface Estimate {
  readonly lines: number;
  readonly documents: number;
  /** Decompressed. */
  readonly bytes: number;
  readonly indexBytes: number;
  readonly chunks: number;
  /** To so many indices a chunk's documents go, on average over the bytes. */
  readonly indicesPerChunk: number;
  /** Wall time of the campaign, from launch to teardown. */
  readonly seconds: number;
  /** The part of it that loads. */
  readonly loadSeconds: number;
  /** Eight of ten simulated campaigns take as long: the shortest and the longest of them. */
  readonly range: { readonly seconds: readonly [number, number]; readonly loadSeconds: readonly [number, number] };
  /** What the load waits for, as the simulator has it. */
  readonly limit: string;
  readonly nodeHours: { readonly dataNodes: number; readonly parsers: number; readonly total: number };
  readonly nodes: { readonly dataNodes: number; readonly parsers: number };
  /** What the figures rest on, in words for people. */
  readonly basis: { readonly parser: string; readonly store: string; readonly machine: string };
  readonly microsPerLine: number;
  readonly microsPerDocument: number;
  /** What was simulated, for other nodes to be simulated too. */
  readonly simulated: {
    readonly files: readonly FileGroup[];
    readonly indices: number;
    readonly months: readonly YearMonth[];
    readonly costs: Costs;
  };
}

/** The nodes that shall do it. */
type Nodes = Pick<Config, "dataNodes" | "parsers">;

/** Decompressed bytes of a planned file: known of plain files and 7z members, guessed of gzip. */
function decompressedBytes(file: PlannedFile, diskBytes: ReadonlyMap<string, number>, gzipRatio: number): number {
  if (file.source.kind === "plain") return file.source.size;
  return file.source.size ?? (diskBytes.get(file.source.unpackId) ?? 0) * gzipRatio;
}

/** Lines and documents of one planned file, whose decompressed bytes are known or guessed. */
function contentsOf(plan: Plan, sample: ParserSample | undefined, known: KnownCosts) {
  const gzipRatio = sample?.gzipRatio ?? known.costs.gzipRatio;
  const disk = new Map(plan.unpacks.map((unpack) => [unpack.id, unpack.size]));
  const services = new Map(sample?.services.map((service) => [service.service, service]));
  const all = allOf(sample);
  return (file: PlannedFile) => {
    const size = decompressedBytes(file, disk, gzipRatio);
    const service = services.get(file.origin.service) ?? all;
    const lines = size / (service.lines > 0 ? service.bytes / service.lines : known.costs.lineBytes);
    const documents = lines * (service.lines > 0 ? service.documents / service.lines : 1);
    return { size, service, lines, documents };
  };
}

/** All services of a sample together. */
function allOf(sample: ParserSample | undefined): Omit<ServiceSample, "service"> {
  return (sample?.services ?? []).reduce(
    (sum, s) => ({
      lines: sum.lines + s.lines,
      bytes: sum.bytes + s.bytes,
      documents: sum.documents + s.documents,
      furtherIndices: sum.furtherIndices + s.furtherIndices,
    }),
    { lines: 0, bytes: 0, documents: 0, furtherIndices: 0 },
  );
}

/** Documents of a plan by service. */
export function documentsByService(
  plan: Plan,
  sample: ParserSample | undefined,
  known: KnownCosts,
): ReadonlyMap<string, number> {
  const contents = contentsOf(plan, sample, known);
  const documents = new Map<string, number>();
  for (const file of plan.files) {
    const { service } = file.origin;
    documents.set(service, (documents.get(service) ?? 0) + contents(file).documents);
  }
  return documents;
}

/** What is known of lines of another length: services with longer lines take more, nearly in proportion. */
function knownDensity({ costs }: KnownCosts, lineBytes: number): IndexDensity {
  const bytesPerDocument = (costs.indexBytesPerDocument * lineBytes) / costs.lineBytes;
  return { bytesPerDocument, documents: costs.indexDocuments, segments: costs.indexSegments };
}

/** The days of the months, which have nearly all documents; each is an index. */
export function daysOf(months: readonly YearMonth[]): number {
  return months.reduce((sum, month) => sum + daysInMonth(month), 0);
}

/** Bytes of index that the documents of services take together. */
export function measuredIndexBytes(
  documents: ReadonlyMap<string, number>,
  { densities, otherwise }: MeasuredIndex,
  days: number,
  segments: number,
): number {
  return indexBytesOf(
    [...documents].map(([service, count]) => ({ documents: count, density: densities.get(service) ?? otherwise })),
    days,
    segments,
  );
}

/**
 * @param sample undefined when nothing could be sampled
 * @param measured of this archive, where somebody has asked for it; else what is known of a document counts, by the length of its line
 * @param machineCores cores that all nodes share, for the embedded batch system; undefined where each node has its own
 */
export function estimate(
  plan: Plan,
  config: SimulatedConfig & Pick<Config, "serving">,
  sample: ParserSample | undefined,
  known: KnownCosts,
  machineCores: number | undefined,
  measured?: MeasuredIndex,
): Estimate {
  const gzipRatio = sample?.gzipRatio ?? known.costs.gzipRatio;
  const all = allOf(sample);
  const contents = contentsOf(plan, sample, known);

  let bytes = 0;
  let lines = 0;
  let documents = 0;
  let chunks = 0;
  /** Bytes, each times the indices that its chunk's documents go to. */
  let touched = 0;
  const files = groupFiles(
    plan.files.values().map((file) => {
      const { size, service, lines: fileLines, documents: fileDocuments } = contents(file);
      bytes += size;
      lines += fileLines;
      documents += fileDocuments;
      chunks += Math.ceil(size / plan.pinned.chunkBytes);
      const further = service.bytes > 0 ? service.furtherIndices / service.bytes : 0;
      const indicesPerChunk = Math.min(DAYS_AT_MOST, 1 + further * Math.min(size, plan.pinned.chunkBytes));
      touched += size * indicesPerChunk;
      return { bytes: size, packed: file.source.kind === "packed", indicesPerChunk };
    }),
  );

  const days = daysOf(plan.months);
  const segments = segmentsOf(config.serving.segments);
  const density = knownDensity(known, lines > 0 ? bytes / lines : known.costs.lineBytes);
  const indexBytes = measured
    ? measuredIndexBytes(documentsByService(plan, sample, known), measured, days, segments)
    : indexBytesOf([{ documents, density }], days, segments);
  const costs: Costs = {
    ...known.costs,
    ...(documents > 0
      ? {
          indexBytesPerDocument: indexBytes / documents,
          indexDocuments: Math.max(1, documents / days),
          indexSegments: segments,
        }
      : {}),
    ...(lines > 0 ? { lineBytes: bytes / lines, documentsPerLine: documents / lines } : {}),
    ...(sample
      ? {
          parseMicrosPerLine: sample.microsPerLine,
          bodyBytesPerByte: (sample.bodyBytesPerDocument * all.documents) / all.bytes,
        }
      : {}),
    gzipRatio,
  };
  const work = {
    lines: Math.round(lines),
    documents: Math.round(documents),
    bytes: Math.round(bytes),
    indexBytes: Math.round(indexBytes),
    chunks,
    indicesPerChunk: bytes > 0 ? touched / bytes : 1,
    microsPerLine: costs.parseMicrosPerLine,
    microsPerDocument: costs.storeMicrosPerDocument,
    simulated: {
      files: files.filter((group) => group.bytes > 0),
      indices: indexCount(plan.months),
      months: plan.months,
      costs,
    },
  };
  return {
    ...work,
    ...timeOf(work, config, machineCores),
    basis: {
      parser: sample
        ? `${sample.microsPerLine.toFixed(2)} µs a line, measured on ${sample.files} files of this archive (${all.lines} lines)`
        : `${costs.parseMicrosPerLine} µs a line and ${costs.lineBytes.toFixed(0)} bytes a line by default: nothing could be sampled`,
      store: storeText(costs, known, measured !== undefined),
      machine: machineText(machineCores),
    },
  };
}

function storeText(costs: Costs, { source }: KnownCosts, isMeasured: boolean): string {
  const from = source === "default" ? "the default: no campaign has been measured yet" : `measured by ${source}`;
  const micros = `${costs.storeMicrosPerDocument.toFixed(1)} µs`;
  const bytes = `${costs.indexBytesPerDocument.toFixed(0)} index bytes a document`;
  if (isMeasured) return `${micros} a document, ${from}; ${bytes}, measured on a sample of this archive`;
  return `${micros} and ${bytes}, ${from}, by the length of these lines`;
}

/** What a copy of each shard costs, and what a lost data node costs without one. */
export interface LossCost {
  readonly replicas: Config["dataNodes"]["replicas"];
  /** Of one copy of everything. */
  readonly copyBytes: number;
  readonly copyCoreSeconds: number;
  /** What is loaded again on average when one data node of these goes in mid-load; of a load with copies nothing is. */
  readonly reloadChunks: number;
  readonly reloadBytes: number;
}

/**
 * The node that goes holds an equal share of the indices, a chunk is loaded again when one of its indices is among them, and on
 * average half of the load is done by then. What is in work at that moment comes on top.
 */
export function lossCost(work: Estimate, { count, replicas }: Nodes["dataNodes"]): LossCost {
  const hit = 0.5 * (1 - (1 - 1 / count) ** work.indicesPerChunk);
  return {
    replicas,
    copyBytes: work.indexBytes,
    copyCoreSeconds: (work.documents * work.microsPerDocument) / 1e6,
    reloadChunks: Math.round(hit * work.chunks),
    reloadBytes: Math.round(hit * work.bytes),
  };
}

/** What was estimated before, for other nodes. */
export function estimateForNodes(
  before: Estimate,
  config: SimulatedConfig,
  machineCores: number | undefined,
): Estimate {
  return {
    ...before,
    ...timeOf(before, config, machineCores),
    basis: { ...before.basis, machine: machineText(machineCores) },
  };
}

/** How long so much work takes on these nodes, and what of their time: what the simulator says. */
function timeOf(
  work: Pick<Estimate, "indexBytes" | "simulated">,
  config: SimulatedConfig,
  machineCores: number | undefined,
): Pick<Estimate, "seconds" | "loadSeconds" | "range" | "limit" | "nodeHours" | "nodes"> {
  const { files, indices, months, costs } = work.simulated;
  const shardsPerIndex = shardsOfDay(months, config.dataNodes.count, work);
  const setup = setupOf(config, files, { indices, shardsPerIndex }, machineCores);
  const { seconds, loadSeconds, typical, limit } = forecast(setup, costs, { runs: RUNS });
  return {
    seconds: seconds.median,
    loadSeconds: loadSeconds.median,
    range: { seconds: [seconds.low, seconds.high], loadSeconds: [loadSeconds.low, loadSeconds.high] },
    limit: limitText(limit),
    nodeHours: typical.nodeHours,
    nodes: { dataNodes: config.dataNodes.count, parsers: config.parsers.count },
  };
}

function machineText(machineCores: number | undefined): string {
  return machineCores === undefined
    ? "every node has its own cores"
    : `all nodes share this machine's ${machineCores} cores`;
}
