import { describeError, ConfigError } from "../../worker/contract/errors.ts";
import { loadConfig } from "../config.ts";
import { createLog } from "../log.ts";
import { statePaths } from "../paths.ts";
import { ensureBundles } from "./bundles.ts";
import { ensureElasticsearch } from "./elasticsearch.ts";
import { ensureGrokBanks } from "./grok-banks.ts";

/**
 * What `setup.mjs` runs before the demo and the tests: makes the Elasticsearch runtime, the grok banks and the bundles, so that
 * downloading and building are a step of their own, said on stderr, and not part of whatever needs them first.
 */

const controller = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => controller.abort());

const log = createLog();
try {
  const at = process.argv.indexOf("--state-dir");
  const stateDir = at < 0 ? undefined : process.argv[at + 1];
  const { config } = await loadConfig({
    env: process.env,
    overrides: stateDir === undefined ? {} : { stateDir: { flag: "--state-dir", value: stateDir } },
  });
  const paths = statePaths(config.stateDir);
  await ensureElasticsearch(config, paths, log, controller.signal);
  await ensureGrokBanks(config, paths, log);
  await ensureBundles(log);
} catch (error) {
  if (!controller.signal.aborted) log.error(describeError(error));
  process.exitCode = controller.signal.aborted ? 130 : error instanceof ConfigError ? 2 : 1;
}
