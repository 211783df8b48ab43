import { openerOf, type Databases } from "../databases.ts";
import type { LineContext } from "../filters/filter.ts";
import { FILTERS } from "../filters/index.ts";
import type { Bank } from "../grok/bank.ts";
import { bankFor, grokCompiler, type Banks } from "../grok/compiler.ts";
import { parseExpression, type GrokExpression } from "../grok/expression.ts";
import { generatedMatcher, type TextMatcher } from "../grok/matchers.ts";
import { parseRegex } from "../regex/parse.ts";
import { regexCompiler } from "../regex/search.ts";
import type { Regex } from "../regex/syntax.ts";
import { dateCompiler } from "../time/date-compiler.ts";
import { ConfigError } from "../contract/errors.ts";
import type { Rules } from "../contract/rules.ts";
import { parseDefinition, type PipelineDefinition } from "./definition.ts";
import type { LogEvent } from "./event.ts";
import { compileTree, type CompiledTree } from "./generate-tree.ts";
import { interpret, type Run, type Watch } from "./interpret.ts";
import { ProgramTable } from "./program-table.ts";
import { specialise, type SpecialiseTools } from "./specialise.ts";

/** The rules of a service's lines. */
export interface ServiceRules {
  /** What is done with the lines of a program, as code; `undefined`: only the plain pipeline knows. */
  readonly ofProgram: (src: Buffer, start: number, end: number) => CompiledTree | undefined;
  /** The same for lines that name none. */
  readonly withoutProgram: CompiledTree | undefined;
  /** The plain pipeline. */
  readonly plain: (event: LogEvent, line: LineContext) => Run;
}

/**
 * @param databases those that the rules name
 * @throws ConfigError for a pipeline or patterns that cannot be used
 */
export function compileRules(source: Rules, databases?: Databases): (service: string) => ServiceRules {
  const bank = bankOfRules(source);
  const byService = new Map<string, () => ServiceRules>();
  for (const { services, file, text } of source.pipelines) {
    const definition = parseDefinition(text, file);
    for (const service of services) {
      // Of each service its own: a pipeline may ask for the service.
      let made: ServiceRules | undefined;
      byService.set(service, () => (made ??= rulesOf(definition, service, bank, databases)));
    }
  }
  const otherwise = byService.get(source.otherwise);
  if (!otherwise) {
    throw new ConfigError("PIPELINE_INVALID", `there is no pipeline for the service ${source.otherwise}; add one`);
  }
  return (service) => (byService.get(service) ?? otherwise)();
}

/** The patterns that the pipelines name. */
export function bankOfRules({ patterns }: Rules): Bank {
  return new Map(patterns.map(({ name, text, where }) => [name, { text, where }]));
}

/** The plain pipeline with its tools. @param matcher another one, to compare with */
export function plainRules(
  definition: PipelineDefinition,
  bank: Bank,
  matcher: (regex: Regex, pattern: string) => TextMatcher = generatedMatcher,
  databases: Databases = new Map(),
  watch?: Watch,
): ServiceRules["plain"] {
  const tools = {
    grok: grokCompiler(banksOf(bank), matcher),
    dates: dateCompiler,
    regex: regexCompiler,
    databases: openerOf(databases),
  };
  return interpret(definition, tools, FILTERS, watch);
}

function rulesOf(
  definition: PipelineDefinition,
  service: string,
  bank: Bank,
  databases: Databases | undefined,
): ServiceRules {
  const plain = plainRules(definition, bank, generatedMatcher, databases);
  const tools = specialiseTools(bank);
  const trees = new Map<string, CompiledTree | undefined>();
  const ids = new Map<unknown, number>();
  // Expressions and tests are the same when they are one object.
  const byIdentity = (name: string, value: unknown): unknown =>
    name === "expression" || name === "regex" ? onceFor(ids, value, () => ids.size) : value;
  const treeOf = (program: string | null): CompiledTree | undefined => {
    const tree = specialise(definition, { fields: { program, service } }, tools);
    // Programs of which the pipeline says the same share their code.
    const key = JSON.stringify(tree, byIdentity);
    if (!trees.has(key)) trees.set(key, compileTree(tree));
    return trees.get(key);
  };
  const programs = new ProgramTable(treeOf);
  return {
    ofProgram: (src, start, end) => programs.of(src, start, end),
    withoutProgram: treeOf(null),
    plain,
  };
}

/** Expressions are read once for all programs. */
function specialiseTools(bank: Bank): SpecialiseTools {
  const expressions = new Map<string, GrokExpression>();
  const regexes = new Map<string, Regex>();
  const searches = new Map<string, ReturnType<typeof regexCompiler.compile>>();
  return {
    parseExpression(pattern, options) {
      const { named_captures_only: named, pattern_definitions: own, patterns_dir: dirs } = options;
      return onceFor(expressions, JSON.stringify([pattern, named, own, dirs]), () =>
        parseExpression(pattern, bankFor(banksOf(bank), options), named),
      );
    },
    parseRegex: (source) => onceFor(regexes, source, () => parseRegex(source)),
    compileRegex: (source) => {
      const regex = onceFor(searches, source, () => regexCompiler.compile(source));
      return (text) => typeof regex.exec(text, 0) === "object";
    },
  };
}

function onceFor<K, T>(known: Map<K, T>, key: K, make: () => T): T {
  let value = known.get(key);
  if (value === undefined) known.set(key, (value = make()));
  return value;
}

function banksOf(bank: Bank): Banks {
  return {
    bank,
    directory(dir) {
      throw new ConfigError(
        "PIPELINE_INVALID",
        `patterns_dir names ${dir}; take it out and name the directory in the configuration, under pipelines.patterns`,
      );
    },
  };
}
