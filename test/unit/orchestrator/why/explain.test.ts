import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { transition, type CampaignEvent, type CampaignState } from "../../../../orchestrator/campaign.ts";
import { progressFile } from "../../../../orchestrator/campaign-store.ts";
import { configSchema } from "../../../../orchestrator/config-schema.ts";
import type { JournalEntry, JournalRecord } from "../../../../orchestrator/journal.ts";
import { ownerOfThisProcess, writeOwner } from "../../../../orchestrator/owner-file.ts";
import type { ProgressFile } from "../../../../orchestrator/progress.ts";
import { viewOf } from "../../../../orchestrator/view.ts";
import { explain, type Explanation } from "../../../../orchestrator/why/explain.ts";
import type { Reason } from "../../../../orchestrator/reasons.ts";
import { ZERO_COUNTS } from "../../../../worker/contract/ledger.ts";
import { writeCampaignDirectory } from "../../../support/campaign-directory.ts";
import { gridharvest } from "../../../support/gridharvest.ts";

const T = Date.UTC(2026, 2, 1, 6);
const at = (seconds: number): number => T + seconds * 1000;
const NOW = at(600);
const IDLE = { waiting: 0, active: 0, delayed: 0, completed: 0, failed: 0 };
const MIB = 2 ** 20;

function progressOf(more: Partial<ProgressFile> = {}): ProgressFile {
  return {
    at: at(598),
    parse: IDLE,
    unpack: IDLE,
    lines: ZERO_COUNTS,
    chunks: 0,
    eventsPerSecond: 0,
    bytesPerSecond: 0,
    share: 0,
    stagedBytes: 0,
    leftBytes: 0,
    storeBusy: 0,
    storeCpuMillis: {},
    holdings: {},
    jobs: {},
    usage: {},
    ...more,
  };
}

interface Case {
  /** Events move it on; each record a minute after the one before. */
  readonly story?: readonly (CampaignEvent | JournalEntry)[];
  readonly progress?: Partial<ProgressFile> | "none";
  readonly settings?: unknown;
  readonly orchestrator?: "dead";
}

function why({ story = ["start", "booted"], progress = {}, settings = {}, orchestrator }: Case): readonly Reason[] {
  let state: CampaignState = "planned";
  const entries: JournalEntry[] = [{ type: "created", campaign: "january", plan: "p" }];
  for (const entry of story) {
    if (typeof entry !== "string") entries.push(entry);
    else {
      const to = transition(state, entry);
      if (to === undefined) throw new Error(`${entry} is refused while ${state}`);
      const reason = ["hold", "fail"].includes(entry) ? { reason: "for the test" } : {};
      entries.push({ type: "transition", event: entry, from: state, to, ...reason });
      state = to;
    }
  }
  const records: JournalRecord[] = entries.map((entry, i) => ({ ...entry, seq: i + 1, at: at(60 * i), epoch: 1 }));
  return explain({
    id: "january",
    config: configSchema.parse(settings),
    view: viewOf(records),
    progress: progress === "none" ? undefined : progressOf(progress),
    orchestrator: orchestrator === "dead" ? { alive: false } : { alive: true, pid: 17 },
    now: NOW,
  });
}
const texts = (reasons: readonly Reason[]): readonly string[] => reasons.map(({ text }) => text);

const submitted = (jobName: string): readonly JournalEntry[] => [
  { type: "submit-intent", jobName, role: "parser" },
  { type: "submitted", jobName, jobId: `${jobName.slice(-1)}.server`, found: false },
];

