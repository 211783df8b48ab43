import { scaleInputsOf } from "../autoscale.ts";
import { isFinal } from "../campaign.ts";
import { loadCampaign, progressFile } from "../campaign-store.ts";
import { formatBytes, formatCount, formatDuration } from "../cli/io.ts";
import type { Config } from "../config-schema.ts";
import { readJournal } from "../journal.ts";
import { limitsOf } from "../limits.ts";
import { jobPolicyOf } from "../jobs/policy.ts";
import { readProgress, type ProgressFile } from "../progress.ts";
import { reasons, timeText, type Reason } from "../reasons.ts";
import { campaignStatus, type CampaignStatus } from "../status.ts";
import { viewOf, type CampaignView } from "../view.ts";

export interface Explanation {
  readonly id: string;
  readonly state: CampaignView["state"];
  /** What matters most stands first. Never empty. */
  readonly reasons: readonly Reason[];
}

export interface WhyInputs {
  readonly id: string;
  readonly config: Config;
  readonly view: CampaignView;
  /** The orchestrator's last look; absent before the first. */
  readonly progress?: ProgressFile | undefined;
  readonly orchestrator: CampaignStatus["orchestrator"];
  readonly now: number;
}

/** A living orchestrator writes its progress at each look; so many missed ones are a sign. */
const MISSED_LOOKS = 6;
const LONGEST_LOOK_MS = 60_000;
/** From so much of a limit on it counts as reached: rates are means, and blocks have sizes. */
const NEARLY = 0.9;

/** Why nothing is submitted, scaled or moving. Works from the campaign's directory. @throws ConfigError `CAMPAIGN_UNKNOWN` */
export async function explainCampaign(stateDir: string, id: string): Promise<Explanation> {
  const { record, paths } = await loadCampaign(stateDir, id);
  const { orchestrator } = await campaignStatus(stateDir, id);
  const view = viewOf((await readJournal(paths.journal)).records);
  const progress = await readProgress(progressFile(paths));
  const inputs: WhyInputs = { id, config: record.config, view, progress, orchestrator, now: Date.now() };
  return { id, state: view.state, reasons: explain(inputs) };
}

/** Pure. What the orchestrator last saw counts for now, unless nobody looks any more. */
export function explain(inputs: WhyInputs): readonly Reason[] {
  const { id, config, view, progress, now } = inputs;
  const policy = jobPolicyOf(config);
  if (isFinal(view.state)) return reasons({ id, view, policy, now });
  const seen = progress
    ? { seen: progress.jobs, holdings: progress.holdings, scale: scaleInputsOf(config, view, progress, now) }
    : {};
  const found = [
    ...orchestratorReasons(inputs),
    ...reasons({ id, view, policy, now, ...seen }),
    ...loadReasons(inputs),
  ];
  return found.length > 0 ? found : [movingReason(progress)];
}

function orchestratorReasons({ id, config, view, progress, orchestrator, now }: WhyInputs): readonly Reason[] {
  const since = progress === undefined ? {} : { since: progress.at };
  const seen = progress === undefined ? "" : ` since ${timeText(progress.at)}`;
  if (!orchestrator.alive) {
    const text = `no orchestrator looks after it${seen}; take it over with \`gridharvest adopt ${id}\``;
    return [{ kind: "no-orchestrator", ...since, text }];
  }
  const late = Math.max(LONGEST_LOOK_MS, MISSED_LOOKS * config.batch.poll * 1000);
  if (progress === undefined || now - progress.at < late || view.state === "planned") return [];
  const text = `its orchestrator (process ${String(orchestrator.pid)}) has told nothing${seen}; see \`gridharvest logs ${id}\``;
  return [{ kind: "silent-orchestrator", ...since, text }];
}

/** What slows the load down. */
function loadReasons({ config, view, progress }: WhyInputs): readonly Reason[] {
  if (view.state !== "running" || progress === undefined) return [];
  const { parse, unpack, stagedBytes, eventsPerSecond, bytesPerSecond } = progress;
  const { staging } = config;
  const own = limitsOf(config, view);
  const { allowed = own } = progress;
  const found: Reason[] = [];
  if (unpack.waiting + unpack.active > 0 && stagedBytes >= NEARLY * staging.limit) {
    found.push({
      kind: "staging-full",
      text: `compressed files wait to be unpacked: the staging space is full, ${formatBytes(stagedBytes)} of ${formatBytes(staging.limit)} (staging.limit); parsers have to load what is there first`,
    });
  }
  for (const [key, rate, text] of [
    ["eventsPerSecond", eventsPerSecond, (n: number) => `${formatCount(n)} events/s`],
    ["bytesPerSecond", bytesPerSecond, (n: number) => `${formatBytes(n)}/s`],
  ] as const) {
    if (allowed[key] === 0 || rate < NEARLY * allowed[key]) continue;
    const whose = own[key] === allowed[key] ? `limits.${key}` : `its part of limits.site.${key}`;
    found.push({
      kind: "rate-limit",
      text: `it loads as fast as it may: ${text(rate)} of ${text(allowed[key])} (${whose})`,
    });
  }
  const delayed = parse.delayed + unpack.delayed;
  if (delayed > 0) {
    found.push({
      kind: "retries",
      text: `${formatCount(delayed)} chunks or files failed and wait to be tried again`,
    });
  }
  const failed = parse.failed + unpack.failed;
  if (failed > 0) {
    found.push({
      kind: "failed-chunks",
      text: `${formatCount(failed)} chunks or files could not be loaded; when all others are, it is held unless that is their file's fault`,
    });
  }
  return found;
}

function movingReason(progress: ProgressFile | undefined): Reason {
  if (progress === undefined) return { kind: "unknown", text: "nobody has looked at it yet" };
  const { eventsPerSecond, share, etaSeconds, parse } = progress;
  if (eventsPerSecond > 0) {
    const left = etaSeconds === undefined ? "" : `, ${formatDuration(etaSeconds)} left`;
    const text = `nothing is in its way: ${formatCount(eventsPerSecond)} events/s, ${(share * 100).toFixed(0)} %${left}`;
    return { kind: "moving", text };
  }
  const text = `nothing is known to be in its way, but no chunk was done in the last seconds (${formatCount(parse.active)} are under way)`;
  return { kind: "unknown", text };
}
