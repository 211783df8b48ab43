import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { loadConfig } from "../config.ts";
import type { SiteConfig } from "../launch.ts";

/** The demo's place in the state directory, and its configuration. */
export interface DemoSite {
  readonly config: SiteConfig;
  readonly configFile: string;
  readonly logFile: string;
  /** Where the sample stands. */
  readonly archive: string;
}

/** Writes the demo's configuration file, as a user would, and reads it back. */
export async function createSite(stateDir: string | undefined): Promise<DemoSite> {
  const overrides = stateDir === undefined ? {} : { stateDir: { flag: "--state-dir", value: stateDir } };
  const { config: defaults } = await loadConfig({ env: process.env, overrides });
  const dir = join(defaults.stateDir, "demo");
  const archive = join(dir, "archive");
  const configFile = join(dir, "demo.yaml");
  await mkdir(dir, { recursive: true });
  const text = stringify({
    stateDir: defaults.stateDir,
    archive: { root: archive, timeZone: "UTC" },
    // A demo is short: look often.
    batch: { poll: "1s" },
    metrics: { interval: "2s" },
  });
  await writeFile(configFile, `# The configuration of the demo; every run writes it anew.\n${text}`);
  const { config } = await loadConfig({ file: configFile, env: process.env, overrides: {} });
  return { config, configFile, logFile: join(dir, "demo.log"), archive };
}
