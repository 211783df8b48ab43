import { describe, expect, it } from "vitest";
import type { JournalEntry, JournalRecord } from "../../../orchestrator/journal.ts";
import { viewOf } from "../../../orchestrator/view.ts";

const recordsOf = (...entries: readonly JournalEntry[]): JournalRecord[] =>
  entries.map((entry, i) => ({ ...entry, seq: i + 1, at: 1000 * (i + 1), epoch: 1 }));

const done = (name: string, result?: unknown): JournalEntry[] => [
  { type: "step", name, status: "started" },
  { type: "step", name, status: "done", ...(result === undefined ? {} : { result }) },
];

describe("the view of a campaign that is checked again", () => {
  const view = viewOf(
    recordsOf(
      ...done("load-begin", { cpuMillis: 10 }),
      ...done("drain-parsers"),
      ...done("snapshot"),
      { type: "transition", event: "hold", from: "finishing", to: "held", reason: "the sums differ" },
      { type: "transition", event: "retry", from: "held", to: "finishing" },
    ),
  );

  it("does the steps of finishing again and keeps what was measured before", () => {
    expect([...view.steps.keys()]).toEqual(["load-begin"]);
  });

  it("knows that nothing can be loaded any more", () => {
    expect(view.loadIsOver).toBe(true);
  });
});
