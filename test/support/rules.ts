import { defaultRules } from "../../orchestrator/rules.ts";
import { plainMatcher } from "../../worker/grok/matchers.ts";
import { parseDefinition } from "../../worker/pipeline/definition.ts";
import { bankOfRules, plainRules, type ServiceRules } from "../../worker/pipeline/rules.ts";
import type { Rules } from "../../worker/contract/rules.ts";

/** What campaigns do with lines when nothing else is configured. */
export const DEFAULT_RULES: Rules = defaultRules();

/** The plain pipelines of some rules by service, with plain matchers: what the generated code must equal. */
export function plainPipelines(rules: Rules): (service: string) => ServiceRules["plain"] {
  const made = new Map<string, ServiceRules["plain"]>();
  return (service) => {
    const { file, text } =
      rules.pipelines.find(({ services }) => services.includes(service)) ??
      rules.pipelines.find(({ services }) => services.includes(rules.otherwise))!;
    const known = made.get(file) ?? plainRules(parseDefinition(text, file), bankOfRules(rules), plainMatcher);
    made.set(file, known);
    return known;
  };
}
