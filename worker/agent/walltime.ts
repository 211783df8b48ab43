import type { NodeSpec } from "../contract/node.ts";
import { walltimeMargins } from "../contract/walltime.ts";
import type { Life } from "./life.ts";

/** `setTimeout` counts in 32 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Drains and stops the node ahead of its walltime. Returns what calls it off. */
export function scheduleWalltime(spec: NodeSpec, startedAt: number, life: Life): () => void {
  const endsAt = startedAt + spec.walltimeSeconds * 1000;
  const margins = walltimeMargins(spec.walltimeSeconds);
  const detail = `the walltime of ${String(spec.walltimeSeconds)} s is nearly over`;
  const at = (before: number, act: () => void): NodeJS.Timeout => {
    const timer = setTimeout(act, Math.min(LONGEST_TIMER_MS, Math.max(0, endsAt - before * 1000 - Date.now())));
    timer.unref();
    return timer;
  };
  // A data node works to the last: draining would take its documents away from the parsers' bulks.
  const drain = spec.role === "parser" ? at(margins.drain, () => life.drain("walltime", detail)) : undefined;
  const stop = at(margins.stop, () => life.stop("walltime", detail));
  return () => {
    clearTimeout(drain);
    clearTimeout(stop);
  };
}
