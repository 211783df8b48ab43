import { errors } from "@elastic/elasticsearch";
import { StoreError } from "../worker/contract/errors.ts";

/** Turns a client error into one that says what was asked and what came back. */
export async function ask<T>(what: string, request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    const status = error instanceof errors.ResponseError ? (error.statusCode ?? 0) : 0;
    // A proxy without a server behind it answers with a page for browsers.
    const isPage = error instanceof errors.ResponseError && typeof error.body === "string";
    const said = isPage ? `HTTP status ${String(status)}` : error instanceof Error ? error.message : String(error);
    throw new StoreError("ELASTICSEARCH_REFUSED", `Elasticsearch: ${what} failed: ${said}`, {
      retryable: status === 0 || status === 429 || status >= 500,
      ...(isPage ? {} : { cause: error }),
      context: { status },
    });
  }
}

/** Names of indices in one request line, together; Elasticsearch takes 4,096 bytes of it, the path and its query included. */
const LONGEST_NAMES = 3_000;

/** Divides index names so that each part fits into a request line. @source Elasticsearch reference, `http.max_initial_line_length` */
export function requestsOf(indices: readonly string[]): string[][] {
  const parts: string[][] = [];
  let length = LONGEST_NAMES;
  for (const index of indices) {
    // The client writes a comma as %2C.
    const more = encodeURIComponent(index).length + 3;
    if (length + more > LONGEST_NAMES) {
      parts.push([]);
      length = 0;
    }
    parts.at(-1)?.push(index);
    length += more;
  }
  return parts;
}
