import { describe, expect, it } from "vitest";
import { transition, type CampaignEvent, type CampaignState } from "../../../orchestrator/campaign.ts";
import type { JournalEntry, JournalRecord } from "../../../orchestrator/journal.ts";
import { openReload, viewOf, type CampaignView } from "../../../orchestrator/view.ts";

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

describe("the view of a campaign whose rejected documents are loaded again after its load", () => {
  it.each(["serving", "held"] as const)("that was %s: it loads, and finishes from the beginning", (from) => {
    const over = [
      ...done("load-end", { cpuMillis: 99 }),
      ...done("drain-parsers"),
      ...done("finished", { documents: 1 }),
    ];
    const view = viewOf(recordsOf(...over, { type: "transition", event: "replay", from, to: "running" }));
    expect(view).toMatchObject({ state: "running", loadIsOver: false, replays: 1 });
    expect([...view.steps.keys()]).toEqual([]);
  });
});

describe("the view of a campaign that lost documents", () => {
  const shards = [{ index: "logs-1", shard: 0 }];
  const lost: readonly JournalEntry[] = [
    ...done("load-end", { cpuMillis: 99 }),
    ...done("drain-parsers"),
    ...done("reconcile"),
    { type: "shards-lost", shards, nodes: ["d1"] },
    { type: "transition", event: "reload", from: "finishing", to: "running" },
  ];
  const put = { attempts: 2, chunks: 5, documents: 70, bytes: 800 };

  it("loads again, and finishes from the beginning", () => {
    const view = viewOf(recordsOf(...lost));
    expect(view).toMatchObject({ state: "running", loadIsOver: false });
    expect([...view.steps.keys()]).toEqual([]);
    expect(openReload(view)).toMatchObject({ nodes: ["d1"], shards });
  });

  it("has nothing open when all of it waits in the spool again, and says in a warning what", () => {
    const view = viewOf(recordsOf(...lost, { type: "put-back", ...put }));
    expect(openReload(view)).toBeUndefined();
    expect(view.reloads[0]?.done).toMatchObject(put);
    expect(view.warnings).toEqual([
      expect.stringContaining("5 committed chunks (70 documents) and 2 that were in work"),
    ]);
  });

  it("may lose more", () => {
    const again: JournalEntry = { type: "shards-lost", shards, nodes: ["d2"] };
    const view = viewOf(recordsOf(...lost, { type: "put-back", ...put }, again));
    expect(view.reloads).toHaveLength(2);
    expect(openReload(view)?.nodes).toEqual(["d2"]);
  });
});

/** The view after these events, each with its reason or none. */
function after(...events: readonly (readonly [event: CampaignEvent, reason?: string])[]): CampaignView {
  let from: CampaignState = "planned";
  const entries = events.map(([event, reason]): JournalEntry => {
    const to: CampaignState | undefined = transition(from, event);
    if (to === undefined) throw new Error(`${event} is refused while ${from}`);
    const entry: JournalEntry = { type: "transition", event, from, to, ...(reason === undefined ? {} : { reason }) };
    from = to;
    return entry;
  });
  return viewOf(recordsOf(...entries));
}

describe("the reason of a state", () => {
  const loading = [["start"], ["booted"]] as const;

  it("does not outlive the state", () => {
    const held = [...loading, ["hold", "3 chunks could not be loaded"]] as const;
    expect(after(...held).reason).toBe("3 chunks could not be loaded");
    expect(after(...held, ["resume"]).reason).toBeUndefined();
    const ended = after(...held, ["resume"], ["drained"], ["finished"], ["torn-down-done"]);
    expect(ended.state).toBe("done");
    expect(ended.reason).toBeUndefined();
  });

  it("for which a campaign was torn down is that of its end", () => {
    expect(after(...loading, ["cancel", "by the operator"], ["torn-down-cancelled"]).reason).toBe("by the operator");
  });
});
