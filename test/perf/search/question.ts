import type { Client, estypes } from "@elastic/elasticsearch";
import { allHits } from "../store/all-hits.ts";

/** What is printed of a line. */
const FIELDS = ["@timestamp", "host", "program", "pid", "message"];
const FIRST = 100;

/** Every line that names a user. */
export function linesOf(user: string): estypes.QueryDslQueryContainer {
  return { match: { message: user } };
}

/** In how many lines each of the users stands. */
export async function linesByUser(
  client: Client,
  index: string,
  users: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const filters = Object.fromEntries(users.map((user) => [user, linesOf(user)]));
  const answer = await client.search({ index, size: 0, aggs: { users: { filters: { filters } } } });
  const { buckets } = answer.aggregations!["users"] as {
    readonly buckets: Record<string, { readonly doc_count: number }>;
  };
  return new Map(Object.entries(buckets).map(([user, { doc_count: lines }]) => [user, lines]));
}

/** How many there are, and the first hundred. @returns the count */
export async function countAndFirst(client: Client, index: string, user: string): Promise<number> {
  const { hits } = await client.search({
    index,
    query: linesOf(user),
    size: FIRST,
    sort: [{ "@timestamp": "asc" }],
    track_total_hits: true,
    _source: FIELDS,
  });
  const count = typeof hits.total === "number" ? hits.total : (hits.total?.value ?? 0);
  if (hits.hits.length !== Math.min(FIRST, count)) throw new Error(`${hits.hits.length} hits of ${count} came`);
  return count;
}

/** All of them. @returns how many came */
export async function all(client: Client, index: string, user: string): Promise<number> {
  let count = 0;
  for await (const hits of allHits(client, [index], linesOf(user), FIELDS)) count += hits.length;
  return count;
}
