import { readDatabases } from "../databases.ts";
import { ConfigError } from "../contract/errors.ts";
import type { MadeRules, PipelineSource, Rules, RulesSource } from "../contract/rules.ts";
import { mergeBanks, parseBank, type Bank } from "../grok/bank.ts";
import { standardBank } from "../grok/standard-bank.ts";
import { dangersOf } from "./dangers.ts";
import { parseDefinition, type PipelineDefinition, type Step } from "./definition.ts";
import { namesAskedFor, reachable } from "./patterns-used.ts";
import { plainRules } from "./rules.ts";

/**
 * Makes rules of what is written, with everything checked and nothing in them that no pipeline uses: they travel to every parser.
 * Definitions with the same name: the operator's win over those that ship with the program, and these over the standard bank's.
 * @throws ConfigError `PIPELINE_INVALID` with all problems at once, one a line; `GROK_DEFINITION` for a pattern file; `DATABASE_UNFIT`;
 *   whatever `standard` throws
 */
export async function makeRules(source: RulesSource): Promise<MadeRules> {
  const problems: string[] = [];
  const attempt = <T>(make: () => T): T | undefined => {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  const refuse = (): void => {
    if (problems.length === 0) return;
    const context = { problems: problems.length };
    throw new ConfigError("PIPELINE_INVALID", [...new Set(problems)].join("\n"), { context });
  };

  const read = source.pipelines.map((pipeline) => ({ pipeline, definition: attempt(() => definitionOf(pipeline)) }));
  const files = [...source.shipped, ...source.files];
  const banks = files.map((file) => attempt(() => parseBank(file.text, file.name)) ?? new Map());
  const definitions: Bank = new Map(source.definitions.map(({ name, text, where }) => [name, { text, where }]));
  refuse();
  const made = read.map(({ pipeline, definition }) => ({ pipeline, definition: definition! }));

  const written = mergeBanks(...banks, definitions);
  const steps = made.flatMap(({ definition }) => definition.steps);
  const asked = namesAskedFor(steps);
  let used = reachable(asked, written);
  if (used.missing.length > 0) {
    const standard = standardBank(source.bank, await standardFiles(source, used.missing));
    used = reachable(asked, mergeBanks(standard, written));
  }
  const named = databasesNamed(steps);
  const databases = source.databases.filter(({ name }) => named.has(name));
  const content = await readDatabases(databases);
  for (const { definition } of made)
    attempt(() => plainRules(definition, used.bank, { matcher: readOnly, databases: content }));
  refuse();

  const rules: Rules = {
    pipelines: source.pipelines.map(({ services, file, text }) => ({ services: [...services], file, text })),
    otherwise: source.otherwise,
    patterns: Array.from(used.bank, ([name, { text, where }]) => ({ name, text, where })),
    databases,
  };
  const own = made.filter(({ pipeline }) => pipeline.own).flatMap(({ definition }) => definition.steps);
  const places = new Set([...source.files.map(({ name }) => name), ...source.definitions.map(({ where }) => where)]);
  const isOwn = (where: string): boolean => places.has(where) || places.has(where.replace(/:\d+$/, ""));
  return { rules, dangers: dangersOf(own, used.bank, isOwn) };
}

/** What is written inside another file is read as if all before it were blank, so that messages name its lines. */
function definitionOf({ file, text, begins }: PipelineSource): PipelineDefinition {
  return parseDefinition(begins ? "\n".repeat(begins.line - 1) + text : text, file);
}

/** Expressions are read, and not compiled: nothing will be run. */
const readOnly = () => () => "no-match" as const;

async function standardFiles({ bank, standard }: RulesSource, missing: readonly string[]) {
  try {
    return await standard();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const names = missing.map((name) => `%{${name}}`).join(", ");
    throw new ConfigError(error.code, `${names}: not defined here, so the bank ${bank} is asked; ${error.message}`, {
      context: error.context,
      cause: error.cause,
    });
  }
}

function databasesNamed(steps: readonly Step[]): ReadonlySet<string> {
  const names = new Set<string>();
  const collect = (all: readonly Step[]): void => {
    for (const step of all) {
      if (step.kind === "stage") collect(step.steps);
      else if (step.kind === "branch") collect([...step.then, ...step.else]);
      else if (step.filter === "geoip") names.add((step.options as { readonly database: string }).database);
    }
  };
  collect(steps);
  return names;
}
