import { describe, expect, it } from "vitest";
import { judge, type Evidence, type Verdict } from "../../../../orchestrator/jobs/judge.ts";
import type { JobView } from "../../../../orchestrator/view.ts";
import type { JobStatus } from "../../../../pbs/batch-system.ts";
import { SIMULATED_POLICY } from "../../../support/simulated-grid.ts";

const NOW = 1_700_000_000_000;
const ago = (seconds: number): number => NOW - seconds * 1000;

function status(state: JobStatus["state"], more: Partial<JobStatus> = {}): JobStatus {
  return { id: "7.s", name: "gh-a-d1", state, rawState: "?", hosts: ["n1"], ...more };
}

const QUEUED: JobView = {
  name: "gh-a-d1",
  role: "es-data",
  intentAt: ago(1000),
  jobId: "7.s",
  submittedAt: ago(1000),
  hosts: [],
  draining: false,
  cancelled: false,
  pastLives: [],
};
const STARTED: JobView = { ...QUEUED, startedAt: ago(900), told: { startedAt: ago(900), restarts: 0 }, hosts: ["n1"] };
const UP: JobView = { ...STARTED, certifiedAt: ago(890), instance: "one", upAt: ago(860) };
const PARSER: JobView = { ...UP, name: "gh-a-p1", role: "parser" };
const LOST: JobView = { ...UP, lost: { at: ago(30), how: "no heartbeat" } };

/** Heard a second ago, as others are; the batch system says that it runs. */
const WELL: Evidence = { now: NOW, batch: status("running"), heardAt: ago(1), somebodySince: ago(800) };
const BEAT = { instance: "one", state: "running" };
const SILENT: Evidence = { ...WELL, heardAt: ago(25) };

