import type { ParserFigures } from "../../worker/contract/tuning.ts";
import type { NodeFigures } from "../cluster.ts";

/** What sums that only grow did between two looks. Pure. */

/** Of one parser, a second. Shares of its slots' time, 0 to 1. */
export interface ParserRates {
  readonly documents: number;
  readonly requests: number;
  readonly bytes: number;
  readonly throttled: number;
  readonly failed: number;
  /** Mean time of a request, and what of it Elasticsearch said it took; 0 when none was answered. */
  readonly latencyMillis: number;
  readonly tookMillis: number;
  readonly idle: number;
  /** Chunks in work that wait for the spool's Redis. */
  readonly asking: number;
  readonly reading: number;
  readonly limited: number;
  readonly parsing: number;
  /** Share of the time in which it had nothing to do but to wait for the store. */
  readonly waiting: number;
  /** Share of the time in which all its requests were under way and there was more to send. */
  readonly full: number;
  /** Compressed files that it unpacks at once, and how many of those wait for bytes of the archive. */
  readonly unpacking: number;
  readonly unpackReading: number;
  /** Share of the time in which its main thread was busy. */
  readonly main: number;
}

/** Undefined when it reported nothing new, or is another process now. */
export function parserRates(before: ParserFigures, now: ParserFigures): ParserRates | undefined {
  const millis = now.upMillis - before.upMillis;
  if (millis <= 0) return undefined;
  const grown = (name: keyof ParserFigures): number => Math.max(0, now[name] - before[name]);
  const perSecond = (name: keyof ParserFigures): number => (grown(name) / millis) * 1000;
  const share = (name: keyof ParserFigures, threads: number): number => Math.min(1, grown(name) / millis / threads);
  const requests = grown("requests");
  return {
    documents: perSecond("documents"),
    requests: perSecond("requests"),
    bytes: perSecond("bytes"),
    throttled: perSecond("throttled"),
    failed: perSecond("failed"),
    latencyMillis: requests === 0 ? 0 : grown("latencyMillis") / requests,
    tookMillis: requests === 0 ? 0 : grown("tookMillis") / requests,
    idle: share("idleMillis", now.slots),
    asking: share("askMillis", now.slots),
    reading: share("readMillis", now.slots),
    limited: share("limitedMillis", now.slots),
    parsing: share("parseMillis", now.slots),
    waiting: share("waitMillis", 1),
    full: share("fullMillis", 1),
    unpacking: grown("unpackMillis") / millis,
    unpackReading: grown("unpackReadMillis") / millis,
    main: share("mainMillis", 1),
  };
}

/** What of their requests' time goes by outside of Elasticsearch, 0 to 1. */
export function outsideShare(parsers: readonly ParserRates[]): number {
  const sum = (of: (parser: ParserRates) => number): number => parsers.reduce((total, one) => total + of(one), 0);
  const latency = sum((one) => one.latencyMillis);
  return latency === 0 ? 0 : Math.max(0, 1 - sum((one) => one.tookMillis) / latency);
}

/** Of one data node. Shares of the time, 0 to 1. */
export interface NodeRates {
  /** Cores that it used. */
  readonly cores: number;
  /** Cores that its control group lets it use; absent where there is no such limit. */
  readonly cpuLimit?: number;
  readonly heap: number;
  readonly heapBytes: number;
  readonly collecting: number;
  /** Time in which merges held indexing up. */
  readonly merging: number;
  readonly writeQueue: number;
  /** All processors of its host, whoever uses them. */
  readonly hostCpu: number;
  /** Absent where the system does not tell. */
  readonly disk?: number;
}

/** @param millis between the two looks, above 0 */
export function nodeRates(before: NodeFigures, now: NodeFigures, millis: number): NodeRates {
  const share = (from: number, to: number): number => Math.min(1, Math.max(0, to - from) / millis);
  return {
    cores: Math.max(0, now.cpuMillis - before.cpuMillis) / millis,
    heap: now.heapPercent / 100,
    heapBytes: now.heapBytes,
    collecting: share(before.gcMillis, now.gcMillis),
    merging: share(before.throttledMillis, now.throttledMillis),
    writeQueue: now.writeQueue,
    hostCpu: now.hostCpuPercent / 100,
    ...(now.cpuLimit === undefined ? {} : { cpuLimit: now.cpuLimit }),
    ...(before.diskMillis === undefined || now.diskMillis === undefined
      ? {}
      : { disk: share(before.diskMillis, now.diskMillis) }),
  };
}
