import type { Outcome } from "../../contract/pipeline.ts";

/** To be sent again. */
interface Again {
  readonly kind: "retry";
  readonly reason: string;
  /**
   * Whether it is known that nothing was written: Elasticsearch says 429 before it begins. Behind any other failure it may have been, and what
   * is sent twice without an id is written twice.
   */
  readonly isUnwritten: boolean;
}

/** What a document's line in a bulk response means. */
export type ItemVerdict =
  | { readonly kind: "written" }
  | { readonly kind: "duplicate" }
  | Extract<Outcome, { readonly kind: "rejected" }>
  | Again
  /** Nothing is wrong with the document; somebody must mend the store or the credential first. */
  | { readonly kind: "held"; readonly reason: string };

/** What a whole response means. */
export type ResponseVerdict =
  /** Each document has its own answer. */
  | { readonly kind: "items" }
  | Again
  /** Too large, or something in it that spoils the whole: send it in halves; one document alone is rejected. */
  | { readonly kind: "split"; readonly status: number; readonly type: string; readonly reason: string }
  | { readonly kind: "held"; readonly reason: string };

/** The part of an item that is asked for with `filter_path`. */
export interface BulkItem {
  readonly status: number;
  readonly error?: {
    readonly type?: string;
    readonly reason?: string;
    readonly caused_by?: { readonly reason?: string };
  };
}

/** Asks only for what is looked at: 25 bytes a document in place of 200. */
export const BULK_PATH = "/_bulk?filter_path=errors,took,items.*.status,items.*.error";

const WRITTEN: ItemVerdict = { kind: "written" };
const DUPLICATE: ItemVerdict = { kind: "duplicate" };

/**
 * Pure. A new status is decided here and nowhere else.
 *
 * @source Elasticsearch 8.19: 201 created; 409 `version_conflict_engine_exception` for a `create` of an `_id` that is there;
 *   429 `es_rejected_execution_exception`; 503 `unavailable_shards_exception`; 400 `document_parsing_exception`,
 *   `illegal_argument_exception`; 403 `security_exception` and `cluster_block_exception`; 404 `index_not_found_exception`
 */
export function judgeItem(item: BulkItem): ItemVerdict {
  const { status, error } = item;
  if (status >= 200 && status < 300) return WRITTEN;
  if (status === 409) return DUPLICATE;
  const type = error?.type ?? "unknown";
  const reason = [error?.reason, error?.caused_by?.reason].filter((part) => part !== undefined).join(": ");
  if (status === 429 || status >= 500) return again(status, type, reason);
  if (status === 401 || status === 403 || status === 404) {
    return { kind: "held", reason: `${status} ${type}: ${reason}` };
  }
  return { kind: "rejected", status, type, reason };
}

/** Pure; for the status of the response itself. `text` is its body when the status is not 200. */
export function judgeResponse(status: number, text: string): ResponseVerdict {
  if (status >= 200 && status < 300) return { kind: "items" };
  const { type, reason } = describeBody(text);
  if (status === 429 || status >= 500) return again(status, type, reason);
  if (status === 413 || status === 400) return { kind: "split", status, type, reason };
  return { kind: "held", reason: `${status} ${type}: ${reason}` };
}

function again(status: number, type: string, reason: string): Again {
  return { kind: "retry", reason: `${status} ${type}: ${reason}`, isUnwritten: status === 429 };
}

/** The error in a response's body; what comes from a proxy is text. */
function describeBody(text: string): { type: string; reason: string } {
  try {
    const body = JSON.parse(text) as { error?: { type?: string; reason?: string } | string };
    if (typeof body.error === "string") return { type: "error", reason: body.error };
    return { type: body.error?.type ?? "error", reason: body.error?.reason ?? "" };
  } catch {
    return { type: "error", reason: text.slice(0, 200) };
  }
}

/**
 * The `errors` flag of a bulk response, from its first bytes: when it is false, every document was
 * written and nothing else of the response need be read. Undefined when it does not stand there.
 */
export function errorsFlag(head: string): boolean | undefined {
  const match = /^\s*\{(?:"took":\d+,)?"errors":(true|false)[,}]/.exec(head);
  return match ? match[1] === "true" : undefined;
}

/** The `took` of a bulk response, from its first bytes; undefined when it does not stand there. */
export function tookMillis(head: string): number | undefined {
  const match = /^\s*\{(?:"errors":(?:true|false),)?"took":(\d+)[,}]/.exec(head);
  return match ? Number(match[1]) : undefined;
}
