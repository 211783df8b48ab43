import { describe, expect, it } from "vitest";
import { budgetOf, budgetText } from "../../../orchestrator/budget.ts";
import { nodeHoursOf } from "../../../orchestrator/cli/budget.ts";
import type { JournalEntry, JournalRecord } from "../../../orchestrator/journal.ts";
import { viewOf } from "../../../orchestrator/view.ts";

const HOUR = 3_600_000;
const roles = {
  dataNodes: { cpus: 4, walltime: 12 * 3600 },
  parsers: { cpus: 2, walltime: 2 * 3600 },
} as Pick<Parameters<typeof budgetOf>[0], "dataNodes" | "parsers">;
const configured = (nodeHours?: number) => ({
  ...roles,
  ...(nodeHours === undefined ? {} : { budget: { nodeHours } }),
});

/** One record each hour. */
const hourly = (...entries: readonly JournalEntry[]): JournalRecord[] =>
  entries.map((entry, i) => ({ ...entry, seq: i + 1, at: i * HOUR, epoch: 1 }));

/** Nodes that began at midnight, a data node that runs and a parser that ended after an hour. */
const nodes: readonly JournalEntry[] = [
  { type: "submit-intent", jobName: "gh-1-d1", role: "es-data" },
  { type: "submit-intent", jobName: "gh-1-p1", role: "parser" },
  { type: "started", jobName: "gh-1-d1", startedAt: 0, hosts: [] },
  { type: "started", jobName: "gh-1-p1", startedAt: 3 * HOUR, hosts: [] },
  { type: "job-ended", jobName: "gh-1-p1", exit: 0, how: "finished" },
];

describe("a budget", () => {
  it.each<[string, number | undefined, readonly JournalEntry[], number, object | undefined]>([
    ["that nobody set is no limit", undefined, nodes, 1000, undefined],
    ["is not touched by what waits", 1, nodes.slice(0, 2), 1000, { nodeHours: 1, spent: 0, reached: false }],
    ["counts what ended and what runs", 7, nodes, 5, { nodeHours: 7, spent: 6, reached: false }],
    ["is reached when it is spent", 7, nodes, 6, { nodeHours: 7, spent: 7, reached: true }],
    ["stays reached", 7, nodes, 10, { nodeHours: 7, spent: 11, reached: true }],
    [
      "of the operator counts more than the configuration's",
      7,
      [...nodes, { type: "budget", nodeHours: 20 }],
      10,
      { nodeHours: 20, spent: 11, reached: false },
    ],
    [
      "can be set where there was none",
      undefined,
      [...nodes, { type: "budget", nodeHours: 2 }],
      5,
      { nodeHours: 2, spent: 6, reached: true },
    ],
    ["can be lifted", 7, [...nodes, { type: "budget", nodeHours: null }], 10, undefined],
  ])("%s", (_, limit, story, hours, budget) => {
    expect(budgetOf(configured(limit), viewOf(hourly(...story)), hours * HOUR)).toEqual(budget);
  });

  it("that was reached is a warning, once for each limit", () => {
    const reached: JournalEntry = { type: "budget-reached", nodeHours: 7, spent: 7.004 };
    const view = viewOf(hourly(...nodes, reached));
    expect(view.budgetReachedAt).toBe(5 * HOUR);
    expect(view.warnings).toEqual([
      "the budget of 7 node-hours is spent (7.00): nothing more is submitted, nodes that run go on",
    ]);
    expect(viewOf(hourly(reached, { type: "budget", nodeHours: 9 })).budgetReachedAt).toBeUndefined();
  });

  it("is said in words", () => {
    expect(budgetText(undefined)).toBe("no limit");
    expect(budgetText({ nodeHours: 7, spent: 6, reached: false })).toBe("6.00 of 7 node-hours");
    expect(budgetText({ nodeHours: 7, spent: 7.5, reached: true })).toBe(
      "7.50 of 7 node-hours: nothing more is submitted, nodes that run go on until their walltime",
    );
  });
});

it.each(["0", "-1", "many", "1e3", "", "Infinity"])("--node-hours %j is refused", (text) => {
  expect(() => nodeHoursOf(text)).toThrow(/write a number above 0, or none/);
});

it("--node-hours takes parts of an hour, and none", () => {
  expect([nodeHoursOf("0.5"), nodeHoursOf("400"), nodeHoursOf("none")]).toEqual([0.5, 400, null]);
});
