import type { Redis } from "ioredis";
import type { BatchSystem, PbsDialect } from "../pbs/batch-system.ts";
import { GridError } from "../worker/contract/errors.ts";
import type { CampaignKeys } from "../worker/contract/keys.ts";
import { pause } from "../worker/contract/pause.ts";
import type { AccessPath } from "./access-path.ts";
import { transition, type CampaignEvent } from "./campaign.ts";
import type { CampaignRecord } from "./campaign-store.ts";
import type { Cluster } from "./cluster.ts";
import type { Config } from "./config-schema.ts";
import type { Journal, JournalEntry } from "./journal.ts";
import type { Log } from "./log.ts";
import type { NodeFiles } from "./node-files.ts";
import type { CampaignPaths, StatePaths } from "./paths.ts";
import type { Plan } from "./plan.ts";
import type { CampaignSecrets } from "./security/index.ts";
import type { GatewayState } from "./gateway/index.ts";
import type { Spool } from "./spool.ts";
import { createTurns } from "./turns.ts";
import { applyRecord, type CampaignView } from "./view.ts";

/** Programs that nodes run, by absolute path. */
export interface NodePrograms {
  readonly node: string;
  readonly agent: string;
  readonly parser: string;
  readonly elasticsearchHome: string;
  readonly javaHome: string;
}

/**
 * Everything that the parts of a running orchestrator share. `secrets` and `gateway` appear while booting, or before where Redis is
 * reached through the gateway, and are read again after an adoption.
 */
export interface CampaignContext {
  readonly record: CampaignRecord;
  readonly config: Config;
  readonly plan: Plan;
  readonly paths: CampaignPaths;
  readonly state: StatePaths;
  /** How Redis, carbon and graphite-web are reached. */
  readonly access: AccessPath;
  readonly redis: Redis;
  readonly keys: CampaignKeys;
  readonly batch: BatchSystem;
  readonly dialect: PbsDialect;
  /** What nodes see of this campaign. */
  readonly nodeFiles: NodeFiles;
  readonly spool: Spool;
  readonly journal: Journal;
  readonly view: CampaignView;
  readonly log: Log;
  /** Aborted when this orchestrator shall stop, for whatever reason. */
  readonly signal: AbortSignal;
  /** Absent where nothing is started any more. */
  programs?: NodePrograms;
  secrets?: CampaignSecrets;
  gateway?: GatewayState;
  cluster?: Cluster;
}

/** Decisions wait for each other: each is made on the view that the one before it has left. */
const turns = createTurns();

async function write(ctx: CampaignContext, entry: JournalEntry): Promise<void> {
  applyRecord(ctx.view, await ctx.journal.append(entry));
}

/** Writes a decision down and makes it part of the view. Only then may it be acted on. */
export function decide(ctx: CampaignContext, entry: JournalEntry): Promise<void> {
  return turns(ctx.journal, () => write(ctx, entry));
}

/**
 * Moves the campaign.
 * @returns false when the table refuses the move
 */
export function move(ctx: CampaignContext, event: CampaignEvent, reason?: string): Promise<boolean> {
  return turns(ctx.journal, async () => {
    const from = ctx.view.state;
    const to = transition(from, event);
    if (to === undefined) return false;
    await write(ctx, { type: "transition", event, from, to, ...(reason === undefined ? {} : { reason }) });
    ctx.log.info(`${from} → ${to}`, reason === undefined ? {} : { reason });
    return true;
  });
}

/**
 * Does a step once: what the journal says is done is not done again, its result is returned. A step that was begun
 * and not finished is done again, so every step must be repeatable.
 */
export async function step<T>(ctx: CampaignContext, name: string, run: () => Promise<T>): Promise<T> {
  const known = ctx.view.steps.get(name);
  if (known?.doneAt !== undefined) return known.result as T;
  return await stepAgain(ctx, name, run);
}

/** Does a step whether or not the journal says that it is done: for ends that must hold whatever an adoption began again. */
export async function stepAgain<T>(ctx: CampaignContext, name: string, run: () => Promise<T>): Promise<T> {
  await decide(ctx, { type: "step", name, status: "started" });
  const result = await run();
  await decide(ctx, { type: "step", name, status: "done", ...(result === undefined ? {} : { result }) });
  return result;
}

/** Keeps a warning for the report, once. One that cannot be written down is no further fault. */
export async function keepWarning(ctx: CampaignContext, text: string): Promise<void> {
  if (ctx.view.warnings.includes(text)) return;
  await decide(ctx, { type: "warning", text }).catch(() => undefined);
}

/** The cluster, once booting has made its client. */
export function clusterOf(ctx: Pick<CampaignContext, "cluster">): Cluster {
  if (!ctx.cluster) throw new GridError("GATEWAY_DOWN", "the gateway of this campaign is not up", { retryable: true });
  return ctx.cluster;
}

/** The programs of nodes, of an orchestrator that starts some. */
export function programsOf(ctx: CampaignContext): NodePrograms {
  if (!ctx.programs) throw new GridError("GATEWAY_DOWN", "this orchestrator only ends the campaign");
  return ctx.programs;
}

/** Waits until the condition holds, looking every `everyMs`. @throws the signal's reason when aborted */
export async function until(
  condition: () => Promise<boolean> | boolean,
  signal: AbortSignal,
  everyMs = 500,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    if (await condition()) return;
    await pause(everyMs, signal);
  }
}
