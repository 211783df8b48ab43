/**
 * The states of a campaign and every move between them.
 *
 * A campaign is *planned* until an orchestrator takes it up. While *booting*, the gateway and
 * the data nodes come up and the indices are made. While *running*, the spool is open; *paused*
 * closes it, nothing else ends. When both queues are empty it is *finishing*: parsers go, the
 * sums are checked, the result is saved and the save is tried out; when a data node goes with documents before they are saved, it is
 * running again until they are loaded once more; so it is when rejected documents are loaded again after its load. With `finish: keep` it is then
 * *serving* until its time is over. A campaign that only serves loads nothing: once booted it is *restoring* what another one has
 * saved, and when that is there and its sums are checked, it is *serving*. *tearing-down* ends jobs, gateway, keys and secrets, and leads to
 * *done*, *failed* or *cancelled*. *held* is where something could not be loaded or verified: the cluster stays,
 * so that somebody can look, until `resume` (load what failed again, while there are parsers), `verify` (check
 * again, or restore again) or `teardown`.
 */
export const CAMPAIGN_STATES = [
  "planned",
  "booting",
  "running",
  "paused",
  "finishing",
  "restoring",
  "serving",
  "held",
  "tearing-down",
  "done",
  "failed",
  "cancelled",
] as const;
export type CampaignState = (typeof CAMPAIGN_STATES)[number];

export const CAMPAIGN_EVENTS = [
  /** An orchestrator begins. */
  "start",
  /** Gateway, data nodes, indices and at least one parser are there. */
  "booted",
  "pause",
  "resume",
  /** Both queues are empty. */
  "drained",
  /** Documents went with a data node before they were saved: they are loaded again. */
  "reload",
  /** Rejected documents are loaded again, after the load was over. */
  "replay",
  /** Saved and verified; the cluster may go. */
  "finished",
  /** The nodes of a campaign that only serves are there; or what it restored differs, and is restored again. */
  "restore",
  /** Saved and verified, or restored and verified; the cluster stays for a while. */
  "serve",
  /** Something could not be verified. */
  "hold",
  /** Try to verify again what could not be verified. */
  "retry",
  /** The operator, or the end of the serving time, says that the cluster may go. */
  "release",
  "cancel",
  "fail",
  "torn-down-done",
  "torn-down-failed",
  "torn-down-cancelled",
] as const;
export type CampaignEvent = (typeof CAMPAIGN_EVENTS)[number];

/** How a campaign ends, decided before the teardown begins. */
export type CampaignOutcome = "done" | "failed" | "cancelled";

type Row = Readonly<Partial<Record<CampaignEvent, CampaignState>>>;

/** What is not in the table is refused. The compiler asks for a row for each state. */
const TRANSITIONS: Readonly<Record<CampaignState, Row>> = {
  planned: { start: "booting", cancel: "tearing-down", fail: "tearing-down" },
  booting: { booted: "running", restore: "restoring", cancel: "tearing-down", fail: "tearing-down" },
  running: { pause: "paused", drained: "finishing", hold: "held", cancel: "tearing-down", fail: "tearing-down" },
  paused: { resume: "running", cancel: "tearing-down", fail: "tearing-down" },
  finishing: {
    reload: "running",
    finished: "tearing-down",
    serve: "serving",
    hold: "held",
    cancel: "tearing-down",
    fail: "tearing-down",
  },
  restoring: { serve: "serving", hold: "held", cancel: "tearing-down", fail: "tearing-down" },
  // A cluster that cannot serve any longer has still saved its result.
  serving: { replay: "running", release: "tearing-down", cancel: "tearing-down", fail: "tearing-down" },
  // What was held for somebody to look at goes when somebody says so, and for no fault.
  held: {
    resume: "running",
    replay: "running",
    retry: "finishing",
    restore: "restoring",
    release: "tearing-down",
    cancel: "tearing-down",
  },
  "tearing-down": {
    "torn-down-done": "done",
    "torn-down-failed": "failed",
    "torn-down-cancelled": "cancelled",
  },
  done: {},
  failed: {},
  cancelled: {},
};

/** The state after the event, or undefined when the event is refused in this state. Pure and total. */
export function transition(state: CampaignState, event: CampaignEvent): CampaignState | undefined {
  return TRANSITIONS[state][event];
}

/** True for the states that nothing leaves. */
export function isFinal(state: CampaignState): state is CampaignOutcome {
  return state === "done" || state === "failed" || state === "cancelled";
}

/**
 * The outcome that a move to `tearing-down` decides: a campaign that has saved its result
 * is done even when it is cancelled while serving; one that was held is not.
 */
export function outcomeOf(from: CampaignState, event: CampaignEvent): CampaignOutcome | undefined {
  if (transition(from, event) !== "tearing-down") return undefined;
  if (event === "finished" || from === "serving") return "done";
  if (event === "cancel") return "cancelled";
  return "failed";
}

/**
 * What `teardown` makes of a campaign in this state: the cluster of one that serves, or that is held, is released; any
 * other is cancelled. Undefined when it is ending or has ended.
 */
export function teardownEvent(state: CampaignState): "release" | "cancel" | undefined {
  return (["release", "cancel"] as const).find((event) => transition(state, event) !== undefined);
}
