import type { TestProject } from "vitest/node";
import { loadConfig } from "../../orchestrator/config.ts";
import { createLog } from "../../orchestrator/log.ts";
import { statePaths } from "../../orchestrator/paths.ts";
import { ensureBundles } from "../../orchestrator/runtimes/bundles.ts";
import { ensureElasticsearch } from "../../orchestrator/runtimes/elasticsearch.ts";
import { isMissingGroundFatal } from "./ground-rule.ts";

/**
 * The ground that tests on real parts stand on, made once before them: the Elasticsearch runtime, whose place they get as `ES_HOME` (so that
 * a test with a state directory of its own needs no copy), and the bundles that nodes run.
 */
export default async function setup(_project: TestProject): Promise<void> {
  const log = createLog({ level: "warn" });
  try {
    const { config } = await loadConfig({ env: process.env });
    const { home, javaHome } = await ensureElasticsearch(config, statePaths(config.stateDir), log);
    process.env["ES_HOME"] = home;
    process.env["ES_JAVA_HOME"] = javaHome;
  } catch (error) {
    if (isMissingGroundFatal()) throw error;
    log.warn(`no Elasticsearch: the tests that need it are skipped (${(error as Error).message})`);
  }
  try {
    await ensureBundles(log);
  } catch (error) {
    if (isMissingGroundFatal()) throw error;
    log.warn(`no bundles: tests that run nodes will fail (${(error as Error).message})`);
  }
}
