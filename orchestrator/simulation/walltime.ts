import { walltimeMargins } from "../../worker/contract/walltime.ts";
import type { Agenda } from "./agenda.ts";
import type { Costs } from "./costs.ts";
import type { Jobs, SimulatedJob } from "./jobs.ts";
import type { Loading, Parser } from "./loading.ts";
import type { Store } from "./store.ts";

/** Walltimes of the jobs, and the margin of their replacement; seconds. */
export interface Walltimes {
  readonly dataNode: number;
  readonly parser: number;
  readonly marginSeconds: number;
}

interface Parts {
  readonly agenda: Agenda;
  readonly costs: Costs;
  readonly jobs: Jobs;
  readonly loading: Loading;
  readonly walltimes: Walltimes;
  readonly isOver: () => boolean;
}

/** As `jobs/forecast.ts` has it: a margin is at most a tenth of a walltime, and a node works a fifth of it at least. */
const LARGEST_MARGIN_SHARE = 0.1;
const LONGEST_LEAD_SHARE = 0.8;

/** How long before a job's end its successor is submitted, when it takes so long until it works and so long to take over. */
function leadSeconds({ costs, walltimes }: Parts, role: "dataNode" | "parser", moveSeconds: number): number {
  const walltime = walltimes[role];
  const wanted =
    costs.queueWaitSeconds[role] +
    costs.bootSeconds[role] +
    moveSeconds +
    Math.min(walltimes.marginSeconds, walltime * LARGEST_MARGIN_SHARE);
  return Math.min(wanted, walltime * LONGEST_LEAD_SHARE);
}

/** Rolling replacement: a node gets a successor before its walltime ends, and ends when that one has taken over. */
export const replaceInTime = {
  /** A parser finishes what it has and takes nothing new when its successor works, at the latest before its end. */
  parser(parts: Parts, job: SimulatedJob, parser: Parser, onSuccessor: (job: SimulatedJob) => void): void {
    const { agenda, jobs, loading, walltimes, isOver } = parts;
    const end = (job.startedAt ?? agenda.now) + walltimes.parser;
    const drainAt = end - walltimeMargins(walltimes.parser).drain;
    const drain = (): void => {
      if (!parser.draining) loading.drain(parser, () => (job.endedAt ??= agenda.now));
    };
    agenda.after(drainAt - leadSeconds(parts, "parser", 0) - agenda.now, () => {
      if (isOver()) return;
      jobs.submit("parser", (successor) => {
        drain();
        onSuccessor(successor);
      });
    });
    agenda.after(drainAt - agenda.now, drain);
  },

  /** A data node's shards move to its successor. What has not moved at its end is lost, and loaded again. */
  dataNode(parts: Parts, job: SimulatedJob, node: number, store: Store): void {
    const { agenda, jobs, loading, walltimes, isOver } = parts;
    const end = (job.startedAt ?? agenda.now) + walltimes.dataNode;
    const worksUntil = end - walltimeMargins(walltimes.dataNode).stop;
    let successor: number | undefined;
    /** What it holds, and so the lead, grows: looked at again and again. */
    const look = (): void => {
      if (isOver()) return;
      const left = worksUntil - agenda.now - leadSeconds(parts, "dataNode", store.moveSeconds(node));
      if (left > 1) {
        agenda.after(Math.max(1, left / 2), look);
        return;
      }
      jobs.submit("dataNode", (next) => {
        const number = store.join();
        successor = number;
        replaceInTime.dataNode(parts, next, number, store);
        if (job.endedAt !== undefined) loading.reload(store.lose(node, number));
        else store.move(node, number, () => (job.endedAt ??= agenda.now));
      });
    };
    look();
    agenda.after(worksUntil - agenda.now, () => {
      if (job.endedAt !== undefined || isOver()) return;
      job.endedAt = agenda.now;
      if (successor !== undefined) loading.reload(store.lose(node, successor));
    });
  },
};