describe("why a campaign does not go on", () => {
  it.each<[string, Case, readonly [kind: string, text: RegExp][]]>([
    [
      "it is done",
      { story: ["start", "cancel", "torn-down-cancelled"] },
      [["state", /it has ended since .*: cancelled/]],
    ],
    [
      "nobody took it up",
      { story: [], progress: "none", orchestrator: "dead" },
      [
        ["no-orchestrator", /^no orchestrator looks after it; take it over with `gridharvest adopt january`$/],
        ["state", /nothing of it has begun yet/],
      ],
    ],
    [
      "its orchestrator has gone",
      { orchestrator: "dead" },
      [["no-orchestrator", /no orchestrator looks after it since 2026-03-01T06:09:58Z; take it over/]],
    ],
    [
      "its orchestrator hangs",
      { progress: { at: at(300) } },
      [["silent-orchestrator", /orchestrator \(process 17\) has told nothing since 2026-03-01T06:05:00Z/]],
    ],
    ["it boots", { story: ["start"] }, [["state", /it boots since 2026-03-01T06:01:00Z: chunks are taken when/]]],
    [
      "it is paused",
      { story: ["start", "booted", "pause"] },
      [["state", /paused since 2026-03-01T06:03:00Z: .* until `gridharvest resume january`/]],
    ],
    [
      "it is held",
      { story: ["start", "booted", "hold"] },
      [["state", /held since .*: for the test; then `gridharvest resume`/]],
    ],
    [
      "it finishes",
      { story: ["start", "booted", "drained", { type: "step", name: "snapshot", status: "started" }] },
      [["state", /everything is loaded; .*: snapshot since 2026-03-01T06:04:00Z/]],
    ],
    [
      "it is torn down",
      { story: ["start", "cancel", { type: "step", name: "end-jobs", status: "started" }] },
      [["state", /torn down since .*: end-jobs since 2026-03-01T06:03:00Z/]],
    ],
    [
      "a job waits, longer than others did",
      {
        story: [
          "start",
          "booted",
          ...submitted("gh-1-p1"),
          { type: "started", jobName: "gh-1-p1", startedAt: at(280), hosts: [] },
          { type: "certified", jobName: "gh-1-p1", address: "10.0.0.1" },
          { type: "node-up", jobName: "gh-1-p1" },
          ...submitted("gh-1-p2"),
        ],
        progress: { jobs: { "gh-1-p2": { batch: "queued", comment: "Not Running: no node is free" } } },
      },
      [
        [
          "in-queue",
          /^gh-1-p2 \(2\.server\) waits in the queue since 2026-03-01T06:09:00Z \(1 min 00 s\); others waited 40 s \(median\), at most 40 s; the batch system says: Not Running: no node is free$/,
        ],
      ],
    ],
    [
      "a job is held by the batch system",
      { story: ["start", "booted", ...submitted("gh-1-p1")], progress: { jobs: { "gh-1-p1": { batch: "held" } } } },
      [["in-queue", /^gh-1-p1 \(1\.server\) is held in the queue since 2026-03-01T06:04:00Z \(6 min 00 s\)$/]],
    ],
    [
      "a qsub was not answered",
      { story: ["start", "booted", { type: "submit-intent", jobName: "gh-1-p1", role: "parser" }] },
      [["unanswered", /whether gh-1-p1 was submitted is not known since 2026-03-01T06:03:00Z .*looked up by its name/]],
    ],
    [
      "an agent has not joined",
      {
        story: [
          "start",
          "booted",
          ...submitted("gh-1-p1"),
          { type: "started", jobName: "gh-1-p1", startedAt: at(590), hosts: ["n1"] },
        ],
      },
      [
        [
          "starting",
          /^gh-1-p1 \(1\.server\) runs on n1 since 2026-03-01T06:09:50Z \(10 s\) and its agent has not joined yet$/,
        ],
      ],
    ],
    [
      "nodes are missing, since they fail",
      {
        story: [
          "start",
          "booted",
          { type: "target", dataNodes: 1, parsers: 2 },
          ...submitted("gh-1-p1"),
          { type: "job-ended", jobName: "gh-1-p1", exit: 7, how: "finished" },
        ],
      },
      [
        ["missing", /^1 of 1 data nodes are missing$/],
        ["missing", /^2 of 2 parsers are missing; the last one that failed is gh-1-p1 \(exit status 7\)$/],
      ],
    ],
    [
      "a parser waits for the store",
      {
        story: [
          "start",
          "booted",
          ...submitted("gh-1-p1"),
          { type: "certified", jobName: "gh-1-p1", address: "10.0.0.1" },
        ],
        progress: { jobs: { "gh-1-p1": { batch: "running", agent: "running", problem: "Elasticsearch says 429" } } },
      },
      [["store", /^gh-1-p1 waits: Elasticsearch says 429$/]],
    ],
    [
      "the staging space is full",
      {
        settings: { staging: { limit: "100MiB" } },
        progress: { stagedBytes: 95 * MIB, unpack: { ...IDLE, active: 1 } },
      },
      [["staging-full", /the staging space is full, 95\.0 MiB of 100 MiB \(staging\.limit\)/]],
    ],
    [
      "it may load no faster",
      {
        settings: { limits: { eventsPerSecond: 1000, bytesPerSecond: "1MiB" } },
        progress: { eventsPerSecond: 990, bytesPerSecond: MIB },
      },
      [
        ["rate-limit", /990 events\/s of 1,000 events\/s \(limits\.eventsPerSecond\)/],
        ["rate-limit", /1\.0 MiB\/s of 1\.0 MiB\/s \(limits\.bytesPerSecond\)/],
      ],
    ],
    [
      "others of its site load too",
      {
        settings: { limits: { eventsPerSecond: 1000, site: { eventsPerSecond: 1200 } } },
        progress: { eventsPerSecond: 390, allowed: { eventsPerSecond: 400, bytesPerSecond: 0 } },
      },
      [["rate-limit", /390 events\/s of 400 events\/s \(its part of limits\.site\.eventsPerSecond\)/]],
    ],
    [
      "chunks failed",
      { progress: { parse: { ...IDLE, delayed: 2, failed: 3 } } },
      [
        ["retries", /^2 chunks or files failed and wait to be tried again$/],
        ["failed-chunks", /^3 chunks or files could not be loaded/],
      ],
    ],
    [
      "its budget is spent",
      {
        settings: { budget: { nodeHours: 0.05 } },
        story: [
          "start",
          "booted",
          ...submitted("gh-1-p1"),
          { type: "certified", jobName: "gh-1-p1", address: "10.0.0.1" },
          { type: "node-up", jobName: "gh-1-p1" },
          { type: "budget-reached", nodeHours: 0.05, spent: 0.05 },
        ],
        progress: { jobs: { "gh-1-p1": { agent: "running" } } },
      },
      [["budget", /^the budget is spent, 0\.08 of 0\.05 node-hours: .*`gridharvest budget january --node-hours N`$/]],
    ],
    [
      "nothing is known",
      { progress: { parse: { ...IDLE, active: 4 } } },
      [["unknown", /nothing is known to be in its way, .*\(4 are under way\)/]],
    ],
    [
      "it does",
      { progress: { eventsPerSecond: 1234, share: 0.4, etaSeconds: 200 } },
      [["moving", /^nothing is in its way: 1,234 events\/s, 40 %, 3 min 20 s left$/]],
    ],
  ])("%s", (_, input, expected) => {
    const reasons = why(input);
    expect(reasons.map(({ kind }) => kind)).toEqual(expected.map(([kind]) => kind));
    expected.forEach(([, text], i) => expect(texts(reasons)[i]).toMatch(text));
  });
});

