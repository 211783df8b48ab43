import { NO_RULES } from "../../../worker/contract/rules.ts";
import { describe, expect, it } from "vitest";
import { configSchema } from "../../../orchestrator/config-schema.ts";
import { DEFAULT_KNOWN_COSTS, estimate } from "../../../orchestrator/estimate.ts";
import type { JournalEntry } from "../../../orchestrator/journal.ts";
import { makePlan as makeRuledPlan } from "../../../orchestrator/plan.ts";
import { makeReport, reportText, type ReportInputs } from "../../../orchestrator/report.ts";
import { viewOf } from "../../../orchestrator/view.ts";
import { ZERO_COUNTS, type LedgerRow } from "../../../worker/contract/ledger.ts";

/** Plans of these tests are of no pipeline. */
const makePlan = (...[inventory, pinned]: [Parameters<typeof makeRuledPlan>[0], Parameters<typeof makeRuledPlan>[1]]) =>
  makeRuledPlan(inventory, pinned, { rules: NO_RULES, fields: [] });

const config = configSchema.parse({});
const bare = makePlan(
  {
    root: "/a",
    months: ["2013-01"],
    files: [],
    archives: [],
    groups: [],
    overlaps: [],
    problems: [],
    notes: [],
    unmatched: [],
    empty: 0,
  },
  {
    pipeline: "p1",
    timeZone: "UTC",
    hostZones: [],
    repeated: "count",
    ids: "derived",
    indexPattern: "logs-{day}-m{month}-r{revision}",
    revision: 1,
    chunkBytes: 2 ** 20,
  },
);
const plan = { ...bare, estimate: estimate(bare, config, undefined, DEFAULT_KNOWN_COSTS, 2) };

const SECOND = 1000;
/** One job that waits 100 s in the queue and then runs for 50; the load takes 20 s. */
const STORY: readonly (readonly [seconds: number, entry: JournalEntry])[] = [
  [0, { type: "created", campaign: "c", plan: plan.id }],
  [0, { type: "transition", event: "start", from: "planned", to: "booting" }],
  [0, { type: "submit-intent", jobName: "gh-a-d1", role: "es-data" }],
  [0, { type: "submitted", jobName: "gh-a-d1", jobId: "1.s", found: false }],
  [100, { type: "certified", jobName: "gh-a-d1", address: "127.0.0.1" }],
  [110, { type: "transition", event: "booted", from: "booting", to: "running" }],
  [130, { type: "transition", event: "cancel", from: "running", to: "tearing-down", reason: "by the operator" }],
  [150, { type: "job-ended", jobName: "gh-a-d1", exit: 0, how: "drained" }],
  [160, { type: "transition", event: "torn-down-cancelled", from: "tearing-down", to: "cancelled" }],
];

function inputs(more: Partial<ReportInputs> = {}, story = STORY): ReportInputs {
  const view = viewOf(story.map(([at, entry], seq) => ({ ...entry, seq, at: at * SECOND, epoch: 1 })));
  const counts = { ...ZERO_COUNTS, read: 400, written: 400, bytes: 40_000 };
  const row = { chunk: "f-0", fileId: "f", counts, perIndex: {}, droppedBy: {}, rejectedBy: {}, unparsedBy: {} };
  return {
    record: { version: 1, id: "c", tag: "aaaaa", createdAt: 0, months: ["2013-01"], planId: plan.id, config },
    plan,
    view,
    rows: [{ ...row, parseCpuMicros: 0 } as unknown as LedgerRow],
    fileProblems: [],
    chunksTotal: 9,
    usage: new Map(),
    storeCpuMillis: 0,
    orchestratorPeakBytes: 0,
    now: 999 * SECOND,
    ...more,
  };
}

describe("a report", () => {
  it("counts node-hours from a job's start, not from its submission", () => {
    const report = makeReport(inputs());
    expect(report.jobs[0]?.seconds).toBe(50);
    expect(report.nodeHours).toBeCloseTo(50 / 3600, 3);
  });

  it("of a campaign that did not finish names the files that are not whole, with what to do", () => {
    const fileProblems = [{ path: "hosts/a", code: "FILE_CHANGED", problem: "it changed", remedy: "plan again" }];
    const report = makeReport(inputs({ fileProblems }));
    expect(report.fileProblems).toEqual(fileProblems);
    expect(reportText(report)).toContain("- hosts/a: it changed; plan again\n");
  });

  it("knows how many chunks there were beside those that were done", () => {
    expect(makeReport(inputs())).toMatchObject({ chunks: 1, chunksTotal: 9 });
  });

  it("counts a chunk and what was loaded again of its rejected documents as one", () => {
    const [row] = inputs().rows;
    const base = {
      ...row!,
      counts: { ...ZERO_COUNTS, read: 400, written: 397, rejected: 3 },
      rejectedBy: { mapping: 3 },
    };
    const replay = { chunk: "f-0", of: "f-0", attempt: 1, pipeline: "p" };
    const again = { ...row!, chunk: "f-0-r1", counts: { ...ZERO_COUNTS, read: 3, written: 3 }, replay };
    expect(makeReport(inputs({ rows: [base, again], chunksTotal: 2 }))).toMatchObject({
      chunks: 1,
      chunksTotal: 1,
      lines: { read: 400, written: 400, rejected: 0 },
      rejectedBy: {},
      documents: 400,
      parsing: { rejects: [] },
    });
  });

  it("says what was loaded again after a loss, and that it was a loss", () => {
    const shards = [0, 1].map((n) => ({ index: `logs-${String(n)}`, shard: 0 }));
    const loss = STORY.flatMap((event): typeof STORY =>
      event[0] === 130
        ? [
            [120, { type: "shards-lost", shards, nodes: ["gh-a-d1"] }],
            [125, { type: "put-back", attempts: 1, chunks: 3, documents: 1200, bytes: 9 }],
            event,
          ]
        : [event],
    );
    const report = makeReport(inputs({}, loss));
    expect(report.reloads).toEqual([
      {
        at: new Date(120 * SECOND).toISOString(),
        nodes: ["gh-a-d1"],
        shards: 2,
        seconds: 5,
        attempts: 1,
        chunks: 3,
        documents: 1200,
        bytes: 9,
      },
    ]);
    const text = reportText(report);
    expect(text).toContain(
      "- loaded again after losses: 2 shards of gh-a-d1: 3 chunks (1,200 documents) and 1 in work\n",
    );
    expect(text).toContain("- 2 shards went with the data nodes gh-a-d1: 3 committed chunks");
    expect(reportText(makeReport(inputs()))).toContain("- loaded again after losses: nothing\n");
  });

  it("says what attempts had left that were not committed", () => {
    const swept: typeof STORY = [
      [140, { type: "step", name: "sweep", status: "started" }],
      [141, { type: "step", name: "sweep", status: "done", result: 1234 }],
    ];
    const report = makeReport(inputs({}, [...STORY, ...swept]));
    expect(report.leftovers).toBe(1234);
    expect(reportText(report)).toContain("- left by attempts that were not committed, and deleted: 1,234 documents\n");
    expect(makeReport(inputs()).leftovers).toBe(0);
  });

  it("compares wall time with the plan, and says the rate in events and bytes", () => {
    const text = reportText(makeReport(inputs()));
    expect(text).toContain(`| wall time, seconds | ${plan.estimate.seconds.toFixed(1)} | 160 |`);
    expect(text).toContain("- rate while loading: 20 events/s, 2,000 bytes/s\n");
  });
});
