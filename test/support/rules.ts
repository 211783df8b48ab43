import { defaultRules } from "../../orchestrator/rules.ts";
import type { Rules } from "../../worker/contract/rules.ts";
import { generatedMatcher, plainMatcher } from "../../worker/grok/matchers.ts";
import { parseDefinition } from "../../worker/pipeline/definition.ts";
import { bankOfRules, plainRules, type ServiceRules } from "../../worker/pipeline/rules.ts";
import { plainMatcher as plainMatcherOnBytes } from "../../worker/regex/compile.ts";
import { regexCompiler, regexCompilerWith } from "../../worker/regex/search.ts";

/** What campaigns do with lines when nothing else is configured. */
export const DEFAULT_RULES: Rules = defaultRules();

/**
/**
 * What expressions are looked for with: the plain matcher, which says what is right, or the generated one, where the lines are too long or
 * too many for that, or where it is about budgets, which plain matchers have others of. The pipeline around it is the plain one either way.
 */
export type Matchers = "plain" | "generated";

/** The plain pipelines of some rules by service: what the generated code must equal. */
export function plainPipelines(rules: Rules, matchers: Matchers = "plain"): (service: string) => ServiceRules["plain"] {
  const made = new Map<string, ServiceRules["plain"]>();
  const tools =
    matchers === "plain"
      ? { matcher: plainMatcher, regex: regexCompilerWith(plainMatcherOnBytes) }
      : { matcher: generatedMatcher, regex: regexCompiler };
  return (service) => {
    const { file, text } =
      rules.pipelines.find(({ services }) => services.includes(service)) ??
      rules.pipelines.find(({ services }) => services.includes(rules.otherwise))!;
    const known = made.get(file) ?? plainRules(parseDefinition(text, file), bankOfRules(rules), tools);
    made.set(file, known);
    return known;
  };
}
