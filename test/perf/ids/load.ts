import { Client } from "@elastic/elasticsearch";
import { createCluster } from "../../../orchestrator/cluster.ts";
import type { Origin } from "../../../worker/contract/chunk.ts";
import { fieldsOfRules } from "../../../worker/pipeline/fields.ts";
import { createPipeline } from "../../../worker/pipeline.ts";
import { createDataNodes } from "../../../worker/sinks/elasticsearch/nodes.ts";
import { DEFAULT_POLICY } from "../../../worker/sinks/elasticsearch/policy.ts";
import { createElasticsearchSink } from "../../../worker/sinks/elasticsearch/sink.ts";
import { DEFAULT_RULES } from "../../support/rules.ts";
import type { TestElasticsearch } from "../../support/elasticsearch-node.ts";
import { batchesOf } from "../store/batches.ts";
import type { Load } from "../store/load-row.ts";
import { measureLoad, type Sent } from "../store/measure-load.ts";
import type { IdsBenchOptions } from "./options.ts";
import { TAG, type Way } from "./ways.ts";

const PATTERN = "bench-{day}-m{month}-r{revision}";

/** Loads lines as a parser does, into indices like a campaign's: the engine and the sink in this process, the store in its own. */
export class Loader {
  readonly #store: TestElasticsearch;
  readonly #client: Client;
  readonly #lines: Buffer;
  readonly #month: string;
  readonly #options: IdsBenchOptions;
  readonly #pipeline = createPipeline(DEFAULT_RULES);
  readonly #fields = fieldsOfRules(DEFAULT_RULES);
  #revision = 0;

  constructor(store: TestElasticsearch, lines: Buffer, month: string, options: IdsBenchOptions) {
    this.#store = store;
    this.#client = new Client({ node: store.url });
    this.#lines = lines;
    this.#month = month;
    this.#options = options;
  }

  async load(way: Way, signal: AbortSignal): Promise<Load> {
    this.#revision += 1;
    const naming = { pattern: PATTERN, revision: this.#revision };
    const cluster = createCluster(this.#client);
    const indices = await cluster.prepare(naming, [this.#month], { shards: 1, replicas: 0 }, this.#fields, way.ids);
    if (way.mappings) {
      // A mapping that is there cannot be changed so.
      await this.#recreate(indices, way.mappings);
    }
    const load = await measureLoad(this.#client, indices, () => this.#send(way, signal));
    await this.#client.indices.delete({ index: indices.slice() });
    return load;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  /** Blocks of lines, one after the other, their bulks some at once. */
  async #send(way: Way, signal: AbortSignal): Promise<Sent> {
    const nodes = createDataNodes(DEFAULT_POLICY);
    nodes.update([this.#store.url]);
    const { bulkBytes, inFlight } = this.#options;
    await using sink = createElasticsearchSink({ nodes, budgets: { bulkBytes, requestsInFlight: inFlight } });
    const under = new Set<Promise<void>>();
    const attempt = way.ids === "store" ? TAG : undefined;
    let documents = 0;
    const cpuBefore = process.cpuUsage();
    const begin = performance.now();
    for (const batch of batchesOf(this.#pipeline, this.#lines, this.#origin(way), bulkBytes, attempt)) {
      signal.throwIfAborted();
      way.change?.(batch);
      const one: Promise<void> = sink
        .write(batch, signal)
        .then(({ written }) => void (documents += written))
        .finally(() => under.delete(one));
      under.add(one);
      while (under.size > inFlight) await Promise.race(under);
    }
    await Promise.all(under);
    const wallMicros = (performance.now() - begin) * 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    return { documents, senderMicros: user + system, wallMicros };
  }

  #origin({ ids }: Way): Origin {
    return {
      fileId: "0123456789ab",
      path: "hosts/all.log",
      month: this.#month,
      firstDay: `${this.#month}-01`,
      timeZone: "Europe/Prague",
      service: "syslog",
      index: { pattern: PATTERN, revision: this.#revision },
      dropPrograms: [],
      ...(ids === "store" ? { ids } : {}),
    };
  }

  async #recreate(indices: readonly string[], properties: NonNullable<Way["mappings"]>): Promise<void> {
    await this.#client.indices.delete({ index: indices.slice() });
    for (const index of indices) await this.#store.request("PUT", `/${index}`, { mappings: { properties } });
  }
}