const rows: readonly (readonly [string, JobView, Evidence, Verdict | Verdict["kind"]])[] = [
  ["queued", QUEUED, { ...WELL, batch: status("queued") }, "waiting"],
  ["held", QUEUED, { ...WELL, batch: status("held") }, "waiting"],
  ["running, not heard yet", STARTED, SILENT, "running"],
  [
    "running for half an hour without a word",
    { ...STARTED, startedAt: ago(1900) },
    { ...SILENT, heardAt: ago(1900) },
    { kind: "lost", how: "no word from its agent 1900 s after its start" },
  ],
  [
    "running for half an hour, but watched by this orchestrator for a minute only",
    { ...STARTED, startedAt: ago(1900) },
    { ...SILENT, heardAt: ago(60) },
    "running",
  ],
  ["exiting is still running", UP, { ...SILENT, batch: status("exiting"), heardAt: ago(5) }, "running"],
  ["a state that nobody knows", UP, { ...SILENT, batch: status("unknown"), heardAt: ago(5) }, "unknown"],

  // Finished: the batch system's own status first, then the script's.
  [
    "finished",
    UP,
    { ...WELL, batch: status("finished", { exitStatus: 3 }) },
    { kind: "ended", exit: 3, how: "finished" },
  ],
  [
    "finished without a status",
    UP,
    { ...WELL, batch: status("finished"), exitStatus: 14 },
    { kind: "ended", exit: 14, how: "finished" },
  ],
  [
    "finished, and the batch system says how",
    UP,
    { ...WELL, batch: status("finished", { exitStatus: 271, end: "deleted-running" }) },
    { kind: "ended", exit: 271, how: "deleted-running" },
  ],
  [
    "finished, and nobody knows how",
    UP,
    { ...WELL, batch: status("finished") },
    { kind: "ended", exit: null, how: "finished" },
  ],
  [
    "drained",
    { ...UP, draining: true },
    { ...WELL, batch: status("finished", { exitStatus: 0 }) },
    { kind: "ended", exit: 0, how: "drained" },
  ],
  [
    "cancelled",
    { ...UP, cancelled: true },
    { ...WELL, batch: status("finished", { exitStatus: 271 }) },
    { kind: "ended", exit: 271, how: "cancelled" },
  ],

  // The exit-status file.
  [
    "its script has ended, the server does not know it yet",
    UP,
    { ...SILENT, exitStatus: 0 },
    { kind: "ended", exit: 0, how: "its script ended" },
  ],
  [
    "its script has ended, the server is away",
    UP,
    { ...SILENT, batch: "away", exitStatus: 16 },
    { kind: "ended", exit: 16, how: "its script ended" },
  ],
  [
    "an exit status beside a living agent is of an earlier run",
    UP,
    { ...WELL, beat: BEAT, exitStatus: 143 },
    "running",
  ],
  ["an exit status of a second agent is not the node's", UP, { ...SILENT, heardAt: ago(5), exitStatus: 11 }, "running"],
  [
    "the last word of an agent is no sign of life",
    UP,
    { ...WELL, beat: { ...BEAT, state: "ended" }, exitStatus: 0 },
    { kind: "ended", exit: 0, how: "its script ended" },
  ],

  // Absent is not finished.
  ["absent, but heard", UP, { ...WELL, beat: BEAT, batch: { absentSince: ago(4000), looks: 900 } }, "running"],
  [
    "absent, and a member of the cluster",
    UP,
    { ...SILENT, heardAt: ago(4000), member: true, batch: { absentSince: ago(4000), looks: 900 } },
    "unknown",
  ],
  ["absent for a moment", UP, { ...SILENT, heardAt: ago(90), batch: { absentSince: ago(50), looks: 10 } }, "unknown"],
  [
    "absent for two looks that lie far apart",
    UP,
    { ...SILENT, heardAt: ago(90), batch: { absentSince: ago(500), looks: 2 } },
    "unknown",
  ],
  [
    "absent and silent for a minute",
    UP,
    { ...SILENT, heardAt: ago(61), member: false, batch: { absentSince: ago(61), looks: 12 } },
    { kind: "ended", exit: null, how: "gone from the batch system" },
  ],
  [
    "absent from the queue for four minutes",
    QUEUED,
    { ...SILENT, batch: { absentSince: ago(240), looks: 48 } },
    "unknown",
  ],
  [
    "absent from the queue for five minutes",
    QUEUED,
    { ...SILENT, batch: { absentSince: ago(300), looks: 60 } },
    "ended",
  ],
  [
    "absent, its script has ended",
    UP,
    { ...SILENT, exitStatus: 0, batch: { absentSince: NOW, looks: 1 } },
    { kind: "ended", exit: 0, how: "its script ended" },
  ],

  // A dead node, whatever qstat says.
  ["a data node silent for 19 s", UP, { ...SILENT, heardAt: ago(19), member: false }, "running"],
  ["a data node silent for 20 s, and no member", UP, { ...SILENT, heardAt: ago(20), member: false }, "lost"],
  ["the same, the server away", UP, { ...SILENT, heardAt: ago(20), member: false, batch: "away" }, "lost"],
  ["silent, but a member", UP, { ...SILENT, heardAt: ago(3000), member: true }, "running"],
  ["silent, Elasticsearch away", UP, { ...SILENT, heardAt: ago(600) }, "running"],
  ["silent beyond its orphan's grace", UP, { ...SILENT, heardAt: ago(3661) }, "lost"],
  [
    "silent as everybody: the proxy is away",
    UP,
    { now: NOW, batch: status("running"), heardAt: ago(600), member: false },
    "running",
  ],
  [
    "silent, and others are heard again for 5 s only",
    UP,
    { ...SILENT, heardAt: ago(600), somebodySince: ago(5), member: false },
    "running",
  ],
  [
    "a data node that booted and fell silent",
    { ...STARTED, certifiedAt: ago(100) },
    { ...SILENT, member: false },
    "lost",
  ],
  ["a parser silent for 25 s", PARSER, SILENT, "lost"],
  ["a parser silent as everybody", PARSER, { now: NOW, batch: status("running"), heardAt: ago(100) }, "running"],
  [
    "a parser silent beyond its orphan's grace",
    PARSER,
    { now: NOW, batch: status("running"), heardAt: ago(361) },
    "lost",
  ],
  ["heard, the server away", UP, { ...WELL, beat: BEAT, batch: "away" }, "running"],
  ["not heard for a moment, the server away", UP, { ...WELL, heardAt: ago(10), batch: "away" }, "unknown"],

  // What is given up stays so.
  ["lost, and heard again", LOST, { ...WELL, beat: BEAT }, "unknown"],
  [
    "lost, and finished",
    LOST,
    { ...WELL, batch: status("finished") },
    { kind: "ended", exit: null, how: "its node was lost: no heartbeat" },
  ],
  ["lost, and gone", LOST, { ...SILENT, heardAt: ago(100), batch: { absentSince: ago(100), looks: 20 } }, "ended"],

  // Run once more under the same id.
  ["queued again", UP, { ...SILENT, batch: status("queued") }, { kind: "requeued", how: "it is queued again" }],
  ["held again", UP, { ...SILENT, batch: status("held") }, "requeued"],
  [
    "queued again, but its agent is heard: a confused server",
    UP,
    { ...WELL, beat: BEAT, batch: status("queued") },
    "running",
  ],
  [
    "queued again, another instance is heard",
    UP,
    { ...WELL, beat: { ...BEAT, instance: "two" }, batch: status("queued") },
    "requeued",
  ],
  ["started again", UP, { ...SILENT, batch: status("running", { startedAt: ago(60) }) }, "requeued"],
  [
    "counted as started again",
    UP,
    { ...SILENT, batch: status("running", { restarts: 1 }) },
    { kind: "requeued", how: "it was started 1 times again" },
  ],
  [
    "told the same start, by a clock that is off a little",
    UP,
    { ...SILENT, heardAt: ago(5), batch: status("running", { startedAt: ago(893) }) },
    "running",
  ],
  [
    "queued again with the exit status of its first run",
    UP,
    { ...SILENT, exitStatus: 143, batch: status("queued") },
    "requeued",
  ],
  [
    "a start that was not told before says nothing",
    { ...UP, told: {} },
    { ...SILENT, heardAt: ago(5), batch: status("running", { startedAt: ago(60), restarts: 1 }) },
    "running",
  ],
];

describe("the truth about a job", () => {
  it.each(rows)("%s", (_, job, evidence, expected) => {
    const verdict = judge(job, { ...SIMULATED_POLICY, silentStartSeconds: 1800 }, evidence);
    if (typeof expected === "string") expect(verdict.kind).toBe(expected);
    else expect(verdict).toEqual(expected);
  });
});
