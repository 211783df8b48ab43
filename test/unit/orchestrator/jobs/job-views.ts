import type { JobView } from "../../../../orchestrator/view.ts";
import { emptyView, type CampaignView } from "../../../../orchestrator/view.ts";

/** A moment; all times of these tests are told from it. */
export const T = 1_700_000_000_000;

/** A view of a running campaign with these jobs; what is not said is as of a job that was just asked for. */
export function viewWith(
  targets: CampaignView["targets"],
  ...jobs: readonly (Partial<JobView> & Pick<JobView, "name">)[]
): CampaignView {
  const view = emptyView();
  view.state = "running";
  view.targets = targets;
  for (const job of jobs) {
    view.jobs.set(job.name, {
      role: job.name.startsWith("p") ? "parser" : "es-data",
      intentAt: T,
      hosts: [],
      draining: false,
      cancelled: false,
      pastLives: [],
      ...job,
    });
  }
  return view;
}

/** A job whose node came up 20 s after its start. */
export function working(name: string, startedAt = T, more: Partial<JobView> = {}): Partial<JobView> & { name: string } {
  return {
    name,
    jobId: `${name}.s`,
    intentAt: startedAt - 1000,
    submittedAt: startedAt - 1000,
    startedAt,
    hosts: ["n1"],
    certifiedAt: startedAt + 10_000,
    upAt: startedAt + 20_000,
    ...more,
  };
}

/** A job that ended soon after its start. */
export function failed(
  name: string,
  startedAt: number,
  host: string,
  more: Partial<JobView> = {},
): Partial<JobView> & { name: string } {
  return {
    name,
    jobId: `${name}.s`,
    intentAt: startedAt - 1000,
    submittedAt: startedAt - 1000,
    startedAt,
    hosts: [host],
    ended: { at: startedAt + 2000, exit: 1, how: "finished" },
    ...more,
  };
}
