import fc from "fast-check";
import { parse, stringify } from "yaml";
import { ConfigError } from "../../worker/contract/errors.ts";
import type { Rules } from "../../worker/contract/rules.ts";
import { createPipeline } from "../../worker/pipeline.ts";
import { parseDefinition } from "../../worker/pipeline/definition.ts";
import { bankOfRules, readerOf, specialiseTools } from "../../worker/pipeline/rules.ts";
import { specialise, type Tree } from "../../worker/pipeline/specialise.ts";
import { plainPipelines } from "../support/rules.ts";
import { definitions } from "./definitions.ts";
import { minimiseData, type Plain } from "./minimise.ts";
import { mutations } from "./mutations.ts";
import { origins } from "./origins.ts";
import { Counts, smallestFailure, type Part } from "./part.ts";
import { DEFINITIONS } from "./pattern-pieces.ts";
import { compareFile, describeFile, smallestFile, type FileCase, type Sides } from "./pipeline-part.ts";

/** A pipeline with lines for it. */
export interface DefinitionCase {
  readonly yaml: string;
  readonly file: FileCase;
}

const PROGRAMS = ["sshd", "sshd", "kernel", "CRON", "ssh", "false", "é"];
const SERVICE = "fuzz";

/** Pipelines of random steps on lines that their patterns take, and on others nearly like them. */
export function definitionsPart(): Part {
  return {
    name: "definitions",
    weight: 3,
    batch(seed, patience) {
      const counts = new Counts();
      const differs = (one: DefinitionCase): boolean => {
        const sides = refusable(() => sidesOf(one));
        if (!sides) {
          counts.meet("refused");
          return false;
        }
        countKinds(treeOf(one.yaml), counts);
        const { lines, difference } = compareFile(one.file, sides);
        counts.lines += lines;
        if (difference === "over-budget") counts.overBudget++;
        return typeof difference === "object";
      };
      const found = smallestFailure(definitionCases, differs, { seed, runs: 8, patience: patience / 3 });
      if (!found) return { ...counts, failure: undefined };
      const smaller = smallestCase(found, patience / 3);
      const failure = describeFile(smaller.file, () => sidesOf(smaller), {
        rules: `\n${smaller.yaml}with ${JSON.stringify(DEFINITIONS)}`,
        alone: () => sidesOf(smaller),
      });
      return { ...counts, failure };
    },
  };
}

/** Cases with messages that the pipeline's own texts were put together for. */
export const definitionCases: fc.Arbitrary<DefinitionCase> = fc
  .tuple(
    definitions,
    origins,
    fc.array(
      fc.tuple(
        fc.nat(0xffff),
        fc.constantFrom(...PROGRAMS, ""),
        fc.constantFrom("", "[77]", "[1]"),
        fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 2, arbitrary: mutations }),
      ),
      { minLength: 1, maxLength: 40, size: "max" },
    ),
  )
  .map(([{ text: yaml, samples }, origin, lines]) => {
    const all = samples.length > 0 ? samples : ["message"];
    const text = lines.map(([which, program, pid, changes]) => {
      const message = Buffer.from(all[which % all.length]!).toString("latin1");
      const tag = program === "" ? "" : `${Buffer.from(program).toString("latin1")}${pid}: `;
      return `${changes.reduce((line, change) => change(line), `Jan 14 10:00:00 h ${tag}${message}`)}\n`;
    });
    const file = { origin: { ...origin, service: SERVICE }, from: 0, before: "", text: text.join(""), missing: 0 };
    return { yaml, file };
  });

/** Takes away what is not needed of the lines, then of the pipeline. */
function smallestCase({ yaml, file }: DefinitionCase, patience: number): DefinitionCase {
  const sides = sidesOf({ yaml, file });
  const smallest = smallestFile(file, (one) => typeof compareFile(one, sides).difference === "object", patience);
  const still = (data: Plain): boolean => {
    const made = refusable(() => sidesOf({ yaml: stringify(data), file: smallest }));
    return made !== undefined && typeof compareFile(smallest, made).difference === "object";
  };
  return {
    yaml: stringify(minimiseData(parse(yaml) as Plain, still, patience), { lineWidth: 0 }),
    file: smallest,
  };
}

function rulesOf(yaml: string): Rules {
  return {
    pipelines: [{ services: [SERVICE], file: "fuzz.yaml", text: yaml }],
    otherwise: SERVICE,
    patterns: Object.entries(DEFINITIONS).map(([name, text]) => ({ name, text, where: "fuzz" })),
    databases: [],
  };
}

/** @throws ConfigError for a pipeline that is refused */
function sidesOf({ yaml }: DefinitionCase): Sides {
  const rules = rulesOf(yaml);
  return { pipeline: createPipeline(rules), plain: plainPipelines(rules)(SERVICE) };
}

/** What is made of a pipeline for the program of most lines. */
function treeOf(yaml: string): Tree {
  const tools = specialiseTools(readerOf(bankOfRules(rulesOf(yaml))));
  const definition = parseDefinition(yaml, "fuzz.yaml");
  return specialise(definition, { fields: { program: PROGRAMS[0]!, service: SERVICE } }, tools);
}

function countKinds(tree: Tree, counts: Counts): void {
  counts.meet(tree.kind);
  if (!("then" in tree)) return;
  countKinds(tree.then, counts);
  countKinds(tree.otherwise, counts);
}

function refusable<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
