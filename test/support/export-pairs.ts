import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { Client } from "@elastic/elasticsearch";
import type { Access } from "../../orchestrator/access.ts";

/**
 * A program too: `node export-pairs.ts ACCESS.JSON INDEX` asks a campaign's cluster through its proxy as an operator does, so that a test
 * can have it asked from another network namespace.
 */

const PAGE = 5000;
const KEEP = "1m";

/** A line `OFFSET<tab>FILE` for each document of an index or pattern, as they stand there at one moment: by a point in time. */
export async function* exportedPairs(client: Client, index: string): AsyncGenerator<string> {
  let { id } = await client.openPointInTime({ index, keep_alive: KEEP });
  let after: Parameters<Client["search"]>[0];
  try {
    for (;;) {
      const { hits, pit_id: next } = await client.search<{ readonly file: string; readonly offset: number }>({
        pit: { id, keep_alive: KEEP },
        size: PAGE,
        sort: ["_shard_doc"],
        _source: ["file", "offset"],
        track_total_hits: false,
        ...after,
      });
      id = next ?? id;
      for (const { _source: document } of hits.hits) yield `${String(document?.offset)}\t${String(document?.file)}\n`;
      const last = hits.hits.at(-1);
      if (last?.sort === undefined) return;
      after = { search_after: last.sort };
    }
  } finally {
    await client.closePointInTime({ id });
  }
}

async function main([accessFile = "", index = ""]: readonly string[]): Promise<void> {
  const access = JSON.parse(readFileSync(accessFile, "utf8")) as Access;
  const read = (file: string): string => readFileSync(file, "utf8");
  const client = new Client({
    node: access.url,
    tls: { ca: read(access.ca), cert: read(access.certificate), key: read(access.key) },
    auth: { username: access.username, password: read(access.passwordFile) },
  });
  try {
    for await (const line of exportedPairs(client, index)) process.stdout.write(line);
  } finally {
    await client.close();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(process.argv.slice(2));
