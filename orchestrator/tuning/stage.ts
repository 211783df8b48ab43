import { outsideShare, type NodeRates, type ParserRates } from "./rates.ts";

/**
 * Which part of the way holds the load up, from how busy each part is. Pure.
 *
 * A parser's time says first where to look: without chunks it waits for the spool; else for the bytes of the archive, for its own processors, for the
 * answers of the store, or for nothing but the limit that somebody set, whichever takes most of it. Of the store's parts the busiest one counts.
 * Parsing and serialising to the bulk body are one pass of one generated function, so `parse` is both of them; `serialise` is what the main thread
 * does beside it: framing, putting requests together, TLS.
 */
export const STAGES = [
  "archive",
  "unpack",
  "spool",
  "parse",
  "serialise",
  "network",
  "requests",
  "store CPU",
  "store merge",
  "store disk",
  "rate limit",
] as const;
export type Stage = (typeof STAGES)[number];

export interface StageInputs {
  readonly parsers: readonly ParserRates[];
  readonly nodes: readonly NodeRates[];
  /** Cores of one data node's job. */
  readonly nodeCpus: number;
  /** Chunks that wait in the spool, and compressed files that wait or are being unpacked. */
  readonly waitingChunks: number;
  readonly toUnpack: number;
  /** Share of the staging space that is in use. */
  readonly staged: number;
}

/** The stage, how busy each part is, and what would help. */
export interface LimitingStage {
  readonly stage: Stage;
  /** How busy every stage is, 0 to 1, so that the reader can judge. */
  readonly busy: Readonly<Record<Stage, number>>;
  /** The figures that show it, in words. */
  readonly why: string;
  /** What somebody can do about it, in words. */
  readonly remedy: string;
  /** What there is too little of; absent where more nodes would not help. */
  readonly advice?: "parsers" | "data nodes";
}

/** From here on a part counts as what holds the others up. */
const BUSY = 0.5;
/** From here on requests wait in front of a data node for what it has too little of, before it begins to count their time. */
const SATURATED = 0.9;
/** Merges that hold indexing up for this share of the time are what is wrong, however busy the rest is. */
const MERGING = 0.2;
/** A parser is without chunks for this share of its time: the spool gives too little. */
const STARVED = 0.4;

/** Undefined when nothing is known yet. */
export function limitingStage(inputs: StageInputs): LimitingStage | undefined {
  const { parsers, nodes, nodeCpus } = inputs;
  if (parsers.length === 0) return undefined;
  const sum = (of: (parser: ParserRates) => number): number => parsers.reduce((total, one) => total + of(one), 0);
  const mean = (of: (parser: ParserRates) => number): number => sum(of) / parsers.length;
  const most = (of: (node: NodeRates) => number): number => Math.max(0, ...nodes.map(of));
  const idle = mean((one) => one.idle);
  const main = mean((one) => one.main);
  // Who is himself too slow to take what is there does not wait for it.
  const reading = Math.min(
    1 - main,
    mean((one) => one.reading),
  );
  const waiting = mean((one) => one.waiting);
  const latency = mean((one) => one.latencyMillis);
  const outside = outsideShare(parsers);
  // Whatever is to be unpacked, chunks that wait could be taken.
  const isUnpacking = inputs.toUnpack > 0 && inputs.waitingChunks < parsers.length;
  const unpacking = sum((one) => one.unpacking);
  const unpackReading = unpacking === 0 ? 0 : Math.min(1, sum((one) => one.unpackReading) / unpacking);
  // A chunk that is taken has to ask Redis too before it can go on.
  const starved = Math.min(1 - main, idle + mean((one) => one.asking));
  const busy: Record<Stage, number> = {
    archive: Math.min(1, reading + (isUnpacking ? idle * unpackReading : 0)),
    unpack: isUnpacking ? idle * (1 - unpackReading) : 0,
    spool: isUnpacking ? 0 : starved,
    parse: mean((one) => one.parsing),
    serialise: main,
    network: waiting * outside,
    requests: waiting,
    "store CPU": most((node) => cpuOf(node, nodeCpus)),
    "store merge": most((node) => node.merging),
    "store disk": most((node) => node.disk ?? 0),
    "rate limit": mean((one) => one.limited),
  };
  const named = (stage: Stage): LimitingStage => {
    return {
      stage,
      busy,
      why: whyOf(stage, inputs, busy, latency, reading < busy.archive / 2),
      ...helpFor(stage, inputs, unpacking),
    };
  };
  if (busy["rate limit"] >= BUSY) return named("rate limit");
  if (isUnpacking && idle >= STARVED) return named(unpackReading >= BUSY ? "archive" : "unpack");
  if (!isUnpacking && starved >= STARVED) return named("spool");
  const [stage] = busiest(busy, ["archive", "parse", "serialise", "requests"]);
  if (stage !== "requests") return named(stage);
  if (busy["store merge"] >= MERGING) return named("store merge");
  const [part, share] = busiest(busy, ["store disk", "store CPU"]);
  if (outside >= BUSY && share < SATURATED) return named("network");
  // Nothing is busy behind them: there are too few requests to keep it so.
  return named(share >= BUSY ? part : "requests");
}

