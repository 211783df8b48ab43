import type { Client, estypes } from "@elastic/elasticsearch";

/** Hits of one page. */
const PAGE = 10_000;
const KEEP_ALIVE = "2m";

/**
 * Every hit of a query, page by page, of the indices as they are at the beginning (PIT + search_after).
 * @param source the fields that are wanted
 */
export async function* allHits<T>(
  client: Client,
  indices: readonly string[],
  query: estypes.QueryDslQueryContainer,
  source: readonly string[],
): AsyncGenerator<readonly estypes.SearchHit<T>[]> {
  let { id } = await client.openPointInTime({ index: indices.slice(), keep_alive: KEEP_ALIVE });
  try {
    let after: estypes.SortResults | undefined;
    do {
      const answer = await client.search<T>({
        pit: { id, keep_alive: KEEP_ALIVE },
        query,
        size: PAGE,
        // The cheapest order there is.
        sort: [{ _shard_doc: "asc" }],
        track_total_hits: false,
        _source: source.slice(),
        ...(after ? { search_after: after } : {}),
      });
      id = answer.pit_id ?? id;
      const { hits } = answer.hits;
      if (hits.length > 0) yield hits;
      after = hits.length < PAGE ? undefined : hits.at(-1)?.sort;
    } while (after);
  } finally {
    await client.closePointInTime({ id });
  }
}
