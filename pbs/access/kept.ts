import { BackfillError, describeError, GridError } from "../../worker/contract/errors.ts";
import { nameOf, type AccessLog, type SshHost } from "./options.ts";

/**
 * The one connection to a frontend, made when it is first needed and again after it was lost.
 *
 * Whoever needs it while it is being made waits for the same attempt. After a failed one nobody tries for a while, which grows to half a minute (five
 * minutes after a refusal, lest the site bans us): the callers have intervals of their own and get the last failure at once. What the configuration
 * is at fault for is a `ConfigError` until we have been in once; later it is the frontend's doing, and retryable.
 */
export interface Kept<T> {
  /**
   * @throws GridError `SSH_UNREACHABLE` (retryable); ConfigError `SSH_HOST_KEY`, `SSH_AUTH_REFUSED`, `SSH_KEY_UNUSABLE`; the signal's reason
   */
  get(signal: AbortSignal): Promise<T>;
  /** Another one in the place of this one, which is given up; the present one if that has been done already. */
  replace(old: T, signal: AbortSignal): Promise<T>;
  /** Ends it for good. */
  close(): void;
}

/** How a connection is made and ended. */
export interface Keeping<T> {
  /** @throws BackfillError what was wrong */
  open(): Promise<T>;
  end(connection: T): void;
  /** Calls back once when it has ended, whoever ended it. */
  onceEnded(connection: T, callback: () => void): void;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
const LONGEST_PAUSE_AFTER_REFUSAL_MS = 300_000;

/** How long to leave a host alone after so many failures in a row. */
export function pauseAfter(failures: number, refused: boolean): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), refused ? LONGEST_PAUSE_AFTER_REFUSAL_MS : LONGEST_PAUSE_MS);
}

export function keep<T>(host: SshHost, keeping: Keeping<T>, log: AccessLog): Kept<T> {
  let connected: T | undefined;
  let connecting: Promise<T> | undefined;
  let failure: BackfillError | undefined;
  let failures = 0;
  let notBefore = 0;
  let hasBeenIn = false;
  let closed = false;

  const open = async (): Promise<T> => {
    try {
      const connection = await keeping.open();
      if (closed) {
        keeping.end(connection);
        throw unreachable(host, "the connection is not wanted any more");
      }
      if (failures > 0 || hasBeenIn) log.warn("connected to the frontend again", { host: nameOf(host) });
      failures = 0;
      hasBeenIn = true;
      connected = connection;
      keeping.onceEnded(connection, () => {
        if (connected === connection) connected = undefined;
        if (!closed) log.warn("the connection to the frontend was lost", { host: nameOf(host) });
      });
      return connection;
    } catch (error) {
      failures += 1;
      const known = error instanceof BackfillError ? error : unreachable(host, describeError(error), error);
      failure = hasBeenIn && !known.retryable ? passing(known) : known;
      notBefore = performance.now() + pauseAfter(failures, known.code !== "SSH_UNREACHABLE");
      throw failure;
    }
  };

  const get = async (signal: AbortSignal): Promise<T> => {
    if (closed) throw unreachable(host, "the connection was closed");
    if (connected !== undefined) return connected;
    if (!connecting) {
      if (failure && failures > 0 && performance.now() < notBefore) throw failure;
      connecting = open().finally(() => (connecting = undefined));
      // Everybody may have stopped waiting by then.
      connecting.catch(() => undefined);
    }
    return await orAborted(connecting, signal);
  };

  return {
    get,
    replace(old, signal) {
      if (connected === old) connected = undefined;
      keeping.end(old);
      return get(signal);
    },
    close() {
      closed = true;
      if (connected !== undefined) keeping.end(connected);
      connected = undefined;
    },
  };
}

/** The same, as something that may pass: it worked before, and nobody has touched the configuration since. */
function passing({ code, message, context, cause }: BackfillError): GridError {
  return new GridError(code, message, { retryable: true, context, cause });
}

/** Nothing has been run there. */
export function unreachable(host: Pick<SshHost, "host" | "port">, why: string, cause?: unknown): GridError {
  return new GridError(
    "SSH_UNREACHABLE",
    `cannot connect to ${nameOf(host)}: ${why}; see that the host is up, and that host, port and jump are right`,
    { retryable: true, cause, context: { host: nameOf(host) } },
  );
}

/** Waits for what goes on by itself whether somebody waits or not. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