/** How busy the processors are that a node may use. */
function cpuOf({ cores, cpuLimit = Number.POSITIVE_INFINITY, hostCpu }: NodeRates, nodeCpus: number): number {
  // One that gets less than its cores, since others use them, is as busy as its host.
  const host = hostCpu >= 0.9 && cores > 0.2 ? hostCpu : 0;
  return Math.min(1, Math.max(cores / Math.min(nodeCpus, cpuLimit), host));
}

function busiest(busy: Readonly<Record<Stage, number>>, stages: readonly Stage[]): readonly [Stage, number] {
  return stages.map((stage) => [stage, busy[stage]] as const).reduce((best, next) => (next[1] > best[1] ? next : best));
}

/** @param inUnpacking compressed files that are being unpacked just now */
function helpFor(stage: Stage, inputs: StageInputs, inUnpacking: number): Pick<LimitingStage, "remedy" | "advice"> {
  const more = (advice: NonNullable<LimitingStage["advice"]>) => ({
    remedy: `more ${advice} would make it faster`,
    advice,
  });
  switch (stage) {
    case "archive":
      return { remedy: "look at the file system of the archive and at the way to it" };
    case "unpack":
      if (inputs.toUnpack > Math.round(inUnpacking)) return more("parsers");
      return { remedy: "one parser alone can unpack a file, and all that are left are being unpacked" };
    case "spool":
      if (inputs.waitingChunks > 0) return { remedy: "look at Redis, at its disk and at the way to it" };
      return { remedy: "all that is left is in work; smaller chunks (plan.chunkBytes) would keep more parsers busy" };
    case "parse":
    case "serialise":
      return more("parsers");
    case "network":
      return { remedy: "look at the way from the parsers to the data nodes" };
    case "requests":
      return { remedy: "more on their way to it would keep it busy; tuning.inFlightBytes bounds them" };
    case "store CPU":
    case "store merge":
    case "store disk":
      return more("data nodes");
    case "rate limit":
      return { remedy: "gridharvest limit changes it" };
  }
}

/** The processors of the busiest data node: those that its job asked for, or less where a control group leaves it less. */
function processorsOf({ nodes, nodeCpus }: StageInputs): string {
  const [busiest] = nodes.toSorted((a, b) => cpuOf(b, nodeCpus) - cpuOf(a, nodeCpus));
  const limit = busiest?.cpuLimit ?? nodeCpus;
  if (limit >= nodeCpus) return "its processors";
  return `the ${String(Number(limit.toFixed(2)))} cores that its control group lets it use`;
}

/** @param isStarved whether it is unpacking that waits for the archive */
function whyOf(
  stage: Stage,
  inputs: StageInputs,
  busy: Readonly<Record<Stage, number>>,
  latency: number,
  isStarved: boolean,
): string {
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  const share = percent(busy[stage]);
  const files = `${String(inputs.toUnpack)} compressed file${inputs.toUnpack === 1 ? "" : "s"}`;
  const waits = `parsers wait for it ${percent(busy.requests)} of theirs`;
  switch (stage) {
    case "archive":
      return isStarved
        ? `parsers are without chunks ${share} of their time, since unpacking waits for bytes of ${files}`
        : `parsers wait for bytes ${share} of their time`;
    case "unpack":
      return `parsers are without chunks ${share} of their time, ${files} left to unpack, staging is ${percent(inputs.staged)} full`;
    case "spool":
      return `parsers are without chunks ${share} of their time, ${String(inputs.waitingChunks)} chunks wait`;
    case "parse":
      return `the pipelines' threads are busy ${share} of the time`;
    case "serialise":
      return `the parsers' main threads are busy ${share} of the time`;
    case "network":
      return `a request takes ${latency.toFixed(0)} ms, most of it outside of Elasticsearch`;
    case "requests":
      return `parsers wait for the store ${share} of their time, which is not busy`;
    case "store CPU":
      return `a data node uses ${share} of ${processorsOf(inputs)}, ${waits}`;
    case "store merge":
      return `merges hold indexing up ${share} of the time, ${waits}`;
    case "store disk":
      return `a data node's disks are at work ${share} of the time, ${waits}`;
    case "rate limit":
      return `parsers wait for the campaign's rate limit ${share} of their time`;
  }
}
