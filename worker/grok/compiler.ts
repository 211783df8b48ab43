import type { Filter, GrokCompiler, GrokOptions, OverBudget } from "../filters/filter.ts";
import { showFieldPath, type Json, type LogEvent } from "../pipeline/event.ts";
import { showValue } from "../pipeline/sprintf.ts";
import type { Regex } from "../regex/syntax.ts";
import { applyCaptures, type CaptureRules } from "./apply.ts";
import { bankOf, mergeBanks, type Bank } from "./bank.ts";
import { parseLocated, type GrokExpression } from "./expression.ts";
import type { TextMatcher } from "./matchers.ts";

/** Where definitions come from. */
export interface Banks {
  /** What every grok filter of the pipeline knows. */
  readonly bank: Bank;
  /** The pattern files of a directory that a filter names. @throws ConfigError when nobody has read them */
  readonly directory: (dir: string) => Bank;
}

/** The definitions that a grok filter knows: the pipeline's, those of its directories, its own. */
export function bankFor({ bank, directory }: Banks, options: GrokOptions): Bank {
  const own = bankOf(Object.fromEntries(options.pattern_definitions), "pattern_definitions");
  return mergeBanks(bank, ...options.patterns_dir.map(directory), own);
}

/** Reads an expression of a grok filter with what that filter knows. @throws ConfigError as `parseLocated` */
export type ExpressionReader = (pattern: string, options: GrokOptions) => GrokExpression;

/** Reads each expression once, for all who ask: one of the standard banks can take a megabyte. */
export function expressionReader(banks: Banks): ExpressionReader {
  const known = new Map<string, GrokExpression>();
  return (pattern, options) => {
    const { named_captures_only: named, pattern_definitions: own, patterns_dir: dirs } = options;
    const key = JSON.stringify([pattern, named, own, dirs]);
    let expression = known.get(key);
    if (!expression) known.set(key, (expression = parseLocated(pattern, bankFor(banks, options), named)));
    return expression;
  };
}

/** The grok filter of the plain pipeline. @param matcher plain where it serves as the oracle */
export function grokCompiler(
  read: ExpressionReader,
  matcher: (regex: Regex, pattern: string) => TextMatcher,
): GrokCompiler {
  return {
    compile(options) {
      const match = options.match.map(([field, patterns]) => ({
        field,
        expressions: patterns.map((pattern) => {
          const expression = read(pattern, options);
          return { pattern, expression, find: matcher(expression.regex, pattern) };
        }),
      }));
      return grokFilter(match, options);
    },
  };
}

interface FieldPatterns {
  readonly field: GrokOptions["match"][number][0];
  readonly expressions: readonly {
    readonly pattern: string;
    readonly expression: GrokExpression;
    readonly find: TextMatcher;
  }[];
}

/** @source logstash-filter-grok 4.4, `filter`, `match`, `match_against_groks`: a timeout ends the filter, with its own tag alone */
function grokFilter(match: readonly FieldPatterns[], options: GrokOptions): Filter {
  const rules = captureRules(options);
  const tryAll = ({ expressions }: FieldPatterns, value: Json, event: LogEvent): boolean | OverBudget => {
    const text = typeof value === "string" ? value : showValue(value);
    let matched = false;
    for (const { pattern, expression, find } of expressions) {
      const found = find(text);
      if (found === "too-many-steps") return { overBudget: pattern };
      if (found === "no-match") continue;
      matched = true;
      applyCaptures(event, expression, (group) => found[group], rules);
      if (options.break_on_match) break;
    }
    return matched;
  };
  return {
    apply(event) {
      let matched = false;
      for (const patterns of match) {
        const value = event.get(patterns.field);
        if (value === undefined || value === null) continue;
        for (const one of Array.isArray(value) ? [...value] : [value]) {
          const result = tryAll(patterns, one, event);
          if (typeof result === "object") {
            event.tag(options.tag_on_timeout);
            return result;
          }
          matched ||= result;
        }
        if (matched && options.break_on_match) break;
      }
      if (matched) return "matched";
      for (const tag of options.tag_on_failure) event.tag(tag);
      return "failed";
    },
  };
}

/** How a grok filter's captures become fields. */
export function captureRules({ overwrite, keep_empty_captures, target }: GrokOptions): CaptureRules {
  const overwritten = new Set(overwrite.map(showFieldPath));
  return {
    overwrites: (path) => overwritten.has(showFieldPath(path)),
    keepEmpty: keep_empty_captures,
    target: target ?? [],
  };
}
