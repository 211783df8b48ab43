import type { TuningPolicy } from "../../orchestrator/tuning/policy.ts";
import type { Observation } from "../../orchestrator/tuning/tune.ts";
import type { Budgets } from "../../worker/contract/tuning.ts";

/**
 * A store to try the tuner on: a closed queueing network. Parsers' requests go round between their senders (a delay) and the data nodes (a station
 * of several servers), by mean value analysis with Seidmann's approximation. A request has a fixed cost and one
 * for each document; what is on its way costs heap, from a share on everything takes longer, and beyond the limit requests are refused.
 */
export interface StoreModel {
  readonly dataNodes: number;
  readonly cpus: number;
  readonly heapBytes: number;
  readonly parsers: number;
  /** Microseconds of a data node's core: for each request, and for each document. */
  readonly requestMicros: number;
  readonly documentMicros: number;
  readonly documentBytes: number;
  /** Microseconds between an answer and the next request of its sender, and for each byte sent. */
  readonly thinkMicros: number;
  readonly byteMicros: number;
  /** How many documents a second all parsers can make, and what is left of that when they compress them. */
  readonly parsersMake: number;
  readonly compressingMakes: number;
  /** Bytes a second that the network takes of all parsers together. */
  readonly networkBytes: number;
}

export const USUAL_STORE: StoreModel = {
  dataNodes: 2,
  cpus: 2,
  heapBytes: 2 ** 30,
  parsers: 2,
  requestMicros: 2500,
  documentMicros: 16,
  documentBytes: 264,
  thinkMicros: 3000,
  byteMicros: 0.002,
  parsersMake: 600_000,
  compressingMakes: 0.4,
  networkBytes: Number.POSITIVE_INFINITY,
};

/** Elasticsearch's `indexing_pressure.memory.limit`, and from where on collections are felt. */
const REFUSED = 0.1;
const FELT = 0.06;
/** What gzip at its fastest leaves of a bulk body. */
const COMPRESSED = 0.16;

/** Documents a second of a setting, without noise, and the mean time of a request. */
export function steadyState(
  model: StoreModel,
  budgets: Budgets,
): { rate: number; latencyMillis: number; heap: number; isNetworkBound: boolean } {
  const requests = budgets.requestsInFlight * model.parsers;
  const documents = Math.max(1, budgets.bulkBytes / model.documentBytes);
  const heap = (requests * budgets.bulkBytes) / (model.dataNodes * model.heapBytes);
  const slow = 1 + Math.max(0, (heap - FELT) / FELT);
  const service = (model.requestMicros + documents * model.documentMicros) * slow;
  const servers = model.dataNodes * model.cpus;
  const think = model.thinkMicros + budgets.bulkBytes * model.byteMicros + (service * (servers - 1)) / servers;
  let queue = 0;
  let rate = 0;
  let response = 0;
  for (let n = 1; n <= requests; n++) {
    response = (service / servers) * (1 + queue);
    rate = n / (response + think);
    queue = rate * response;
  }
  const made = Math.min(rate * documents * 1e6, madeBy(model, budgets));
  const carried = model.networkBytes / (model.documentBytes * (budgets.compressed ? COMPRESSED : 1));
  if (carried < made) {
    return { rate: carried, latencyMillis: ((requests * documents) / carried) * 1000, heap, isNetworkBound: true };
  }
  return { rate: made, latencyMillis: (response + think - model.thinkMicros) / 1000, heap, isNetworkBound: false };
}

/** Documents a second that the parsers can make. */
function madeBy({ parsersMake, compressingMakes }: StoreModel, { compressed }: Budgets): number {
  return parsersMake * (compressed ? compressingMakes : 1);
}

/** What the tuner would see of a second. @param factor what noise or a cold machine makes of the rate */
export function observe(model: StoreModel, budgets: Budgets, factor: number, seconds = 1): Observation {
  const { rate, latencyMillis, heap, isNetworkBound } = steadyState(model, budgets);
  const perRequest = Math.max(1, budgets.bulkBytes / model.documentBytes);
  // Answers come in whole requests.
  const requests = Math.round((rate * factor * seconds) / perRequest);
  return {
    seconds,
    documents: Math.round(requests * perRequest),
    requests,
    latencyMillis: latencyMillis / factor,
    throttled: heap > REFUSED ? Math.ceil(requests / 10) : 0,
    full: rate < madeBy(model, budgets) ? 0.9 : 0,
    network: isNetworkBound ? 0.9 : 0.1,
    heap: 0.5,
    collecting: heap > FELT ? Math.min(1, heap) : 0,
    merging: 0,
    parsers: model.parsers,
    dataNodes: model.dataNodes,
    heapBytes: model.dataNodes * model.heapBytes,
  };
}

/** Documents a second of the best fixed setting that the policy allows, found by trying them all. */
export function bestFixed(model: StoreModel, policy: TuningPolicy): number {
  const room = Math.min(policy.inFlightBytes, (policy.heapShare * model.heapBytes * model.dataNodes) / model.parsers);
  let best = 0;
  const { requestsInFlight, bulkBytes } = policy;
  for (let requests = requestsInFlight.min; requests <= requestsInFlight.max; requests++) {
    for (let bytes = bulkBytes.min; bytes <= Math.min(bulkBytes.max, room / requests); bytes *= 1.1) {
      best = Math.max(best, steadyState(model, { bulkBytes: bytes, requestsInFlight: requests }).rate);
    }
  }
  return best;
}
