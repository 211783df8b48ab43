import type { Config } from "./config-schema.ts";
import type { Plan, PlannedFile } from "./plan.ts";

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

/** The store's cost. */
export interface StoreCost {
  /** Of one copy of it. */
  readonly microsPerDocument: number;
  readonly indexBytesPerDocument: number;
  /** `campaign ID` or `default`. */
  readonly source: string;
}

/**
 * Where no campaign has been measured yet: a lean mapping with ids of ours on a 2 GB heap.
 * 17 µs is CPU of the store for one document; 90 bytes leave room above the 53 to 66 that a merged index of
 * 132-byte lines takes, since nothing is merged before the snapshot.
 */
export const DEFAULT_STORE_COST: StoreCost = { microsPerDocument: 17, indexBytesPerDocument: 90, source: "default" };

/** Syslog compresses about ten to one with gzip; a cautious figure where no gzip file could be sampled. */
const DEFAULT_GZIP_RATIO = 10;
/** A line of syslog where nothing could be sampled. */
const DEFAULT_LINE_BYTES = 110;
const DEFAULT_PARSE_MICROS = 3;
/** The indices of a month: its days, those beside it, and what lies outside. */
const DAYS_AT_MOST = 34;
/** Booting the nodes, and verifying and saving at the end. */
const BOOT_SECONDS = 60;
const FINISH_SECONDS = 30;

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
  readonly nodeHours: { readonly dataNodes: number; readonly parsers: number; readonly total: number };
  readonly nodes: { readonly dataNodes: number; readonly parsers: number };
  /** What the figures rest on, in words for people. */
  readonly basis: { readonly parser: string; readonly store: string; readonly machine: string };
  readonly microsPerLine: number;
  readonly microsPerDocument: number;
}

/** The nodes that shall do it. */
type Nodes = Pick<Config, "dataNodes" | "parsers">;

/** Decompressed bytes of a planned file: known of plain files and 7z members, guessed of gzip. */
function decompressedBytes(file: PlannedFile, diskBytes: ReadonlyMap<string, number>, gzipRatio: number): number {
  if (file.source.kind === "plain") return file.source.size;
  return file.source.size ?? (diskBytes.get(file.source.unpackId) ?? 0) * gzipRatio;
}

/**
 * @param sample undefined when nothing could be sampled
 * @param machineCores cores that all nodes share, for the embedded batch system; undefined where each node has its own
 */
export function estimate(
  plan: Plan,
  nodes: Nodes,
  sample: ParserSample | undefined,
  store: StoreCost,
  machineCores: number | undefined,
): Estimate {
  const gzipRatio = sample?.gzipRatio ?? DEFAULT_GZIP_RATIO;
  const disk = new Map(plan.unpacks.map((unpack) => [unpack.id, unpack.size]));
  const services = new Map(sample?.services.map((service) => [service.service, service]));
  const all = (sample?.services ?? []).reduce(
    (sum, s) => ({
      lines: sum.lines + s.lines,
      bytes: sum.bytes + s.bytes,
      documents: sum.documents + s.documents,
      furtherIndices: sum.furtherIndices + s.furtherIndices,
    }),
    { lines: 0, bytes: 0, documents: 0, furtherIndices: 0 },
  );

  let bytes = 0;
  let lines = 0;
  let documents = 0;
  let chunks = 0;
  /** Bytes, each times the indices that its chunk's documents go to. */
  let touched = 0;
  for (const file of plan.files) {
    const size = decompressedBytes(file, disk, gzipRatio);
    const service = services.get(file.origin.service) ?? all;
    const fileLines = size / (service.lines > 0 ? service.bytes / service.lines : DEFAULT_LINE_BYTES);
    bytes += size;
    lines += fileLines;
    documents += fileLines * (service.lines > 0 ? service.documents / service.lines : 1);
    chunks += Math.ceil(size / plan.pinned.chunkBytes);
    const indices = service.bytes > 0 ? service.furtherIndices / service.bytes : 0;
    touched += size * Math.min(DAYS_AT_MOST, 1 + indices * Math.min(size, plan.pinned.chunkBytes));
  }

  const work = {
    lines: Math.round(lines),
    documents: Math.round(documents),
    microsPerLine: sample?.microsPerLine ?? DEFAULT_PARSE_MICROS,
    microsPerDocument: store.microsPerDocument,
  };
  return {
    ...work,
    ...timeOf(work, nodes, machineCores),
    bytes: Math.round(bytes),
    indexBytes: Math.round(documents * store.indexBytesPerDocument),
    chunks,
    indicesPerChunk: bytes > 0 ? touched / bytes : 1,
    basis: {
      parser: sample
        ? `${sample.microsPerLine.toFixed(2)} µs a line, measured on ${sample.files} files of this archive (${all.lines} lines)`
        : `${DEFAULT_PARSE_MICROS} µs a line and ${DEFAULT_LINE_BYTES} bytes a line by default: nothing could be sampled`,
      store: `${store.microsPerDocument.toFixed(1)} µs and ${store.indexBytesPerDocument.toFixed(0)} index bytes a document, ${
        store.source === "default" ? "the default: no campaign has been measured yet" : `measured by ${store.source}`
      }`,
      machine: machineText(machineCores),
    },
  };
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
export function estimateForNodes(before: Estimate, nodes: Nodes, machineCores: number | undefined): Estimate {
  return {
    ...before,
    ...timeOf(before, nodes, machineCores),
    basis: { ...before.basis, machine: machineText(machineCores) },
  };
}

/** How long so much work takes on these nodes, and what of their time. */
function timeOf(
  work: Pick<Estimate, "lines" | "documents" | "microsPerLine" | "microsPerDocument">,
  nodes: Nodes,
  machineCores: number | undefined,
): Pick<Estimate, "seconds" | "loadSeconds" | "nodeHours" | "nodes"> {
  const parseSeconds = (work.lines * work.microsPerLine) / 1e6;
  const storeSeconds = (work.documents * work.microsPerDocument * (1 + nodes.dataNodes.replicas)) / 1e6;
  const parserCores = nodes.parsers.count * nodes.parsers.cpus;
  const storeCores = nodes.dataNodes.count * nodes.dataNodes.cpus;
  const shared = machineCores === undefined ? 0 : (parseSeconds + storeSeconds) / machineCores;
  const loadSeconds = Math.max(parseSeconds / parserCores, storeSeconds / storeCores, shared);
  const seconds = BOOT_SECONDS + loadSeconds + FINISH_SECONDS;
  const dataHours = (nodes.dataNodes.count * seconds) / 3600;
  // Parsers go as soon as the load is done.
  const parserHours = (nodes.parsers.count * (BOOT_SECONDS + loadSeconds)) / 3600;
  return {
    seconds,
    loadSeconds,
    nodeHours: { dataNodes: dataHours, parsers: parserHours, total: dataHours + parserHours },
    nodes: { dataNodes: nodes.dataNodes.count, parsers: nodes.parsers.count },
  };
}

function machineText(machineCores: number | undefined): string {
  return machineCores === undefined
    ? "every node has its own cores"
    : `all nodes share this machine's ${machineCores} cores`;
}
