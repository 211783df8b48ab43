import fc from "fast-check";
import { ConfigError } from "../../worker/contract/errors.ts";
import { canGenerate } from "../../worker/regex/generate.ts";
import { parseRegex } from "../../worker/regex/parse.ts";
import { prefixOf } from "../../worker/regex/prefix.ts";
import { certainGroups, withinLine, type Regex } from "../../worker/regex/syntax.ts";
import { matchersOf, type Spans } from "./compare-matchers.ts";
import { expressions, texts } from "./expressions.ts";
import { minimise } from "./minimise.ts";
import { Counts, smallestFailure, type Part } from "./part.ts";

interface ExpressionCase {
  readonly source: string;
  readonly dotAll: boolean;
  readonly keepNumbered: boolean;
  readonly texts: readonly string[];
  /** The character at which matches may begin. */
  readonly first: number;
}

const cases: fc.Arbitrary<ExpressionCase> = fc.record({
  source: expressions,
  dotAll: fc.constantFrom(false, false, true),
  keepNumbered: fc.boolean(),
  texts: fc.array(texts, { minLength: 1, maxLength: 8, size: "max" }),
  first: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(5) }),
});

/** Random expressions on random texts: generated matchers against the plain one, and what a dispatch believes of an expression. */
export function expressionsPart(): Part {
  return {
    name: "expressions",
    weight: 2,
    batch(seed, patience) {
      const counts = new Counts();
      const found = smallestFailure(cases, (one) => problemOf(one, counts) !== undefined, {
        seed,
        runs: 300,
        patience: patience / 3,
      });
      if (!found) return { ...counts, failure: undefined };
      const smaller = smallestCase(found, patience / 3);
      const failure = [
        `expression: ${JSON.stringify(smaller.source)} ${smaller.dotAll ? ", dot takes line feeds" : ""}${smaller.keepNumbered ? ", numbered groups kept" : ""}`,
        `texts:      ${JSON.stringify(smaller.texts)} from character ${String(smaller.first)} on`,
        problemOf(smaller, new Counts())!,
      ].join("\n");
      return { ...counts, failure };
    },
  };
}

/** What is wrong, if anything. */
function problemOf({ source, dotAll, keepNumbered, texts, first }: ExpressionCase, counts: Counts): string | undefined {
  let regex: Regex;
  try {
    regex = parseRegex(source, { dotAll, keepNumbered });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    counts.meet("refused");
    return undefined;
  }
  counts.meet(canGenerate(regex) ? "generated" : "left to the plain one");
  const { plain, generated, generatedForLines } = matchersOf(regex);
  for (const text of texts) {
    const from = Math.min(first, Array.from(text).length);
    const expected = plain(text, from);
    const all = {
      generated: generated(text, from),
      ...(!text.includes("\n") && { "generated for lines": generatedForLines(text, from) }),
    };
    counts.lines++;
    if (expected === "over budget") counts.overBudget++;
    else counts.meet(expected === "no match" ? "missed" : "found");
    for (const [what, found] of Object.entries(all)) {
      if (found === "over budget" || expected === "over budget") continue;
      const [ours, theirs] = [JSON.stringify(found), JSON.stringify(expected)];
      if (ours !== theirs) return `${what}: ${ours}\nplain:      ${theirs} on ${JSON.stringify(text)}`;
    }
    const belief = typeof expected === "string" || text.includes("\n") ? undefined : wrongBelief(regex, text, expected);
    if (belief !== undefined) return `${belief} on ${JSON.stringify(text)}`;
  }
  return undefined;
}

/** What a pipeline's code believes of an expression without asking it: how matches begin, and which groups are in all of them. */
function wrongBelief(regex: Regex, text: string, [whole, ...groups]: Exclude<Spans, string>): string | undefined {
  const bytes = Buffer.from(text);
  const prefix = prefixOf(withinLine(regex));
  const at = prefix.findIndex((set, i) => set[bytes[i] ?? -1] !== 1);
  if (at >= 0) return `the prefix does not allow byte ${String(at)} of a match at ${JSON.stringify(whole)}`;
  const uncertain = [...certainGroups(regex)].find((group) => {
    const span = groups[group];
    return !span || span[0] >= span[1];
  });
  return uncertain === undefined ? undefined : `group ${String(uncertain)} is believed to be in every match`;
}

function smallestCase(one: ExpressionCase, patience: number): ExpressionCase {
  const fails = (changed: Partial<ExpressionCase>) => problemOf({ ...one, ...changed }, new Counts()) !== undefined;
  const text = one.texts.find((each) => fails({ texts: [each] }));
  const texts = text === undefined ? one.texts : [minimise(text, (each) => fails({ texts: [each] }), patience)];
  const source = minimise(one.source, (source) => fails({ texts, source }), patience);
  return { ...one, texts, source };
}
