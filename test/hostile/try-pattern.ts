import { writeSync } from "node:fs";
import { BackfillError } from "../../worker/contract/errors.ts";
import type { Origin } from "../../worker/contract/chunk.ts";
import type { Rules } from "../../worker/contract/rules.ts";
import { parseExpression } from "../../worker/grok/expression.ts";
import { createPipeline } from "../../worker/pipeline.ts";
import { bankOfRules } from "../../worker/pipeline/rules.ts";
import { dangerOf } from "../../worker/regex/danger.ts";
import { DEFAULT_RULES } from "../support/rules.ts";
import { HOSTILE_PATTERNS, type HostilePattern } from "./patterns.ts";

/** What came of a hostile pattern. */
export type PatternOutcome =
  /** No pipeline was made. */
  | { readonly kind: "refused"; readonly code: string; readonly message: string }
  | {
      readonly kind: "used";
      /** Of the document of each message: its tags, `fields` when it had others than any line has. */
      readonly documents: readonly string[];
      /** Whether each line came out once, and the lines tile the block. */
      readonly whole: boolean;
      /** The text that was found for which it is too dear. */
      readonly danger: string | undefined;
      readonly bytes: number;
    };

const ORIGIN: Origin = {
  fileId: "0123456789ab",
  path: "syslog",
  month: "2013-01",
  firstDay: "2013-01-01",
  timeZone: "UTC",
  service: "syslog",
  index: { pattern: "logs-{day}-m{month}-r{revision}", revision: 1 },
  dropPrograms: [],
};
const HEADER = "Jan 14 10:00:00 h p[1]: ";
/** What every document has here. */
const ORDINARY = "@timestamp host program pid message file offset service tags length unparsed".split(" ");

/** Makes the pipeline of a pattern and gives it its messages. It may take for ever, or all memory: see `run-patterns.ts`. */
function tryPattern(pattern: HostilePattern): PatternOutcome {
  const rules = rulesOf(pattern);
  const pipeline = made(() => createPipeline(rules));
  if ("kind" in pipeline) return pipeline;
  const lines = pattern.messages.map((message) => `${HEADER}${message}\n`).join("");
  const block = new Uint8Array(Buffer.from(lines));
  // The pipeline of a service is made when its first line comes.
  const batch = made(() => pipeline.made.run(block, 0, ORIGIN));
  if ("kind" in batch) return batch;
  const { count, offsets, lengths, body, tallies } = batch.made;
  const documents = Buffer.from(body)
    .toString()
    .split("\n")
    .filter((_, i) => i % 2 === 1);
  const starts = pattern.messages.map((_, i) =>
    Buffer.byteLength(
      pattern.messages
        .slice(0, i)
        .map((message) => `${HEADER}${message}\n`)
        .join(""),
    ),
  );
  return {
    kind: "used",
    documents: documents.map(summary),
    whole:
      tallies.read === pattern.messages.length &&
      tallies.read === count + tallies.dropped &&
      tallies.bytes === block.length &&
      JSON.stringify([...offsets]) === JSON.stringify(starts) &&
      lengths.reduce((sum, n) => sum + n, 0) === body.length,
    danger: dangerTo(pattern, rules),
    bytes: body.length,
  };
}

function made<T>(make: () => T): { readonly made: T } | Extract<PatternOutcome, { kind: "refused" }> {
  try {
    return { made: make() };
  } catch (error) {
    if (!(error instanceof BackfillError)) throw error;
    return { kind: "refused", code: error.code, message: error.message };
  }
}

function rulesOf({ grok, filters, definitions = {} }: HostilePattern): Rules {
  const text =
    grok === undefined
      ? `name: hostile\nfilters:\n${filters!.replaceAll(/^/gm, "  ")}\n`
      : JSON.stringify({ name: "hostile", filters: [{ grok: { match: { message: [grok] } } }] });
  return {
    ...DEFAULT_RULES,
    pipelines: [{ services: ["syslog"], file: "hostile", text }],
    otherwise: "syslog",
    patterns: [
      ...DEFAULT_RULES.patterns,
      { name: "GREEDYDATA", text: ".*", where: "hostile" },
      { name: "WORD", text: "\\b\\w+\\b", where: "hostile" },
      ...Object.entries(definitions).map(([name, text]) => ({ name, text, where: `hostile:${name}` })),
    ],
  };
}

function dangerTo({ grok }: HostilePattern, rules: Rules): string | undefined {
  if (grok === undefined) return undefined;
  const danger = dangerOf(parseExpression(grok, bankOfRules(rules)).regex);
  return danger && `${danger.prefix}(${danger.pump})×${String(danger.times)}${danger.suffix}`;
}

function summary(json: string): string {
  const document = JSON.parse(json) as Readonly<Record<string, unknown>>;
  const tags = document["tags"];
  const others = Object.keys(document).filter((key) => !ORDINARY.includes(key));
  return [...(Array.isArray(tags) ? (tags as string[]) : []), ...(others.length > 0 ? ["fields"] : [])].join(" ");
}

/** A line of what this program writes. */
export interface PatternReport {
  readonly name: string;
  readonly outcome: PatternOutcome;
  readonly cpuMs: number;
}

/** A program of its own, so that whoever asks can end it: tries the patterns that are named, one after the other. */
function main(names: readonly string[]): void {
  for (const name of names) {
    const pattern = HOSTILE_PATTERNS.find((one) => one.name === name);
    if (!pattern) throw new Error(`no hostile pattern is named ${name}`);
    const before = process.cpuUsage();
    const outcome = tryPattern(pattern);
    const { user, system } = process.cpuUsage(before);
    const report: PatternReport = { name, outcome, cpuMs: Math.round((user + system) / 1000) };
    // At once, before the next one can end this program.
    writeSync(1, `${JSON.stringify(report)}\n`);
  }
}

if (import.meta.main) main(process.argv.slice(2));
