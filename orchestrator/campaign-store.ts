import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "../worker/contract/errors.ts";
import type { YearMonth } from "../worker/contract/months.ts";
import { configSchema, type Config } from "./config-schema.ts";
import { makeStateDir, unusableStateDir } from "./state-dir.ts";
import { campaignPaths, statePaths, type CampaignPaths, type StatePaths } from "./paths.ts";
import { mergeSettings } from "./settings.ts";

/** `campaign.json`: what a campaign is, without secrets. Never changes after its creation. */
export interface CampaignRecord {
  readonly version: 1;
  readonly id: string;
  /** Five characters that go into job names, which are too short for the id. */
  readonly tag: string;
  readonly createdAt: number;
  readonly months: readonly YearMonth[];
  readonly planId: string;
  /** The resolved configuration. */
  readonly config: Config;
  /** Of a campaign that loads nothing and serves what another one has saved. */
  readonly serves?: ServedMonth;
}

/** What a campaign that only serves was made for. */
export interface ServedMonth {
  /** The campaign that loaded and saved it. */
  readonly campaign: string;
  readonly snapshot: string;
  /** Directory of the snapshot repository. */
  readonly repository: string;
  /** Until when it serves unless told otherwise, milliseconds since 1970. */
  readonly until: number;
}

const ID = /^[a-z0-9][a-z0-9-]{1,47}$/;

/** Writes a file so that a reader sees the old or the new content, never a half. */
export async function writeFileAtomic(file: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const draft = `${file}.${String(process.pid)}.tmp`;
  await writeFile(draft, content, { mode });
  await rename(draft, file);
}

/**
 * Whether a new campaign may have this name, for a launch to ask before it does anything. `createCampaign` has the last word.
 * @throws ConfigError `CAMPAIGN_NAME` for a name that cannot be one, `CAMPAIGN_EXISTS` when it is taken
 */
export function checkCampaignName(state: StatePaths, name: string): void {
  checkForm(name);
  if (existsSync(campaignPaths(state.campaigns, name).dir)) throw taken(state, name);
}

function checkForm(id: string): void {
  if (ID.test(id)) return;
  throw new ConfigError(
    "CAMPAIGN_NAME",
    `${JSON.stringify(id)} cannot name a campaign; choose a --name of 2 to 48 lower case letters, digits and dashes, a letter or digit first`,
  );
}

function taken(state: StatePaths, id: string): ConfigError {
  return new ConfigError(
    "CAMPAIGN_EXISTS",
    `a campaign named ${id} exists in ${state.campaigns}; choose another --name, or look at it with \`gridharvest status ${id}\``,
  );
}

/**
 * Makes the campaign's directory.
 * @throws ConfigError `CAMPAIGN_NAME` for a name that cannot be one, `CAMPAIGN_EXISTS` when it is taken
 */
export async function createCampaign(
  state: StatePaths,
  options: {
    readonly name?: string | undefined;
    readonly months: readonly YearMonth[];
    readonly planId: string;
    readonly config: Config;
    readonly serves?: ServedMonth;
  },
): Promise<{ record: CampaignRecord; paths: CampaignPaths }> {
  const tag = Array.from(randomBytes(5), (byte) => "abcdefghijkmnpqrstuvwxyz23456789"[byte % 32]).join("");
  const span =
    options.months.length > 1 ? `${options.months[0] ?? ""}-to-${options.months.at(-1) ?? ""}` : options.months[0];
  const id = options.name ?? `${options.serves ? "serve-" : ""}${span ?? ""}-${tag}`;
  checkForm(id);
  const paths = campaignPaths(state.campaigns, id);
  await makeStateDir(state.campaigns);
  try {
    await mkdir(paths.dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw taken(state, id);
  }
  const record: CampaignRecord = {
    version: 1,
    id,
    tag,
    createdAt: Date.now(),
    months: options.months,
    planId: options.planId,
    config: options.config,
    ...(options.serves ? { serves: options.serves } : {}),
  };
  await writeFileAtomic(paths.campaign, `${JSON.stringify(record, null, 2)}\n`);
  return { record, paths };
}

/** @throws ConfigError `CAMPAIGN_UNKNOWN` naming the campaigns that exist, `CAMPAIGN_UNREADABLE` */
export async function loadCampaign(
  stateDir: string,
  id: string,
): Promise<{ record: CampaignRecord; paths: CampaignPaths; state: StatePaths }> {
  const state = statePaths(stateDir);
  // Only what can be an id becomes part of a path.
  if (!ID.test(id)) throw await unknown(state, id);
  const paths = campaignPaths(state.campaigns, id);
  try {
    const record = JSON.parse(await readFile(paths.campaign, "utf8")) as CampaignRecord;
    // One that was made before there was some setting has its default.
    const config = mergeSettings(configSchema.parse({}), record.config) as Config;
    return { record: { ...record, config }, paths, state };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") throw await unknown(state, id);
    throw new ConfigError("CAMPAIGN_UNREADABLE", `${paths.campaign} cannot be read; restore it from a backup`, {
      context: { file: paths.campaign },
      cause: error,
    });
  }
}

async function unknown(state: StatePaths, id: string): Promise<ConfigError> {
  const known = await campaignIds(state.stateDir);
  return new ConfigError(
    "CAMPAIGN_UNKNOWN",
    `no campaign ${id} in ${state.campaigns}; ${known.length > 0 ? `there are: ${known.slice(-10).join(", ")}` : "there are none; launch one, or say where they are with --state-dir"}`,
  );
}

/** Ids of all campaigns, oldest first by name. @throws ConfigError `STATE_DIR_UNUSABLE` */
export async function campaignIds(stateDir: string): Promise<string[]> {
  const { campaigns } = statePaths(stateDir);
  try {
    const entries = await readdir(campaigns, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && ID.test(entry.name))
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw unusableStateDir(stateDir, error);
  }
}

/** Removes a campaign directory whose launch failed before anything was started. */
export async function discardCampaign(paths: CampaignPaths): Promise<void> {
  await rm(paths.dir, { recursive: true, force: true });
}

/** Path of the progress file: the orchestrator's last look at everything, for `status`. */
export function progressFile(paths: CampaignPaths): string {
  return join(paths.dir, "progress.json");
}
