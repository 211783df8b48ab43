import { BackfillError } from "../worker/contract/errors.ts";
import type { CampaignState } from "./campaign.ts";
import { mayPass } from "./passing-error.ts";

/**
 * What a fault does to a campaign: it is tried *again* soon; the campaign *stay*s as it is, the fault is kept as a warning and it is tried
 * again now and then; it is put on *hold* for somebody to decide; it *fail*s and is torn down; or the orchestrator ends and *leave*s the
 * campaign to be adopted or torn down by another.
 */
export type FaultAnswer = "again" | "stay" | "hold" | "fail" | "leave";

/**
 * What becomes of a campaign that met a fault. Whatever somebody decided to keep (paused, serving, held) is not thrown away for a fault.
 * @param mayRetry whether the phase was not tried too often already
 */
export function answerTo(error: unknown, state: CampaignState, mayRetry: boolean): FaultAnswer {
  const code = error instanceof BackfillError ? error.code : "";
  if (code === "CAMPAIGN_LOST") return "leave";
  // Nothing can be decided that cannot be written down: wait for room.
  if (code === "JOURNAL_UNWRITABLE") return "stay";
  if (mayRetry && mayPass(error)) return "again";
  switch (state) {
    case "planned":
    case "booting":
      return "fail";
    case "running":
      // `dataNodes.onLoss: fail`: what was loaded is lost, there is nothing to keep.
      return code === "DATA_NODE_LOST" ? "fail" : "hold";
    case "paused":
      return code === "DATA_NODE_LOST" ? "fail" : "stay";
    case "finishing":
    case "restoring":
      return "hold";
    case "serving":
    case "held":
      return "stay";
    case "tearing-down":
    case "done":
    case "failed":
    case "cancelled":
      return "leave";
  }
}
