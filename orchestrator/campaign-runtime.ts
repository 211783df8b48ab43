import type { CampaignView } from "./view.ts";

/**
 * What a campaign runs with. It is found once, when the campaign begins, and written down: whoever adopts it starts its master and its
 * nodes from the same distribution, whatever the environment of that shell names.
 */
export interface CampaignRuntime {
  readonly elasticsearchHome: string;
  readonly javaHome: string;
  /** Program of the embedded batch system. */
  readonly batch: string;
}

/** The step of the journal that holds it. */
export const RUNTIME_STEP = "runtime";

/** Undefined for a campaign that has not begun. */
export function pinnedRuntime(view: CampaignView): CampaignRuntime | undefined {
  return view.steps.get(RUNTIME_STEP)?.result as CampaignRuntime | undefined;
}
