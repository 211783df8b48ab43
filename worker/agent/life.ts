import type { EndReason } from "../contract/agent-exits.ts";
import { AgentEnded, type AgentEnd } from "./end.ts";

/**
 * The two ways in which an agent is told to end. `drain` lets the node finish what it works on; `stop` does not wait.
 * The first reason given is the one that counts; a stop may follow a drain that takes too long.
 */
export class Life {
  readonly #drain = new AbortController();
  readonly #stop = new AbortController();
  #end: AgentEnd | undefined;

  /** Aborted when the node shall finish its work and end. Also aborted by a stop. */
  get drained(): AbortSignal {
    return this.#drain.signal;
  }

  /** Aborted when the node shall end now. Its reason is an `AgentEnded`. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  get end(): AgentEnd | undefined {
    return this.#end;
  }

  drain(reason: EndReason, detail: string): void {
    this.#end ??= { reason, detail };
    this.#drain.abort();
  }

  stop(reason: EndReason, detail: string): void {
    this.#end ??= { reason, detail };
    this.#drain.abort();
    this.#stop.abort(new AgentEnded(this.#end.reason, this.#end.detail));
  }
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
