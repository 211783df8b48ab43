import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { ConfigError, describeError } from "../../worker/contract/errors.ts";
import { loadConfig } from "../config.ts";
import type { SiteConfig } from "../launch.ts";
import { isSettings, mergeSettings, type Settings } from "../settings.ts";

/** The demo's place in the state directory, and its configuration. */
export interface DemoSite {
  readonly config: SiteConfig;
  readonly configFile: string;
  readonly logFile: string;
  /** Where the sample stands. */
  readonly archive: string;
}

/**
 * Writes the demo's configuration file, as a user would, and reads it back.
 * @param settings a configuration file whose settings count above the demo's own
 * @throws ConfigError `DEMO_SETTINGS`, and what a configuration that is wrong throws
 */
export async function createSite(stateDir: string | undefined, settings: string | undefined): Promise<DemoSite> {
  const overrides = stateDir === undefined ? {} : { stateDir: { flag: "--state-dir", value: stateDir } };
  const { config: defaults } = await loadConfig({ env: process.env, overrides });
  const dir = join(defaults.stateDir, "demo");
  const archive = join(dir, "archive");
  const configFile = join(dir, "demo.yaml");
  await mkdir(dir, { recursive: true });
  const own = {
    stateDir: defaults.stateDir,
    archive: { root: archive, timeZone: "UTC" },
    // A demo is short: look often.
    batch: { poll: "1s" },
    metrics: { interval: "2s" },
  };
  const text = stringify(mergeSettings(own, settings === undefined ? {} : await readSettings(settings)));
  await writeFile(configFile, `# The configuration of the demo; every run writes it anew.\n${text}`);
  const { config } = await loadConfig({ file: configFile, env: process.env, overrides: {} });
  return { config, configFile, logFile: join(dir, "demo.log"), archive };
}

async function readSettings(file: string): Promise<Settings> {
  try {
    const settings: unknown = parse(await readFile(file, "utf8"));
    if (isSettings(settings)) return settings;
  } catch (cause) {
    throw new ConfigError("DEMO_SETTINGS", `--settings ${file} cannot be used: ${describeError(cause)}`, { cause });
  }
  throw new ConfigError(
    "DEMO_SETTINGS",
    `--settings ${file} cannot be used: write settings as a configuration file has them`,
  );
}
