import type { Client, estypes } from "@elastic/elasticsearch";
import { StoreError } from "../../worker/contract/errors.ts";
import { ask, requestsOf } from "../ask-elasticsearch.ts";
import type { AlteredDocument, DocumentDifferences } from "./compare-documents.ts";

/** What was written and deleted so that documents are those of the archive. */
export interface Mended {
  created: number;
  replaced: number;
  deleted: number;
}

/** Actions of one bulk. */
const BULK = 500;

type Operation = [action: estypes.BulkOperationContainer, document?: object];

/**
 * Mends a store in two rounds, each of which is a comparison of its own: first what stands where it should not is deleted everywhere, then what is
 * missing or altered is written. In one round a document that was moved to another place under its old id would be written in the one chunk and
 * deleted for the other.
 */
export class Mender {
  readonly mended: Mended = { created: 0, replaced: 0, deleted: 0 };
  readonly #client: Client;

  /** @param client of a user that may write and delete */
  constructor(client: Client) {
    this.#client = client;
  }

  /** The first round. */
  async clear({ extra, altered }: DocumentDifferences): Promise<void> {
    const misplaced = [...extra, ...altered.filter((one) => !isInPlace(one)).map(({ found }) => found)];
    this.mended.deleted += await this.#send(misplaced.map(({ index, id }) => [{ delete: { _index: index, _id: id } }]));
  }

  /** The second round, on what a comparison finds after the first. */
  async write({ missing, altered }: DocumentDifferences): Promise<void> {
    this.mended.created += await this.#send(
      missing.map(({ index, id, source }) => [{ create: { _index: index, _id: id } }, source]),
    );
    this.mended.replaced += await this.#send(
      altered
        .filter(isInPlace)
        .map(({ expected, found }) => [{ index: { _index: found.index, _id: found.id } }, expected.source]),
    );
  }

  /** @returns how many were carried out @throws StoreError `ELASTICSEARCH_REFUSED` */
  async #send(operations: readonly Operation[]): Promise<number> {
    for (let at = 0; at < operations.length; at += BULK) {
      const part = operations.slice(at, at + BULK);
      const answer = await ask("mending documents", () => this.#client.bulk({ operations: part.flat() }));
      const refused = answer.items.flatMap((item) => Object.values(item)).find(({ error }) => error);
      if (!refused) continue;
      throw new StoreError(
        "ELASTICSEARCH_REFUSED",
        `Elasticsearch: mending the document ${refused._id ?? ""} of ${refused._index} failed: ${refused.error?.reason ?? refused.error?.type ?? String(refused.status)}`,
        { retryable: refused.status === 429 || refused.status >= 500, context: { status: refused.status } },
      );
    }
    return operations.length;
  }
}

/** Whether the document has the name under which it can be written over. */
function isInPlace({ fields }: AlteredDocument): boolean {
  return !fields.includes("_index") && !fields.includes("_id");
}

/**
 * Runs something while the indices take writes, also those that are blocked because they serve; then they are as before.
 * @throws what `run` throws, and StoreError
 */
export async function whileWritable<T>(client: Client, indices: readonly string[], run: () => Promise<T>): Promise<T> {
  const blocked: string[] = [];
  for (const index of requestsOf(indices)) {
    const settings = await ask("looking for write blocks", () =>
      client.indices.getSettings({ index, name: "index.blocks.write", flat_settings: true }),
    );
    for (const [name, { settings: found }] of Object.entries(settings)) {
      if (String((found as Record<string, unknown> | undefined)?.["index.blocks.write"]) === "true") blocked.push(name);
    }
  }
  const block = async (write: boolean): Promise<void> => {
    for (const index of requestsOf(blocked)) {
      await ask(write ? "blocking writes again" : "lifting the write block", () =>
        client.indices.putSettings({ index, settings: { "index.blocks.write": write } }),
      );
    }
  };
  await block(false);
  try {
    return await run();
  } finally {
    await block(true);
  }
}
