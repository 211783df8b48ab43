import type { LineContext, RegexCompiler } from "../filters/filter.ts";
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
import { interpret, type Run } from "./interpret.ts";
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

/** @throws ConfigError for a pipeline or patterns that cannot be used */
export function compileRules(source: Rules): (service: string) => ServiceRules {
  const bank = bankOfRules(source);
  const byService = new Map<string, () => ServiceRules>();
  for (const { services, file, text } of source.pipelines) {
    const definition = parseDefinition(text, file);
    let made: ServiceRules | undefined;
    for (const service of services) {
      byService.set(service, () => (made ??= rulesOf(definition, service, bank)));
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

/** The plain pipeline with its tools. @param matcher another one for patterns, and `regex` for all other expressions, to compare with */
export function plainRules(
  definition: PipelineDefinition,
  bank: Bank,
  matcher: (regex: Regex) => TextMatcher = generatedMatcher,
  regex: RegexCompiler = regexCompiler,
): ServiceRules["plain"] {
  return interpret(definition, {
    grok: grokCompiler(banksOf(bank), matcher),
    dates: dateCompiler,
    regex,
    databases: {
      open(database) {
        throw new ConfigError(
          "PIPELINE_INVALID",
          `there is no database ${database}; name its file in the configuration`,
        );
      },
    },
  });
}

function rulesOf(definition: PipelineDefinition, service: string, bank: Bank): ServiceRules {
  const plain = plainRules(definition, bank);
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
export function specialiseTools(bank: Bank): SpecialiseTools {
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
        `nobody has read the patterns of ${dir}; name the directory in the configuration`,
      );
    },
  };
}
