import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { ConfigError, GridError } from "../worker/contract/errors.ts";
import { createCampaign, discardCampaign, type CampaignRecord } from "./campaign-store.ts";
import type { Config } from "./config-schema.ts";
import type { Log } from "./log.ts";
import { campaignRepositoryDir, stagingDirOf } from "./node-specs.ts";
import { statePaths, type CampaignPaths } from "./paths.ts";
import type { Plan } from "./plan.ts";
import { writePlan } from "./plan-file.ts";
import { writeCarried } from "./revisions/carried.ts";
import { carriedRowsOf } from "./revisions/choose.ts";
import { earlierLoad } from "./revisions/earlier.ts";
import { siteOfGateway } from "./campaign-gateway.ts";
import { atGateway } from "./gateway/index.ts";
import { commandLine, ensureBundles, ensureElasticsearch, ensureGrokBanks, refuseChoice } from "./runtimes/index.ts";
import { makeStateDir } from "./state-dir.ts";

/** A configuration whose state directory is decided. */
export type SiteConfig = Config & { readonly stateDir: string };

/**
 * Makes sure that everything is there before a campaign exists: services, the Elasticsearch runtime, the programs of the
 * gateway, the bundles. Whatever is missing is an error with its remedy, and nothing half done stays behind.
 * @param hasRuntime the campaign began with an Elasticsearch and goes on with it
 * @throws the signal's reason when aborted
 */
export async function prepareSite(
  config: SiteConfig,
  log: Log,
  signal: AbortSignal,
  hasRuntime = false,
): Promise<void> {
  const state = statePaths(config.stateDir);
  await makeStateDir(state.stateDir);
  await atGateway(config.network, { act: "check", embedded: [], addresses: [] }, log, signal);
  if (!hasRuntime) {
    await ensureElasticsearch(config, state, log, signal);
    refuseChoice(config, state);
    await ensureGrokBanks(config, state, log);
  }
  await ensureBundles(log);
  await atGateway(config.network, { act: "services-up", site: siteOfGateway(config, state) }, log, signal);
  signal.throwIfAborted();
}

/** Creates the campaign, its plan, and what it takes over of an earlier one; starts nothing. When the signal aborts nothing of it stays. */
export async function prepareCampaign(
  config: SiteConfig,
  plan: Plan,
  name: string | undefined,
  signal: AbortSignal,
): Promise<{ record: CampaignRecord; paths: CampaignPaths }> {
  signal.throwIfAborted();
  const campaign = await createCampaign(statePaths(config.stateDir), {
    name,
    months: plan.months,
    planId: plan.id,
    config: { ...config, plan: { ...config.plan, revision: plan.pinned.revision } },
  });
  try {
    // The plan last: without it nobody can adopt what is not whole.
    if (plan.again) {
      const earlier = await earlierLoad(config.stateDir, plan.again.campaign);
      await writeCarried(campaign.paths, earlier, carriedRowsOf(plan, earlier));
    }
    await writePlan(campaign.paths.plan, plan);
    signal.throwIfAborted();
  } catch (error) {
    await discardCampaign(campaign.paths);
    throw error;
  }
  return campaign;
}

/**
 * Makes the name of a new campaign its own also among those who share the site's Redis, the snapshot repository or the staging space
 * and have other state directories. A campaign whose name is another's is discarded.
 * @throws ConfigError `CAMPAIGN_EXISTS`
 */
export async function claimName(
  config: SiteConfig,
  campaign: { readonly record: CampaignRecord; readonly paths: CampaignPaths },
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const { record, paths } = campaign;
  const state = statePaths(config.stateDir);
  try {
    for (const dir of [campaignRepositoryDir(config, state, record.id), stagingDirOf(config, record.id, paths)]) {
      if (!existsSync(dir)) continue;
      throw new ConfigError(
        "CAMPAIGN_EXISTS",
        `${dir} is there already, of another campaign named ${record.id}; choose another --name, or remove it if nobody needs it`,
      );
    }
    const site = siteOfGateway(config, state);
    await atGateway(config.network, { act: "claim", site, campaign: record.id, tag: record.tag }, log, signal);
  } catch (error) {
    await discardCampaign(paths);
    throw error;
  }
}

/**
 * Options of Node for an orchestrator. It idles for hours beside a plan that may have a million files: V8 shall look for what is dead when its heap
 * has grown by a quarter, not when it has doubled.
 */
export const ORCHESTRATOR_FLAGS: readonly string[] = ["--heap-growing-percent=25"];

/**
 * Starts the orchestrator of a campaign as a daemon: a session of its own, no terminal, its log in the campaign
 * directory. Returns at once with its process id.
 */
export async function startOrchestrator(stateDir: string, id: string, paths: CampaignPaths): Promise<number> {
  const { node, args } = commandLine();
  const log = await open(paths.orchestratorLog, "a");
  try {
    const child = spawn(node, [...ORCHESTRATOR_FLAGS, ...args, "orchestrate", id, "--state-dir", stateDir], {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      cwd: paths.dir,
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    child.unref();
    if (child.pid === undefined) throw new GridError("ORCHESTRATOR_GONE", "the orchestrator did not start");
    return child.pid;
  } finally {
    await log.close();
  }
}
