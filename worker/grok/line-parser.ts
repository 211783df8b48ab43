import type {
  Candidate,
  ExplainedLine,
  LineParser,
  Outcome,
  ParsedLine,
  PartialMatch,
} from "../contract/line-parser.ts";
import { FLAW_TAGS, lineText } from "../framing/line-text.ts";
import { LogEvent } from "../pipeline/event.ts";
import { applyCaptures, type CaptureRules } from "./apply.ts";
import type { Bank } from "./bank.ts";
import { parseLocated, type GrokExpression } from "./expression.ts";
import { bytesMatcher, type Found } from "./matchers.ts";
import { explainMisses } from "./partial-match.ts";

/** Logstash's tags. */
const MISSED = "_grokparsefailure";
const GIVEN_UP = "_groktimeout";

/** Captures beside what is there, as Logstash's defaults have it. */
const RULES: CaptureRules = { overwrites: () => false, keepEmpty: false, target: [] };

/** One of the expressions, ready to be looked for. */
interface Pattern {
  readonly expression: GrokExpression;
  readonly find: (line: Buffer) => Found;
  /** How far the longest attempt of a miss got. */
  reached(text: string): PartialMatch | undefined;
}

/**
 * The parser of grok expressions alone: the event is `{message}`, the first expression that matches adds its captures, and the
 * document is the event as Logstash's grok filter leaves it, with `@metadata` when something was captured there.
 *
 * Two things Logstash does not do: what is no UTF-8 is U+FFFD with the tag `_bad_utf8` (Logstash writes escapes, and no tag), and of
 * a giant line only the beginning is kept, tagged `_truncated`.
 * @throws ConfigError `GROK_UNDEFINED`, `GROK_CYCLE`, `GROK_TYPE`, `REGEX_INVALID`, `REGEX_UNSUPPORTED`
 */
export function createGrokParser(sources: readonly string[], bank: Bank): LineParser {
  const patterns = sources.map((source) => patternOf(parseLocated(source, bank)));
  return {
    parse: (line) => run(patterns, line, undefined),
    explain: (line): ExplainedLine => {
      const candidates: Candidate[] = [];
      return { ...run(patterns, line, candidates), candidates };
    },
  };
}

function patternOf(expression: GrokExpression): Pattern {
  return { expression, find: bytesMatcher(expression.regex), reached: explainMisses(expression.regex) };
}

function run(patterns: readonly Pattern[], line: Uint8Array, candidates: Candidate[] | undefined): ParsedLine {
  const { text, flaws } = lineText(line);
  const event = new LogEvent({ message: text });
  for (const flaw of flaws) event.tag(FLAW_TAGS[flaw]);
  const bytes = flaws.length > 0 ? Buffer.from(text) : Buffer.from(line.buffer, line.byteOffset, line.byteLength);
  let outcome: Outcome = "missed";
  let by: string | undefined;
  for (const pattern of patterns) {
    const { expression } = pattern;
    const found = pattern.find(bytes);
    outcome = found === "no-match" ? "missed" : found === "too-many-steps" ? "given-up" : "matched";
    if (candidates) {
      const reached = outcome === "missed" ? pattern.reached(text) : undefined;
      candidates.push({ pattern: expression.source, outcome, ...(reached && { reached }) });
    }
    if (found === "no-match") continue;
    by = expression.source;
    if (found !== "too-many-steps") applyCaptures(event, expression, (group) => found[group], RULES);
    break;
  }
  if (outcome !== "matched") event.tag(outcome === "missed" ? MISSED : GIVEN_UP);
  return { json: jsonOf(event), outcome, ...(by === undefined ? {} : { by }), flaws };
}

function jsonOf({ fields, metadata }: LogEvent): string {
  return JSON.stringify(Object.keys(metadata).length === 0 ? fields : { ...fields, "@metadata": metadata });
}
