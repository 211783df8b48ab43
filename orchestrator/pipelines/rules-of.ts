import { ConfigError } from "../../worker/contract/errors.ts";
import type { MadeRules, RulesSource } from "../../worker/contract/rules.ts";
import type { ResolvedConfig } from "../config.ts";
import type { Log } from "../log.ts";
import { statePaths } from "../paths.ts";
import { defaultRules, OTHERWISE, shippedPipelines } from "../rules.ts";
import { dangerText } from "./danger-text.ts";
import { databaseFile, patternsOf, pipelineFile } from "./read-files.ts";

/** What makes rules of what is written; see `Parts.makeRules`. */
type MakeRules = (source: RulesSource) => Promise<MadeRules>;

/**
 * What a configuration says is done with lines: the pipelines that ship with the program, and the operator's in their place or beside them.
 * Everything is read and checked here; from then on nothing is read again.
 * @throws ConfigError with every problem at once
 */
export async function readRules(resolved: ResolvedConfig, makeRules: MakeRules, log: Log): Promise<MadeRules> {
  if (isDefault(resolved)) return { rules: defaultRules(), dangers: [] };
  return await makeRules(await rulesSource(resolved, log));
}

/** The same, with a warning of each dangerous expression. */
export async function rulesOf(resolved: ResolvedConfig, makeRules: MakeRules, log: Log): Promise<MadeRules> {
  const made = await readRules(resolved, makeRules, log);
  for (const danger of made.dangers) log.warn(dangerText(danger));
  return made;
}

/**
 * The same for those who only want to know whether it is sound. What cannot be told on this machine, which has no standard patterns, is a
 * warning.
 * @throws ConfigError with every problem at once
 */
export async function checkRules(resolved: ResolvedConfig, makeRules: MakeRules, log: Log): Promise<void> {
  try {
    await rulesOf(resolved, makeRules, log);
  } catch (error) {
    if (!(error instanceof ConfigError) || error.code !== "GROK_BANK_MISSING") throw error;
    log.warn(`the pipelines were not checked whole: ${error.message}`);
  }
}

function isDefault({ config: { pipelines } }: ResolvedConfig): boolean {
  const { services, patterns, definitions, databases } = pipelines;
  return patterns.length === 0 && [services, definitions, databases].every((named) => Object.keys(named).length === 0);
}

/** What a configuration says, as it stands in its files. @throws ConfigError `CONFIG_INVALID` for files that cannot be read */
export async function rulesSource(resolved: ResolvedConfig, log: Log): Promise<RulesSource> {
  const { config, placeOf } = resolved;
  const { services, patterns, definitions, bank, databases } = config.pipelines;
  const problems: string[] = [];
  const attempt = async <T>(path: readonly string[], read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const place = placeOf(["pipelines", ...path]);
      problems.push(`${place}: pipelines.${path.join(".")}: ${error.message}`);
      return undefined;
    }
  };

  const own: RulesSource["pipelines"][number][] = [];
  for (const [service, value] of Object.entries(services)) {
    if (typeof value === "object") {
      const { text, file, line, column } = value;
      own.push({ services: [service], file, text, own: true, begins: { line, column } });
      continue;
    }
    const text = await attempt(["services", service], () => pipelineFile(value));
    if (text !== undefined) own.push({ services: [service], file: value, text, own: true });
  }
  const files = [];
  for (const [i, dir] of patterns.entries()) {
    files.push(...((await attempt(["patterns", String(i)], () => patternsOf(dir))) ?? []));
  }
  const found = [];
  for (const [name, file] of Object.entries(databases)) {
    const database = await attempt(["databases", name], () => databaseFile(name, file));
    if (database) found.push(database);
  }
  if (problems.length > 0) {
    throw new ConfigError("CONFIG_INVALID", problems.join("\n"), { context: { problems: problems.length } });
  }
  const replaced = new Set(Object.keys(services));
  const { ownPatternFiles } = await import("../parse/pattern-files.ts");
  return {
    pipelines: [
      ...shippedPipelines()
        .filter(({ services: of }) => !of.every((service) => replaced.has(service)))
        .map((pipeline) => ({ ...pipeline, own: false })),
      ...own,
    ],
    otherwise: OTHERWISE,
    shipped: ownPatternFiles(),
    files,
    definitions: Object.entries(definitions).map(([name, text]) => ({
      name,
      text,
      where: placeOf(["pipelines", "definitions", name]),
    })),
    bank,
    standard: async () => {
      const { ensureGrokBanks } = await import("../runtimes/grok-banks.ts");
      return (await ensureGrokBanks(config, statePaths(config.stateDir), log))[bank];
    },
    databases: found,
  };
}
