import type { ExplainedEvent, ExplainedStep } from "../../worker/contract/line-parser.ts";
import { printable } from "../cli/io.ts";
import { formatCandidate, harmless, shownMessage } from "./explanation.ts";

/**
 * A line on its way through a pipeline, for people: the stages that it entered, the patterns that were tried, filters that did something.
 *
 *     line 3: Jan 14 23:20:01 hildor sshd[12]: Rejected password for bob
 *       stage sshd
 *         ✗ ^Accepted %{WORD:method}
 *             got to column 1, in "Accepted "; there stands "Rejected password for bob"
 *         ✗ grok failed (auth.yaml:12:9)
 *       {"@timestamp":"2013-01-14T…","tags":["_grokparsefailure"]}
 */
export function formatSteps(number: number, message: Uint8Array, { steps, json, dropped }: ExplainedEvent): string {
  const lines = [shownMessage(number, message)];
  for (const step of steps) {
    const indent = "  ".repeat(step.stages.length + 1);
    if (step.kind === "stage") lines.push(`${indent}stage ${step.name}`);
    else if (step.kind === "candidate") {
      lines.push(...formatCandidate(step.candidate, Array.from(step.text)).map((text) => `${indent}${text}`));
    } else if (isWorthSaying(step)) {
      lines.push(
        `${indent}${step.outcome === "failed" ? "✗" : "✓"} ${step.filter} ${step.outcome} (${printable(step.place)})`,
      );
    }
  }
  lines.push(json === undefined ? `  dropped: ${printable(dropped ?? "")}` : `  ${harmless(json)}`);
  return `${lines.join("\n")}\n`;
}

/** The same as one line of JSON. Each pattern names the stage in which it was tried, the innermost one. */
export function stepsJson(number: number, _message: Uint8Array, { steps, json, dropped }: ExplainedEvent): string {
  const stages: string[] = [];
  const candidates: unknown[] = [];
  const filters: unknown[] = [];
  for (const step of steps) {
    const within = step.stages.at(-1);
    const stage = within === undefined ? {} : { stage: within };
    if (step.kind === "stage") stages.push(step.name);
    else if (step.kind === "candidate") candidates.push({ ...step.candidate, ...stage });
    else if (isWorthSaying(step)) {
      const { filter, place, outcome } = step;
      filters.push({ filter, place, outcome, ...stage });
    }
  }
  const rest = JSON.stringify({ ...(dropped === undefined ? {} : { dropped }), stages, candidates, filters });
  return `{"line":${String(number)},"document":${json ?? "null"},${rest.slice(1)}\n`;
}

/** A grok filter that has matched shows in its patterns; one that had nothing to do says nothing. */
function isWorthSaying({ filter, outcome }: ExplainedStep & { kind: "filter" }): boolean {
  return outcome !== "unmatched" && !(filter === "grok" && outcome === "matched");
}
