import { describe, expect, it } from "vitest";
import {
  bootSeconds,
  leadSeconds,
  moveSeconds,
  observed,
  percentile90,
  queueWaitSeconds,
  slotOf,
  worksUntil,
} from "../../../../orchestrator/jobs/forecast.ts";
import { emptyView, type CampaignView, type JobView } from "../../../../orchestrator/view.ts";
import { SIMULATED_POLICY } from "../../../support/simulated-grid.ts";

const T = 1_700_000_000_000;
const MiB = 2 ** 20;

function viewWith(...jobs: readonly (Partial<JobView> & { readonly name: string })[]): CampaignView {
  const view = emptyView();
  for (const job of jobs) {
    view.jobs.set(job.name, {
      role: "es-data",
      intentAt: T,
      hosts: [],
      draining: false,
      cancelled: false,
      pastLives: [],
      ...job,
    });
  }
  return view;
}

const ran = (name: string, waitSeconds: number, boot = 20): Partial<JobView> & { name: string } => ({
  name,
  jobId: name,
  submittedAt: T,
  startedAt: T + waitSeconds * 1000,
  upAt: T + (waitSeconds + boot) * 1000,
});

describe("what the past says", () => {
  it.each([
    [[], undefined],
    [[5], 5],
    [[9, 1], 9],
    [[1, 2, 3, 4, 5, 6, 7, 8, 9, 100], 9],
  ])("the ninetieth percentile of %j is %s", (values, expected) => {
    expect(percentile90(values)).toBe(expected);
  });

  it("waits as long as nine of ten did, and at least as long as somebody waits already", () => {
    const view = viewWith(ran("a", 10), ran("b", 30));
    expect(queueWaitSeconds(view, "es-data", T + 1e6)).toBe(30);
    expect(queueWaitSeconds(view, "parser", T + 1e6)).toBe(0);
    const more = viewWith(ran("a", 10), { name: "c", jobId: "c", submittedAt: T });
    expect(queueWaitSeconds(more, "es-data", T + 700_000)).toBe(700);
    const deleted = viewWith(ran("a", 10), { name: "c", jobId: "c", submittedAt: T, cancelled: true });
    expect(queueWaitSeconds(deleted, "es-data", T + 700_000)).toBe(10);
  });

  it("takes the batch system's word for when a job was queued", () => {
    expect(queueWaitSeconds(viewWith({ ...ran("a", 10), queuedAt: T + 4000 }), "es-data", T)).toBe(6);
  });

  it("counts a clock that runs behind as no wait at all", () => {
    expect(queueWaitSeconds(viewWith({ ...ran("a", 0), startedAt: T - 60_000 }), "es-data", T)).toBe(0);
  });

  it("boots as before, and slowly where nothing is known", () => {
    expect(bootSeconds(viewWith(ran("a", 0, 33)), "es-data")).toBe(33);
    expect(bootSeconds(emptyView(), "es-data")).toBeGreaterThan(bootSeconds(emptyView(), "parser"));
  });

  it("moves bytes at the slowest rate of a large move, and adds what each shard took besides", () => {
    const view = emptyView();
    const seconds = (shards: number, megabytes: number): number =>
      Math.round(moveSeconds(view, { shards, bytes: megabytes * MiB }) * 100) / 100;
    // 1 s a shard and 10 MiB a second where nothing was moved yet.
    expect(seconds(10, 100)).toBe(20);
    // A small move says what shards cost, and nothing of the network.
    view.moves.push({ jobName: "a", seconds: 14, shards: 20, bytes: 4000 });
    expect(seconds(20, 0)).toBe(14);
    expect(seconds(20, 100)).toBe(24);
    // A large one does.
    view.moves.push({ jobName: "b", seconds: 40, shards: 10, bytes: 200 * MiB });
    expect(seconds(20, 100)).toBe(34);
    view.moves.push({ jobName: "c", seconds: 10, shards: 10, bytes: 200 * MiB });
    expect(seconds(20, 100)).toBe(34);
    // One that had nothing to move says nothing.
    view.moves.push({ jobName: "d", seconds: 1000, shards: 0, bytes: 0 });
    expect(seconds(20, 100)).toBe(34);
    expect(seconds(0, 0)).toBe(0);
    expect(observed(view, T).moves).toBe(4);
  });

  it("adds it all up, and leaves most of a walltime for work", () => {
    const view = viewWith(ran("a", 30, 20));
    const load = { shards: 10, bytes: 0 };
    // Wait, boot, move, and a tenth of the walltime as margin.
    expect(leadSeconds(view, "es-data", SIMULATED_POLICY, T, load)).toBe(30 + 20 + 10 + 120);
    const hours = viewWith(ran("a", 7200));
    expect(leadSeconds(hours, "es-data", SIMULATED_POLICY, T, load)).toBe(1200 * 0.8);
  });

  it("knows until when a node works", () => {
    const [data] = viewWith({ ...ran("a", 0), startedAt: T }).jobs.values();
    if (!data) throw new Error("no job");
    expect(worksUntil(data, SIMULATED_POLICY)).toBe(T + (1200 - 30) * 1000);
    expect(worksUntil({ ...data, role: "parser" }, SIMULATED_POLICY)).toBe(T + (1200 - 120) * 1000);
  });

  it("names a place by its first holder, also where a journal goes round in circles", () => {
    const view = viewWith(
      { name: "a", intentAt: 1 },
      { name: "b", intentAt: 2, replaces: "a" },
      { name: "c", intentAt: 3, replaces: "b" },
      { name: "x", intentAt: 4, replaces: "y" },
      { name: "y", intentAt: 4, replaces: "x" },
      { name: "z", intentAt: 4, replaces: "z" },
    );
    const slot = (name: string): string => slotOf(view, view.jobs.get(name) as JobView);
    expect(["a", "b", "c"].map(slot)).toEqual(["a", "a", "a"]);
    expect(slot("z")).toBe("z");
    expect(["x", "y"]).toContain(slot("x"));
  });
});
