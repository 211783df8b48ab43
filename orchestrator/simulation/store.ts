import type { Agenda } from "./agenda.ts";
import type { Costs } from "./costs.ts";
import type { Draws } from "./random.ts";
import type { Runs } from "./runs.ts";
import { Station } from "./station.ts";
import { withWarmUp } from "./warm-up.ts";

/** A data node. */
export interface StoreNode {
  readonly cores: Station;
  readonly network: Station;
  /** How much slower than others. */
  readonly factor: number;
  /** What its work so far would have cost a node that was warm from the beginning. */
  warmSeconds: number;
  /** CPU that it has used for them. */
  cpuSeconds: number;
}

/** A shard of an index, its place and what it holds. */
interface Shard {
  readonly index: number;
  node: number;
  bytes: number;
}

/** Documents of a bulk that go evenly to some indices, one after the other. */
export interface BulkPart {
  readonly documents: number;
  readonly first: number;
  readonly indices: number;
}

/** How the store is laid out. */
export interface Layout {
  readonly cores: number;
  readonly indices: number;
  readonly shardsPerIndex: number;
  readonly replicas: number;
}

/**
 * Elasticsearch's data nodes. A bulk is split by shard; it is done when the last shard is. The cost of a document falls as a node warms up.
 * Shards stand evenly spread; they move when a node is replaced, and are lost with a node that could not be emptied in time.
 */
export class Store {
  readonly nodes: StoreNode[] = [];
  readonly shards: Shard[] = [];
  readonly #agenda: Agenda;
  readonly #costs: Costs;
  readonly #layout: Layout;
  readonly #runs: Runs;
  readonly #draws: Draws;

  constructor(agenda: Agenda, costs: Costs, layout: Layout, runs: Runs, draws: Draws) {
    this.#agenda = agenda;
    this.#costs = costs;
    this.#layout = layout;
    this.#runs = runs;
    this.#draws = draws;
  }

  /** A node that has joined. Returns its number. */
  join(): number {
    this.nodes.push({
      cores: new Station(this.#agenda, this.#layout.cores),
      network: new Station(this.#agenda, 1),
      factor: this.#draws.factor(this.#costs.nodeSpread),
      warmSeconds: 0,
      cpuSeconds: 0,
    });
    return this.nodes.length - 1;
  }

  /** Makes the indices, their shards in turn on the nodes that are there; copies count as shards. */
  create(): void {
    const { indices, shardsPerIndex, replicas } = this.#layout;
    for (let copy = 0; copy <= replicas; copy++) {
      for (let index = 0; index < indices; index++) {
        for (let n = 0; n < shardsPerIndex; n++) {
          this.shards.push({ index, node: this.shards.length % this.nodes.length, bytes: 0 });
        }
      }
    }
  }

  /**
   * Indexes documents, each part's evenly spread over its indices, in one request.
   * @param requests for so many requests it stands
   */
  bulk(parts: readonly BulkPart[], bodyBytes: number, requests: number, done: () => void): void {
    const { indices, shardsPerIndex, replicas } = this.#layout;
    const byShard = new Map<number, number>();
    for (const { documents, first, indices: indexCount } of parts) {
      const perShard = documents / (indexCount * shardsPerIndex);
      for (let copy = 0; copy <= replicas; copy++) {
        for (let i = 0; i < indexCount; i++) {
          const index = (first + i) % indices;
          for (let n = 0; n < shardsPerIndex; n++) {
            const shard = (copy * indices + index) * shardsPerIndex + n;
            byShard.set(shard, (byShard.get(shard) ?? 0) + perShard);
          }
        }
      }
    }
    const byNode = new Map<number, { documents: number; shards: number }>();
    const documents = parts.reduce((sum, part) => sum + part.documents, 0);
    for (const [number, count] of byShard) {
      const shard = this.shards[number]!;
      shard.bytes += count * this.#costs.indexBytesPerDocument;
      const part = byNode.get(shard.node) ?? { documents: 0, shards: 0 };
      part.documents += count;
      part.shards++;
      byNode.set(shard.node, part);
    }
    let left = byNode.size;
    const one = (): void => {
      if (--left === 0) done();
    };
    for (const [number, part] of byNode) {
      this.nodes[number]!.network.run(this.#runs.networkSeconds((bodyBytes * part.documents) / documents), () =>
        this.#index(this.nodes[number]!, { ...part, requests }, one),
      );
    }
  }

  #index(
    node: StoreNode,
    { documents, shards, requests }: { readonly documents: number; readonly shards: number; readonly requests: number },
    done: () => void,
  ): void {
    const { storeMicrosPerDocument, storeMicrosPerRequest, storeWarmUp } = this.#costs;
    const warm = (documents * storeMicrosPerDocument + shards * requests * storeMicrosPerRequest) / 1e6;
    const before = withWarmUp(node.warmSeconds, storeWarmUp);
    node.warmSeconds += warm;
    const seconds = this.#runs.cpuSeconds((withWarmUp(node.warmSeconds, storeWarmUp) - before) * node.factor);
    node.cpuSeconds += seconds;
    // Each shard of a request is work for a thread of its own.
    const parts = Math.min(shards, node.cores.servers);
    let left = parts;
    for (let i = 0; i < parts; i++) {
      this.#runs.compute(node.cores, seconds / parts, () => {
        if (--left === 0) done();
      });
    }
  }

  /** Moves all shards of a node to another one, one after the other. */
  move(from: number, to: number, done: () => void): void {
    const shard = this.shards.find(({ node }) => node === from);
    if (!shard) {
      done();
      return;
    }
    const { moveBytesPerSecond, moveSecondsPerShard } = this.#costs;
    this.#agenda.after(moveSecondsPerShard + shard.bytes / moveBytesPerSecond, () => {
      // Lost meanwhile: it stands elsewhere already.
      if (shard.node === from) shard.node = to;
      this.move(from, to, done);
    });
  }

  /** What moving a node's shards takes. */
  moveSeconds(from: number): number {
    const { moveBytesPerSecond, moveSecondsPerShard } = this.#costs;
    return this.shards
      .filter(({ node }) => node === from)
      .reduce((sum, { bytes }) => sum + moveSecondsPerShard + bytes / moveBytesPerSecond, 0);
  }

  /** A node ends with shards on it: they begin anew on another. Returns the indices of which documents are lost: those without a copy. */
  lose(from: number, to: number): ReadonlySet<number> {
    const lost = new Set<number>();
    for (const shard of this.shards) {
      if (shard.node !== from) continue;
      shard.node = to;
      if (this.#layout.replicas > 0) continue;
      shard.bytes = 0;
      lost.add(shard.index);
    }
    return lost;
  }
}
