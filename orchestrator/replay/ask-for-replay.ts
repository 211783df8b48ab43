import type { MadeRules, Rules, RulesSource } from "../../worker/contract/rules.ts";
import { loadCampaign } from "../campaign-store.ts";
import type { CommandReply } from "../commands.ts";
import type { ResolvedConfig } from "../config.ts";
import type { Log } from "../log.ts";
import { rulesOfChoice } from "../parse/pipeline-rules.ts";
import { dangerText } from "../pipelines/danger-text.ts";
import { readPlan } from "../plan-file.ts";
import { tellOrchestrator } from "../tell.ts";
import { writeReplayRules } from "./rules-file.ts";

/** What an operator says of a replay. */
export interface ReplayFlags {
  /** A pipeline's file; absent: the campaign's own pipeline. */
  readonly pipeline?: string | undefined;
  readonly service?: string | undefined;
}

/** What is needed beside the configuration. */
export interface ReplayNeeds {
  readonly parts: {
    readonly makeRules: (source: RulesSource) => Promise<MadeRules>;
    pipeline(rules: Rules): Promise<{ readonly hash: string }>;
  };
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Asks the orchestrator of a campaign to load its rejected documents again. The rules of another pipeline are made and checked here, of the file and of the
 * configuration's patterns and databases, and stand in the campaign's directory before anybody is asked.
 * @throws ConfigError with every problem of the pipeline at once; GridError `CAMPAIGN_OVER`, `COMMAND_REFUSED`, `ORCHESTRATOR_GONE`
 */
export async function askForReplay(
  resolved: ResolvedConfig,
  id: string,
  { pipeline: file, service }: ReplayFlags,
  { parts, log, signal }: ReplayNeeds,
): Promise<CommandReply> {
  const { paths } = await loadCampaign(resolved.config.stateDir, id);
  const of = (named: string | undefined) => (named === undefined ? {} : { service: named });
  if (file === undefined) {
    const { pipeline } = (await readPlan(paths.plan)).pinned;
    return await tellOrchestrator(resolved.config, id, { kind: "replay", pipeline, ...of(service) }, signal);
  }
  const made = await rulesOfChoice(resolved, { file, service, patterns: [] }, parts.makeRules, log);
  for (const danger of made.dangers) log.warn(dangerText(danger));
  const { hash: pipeline } = await parts.pipeline(made.rules);
  await writeReplayRules(paths, pipeline, made.rules);
  return await tellOrchestrator(resolved.config, id, { kind: "replay", pipeline, ...of(made.service) }, signal);
}
