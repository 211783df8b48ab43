import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadConfig } from "../../../orchestrator/config.ts";
import { statePaths } from "../../../orchestrator/paths.ts";
import { elasticsearchSource, runtimeHome } from "../../../orchestrator/runtimes/elasticsearch.ts";
import { findJava } from "../../../orchestrator/runtimes/java.ts";
import type { Missing, Place } from "../parse/contenders.ts";
import { startServer, type Running } from "../parse/measure.ts";

const PROGRAM = fileURLToPath(new URL("GrokPeer.java", import.meta.url));

/** The grok of the Elasticsearch runtime, if one has been set up: nothing is downloaded for a benchmark. */
export async function elasticsearchGrok(work: "header" | "ssh", { pin, signal }: Place): Promise<Running | Missing> {
  const { config } = await loadConfig({ env: process.env });
  const home = runtimeHome(elasticsearchSource(config), statePaths(config.stateDir).runtimes);
  if (!existsSync(join(home, "lib"))) return { missing: "set up Elasticsearch: npm run demo, or ES_HOME" };
  let java;
  try {
    java = await findJava(config, join(home, "jdk"));
  } catch (error) {
    return { missing: (error as Error).message };
  }
  return startServer({
    argv: [join(java.home, "bin", "java"), "-cp", join(home, "lib", "*"), PROGRAM, work],
    pin,
    signal,
  });
}
