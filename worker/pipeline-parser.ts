import type { Origin } from "./contract/chunk.ts";
import type { ExplainedStep, PipelineParser } from "./contract/line-parser.ts";
import type { Rules } from "./contract/rules.ts";
import type { Databases } from "./databases.ts";
import type { FilterResult } from "./filters/filter.ts";
import { generatedMatcher, type TextMatcher } from "./grok/matchers.ts";
import { explainMisses } from "./grok/partial-match.ts";
import { FoldScan } from "./parsers/fold-scan.ts";
import { readLine } from "./parsers/reference.ts";
import { createPipeline } from "./pipeline.ts";
import type { Watch } from "./pipeline/interpret.ts";
import { parseDefinition } from "./pipeline/definition.ts";
import { bankOfRules, plainRules, type ServiceRules } from "./pipeline/rules.ts";
import type { Regex } from "./regex/syntax.ts";
import { Calendar } from "./time/calendar.ts";
import { foldsOf } from "./time/folds.ts";

const LF = 10;

/**
 * A pipeline on the lines of one file, outside of a campaign: the documents that a campaign would store, and how they came about. What is
 * explained is what the plain pipeline does; the compiled one does the same (`parsers/reference.ts`).
 */
export function createPipelineParser(rules: Rules, databases: Databases, origin: Origin): PipelineParser {
  const pipeline = createPipeline(rules, { databases });
  const folds = foldsOf(origin).length > 0 ? new FoldScan(origin) : undefined;
  // As far as the file has been read; of lines before it nothing changes any more.
  const originNow = (): Origin =>
    folds && folds.found.length > 0 ? { ...origin, secondFolds: [...folds.found] } : origin;
  let explained: Explained | undefined;
  return {
    parse(block, base, bytes) {
      folds?.push(block);
      folds?.passOver(bytes - block.length);
      const { body, lengths, tallies } = pipeline.run(block, base, originNow(), { bytes });
      return { documents: withoutActions(body, lengths), tallies };
    },
    explain(line, offset, length) {
      folds?.push(line);
      folds?.passOver(length - line.length);
      explained ??= createExplained(rules, databases, origin.service);
      explained.steps = [];
      const src = Buffer.from(line.buffer, line.byteOffset, line.byteLength);
      const now = originNow();
      const calendarOf = (timeZone: string): Calendar => new Calendar({ ...now, timeZone });
      const { document, dropped } = readLine(src, offset, length, now, false, explained.plain, calendarOf);
      const { unparsed } = document;
      return {
        json: dropped === undefined ? JSON.stringify(document) : undefined,
        dropped,
        unparsed: typeof unparsed === "string" ? unparsed : undefined,
        steps: explained.steps,
      };
    },
  };
}

/** The documents of a bulk body, moved to its beginning. */
function withoutActions(body: Uint8Array, lengths: Uint32Array): Uint8Array {
  let from = 0;
  let to = 0;
  for (const length of lengths) {
    const document = body.indexOf(LF, from) + 1;
    body.copyWithin(to, document, from + length);
    to += from + length - document;
    from += length;
  }
  return body.subarray(0, to);
}

/** The plain pipeline, which writes down what it does. */
interface Explained {
  readonly plain: ServiceRules["plain"];
  steps: ExplainedStep[];
}

function createExplained(rules: Rules, databases: Databases, service: string): Explained {
  const of = (name: string) => rules.pipelines.find(({ services }) => services.includes(name));
  // `createPipeline` has refused rules without it.
  const { file, text } = (of(service) ?? of(rules.otherwise))!;
  const explained: { steps: ExplainedStep[] } = { steps: [] };
  let stages: readonly string[] = [];
  const matcher = (regex: Regex, pattern: string): TextMatcher => {
    const find = generatedMatcher(regex);
    const reachedIn = explainMisses(regex);
    return (message) => {
      const found = find(message);
      const outcome = found === "no-match" ? "missed" : found === "too-many-steps" ? "given-up" : "matched";
      const reached = outcome === "missed" ? reachedIn(message) : undefined;
      const candidate = { pattern, outcome, ...(reached && { reached }) } as const;
      explained.steps.push({ kind: "candidate", candidate, text: message, stages });
      return found;
    };
  };
  const watch: Watch = {
    enter(name) {
      explained.steps.push({ kind: "stage", name, stages });
      stages = [...stages, name];
    },
    leave() {
      stages = stages.slice(0, -1);
    },
    filter({ filter, place }, result) {
      explained.steps.push({ kind: "filter", filter, place, outcome: outcomeOf(result), stages });
    },
  };
  const plain = plainRules(parseDefinition(text, file), bankOfRules(rules), { matcher, databases, watch });
  return Object.assign(explained, { plain });
}

function outcomeOf(result: FilterResult): "matched" | "unmatched" | "failed" | "dropped" {
  if (typeof result !== "object") return result;
  return "drop" in result ? "dropped" : "failed";
}
