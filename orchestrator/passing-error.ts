import { BackfillError } from "../worker/contract/errors.ts";

/** What Redis answers while it starts, or before the gateway's supervisor has made the users that it lost. */
const PASSING_REPLY = /^(LOADING|BUSY|TRYAGAIN|WRONGPASS|NOAUTH)\b/;
/** What ioredis says of commands that a broken connection took with it. @source ioredis 5, built/redis/event_handler.js, built/Redis.js */
const BROKEN_CONNECTION =
  /^(Command aborted due to connection close|Connection is closed|Command timed out|Ready check failed)/;
const SYSTEM_CODES = new Set(["ECONNRESET", "ECONNREFUSED", "EPIPE", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"]);

/**
 * Whether the same attempt may succeed later by itself: an error of ours says so, of others we know those of a connection
 * that broke, as when proxy or Redis is started again.
 */
export function mayPass(error: unknown): boolean {
  if (error instanceof BackfillError) return error.retryable;
  if (!(error instanceof Error)) return false;
  return (
    PASSING_REPLY.test(error.message) ||
    BROKEN_CONNECTION.test(error.message) ||
    SYSTEM_CODES.has((error as NodeJS.ErrnoException).code ?? "")
  );
}
