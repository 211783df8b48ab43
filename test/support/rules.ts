import { defaultRules } from "../../orchestrator/rules.ts";
import { plainMatcher, type TextMatcher } from "../../worker/grok/matchers.ts";
import type { Regex } from "../../worker/regex/syntax.ts";
import { parseDefinition } from "../../worker/pipeline/definition.ts";
import { bankOfRules, plainRules, type ServiceRules } from "../../worker/pipeline/rules.ts";
import type { Rules } from "../../worker/contract/rules.ts";

/** What campaigns do with lines when nothing else is configured. */
export const DEFAULT_RULES: Rules = defaultRules();

/**
 * The plain pipelines of some rules by service: what the generated code must equal.
 * @param matcher plain, but where it is about budgets, which plain matchers have others of
 */
export function plainPipelines(
  rules: Rules,
  matcher: (regex: Regex) => TextMatcher = plainMatcher,
): (service: string) => ServiceRules["plain"] {
  const made = new Map<string, ServiceRules["plain"]>();
  return (service) => {
    const { file, text } =
      rules.pipelines.find(({ services }) => services.includes(service)) ??
      rules.pipelines.find(({ services }) => services.includes(rules.otherwise))!;
    const known = made.get(file) ?? plainRules(parseDefinition(text, file), bankOfRules(rules), matcher);
    made.set(file, known);
    return known;
  };
}
