import { resolve } from "node:path";
import { parse } from "yaml";
import type { StandardBank } from "../../worker/contract/grok.ts";
import type { MadeRules, RulesSource } from "../../worker/contract/rules.ts";
import type { ResolvedConfig } from "../config.ts";
import type { Log } from "../log.ts";
import { pipelineFile } from "../pipelines/read-files.ts";
import { rulesSource } from "../pipelines/rules-of.ts";
import { OTHERWISE } from "../rules.ts";

/** Which pipeline `parse` runs, beside what the configuration says. */
export interface PipelineChoice {
  /** Absent: the one that a campaign would run on files of the service. */
  readonly file?: string | undefined;
  /** Absent: the pipeline's name, or `syslog`. */
  readonly service?: string | undefined;
  readonly bank?: StandardBank | undefined;
  /** Directories beside the configured ones. */
  readonly patterns: readonly string[];
}

/** The rules of one service, and its name. @throws ConfigError with every problem at once */
export async function rulesOfChoice(
  resolved: ResolvedConfig,
  choice: PipelineChoice,
  makeRules: (source: RulesSource) => Promise<MadeRules>,
  log: Log,
): Promise<MadeRules & { readonly service: string }> {
  const { pipelines } = resolved.config;
  const text = choice.file === undefined ? undefined : await pipelineFile(choice.file);
  const service = choice.service ?? (text === undefined ? OTHERWISE : nameIn(text));
  const wanted = text === undefined ? [service, OTHERWISE] : [];
  const source = await rulesSource(
    {
      ...resolved,
      config: {
        ...resolved.config,
        pipelines: {
          ...pipelines,
          // What is wrong with those of other services is no concern here.
          services: Object.fromEntries(Object.entries(pipelines.services).filter(([name]) => wanted.includes(name))),
          patterns: [...pipelines.patterns, ...choice.patterns.map((dir) => resolve(dir))],
          bank: choice.bank ?? pipelines.bank,
        },
      },
    },
    log,
  );
  const pipeline =
    choice.file === undefined || text === undefined
      ? wanted.map((name) => source.pipelines.find(({ services }) => services.includes(name))).find(Boolean)!
      : { file: choice.file, text, own: true };
  const made = await makeRules({ ...source, pipelines: [{ ...pipeline, services: [service] }], otherwise: service });
  return { ...made, service };
}

/** The name of a pipeline. What is wrong with its text is said where it is read whole. */
function nameIn(text: string): string {
  try {
    const { name } = (parse(text) ?? {}) as { readonly name?: unknown };
    return typeof name === "string" && name !== "" ? name : OTHERWISE;
  } catch {
    return OTHERWISE;
  }
}
