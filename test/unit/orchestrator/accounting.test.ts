import { describe, expect, it } from "vitest";
import {
  accountOf,
  accountOfJob,
  accountText,
  nodeHoursOf,
  waitedSeconds,
  runSeconds,
  type JobTimes,
} from "../../../orchestrator/accounting.ts";

const SECOND = 1000;
const HOUR = 3600;
/** A day of which nothing else is known. */
const T = Date.UTC(2026, 0, 1);
const at = (seconds: number): number => T + seconds * SECOND;
const times = (job: Partial<JobTimes> = {}): JobTimes => ({ role: "parser", ...job });
const config = {
  dataNodes: { cpus: 4, walltime: 12 * HOUR },
  parsers: { cpus: 2, walltime: 1 * HOUR },
} as Parameters<typeof accountOfJob>[0];

describe("a job's wait in the queue", () => {
  it.each<[string, Partial<JobTimes>, number | undefined]>([
    ["is not known before it ran", { submittedAt: at(0) }, undefined],
    ["ends with its start", { submittedAt: at(0), startedAt: at(30), certifiedAt: at(35) }, 30],
    ["begins when the batch system says", { submittedAt: at(0), queuedAt: at(10), startedAt: at(30) }, 20],
    [
      "ends with its agent's word where the batch system does not tell",
      { submittedAt: at(0), certifiedAt: at(35) },
      35,
    ],
    ["is never negative, whatever the clocks say", { submittedAt: at(10), startedAt: at(9) }, 0],
  ])("%s", (_, job, seconds) => expect(waitedSeconds(times(job))).toBe(seconds));
});

describe("a job's time", () => {
  it.each<[string, Partial<JobTimes>, number]>([
    ["is nothing while it waits", { submittedAt: at(0) }, 0],
    ["is nothing of one that was refused or deleted from the queue", { submittedAt: at(0), ended: { at: at(50) } }, 0],
    ["grows while it runs", { submittedAt: at(0), startedAt: at(40) }, 60],
    ["ends with it", { submittedAt: at(0), startedAt: at(40), ended: { at: at(70) } }, 30],
    ["begins with its agent's word where the batch system does not tell", { certifiedAt: at(90) }, 10],
    [
      "does not begin before it was submitted, by a clock that is behind",
      { submittedAt: at(80), startedAt: at(0) },
      20,
    ],
    [
      "adds up over its lives",
      { startedAt: at(90), pastLives: [{ startedAt: at(10), endedAt: at(25) }, { endedAt: at(30) }] },
      25,
    ],
  ])("%s", (_, job, seconds) => expect(runSeconds(times(job), HOUR, at(100))).toBe(seconds));

  it("is not longer than its walltime in whole minutes, whenever its end was noticed", () => {
    expect(runSeconds(times({ startedAt: at(0), ended: { at: at(9 * HOUR) } }), 3601, at(9 * HOUR))).toBe(3660);
  });
});

describe("what a campaign cost", () => {
  const jobs = [
    times({ role: "es-data", submittedAt: at(0), startedAt: at(600) }),
    times({ submittedAt: at(0), startedAt: at(60), ended: { at: at(1860) } }),
    times({ submittedAt: at(0), startedAt: at(120), ended: { at: at(1920) } }),
    times({ submittedAt: at(0) }),
  ];
  const now = at(600 + HOUR);

  it("is the time of its nodes, their cores, and what was used of these", () => {
    const accounts = jobs.map((job, i) => accountOfJob(config, job, [3600, 1800, 1800, 0][i] ?? 0, now));
    expect(accounts.map(({ cpuEfficiency }) => cpuEfficiency)).toEqual([0.25, 0.5, 0.5, undefined]);
    expect(accountOf(accounts)).toEqual({
      nodeHours: 2,
      coreHours: 6,
      cpuEfficiency: 0.333,
      queueWaitSeconds: { median: 120, longest: 600 },
    });
  });

  it("is nothing before a job ran", () => {
    expect(accountOf([])).toEqual({ nodeHours: 0, coreHours: 0 });
    expect(accountText(accountOf([]))).toBe("0.00 node-hours (0.00 core-hours)");
  });

  it("counts what runs up to now", () => {
    expect(nodeHoursOf(config, jobs, now)).toBe(2);
    expect(nodeHoursOf(config, jobs, now + HOUR * SECOND)).toBe(3);
  });

  it("is said in one line", () => {
    const account = {
      nodeHours: 2,
      coreHours: 6,
      cpuEfficiency: 0.333,
      queueWaitSeconds: { median: 20, longest: 600 },
    };
    expect(accountText(account)).toBe(
      "2.00 node-hours (6.00 core-hours), CPU used of reserved 33 %, waited in the queue 20 s (median), at most 10 min 00 s",
    );
  });
});
