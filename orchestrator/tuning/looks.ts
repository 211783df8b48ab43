import type { ParserFigures } from "../../worker/contract/tuning.ts";
import type { NodeFigures } from "../cluster.ts";
import { nodeRates, outsideShare, parserRates, type NodeRates, type ParserRates } from "./rates.ts";
import type { Observation } from "./tune.ts";

/** A look at the data nodes; the orchestrator takes one now and then. */
export interface NodeLook {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly figures: Readonly<Record<string, NodeFigures>>;
}

/** What parsers and data nodes do just now. */
export interface Rates {
  readonly parsers: readonly ParserRates[];
  readonly nodes: readonly NodeRates[];
}

/** A parser that reported nothing new in so many looks counts no longer. */
const MOST_STALE = 5;
/** What limits the load is told by this much of it: within one second a parser may have waited for the store alone, and in the next one parsed alone. */
const RECENT_MS = 6_000;
/** A host whose processors are that busy has none left to compress with. */
const BUSY = 0.9;

/**
 * Turns one look after another into rates. Reports come about once a second and not in step with the looks: a parser without a new one
 * does what it did before.
 */
export class Looks {
  /** Figures are the last ones; the first of `past` are those of `RECENT_MS` before, or of the first report. */
  readonly #parsers = new Map<
    string,
    { figures: ParserFigures; past: readonly ParserFigures[]; rates?: ParserRates; stale: number }
  >();
  #nodes: NodeLook | undefined;
  #pastNodes: readonly NodeLook[] = [];
  #nodeRates: readonly NodeRates[] = [];

  /** @param nodes the newest look at the data nodes; undefined when there was none yet */
  take(parsers: ReadonlyMap<string, ParserFigures>, nodes: NodeLook | undefined): Rates {
    for (const name of this.#parsers.keys()) if (!parsers.has(name)) this.#parsers.delete(name);
    for (const [name, figures] of parsers) this.#takeParser(name, figures);
    if (nodes) this.#takeNodes(nodes);
    return {
      parsers: [...this.#parsers.values()].flatMap(({ rates, stale }) => (rates && stale < MOST_STALE ? [rates] : [])),
      nodes: this.#nodeRates,
    };
  }

  /** What they did in the last few seconds. */
  recent(): Rates {
    const now = this.#nodes;
    return {
      parsers: [...this.#parsers.values()].flatMap(({ past: [first], figures, rates, stale }) =>
        first && rates && stale < MOST_STALE ? (parserRates(first, figures) ?? []) : [],
      ),
      nodes: Object.entries(now?.figures ?? {}).flatMap(([name, figures]) => {
        const looks = this.#pastNodes.filter((look) => name in look.figures);
        const [first] = looks;
        const then = first?.figures[name];
        if (!now || !then || first.at >= now.at) return [];
        const busy = looks.slice(1).reduce((sum, look) => sum + (look.figures[name]?.hostCpuPercent ?? 0), 0);
        const hostCpu = busy / (looks.length - 1) / 100;
        return [{ ...nodeRates(then, figures, now.at - first.at), hostCpu }];
      }),
    };
  }

  #takeParser(name: string, figures: ParserFigures): void {
    const before = this.#parsers.get(name);
    if (!before || figures.upMillis < before.figures.upMillis) {
      this.#parsers.set(name, { figures, past: [figures], stale: 0 });
      return;
    }
    const rates = parserRates(before.figures, figures);
    const past = sinceThen([...before.past, figures], (one) => one.upMillis);
    if (rates) this.#parsers.set(name, { figures, past, rates, stale: 0 });
    else before.stale += 1;
  }

  #takeNodes(nodes: NodeLook): void {
    const before = this.#nodes;
    if (before && nodes.at <= before.at) return;
    this.#nodes = nodes;
    this.#pastNodes = sinceThen([...this.#pastNodes, nodes], (look) => look.at);
    if (!before) return;
    this.#nodeRates = Object.entries(nodes.figures).flatMap(([name, now]) => {
      const then = before.figures[name];
      return then ? [nodeRates(then, now, nodes.at - before.at)] : [];
    });
  }
}

/** Leaves out what is not needed to look `RECENT_MS` back from the last one. */
function sinceThen<T>(all: readonly T[], millis: (one: T) => number): readonly T[] {
  const last = all.at(-1);
  if (last === undefined) return all;
  const from = all.findLastIndex((one) => millis(last) - millis(one) >= RECENT_MS);
  return all.slice(Math.max(0, from));
}

/** All of it together, as the tuner sees it; undefined while there is nothing to see. Pure. */
export function observationOf({ parsers, nodes }: Rates, seconds: number): Observation | undefined {
  if (parsers.length === 0 || nodes.length === 0) return undefined;
  const sum = (of: (parser: ParserRates) => number): number => parsers.reduce((total, one) => total + of(one), 0);
  const most = (of: (node: NodeRates) => number): number => Math.max(...nodes.map(of));
  const requests = sum((one) => one.requests);
  return {
    seconds,
    documents: sum((one) => one.documents) * seconds,
    requests: requests * seconds,
    latencyMillis: requests === 0 ? 0 : sum((one) => one.latencyMillis * one.requests) / requests,
    throttled: sum((one) => one.throttled) * seconds,
    full: sum((one) => one.full) / parsers.length,
    // Where processors are what is missing everything takes its time.
    network:
      most((node) => node.hostCpu) >= BUSY ? 0 : (sum((one) => one.waiting) / parsers.length) * outsideShare(parsers),
    heap: most((node) => node.heap),
    collecting: most((node) => node.collecting),
    merging: most((node) => node.merging),
    parsers: parsers.length,
    dataNodes: nodes.length,
    heapBytes: nodes.reduce((total, node) => total + node.heapBytes, 0),
  };
}