describe("gridharvest why", () => {
  let stateDir: string;
  beforeEach(async () => void (stateDir = await mkdtemp(join(tmpdir(), "gridharvest-why-"))));
  afterEach(() => rm(stateDir, { recursive: true }));

  it("works from the campaign's directory alone", async () => {
    await writeCampaignDirectory(stateDir, "january", ["start", "booted", "pause"]);
    const { code, out } = await gridharvest("why", "january", "--state-dir", stateDir);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^campaign january is paused\n- no orchestrator looks after it; .*\n- it is paused since .*`gridharvest resume january`\n$/,
    );
  });

  it("gives programs kinds, and takes what the orchestrator saw last", async () => {
    const { paths } = await writeCampaignDirectory(stateDir, "january", ["start", "booted"]);
    await writeOwner(paths.orchestratorPid, ownerOfThisProcess());
    const progress = progressOf({ at: Date.now(), unpack: { ...IDLE, waiting: 1 }, stagedBytes: 2 ** 40 });
    await writeFile(progressFile(paths), JSON.stringify(progress));
    const { out } = await gridharvest("why", "january", "--state-dir", stateDir, "--json");
    const explanation = JSON.parse(out) as Explanation;
    expect(explanation).toMatchObject({ id: "january", state: "running", reasons: [{ kind: "staging-full" }] });
  });

  it("of no campaign is refused", async () => {
    const { code, err } = await gridharvest("why", "january", "--state-dir", stateDir);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining("no campaign january") as string });
  });
});
