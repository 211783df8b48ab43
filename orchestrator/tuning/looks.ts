import type { ParserFigures } from "../../worker/contract/tuning.ts";
import type { NodeFigures } from "../cluster.ts";
import { nodeRates, parserRates, type NodeRates, type ParserRates } from "./rates.ts";
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

/**
 * Turns one look after another into rates. Reports come about once a second and not in step with the looks: a parser without a new one
 * does what it did before.
 */
export class Looks {
  readonly #parsers = new Map<string, { figures: ParserFigures; rates?: ParserRates; stale: number }>();
  #nodes: NodeLook | undefined;
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

  #takeParser(name: string, figures: ParserFigures): void {
    const before = this.#parsers.get(name);
    if (!before || figures.upMillis < before.figures.upMillis) {
      this.#parsers.set(name, { figures, stale: 0 });
      return;
    }
    const rates = parserRates(before.figures, figures);
    if (rates) this.#parsers.set(name, { figures, rates, stale: 0 });
    else before.stale += 1;
  }

  #takeNodes(nodes: NodeLook): void {
    const before = this.#nodes;
    if (before && nodes.at <= before.at) return;
    this.#nodes = nodes;
    if (!before) return;
    this.#nodeRates = Object.entries(nodes.figures).flatMap(([name, now]) => {
      const then = before.figures[name];
      return then ? [nodeRates(then, now, nodes.at - before.at)] : [];
    });
  }
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
    heap: most((node) => node.heap),
    collecting: most((node) => node.collecting),
    merging: most((node) => node.merging),
    parsers: parsers.length,
    dataNodes: nodes.length,
    heapBytes: nodes.reduce((total, node) => total + node.heapBytes, 0),
  };
}
