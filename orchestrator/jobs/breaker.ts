import type { NodeRole } from "../../worker/contract/keys.ts";
import { liveJobs, type CampaignView } from "../view.ts";
import { failuresInARow, type Outcome } from "./failures.ts";
import type { JobPolicy } from "./policy.ts";

/**
 * The circuit breaker of a role: after so many failures in a row nothing more is submitted. After a pause one job is, to
 * try; when its node comes up the breaker closes, when it fails the next pause is twice as long. Pure.
 *
 * *closed* → *open* until `probeAt` → *probing* while one job is out → *closed* or *open*. A probe that ends without having failed
 * (somebody deleted it) is followed by another.
 */
export type BreakerStep =
  /** Submit what is missing. */
  | { readonly kind: "pass" }
  /** Submit nothing. */
  | { readonly kind: "wait" }
  /** Submit one job. */
  | { readonly kind: "probe" }
  | { readonly kind: "open"; readonly reason: string; readonly probeAt: number }
  | { readonly kind: "close"; readonly reason: string };

export function breakerStep(view: CampaignView, policy: JobPolicy, role: NodeRole, now: number): BreakerStep {
  const failures = failuresInARow(view, policy, role);
  const breaker = view.breakers.get(role);
  const open = (times: number): BreakerStep => ({
    kind: "open",
    reason: reasonOf(failures),
    probeAt:
      now + Math.min(policy.breaker.longestPauseSeconds, policy.breaker.pauseSeconds * 2 ** Math.min(times, 30)) * 1000,
  });
  if (!breaker) return trips(failures, policy) ? open(0) : { kind: "pass" };

  const up = [...view.jobs.values()].find((job) => job.role === role && (job.upAt ?? 0) >= breaker.openedAt);
  if (up) return { kind: "close", reason: `${up.name} works` };
  if (now < breaker.probeAt) return { kind: "wait" };
  const probes = liveJobs(view, role).filter((job) => job.intentAt >= breaker.probeAt);
  if (probes.length > 0) return { kind: "wait" };
  const failed = failures.some(({ jobName, at }) => {
    const intentAt = view.jobs.get(jobName)?.intentAt ?? 0;
    return at >= breaker.probeAt && intentAt >= breaker.probeAt;
  });
  return failed ? open(breaker.times) : { kind: "probe" };
}

/**
 * Failures on a single host are the host's until there are twice as many: the quarantine deals with them.
 */
function trips(failures: readonly Outcome[], policy: JobPolicy): boolean {
  const { length } = failures;
  if (length < policy.breaker.failures) return false;
  const hosts = new Set(failures.map(({ host }) => host));
  const oneHost = hosts.size === 1 && !hosts.has(undefined);
  return !oneHost || length >= 2 * policy.breaker.failures;
}

function reasonOf(failures: readonly Outcome[]): string {
  const last = failures.at(-1);
  return `${String(failures.length)} failures in a row, the last one ${last?.reason ?? "unknown"}`;
}
