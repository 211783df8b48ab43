import { readFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { StoreError } from "../../worker/contract/errors.ts";
import type { Access } from "../access.ts";

/** Buckets of one page of a composite aggregation. */
const PAGE = 5000;
const TIMEOUT_MS = 60_000;

/** A bucket of a composite aggregation: the values of its sources, and the documents. */
export interface Bucket {
  readonly key: Readonly<Record<string, string | null>>;
  readonly count: number;
}

/**
 * Searches as an operator does: through the proxy, with the files that `status --json` names. Shares nothing with the
 * orchestrator's own client.
 */
export class Search implements Disposable {
  readonly #base: URL;
  readonly #agent: Agent;
  readonly #auth: string;
  readonly #index: string;

  private constructor(base: URL, agent: Agent, auth: string, index: string) {
    this.#base = base;
    this.#agent = agent;
    this.#auth = auth;
    this.#index = index;
  }

  /** @param index pattern of the campaign's indices */
  static async open(access: Access, index: string): Promise<Search> {
    const [ca, cert, key, password] = await Promise.all(
      [access.ca, access.certificate, access.key, access.passwordFile].map((file) => readFile(file, "utf8")),
    );
    const agent = new Agent({ keepAlive: true, ca, cert, key });
    return new Search(new URL(access.url), agent, `${access.username}:${(password ?? "").trim()}`, index);
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  /** Documents that match the query. */
  async count(query: object, signal: AbortSignal): Promise<number> {
    const answer = (await this.#post("_count", { query }, signal)) as { readonly count: number };
    return answer.count;
  }

  /** Documents by every combination of the sources' values; a missing value is null. */
  async combinations(sources: Readonly<Record<string, object>>, query: object, signal: AbortSignal): Promise<Bucket[]> {
    const found: Bucket[] = [];
    let after: object | undefined;
    do {
      const composite = {
        size: PAGE,
        sources: Object.entries(sources).map(([name, source]) => ({ [name]: source })),
        ...(after ? { after } : {}),
      };
      const answer = (await this.#post("_search", { size: 0, query, aggs: { all: { composite } } }, signal)) as {
        readonly _shards: { readonly failed: number };
        readonly aggregations: {
          readonly all: {
            readonly after_key?: object;
            readonly buckets: readonly { readonly key: Bucket["key"]; readonly doc_count: number }[];
          };
        };
      };
      if (answer._shards.failed > 0) {
        throw new StoreError("DEMO_SEARCH_FAILED", `${answer._shards.failed} shards did not answer an aggregation`);
      }
      const { buckets, after_key: next } = answer.aggregations.all;
      for (const { key, doc_count: count } of buckets) found.push({ key, count });
      after = buckets.length === 0 ? undefined : next;
    } while (after !== undefined);
    return found;
  }

  async #post(path: string, body: object, signal: AbortSignal): Promise<unknown> {
    const url = new URL(`/${this.#index}/${path}`, this.#base);
    const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
      const outgoing = request(
        url,
        {
          method: "POST",
          agent: this.#agent,
          auth: this.#auth,
          headers: { "content-type": "application/json" },
          signal,
          timeout: TIMEOUT_MS,
        },
        (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (part: string) => (text += part));
          response.once("end", () => resolve({ status: response.statusCode ?? 0, text }));
          response.once("error", reject);
        },
      );
      outgoing.once("timeout", () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
      outgoing.once("error", reject);
      outgoing.end(JSON.stringify(body));
    });
    if (status === 200) return JSON.parse(text) as unknown;
    throw new StoreError("DEMO_SEARCH_FAILED", `${url.href} answered ${status}: ${text.slice(0, 500)}`, {
      context: { status },
    });
  }
}
