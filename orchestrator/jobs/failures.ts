import { AGENT_EXITS } from "../../worker/contract/agent-exits.ts";
import type { JobEnd } from "../../pbs/batch-system.ts";
import type { NodeRole } from "../../worker/contract/keys.ts";
import type { CampaignView, JobView } from "../view.ts";
import type { JobPolicy } from "./policy.ts";

/**
 * Which ends of jobs are failures, and whose: of a host (it is quarantined) or of the batch system and the configuration (the
 * breaker opens). Pure.
 */

/** Ends that somebody wanted, or that say nothing of host or configuration. */
const NO_FAILURES: ReadonlySet<number> = new Set([
  0,
  AGENT_EXITS["second-agent"],
  AGENT_EXITS.orphaned,
  AGENT_EXITS.walltime,
  AGENT_EXITS.terminated,
  // 256 + SIGTERM: somebody deleted the job. The script itself would say 15, as the agent does.
  271,
]);

/** Ends that the batch system names, and that are nobody's failure. */
const NOBODYS: ReadonlySet<string> = new Set<JobEnd>([
  "walltime",
  "deleted-running",
  "deleted-queued",
  "failed-dependency",
  "node-lost",
]);

/** The reason with which a job on a quarantined host is cancelled. */
export const ON_QUARANTINED_HOST = "its host is in quarantine";

export interface Outcome {
  readonly at: number;
  readonly jobName: string;
  readonly host?: string;
  /** `up`: a node worked; `fast`: it failed soon after its start; `failed`: it never worked; `refused`: qsub said no. */
  readonly kind: "up" | "fast" | "failed" | "refused";
  readonly reason: string;
}

/** What the jobs of the role came to, in the order of time. An end that is nobody's failure is left out. */
export function outcomesOf(view: CampaignView, policy: JobPolicy, role?: NodeRole): readonly Outcome[] {
  const outcomes: Outcome[] = [];
  for (const job of view.jobs.values()) {
    if (role !== undefined && job.role !== role) continue;
    const host = job.hosts[0];
    const common = { jobName: job.name, ...(host === undefined ? {} : { host }) };
    if (job.upAt !== undefined) outcomes.push({ ...common, at: job.upAt, kind: "up", reason: "it works" });
    const failure = failureOf(job, policy);
    if (failure !== undefined && job.ended !== undefined) {
      const reason = job.refused ?? `exit status ${String(job.ended.exit ?? "unknown")}`;
      outcomes.push({ ...common, at: job.ended.at, kind: failure, reason: `${job.name}: ${reason}` });
    }
  }
  return outcomes.sort((a, b) => a.at - b.at);
}

function failureOf(job: JobView, policy: JobPolicy): "fast" | "failed" | "refused" | undefined {
  const { ended } = job;
  if (!ended) return undefined;
  if (job.refused !== undefined) return "refused";
  // Or the breaker would never see a batch system that knows no other host.
  if (job.cancelReason === ON_QUARANTINED_HOST) return "failed";
  if (job.draining || job.cancelled || job.leaving || job.lost) return undefined;
  if (NOBODYS.has(ended.how)) return undefined;
  // Without an exit status nobody knows that it failed: it may have been deleted while it was queued.
  if (ended.exit === null || NO_FAILURES.has(ended.exit)) return undefined;
  const ran = job.startedAt === undefined ? undefined : (ended.at - job.startedAt) / 1000;
  if (ran !== undefined && ran <= policy.quarantine.withinSeconds) return "fast";
  return job.upAt === undefined ? "failed" : undefined;
}

/** Failures of the role since a node of it last came up, or its breaker was closed. */
export function failuresInARow(view: CampaignView, policy: JobPolicy, role: NodeRole): readonly Outcome[] {
  const since = view.breakersClosedAt.get(role) ?? 0;
  const outcomes = outcomesOf(view, policy, role).filter(({ at }) => at > since);
  return outcomes.slice(outcomes.findLastIndex(({ kind }) => kind === "up") + 1);
}

/** Hosts that no job shall run on now. */
export function quarantinedHosts(view: CampaignView, now: number): readonly string[] {
  return [...view.quarantine].filter(([, { until }]) => until > now).map(([host]) => host);
}

/** Hosts that have earned a quarantine: so many fast failures in a row since the last one, and nothing that worked. */
export function hostsToQuarantine(
  view: CampaignView,
  policy: JobPolicy,
  now: number,
): readonly { readonly host: string; readonly failures: number; readonly reason: string }[] {
  const rows = new Map<string, Outcome[]>();
  for (const outcome of outcomesOf(view, policy)) {
    const { host, kind, at } = outcome;
    if (host === undefined || at <= (view.quarantine.get(host)?.at ?? 0)) continue;
    if (kind === "up") rows.delete(host);
    else if (kind === "fast") rows.set(host, [...(rows.get(host) ?? []), outcome]);
  }
  const already = new Set(quarantinedHosts(view, now));
  return [...rows]
    .filter(([host, failures]) => failures.length >= policy.quarantine.failures && !already.has(host))
    .map(([host, failures]) => ({ host, failures: failures.length, reason: failures.at(-1)?.reason ?? "" }));
}
