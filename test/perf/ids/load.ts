import { Client } from "@elastic/elasticsearch";
import { createCluster } from "../../../orchestrator/cluster.ts";
import type { Origin } from "../../../worker/contract/chunk.ts";
import { ATTEMPT_FIELD } from "../../../worker/contract/ids.ts";
import { createPipeline } from "../../../worker/pipeline.ts";
import { createDataNodes } from "../../../worker/sinks/elasticsearch/nodes.ts";
import { DEFAULT_POLICY } from "../../../worker/sinks/elasticsearch/policy.ts";
import { createElasticsearchSink } from "../../../worker/sinks/elasticsearch/sink.ts";
import { fieldsOfRules } from "../../../worker/pipeline/fields.ts";
import { waitFor } from "../../support/wait-for.ts";
import { DEFAULT_RULES } from "../../support/rules.ts";
import type { TestElasticsearch } from "../../support/elasticsearch-node.ts";
import type { Load } from "./figures.ts";
import type { IdsBenchOptions } from "./options.ts";
import { TAG, type Way } from "./ways.ts";

const PATTERN = "bench-{day}-m{month}-r{revision}";
/** Bytes of a bulk body for one of lines. */
const RATIO = 3;

/**
 * Loads lines as a parser does, into indices like a campaign's: the engine and the sink in this process, the store in its own. Merges that a
 * load has caused belong to it.
 */
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
    if (way.tagMapping) {
      // A mapping that is there cannot be changed so.
      await this.#recreate(indices, way.tagMapping);
    }
    const before = await this.#cpuOfStore();
    const cpuBefore = process.cpuUsage();
    const begin = performance.now();
    const documents = await this.#send(way, signal);
    const wallMicros = (performance.now() - begin) * 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    await cluster.refresh(indices);
    // What is not on the disk yet has no size.
    for (const index of indices) await this.#store.request("POST", `/${index}/_flush`);
    await waitFor(
      "merges to be done",
      async () => Object.values(await cluster.nodeFigures()).every(({ mergesRunning }) => mergesRunning === 0),
      { timeoutMs: 300_000, everyMs: 200 },
    );
    const storeMicros = (await this.#cpuOfStore()) - before;
    const stored = Object.values(await cluster.counts(indices)).reduce((sum, n) => sum + n, 0);
    if (stored !== documents) throw new Error(`${way.name}: ${stored} documents stand in the store, not ${documents}`);
    const storeBytes = await cluster.storeBytes(indices);
    await this.#client.indices.delete({ index: indices.slice() });
    return { documents, storeMicros, senderMicros: user + system, wallMicros, storeBytes };
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  /** Blocks of lines, one after the other, their bulks two or so at once. */
  async #send(way: Way, signal: AbortSignal): Promise<number> {
    const nodes = createDataNodes(DEFAULT_POLICY);
    nodes.update([this.#store.url]);
    const { bulkBytes, inFlight } = this.#options;
    await using sink = createElasticsearchSink({ nodes, budgets: { bulkBytes, requestsInFlight: inFlight } });
    const under = new Set<Promise<void>>();
    const origin = this.#origin(way);
    let documents = 0;
    for (let start = 0; start < this.#lines.length;) {
      signal.throwIfAborted();
      const end = this.#lines.indexOf(10, Math.min(start + bulkBytes / RATIO, this.#lines.length - 1)) + 1;
      const block = this.#lines.subarray(start, end);
      const attempt = way.ids === "store" ? TAG : undefined;
      const batch = this.#pipeline.run(block, start, origin, { attempt });
      way.change?.(batch);
      const one: Promise<void> = sink
        .write(batch, signal)
        .then(({ written }) => void (documents += written))
        .finally(() => under.delete(one));
      under.add(one);
      while (under.size > inFlight) await Promise.race(under);
      start = end;
    }
    await Promise.all(under);
    return documents;
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

  async #recreate(indices: readonly string[], tag: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#client.indices.delete({ index: indices.slice() });
    for (const index of indices) {
      const mappings = { properties: { [ATTEMPT_FIELD]: tag } };
      await this.#store.request("PUT", `/${index}`, { mappings });
    }
  }

  async #cpuOfStore(): Promise<number> {
    const [figures] = Object.values(await createCluster(this.#client).nodeFigures());
    if (!figures) throw new Error("the store tells nothing of its process");
    return figures.cpuMillis * 1000;
  }
}
