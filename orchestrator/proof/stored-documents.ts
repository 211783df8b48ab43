import type { Client, estypes } from "@elastic/elasticsearch";
import { ask } from "../ask-elasticsearch.ts";
import type { FoundDocument, Source } from "./documents.ts";

/** Documents of one search. */
const PAGE = 2000;
/** Between two searches a chunk of the archive is read, or a compressed file up to it. */
const KEEP_ALIVE = "60m";

type Range = readonly [first: number, last: number];

/**
 * The documents of some indices as they are at one moment: what is written later is not seen. Uses PIT and search_after, which
 * the slim distribution has.
 */
export class StoredDocuments implements AsyncDisposable {
  readonly #client: Client;
  #pit: string;

  private constructor(client: Client, pit: string) {
    this.#client = client;
    this.#pit = pit;
  }

  /** @param wildcards name the indices, which must have been refreshed */
  static async open(client: Client, wildcards: string[]): Promise<StoredDocuments> {
    const { id } = await ask("opening a point in time", () =>
      client.openPointInTime({ index: wildcards, keep_alive: KEEP_ALIVE }),
    );
    return new StoredDocuments(client, id);
  }

  /** A file's documents whose offsets lie in the range. */
  inRange(file: string, range: Range): Promise<FoundDocument[]> {
    return this.#all({ bool: { filter: [{ term: { file } }, between(range)] } });
  }

  /** A file's documents whose offsets lie in none of the ranges, or that have none. */
  outside(file: string, ranges: readonly Range[]): Promise<FoundDocument[]> {
    return this.#all({ bool: { filter: [{ term: { file } }], must_not: ranges.map(between) } });
  }

  /** Documents that say no file. */
  ofNoFile(): Promise<FoundDocument[]> {
    return this.#all({ bool: { must_not: [{ exists: { field: "file" } }] } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It ends by itself some day.
    await this.#client.closePointInTime({ id: this.#pit }).catch(() => undefined);
  }

  async #all(query: estypes.QueryDslQueryContainer): Promise<FoundDocument[]> {
    const found: FoundDocument[] = [];
    for (let after: estypes.SortResults | undefined; ;) {
      const answer = await ask("reading documents", () =>
        this.#client.search<Source>({
          size: PAGE,
          pit: { id: this.#pit, keep_alive: KEEP_ALIVE },
          query,
          sort: "_shard_doc",
          track_total_hits: false,
          ...(after ? { search_after: after } : {}),
        }),
      );
      this.#pit = answer.pit_id ?? this.#pit;
      const { hits } = answer.hits;
      for (const { _index: index, _id: id = "", _source: source = {} } of hits) {
        const { offset } = source;
        found.push({ index, id, source, offset: typeof offset === "number" ? offset : -1 });
      }
      if (hits.length < PAGE) return found;
      after = hits.at(-1)?.sort;
    }
  }
}

function between([gte, lt]: Range): estypes.QueryDslQueryContainer {
  return { range: { offset: { gte, lt } } };
}
