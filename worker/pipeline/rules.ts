import { openerOf, type Databases } from "../databases.ts";
import type { LineContext, RegexCompiler } from "../filters/filter.ts";
import { FILTERS } from "../filters/index.ts";
import type { Bank } from "../grok/bank.ts";
import { expressionReader, grokCompiler, type ExpressionReader } from "../grok/compiler.ts";
import { generatedMatcher, type TextMatcher } from "../grok/matchers.ts";
import { parseRegex } from "../regex/parse.ts";
import { NameTable } from "../parsers/name-table.ts";
import { regexCompiler } from "../regex/search.ts";
import type { Regex } from "../regex/syntax.ts";
import { dateCompiler } from "../time/date-compiler.ts";
import { ConfigError } from "../contract/errors.ts";
import type { Rules } from "../contract/rules.ts";
import { parseDefinition, type PipelineDefinition } from "./definition.ts";
import type { LogEvent } from "./event.ts";
import { compileTree, type CompiledTree } from "./generate-tree.ts";
import { interpret, type Run, type Watch } from "./interpret.ts";
import { ProgramRules } from "./program-rules.ts";
import { specialise, type SpecialiseTools } from "./specialise.ts";

/** The rules of a service's lines. */
export interface ServiceRules {
  /** Finds a program by the bytes of its name. */
  readonly ofProgram: (src: Buffer, start: number, end: number) => ProgramRules;
  readonly withoutProgram: ProgramRules;
  /** The plain pipeline. */
  readonly plain: (event: LogEvent, line: LineContext) => Run;
}

/** How rules are made ready. */
export interface RulesOptions {
  /** Those that the rules name, as `readDatabases` reads them. */
  readonly databases?: Databases | undefined;
  /** So many lines of a program are done plainly before code is made for it, which is cheaper where it has few; 0 if not said. */
  readonly plainLines?: number;
}

/** @throws ConfigError for a pipeline or patterns that cannot be used */
export function compileRules(source: Rules, options: RulesOptions = {}): (service: string) => ServiceRules {
  const bank = bankOfRules(source);
  const byService = new Map<string, () => ServiceRules>();
  for (const { services, file, text } of source.pipelines) {
    const definition = parseDefinition(text, file);
    for (const service of services) {
      // Of each service its own: a pipeline may ask for the service.
      let made: ServiceRules | undefined;
      byService.set(service, () => (made ??= rulesOf(definition, service, bank, options)));
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

/** What the plain pipeline is made with. */
export interface PlainOptions {
  /** For patterns, and `regex` for all other expressions: others, to compare with. */
  readonly matcher?: (regex: Regex, pattern: string) => TextMatcher;
  readonly regex?: RegexCompiler;
  readonly databases?: Databases | undefined;
  readonly watch?: Watch;
  /** Of the same bank. */
  readonly readExpression?: ExpressionReader;
}

/** The plain pipeline with its tools. */
export function plainRules(
  definition: PipelineDefinition,
  bank: Bank,
  {
    matcher = generatedMatcher,
    regex = regexCompiler,
    databases = new Map(),
    watch,
    readExpression = readerOf(bank),
  }: PlainOptions = {},
): ServiceRules["plain"] {
  const tools = {
    grok: grokCompiler(readExpression, matcher),
    dates: dateCompiler,
    regex,
    databases: openerOf(databases),
  };
  return interpret(definition, tools, FILTERS, watch);
}

function rulesOf(
  definition: PipelineDefinition,
  service: string,
  bank: Bank,
  { databases, plainLines = 0 }: RulesOptions,
): ServiceRules {
  const readExpression = readerOf(bank);
  const plain = plainRules(definition, bank, { databases, readExpression });
  let gaveUp = false;
  const tools = specialiseTools(readExpression, () => (gaveUp = true));
  const trees = new Map<string, CompiledTree | undefined>();
  const ids = new Map<unknown, number>();
  // Expressions and tests are the same when they are one object.
  const byIdentity = (name: string, value: unknown): unknown =>
    name === "expression" || name === "regex" ? onceFor(ids, value, () => ids.size) : value;
  const treeOf = (program: string | null): CompiledTree | undefined => {
    gaveUp = false;
    const tree = specialise(definition, { fields: { program, service } }, tools);
    // The plain pipeline says so in each line.
    if (gaveUp) return undefined;
    // Programs of which the pipeline says the same share their code.
    const key = JSON.stringify(tree, byIdentity);
    if (!trees.has(key)) trees.set(key, compileTree(tree));
    return trees.get(key);
  };
  const rulesFor = (name: string, lines: number) => new ProgramRules(name, lines, () => treeOf(name));
  const programs = new NameTable((name) => rulesFor(name, plainLines));
  return {
    // No program has so long a name: that is not worth being kept, nor code.
    ofProgram: (src, start, end) =>
      end - start > NameTable.longest
        ? rulesFor(src.toString("utf8", start, end), Infinity)
        : programs.of(src, start, end),
    withoutProgram: new ProgramRules(undefined, plainLines, () => treeOf(null)),
    plain,
  };
}

/** Expressions are read once for all programs. @param giveUp is told when a condition on what is known goes over its budget */
export function specialiseTools(
  readExpression: ExpressionReader,
  giveUp: () => void = () => undefined,
): SpecialiseTools {
  const regexes = new Map<string, Regex>();
  const searches = new Map<string, ReturnType<typeof regexCompiler.compile>>();
  return {
    parseExpression: readExpression,
    parseRegex: (source) => onceFor(regexes, source, () => parseRegex(source)),
    compileRegex: (source) => {
      const regex = onceFor(searches, source, () => regexCompiler.compile(source));
      return (text) => {
        const match = regex.exec(text, 0);
        if (match === "over-budget") giveUp();
        return typeof match === "object";
      };
    },
  };
}

function onceFor<K, T>(known: Map<K, T>, key: K, make: () => T): T {
  let value = known.get(key);
  if (value === undefined) known.set(key, (value = make()));
  return value;
}

/** Reads expressions with the patterns that pipelines name. */
export function readerOf(bank: Bank): ExpressionReader {
  return expressionReader({
    bank,
    directory(dir) {
      throw new ConfigError(
        "PIPELINE_INVALID",
        `patterns_dir names ${dir}; take it out and name the directory in the configuration, under pipelines.patterns`,
      );
    },
  });
}
