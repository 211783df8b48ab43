import type { ChildExit, GuardedChild } from "./guarded-child.ts";

/** How a child is kept running. */
export interface KeepOptions {
  /** What messages call it. */
  readonly name: string;
  /** Starts it; called again for each restart, with the number of failures in a row so far. */
  launch(failures: number): Promise<GuardedChild> | GuardedChild;
  /** After so many failures in a row it is given up. */
  readonly mostFailures: number;
  /** Pause before the first restart; it doubles with every further failure up to the longest. */
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** A child that lived this long has the failures before it forgiven. Infinity: they add up. */
  readonly stableMs: number;
  /** Between TERM and KILL when it is to stop. */
  readonly stopGraceMs: number;
  /** Ends that are meant, and no failure. None when absent. */
  isDone?(exit: ChildExit): boolean;
  /** Ends after which another start would end the same way. None when absent. */
  isHopeless?(exit: ChildExit): boolean;
  /** Told of every restart. */
  onFailure?(exit: ChildExit, failures: number): void;
}

/** How keeping a child ended: it was told to stop, it ended as it should, or it failed too often. */
export type KeepResult =
  { readonly kind: "stopped" } | { readonly kind: "done" } | { readonly kind: "failed"; readonly exit: ChildExit };

/**
 * Keeps a child running until the signal aborts; then stops it with all of its tree. When this resolves nothing of it is left.
 * @throws what `launch` throws
 */
export async function keepChild(options: KeepOptions, signal: AbortSignal): Promise<KeepResult> {
  const stopped = new Promise<"stop">((resolve) => {
    if (signal.aborted) resolve("stop");
    else signal.addEventListener("abort", () => resolve("stop"), { once: true });
  });
  let failures = 0;
  while (!signal.aborted) {
    const startedAt = performance.now();
    const child = await options.launch(failures);
    const end = await Promise.race([child.exited, stopped]);
    if (end === "stop") {
      await child.stop(options.stopGraceMs);
      break;
    }
    // What it started may outlive it.
    await child.stop(0);
    if (options.isDone?.(end)) return { kind: "done" };
    failures = performance.now() - startedAt >= options.stableMs ? 1 : failures + 1;
    if (failures > options.mostFailures || options.isHopeless?.(end)) return { kind: "failed", exit: end };
    options.onFailure?.(end, failures);
    const delay = Math.min(options.firstDelayMs * 2 ** (failures - 1), options.longestDelayMs);
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([new Promise((resolve) => (timer = setTimeout(resolve, delay))), stopped]);
    clearTimeout(timer);
  }
  return { kind: "stopped" };
}

/** `exit code 1` or `signal SIGKILL`. */
export function describeExit(exit: ChildExit): string {
  return exit.signal === null ? `exit code ${String(exit.code)}` : `signal ${exit.signal}`;
}
