/**
 * The errors of gridharvest. One base with a stable `code`; a subclass says
 * *who must act*, not which module threw. Every code has a row in
 * ARCHITECTURE.md, and a test compares the two both ways.
 */

/** Facts that help the reader of an error: file names, offsets, job names. Never secrets. */
export type ErrorContext = Readonly<Record<string, string | number | boolean>>;

export interface ErrorDetails {
  /** Whether the same attempt may succeed later without anybody's action. Default false. */
  readonly retryable?: boolean;
  readonly context?: ErrorContext;
  readonly cause?: unknown;
}

/**
 * Base of every error that this project throws on purpose.
 *
 * The message says what was attempted, on what, what came back, and what to do.
 * Callers look at `code` and `retryable`, never at the text.
 */
export class BackfillError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly context: ErrorContext;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = details.retryable ?? false;
    this.context = details.context ?? {};
  }
}

/** The user must act: a configuration, an argument, a plan that no longer fits. Exit code 2. */
export class ConfigError extends BackfillError {}

/** The batch system or a node must be looked at. */
export class GridError extends BackfillError {}

/** Elasticsearch, Redis or another service must be looked at. */
export class StoreError extends BackfillError {}

/** A file of the archive must be looked at. Costs that file, never the month. */
export class DataError extends BackfillError {}

/** One line for people: the message, then each cause's. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  for (let e: unknown = error; e !== undefined && parts.length < 5; e = e instanceof Error ? e.cause : undefined) {
    const text = e instanceof Error ? e.message : typeof e === "string" ? e : JSON.stringify(e);
    if (!parts.includes(text)) parts.push(text);
  }
  return parts.join(": ");
}
