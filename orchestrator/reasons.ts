import type { NodeRole } from "../worker/contract/keys.ts";
import { whyNotScaled, type ScaleInputs } from "./autoscale.ts";
import { breakerStep } from "./jobs/breaker.ts";
import { quarantinedHosts } from "./jobs/failures.ts";
import { longestLeadSeconds, stayingJobs, wantedLeadSeconds, worksUntil } from "./jobs/forecast.ts";
import type { JobPolicy } from "./jobs/policy.ts";
import { isDue, submissionsLeft, targetOf, type Sight } from "./jobs/steer.ts";
import { rolesOf } from "./jobs/world.ts";
import { liveJobs, type CampaignView, type JobView } from "./view.ts";

/** Why something does not go on, or goes on slowly: a sentence, and what a program needs to tell one from another. */
export interface Reason {
  readonly kind:
    | "state"
    | "breaker-open"
    | "quarantine"
    | "submission-limit"
    | "unanswered"
    | "in-queue"
    | "starting"
    | "successor-awaited"
    | "shards-moving"
    | "walltime-short"
    | "scale"
    | "node-lost"
    | "ending";
  readonly text: string;
  /** Epoch milliseconds since when. */
  readonly since?: number;
  readonly role?: NodeRole;
  readonly job?: string;
}

export interface ReasonInputs {
  readonly view: CampaignView;
  readonly policy: JobPolicy;
  readonly now: number;
  /** What each data node holds, by job name, as far as it is known. */
  readonly holdings?: Readonly<Record<string, { readonly shards: number; readonly bytes: number }>>;
  /** What scaling goes by; absent before anything was measured. */
  readonly scale?: ScaleInputs;
}

const ROLE_NAMES: Readonly<Record<NodeRole, string>> = { "es-data": "data nodes", parser: "parsers" };

/** Why nothing is submitted, scaled, replaced or moving just now; nothing when all is as it should be. Pure. */
export function reasons(inputs: ReasonInputs): readonly Reason[] {
  const { view, now } = inputs;
  const found: Reason[] = [...stateReasons(view)];
  for (const role of rolesOf(view.state)) found.push(...roleReasons(inputs, role));
  for (const host of quarantinedHosts(view, now)) {
    const entry = view.quarantine.get(host);
    found.push({
      kind: "quarantine",
      text: `no jobs go to ${host} until ${time(entry?.until ?? now)}: ${entry?.reason ?? ""}`,
      ...(entry ? { since: entry.at } : {}),
    });
  }
  const scaled = inputs.scale && view.state === "running" ? whyNotScaled(inputs.scale) : undefined;
  if (scaled !== undefined) found.push({ kind: "scale", text: scaled });
  return found;
}

function stateReasons(view: CampaignView): readonly Reason[] {
  const since = view.states.at(-1)?.at;
  const state = (text: string): readonly Reason[] => [
    { kind: "state", text, ...(since === undefined ? {} : { since }) },
  ];
  switch (view.state) {
    case "paused":
      return state("the campaign is paused: parsers take no chunks until `resume`");
    case "held":
      return state(`the campaign is held: ${view.reason ?? "somebody has to look"}`);
    case "booting":
      return state("the campaign boots: chunks are taken when its nodes work");
    case "planned":
      return state("no orchestrator has taken the campaign up yet");
    case "finishing":
      return state("everything is loaded; the result is checked and saved");
    case "tearing-down":
      return state("the campaign is being torn down");
    case "running":
    case "serving":
    case "done":
    case "failed":
    case "cancelled":
      return [];
  }
}

function roleReasons(inputs: ReasonInputs, role: NodeRole): readonly Reason[] {
  const { view, policy, now, holdings = {} } = inputs;
  const found: Reason[] = [];
  const say = (kind: Reason["kind"], text: string, job?: JobView, since?: number): void => {
    found.push({ kind, text, role, ...(job ? { job: job.name } : {}), ...(since === undefined ? {} : { since }) });
  };
  const store = { nodes: new Map(Object.entries(holdings)), excluded: new Set<string>(), primariesAssigned: true };
  const sight: Sight = { now, roles: [role], store };
  const staying = stayingJobs(view, role);
  const due = staying.filter((job) => isDue(view, policy, job, sight));
  const missing = targetOf(view, role) - (staying.length - due.length);

  const breaker = view.breakers.get(role);
  if (breaker) {
    const step = breakerStep(view, policy, role, now).kind;
    const next =
      now < breaker.probeAt
        ? `one job is tried at ${time(breaker.probeAt)}`
        : step === "wait"
          ? "one job is being tried"
          : "one job is about to be tried";
    say(
      "breaker-open",
      `no ${ROLE_NAMES[role]} are submitted: ${breaker.reason}; ${next}`,
      undefined,
      breaker.openedAt,
    );
  } else if (missing > 0 && submissionsLeft(view, policy, now) === 0) {
    say(
      "submission-limit",
      `${String(missing)} ${ROLE_NAMES[role]} are missing, and the limit of ${String(policy.submissionsPerMinute)} submissions a minute is reached (batch.submissionsPerMinute)`,
    );
  }
  for (const job of liveJobs(view, role)) {
    const held = holdings[job.name];
    if (job.lost)
      say("node-lost", `the node of ${job.name} is lost (${job.lost.how}); its job is being deleted`, job, job.lost.at);
    else if (job.cancelled)
      say("ending", `${job.name} is being deleted: ${job.cancelReason ?? ""}`, job, job.cancelledAt);
    else if (job.draining) say("ending", `${job.name} finishes what it has and ends`, job, job.drainingAt);
    else if (job.releasedAt !== undefined) say("ending", `${job.name} is empty and ends`, job, job.releasedAt);
    else if (job.leaving) {
      const left = held
        ? `${String(held.shards)} of ${String(job.leaving.shards)} shards are still there`
        : "its shards are moving";
      say("shards-moving", `${job.name} leaves (${job.leaving.reason}): ${left}`, job, job.leaving.at);
    } else if (job.jobId === undefined) {
      const why = job.unanswered ?? "its submission was cut short";
      say(
        "unanswered",
        `whether ${job.name} was submitted is found out by looking for its name: ${why}`,
        job,
        job.intentAt,
      );
    } else if (job.startedAt === undefined) {
      say("in-queue", `${job.name} (${job.jobId}) waits in the queue`, job, job.queuedAt ?? job.submittedAt);
    } else if (job.upAt === undefined) {
      say(
        "starting",
        `${job.name} runs on ${job.hosts[0] ?? "a host"} and its node does not work yet`,
        job,
        job.startedAt,
      );
    }
  }
  for (const job of due) {
    const until = worksUntil(job, policy) ?? now;
    const successor = staying.find((other) => other.replaces === job.name);
    const waits = successor
      ? `its successor ${successor.name} does not work yet`
      : "its successor is not submitted yet";
    if (successor?.upAt === undefined) {
      say("successor-awaited", `${job.name} works until ${time(until)}, and ${waits}`, job);
    }
  }
  const short = staying.find((job) => {
    const wanted = wantedLeadSeconds(view, role, policy, now, holdings[job.name] ?? { shards: 0, bytes: 0 });
    return wanted > longestLeadSeconds(role, policy);
  });
  if (short) {
    say(
      "walltime-short",
      `the walltime of the ${ROLE_NAMES[role]} (${String(policy.walltimeSeconds[role])} s) is short for what it takes to replace one: waiting in the queue, booting${role === "es-data" ? ", moving its shards" : ""} and the margin; ask for more`,
    );
  }
  return found;
}

function time(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}
