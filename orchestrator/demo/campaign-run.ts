import { setTimeout as sleep } from "node:timers/promises";
import { ConfigError, GridError } from "../../worker/contract/errors.ts";
import { isFinal } from "../campaign.ts";
import type { Io } from "../cli/command.ts";
import { campaignStatus, type CampaignStatus } from "../status.ts";
import { watchCampaign } from "../watch.ts";
import type { CommandLine } from "./command-line.ts";

/** Share of the chunks after which the campaign gets one more parser. */
const SCALE_AT = 0.2;
const LOOK_MS = 300;
/** How long a new orchestrator may take until it shows itself. */
const START_MS = 10_000;
/** How long a cancelled campaign may take to end before the teardown is done from here. */
const CANCEL_MS = 180_000;

/** What the demo asks of a campaign: 2 data nodes, 2 parsers, one more on the way. */
export const NODES = { dataNodes: 2, parsers: 2, parsersLater: 3 };

/**
 * Launches the campaign, watches it until it serves, and scales it on the way.
 * @throws GridError `DEMO_CAMPAIGN_FAILED` when it ends or is held before that
 */
export async function runCampaign(
  line: CommandLine,
  stateDir: string,
  id: string,
  month: string,
  io: Io,
  signal: AbortSignal,
): Promise<CampaignStatus> {
  const watched = new AbortController();
  const scaling = scaleOnTheWay(line, stateDir, id, io, AbortSignal.any([signal, watched.signal]));
  // Awaited below; until then a failure must not count as unhandled.
  scaling.catch(() => undefined);
  let status: CampaignStatus;
  try {
    status = await watchCampaign(stateDir, id, io, signal);
  } finally {
    watched.abort();
  }
  await scaling;
  if (status.state === "serving") return status;
  throw new GridError(
    "DEMO_CAMPAIGN_FAILED",
    `the campaign ${id} of ${month} is ${status.state}${status.reason === undefined ? "" : `: ${status.reason}`}; its log: ${status.files.log}`,
    { context: { state: status.state } },
  );
}

/** Adds a parser once a fifth of the chunks is done. A campaign that is too quick for that is left as it is. */
async function scaleOnTheWay(
  line: CommandLine,
  stateDir: string,
  id: string,
  io: Io,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    if (signal.aborted) return;
    const { state, chunks } = await campaignStatus(stateDir, id);
    const over = isFinal(state) || state === "finishing" || state === "serving" || state === "held";
    if (over) return;
    if (state === "running" && chunks.total > 0 && chunks.done >= chunks.total * SCALE_AT) break;
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
  for (;;) {
    const { code, stderr } = await line.call(["scale", id, "--parsers", String(NODES.parsersLater)], signal);
    if (code === 0) {
      io.log.info(`scaled to ${NODES.parsersLater} parsers`);
      return;
    }
    if (signal.aborted) return;
    if ((await campaignStatus(stateDir, id)).state !== "running") {
      io.log.warn(`the load was over before it could be scaled: ${stderr.trim().slice(-300)}`);
      return;
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

/**
 * Ends a campaign from whatever state it is in: cancels it where it lives, else tears it down from here. Nothing to do
 * for one that was never made or has ended.
 */
export async function endCampaign(
  line: CommandLine,
  stateDir: string,
  id: string,
  io: Io,
  signal: AbortSignal,
): Promise<void> {
  const status = await statusOf(stateDir, id);
  if (status === undefined || isFinal(status.state)) return;
  // Launching takes a moment from the campaign's first file to its orchestrator; two of them must not meet.
  const startsBy = Date.now() + (status.state === "planned" ? START_MS : 0);
  const cancelledBy = Date.now() + CANCEL_MS;
  for (let told = false; ;) {
    const now = await campaignStatus(stateDir, id);
    if (isFinal(now.state)) return;
    if (!now.orchestrator.alive && Date.now() >= startsBy) break;
    if (now.orchestrator.alive && !told && now.state !== "tearing-down") {
      // Refused while the orchestrator is not listening yet: told again.
      told = (await line.call(["cancel", id], signal)).code === 0;
    }
    if (Date.now() > cancelledBy) {
      io.log.warn(`campaign ${id} has not ended yet after ${CANCEL_MS / 1000} s; tearing it down from here`);
      break;
    }
    await sleep(LOOK_MS, undefined, { signal });
  }
  await line.json(["teardown", id], signal);
}

/** Undefined when there is no such campaign. */
async function statusOf(stateDir: string, id: string): Promise<CampaignStatus | undefined> {
  try {
    return await campaignStatus(stateDir, id);
  } catch (error) {
    if (error instanceof ConfigError && error.code === "CAMPAIGN_UNKNOWN") return undefined;
    throw error;
  }
}
