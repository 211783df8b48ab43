import { statSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { ConfigError, describeError } from "../../worker/contract/errors.ts";
import type { Config } from "../config-schema.ts";
import type { Log } from "../log.ts";
import type { StatePaths } from "../paths.ts";
import { elasticsearchSource, runtimeHome } from "./elasticsearch.ts";
import { findGrokJar, readGrokJar, type GrokBanks } from "./grok-jar.ts";

const FILES = z.array(z.object({ name: z.string(), text: z.string() })).min(1);

/** What is kept: the banks, and of which jar they are. */
const KEPT = z.object({
  jar: z.string(),
  bytes: z.number(),
  modified: z.number(),
  banks: z.object({ legacy: FILES, "ecs-v1": FILES }),
});
type Kept = z.infer<typeof KEPT>;

/**
 * The standard grok banks, out of the jar of the Elasticsearch runtime that the configuration names. They are kept in the state directory:
 * from then on the jar is read again only when it is another one, and need not be there. Neither Java nor a start of Elasticsearch is needed.
 * @throws ConfigError `GROK_BANK_MISSING`, with how to get them
 */
export async function ensureGrokBanks(
  config: Pick<Config, "elasticsearch">,
  paths: Pick<StatePaths, "grokBanks" | "runtimes">,
  log: Log,
): Promise<GrokBanks> {
  const home = runtimeHome(elasticsearchSource(config), paths.runtimes);
  const jar = findGrokJar(home);
  const kept = await readKept(paths.grokBanks);
  if (jar === undefined) {
    if (kept) return kept.banks;
    throw new ConfigError(
      "GROK_BANK_MISSING",
      `the standard grok banks come with Elasticsearch, and there is none at ${home} (no lib/elasticsearch-grok-<version>.jar); ` +
        "name the directory of an unpacked Elasticsearch 8 with ES_HOME or elasticsearch.home, or in a checkout run " +
        "`node orchestrator/runtimes/prepare.ts`, which fetches one. They are kept then, and Elasticsearch is not needed for them again",
      { context: { home } },
    );
  }
  const { size: bytes, mtimeMs: modified } = statSync(jar);
  if (kept?.jar === jar && kept.bytes === bytes && kept.modified === modified) return kept.banks;
  const banks = await readBanks(jar);
  try {
    await keep(paths.grokBanks, { jar, bytes, modified, banks: banks as Kept["banks"] });
  } catch (error) {
    // Who may only read can parse all the same.
    log.warn(
      `the grok banks are read from ${jar} each time, since ${paths.grokBanks} cannot be written: ${describeError(error)}`,
    );
  }
  return banks;
}

async function readBanks(jar: string): Promise<GrokBanks> {
  try {
    return await readGrokJar(jar);
  } catch (cause) {
    throw new ConfigError(
      "GROK_BANK_MISSING",
      `the standard grok banks cannot be read from ${jar}; unpack Elasticsearch again, or name another directory with ES_HOME or elasticsearch.home`,
      { cause, context: { jar } },
    );
  }
}

/** `undefined` also for a file that somebody has damaged: the jar is the truth. */
async function readKept(file: string): Promise<Kept | undefined> {
  try {
    return KEPT.parse(JSON.parse(await readFile(file, "utf8")));
  } catch {
    return undefined;
  }
}

async function keep(file: string, kept: Kept): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.tmp`;
  try {
    await writeFile(draft, `${JSON.stringify(kept)}\n`);
    await rename(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
}
