import { describe, expect, it } from "vitest";

import type { Placement } from "../../../../pbs/local/job.ts";
import { startable, type Schedulable } from "../../../../pbs/local/schedule.ts";
import { DEFAULT_SETTINGS } from "../../../../pbs/local/settings.ts";

const SETTINGS = { ...DEFAULT_SETTINGS, nodes: ["a", "b"], slotsPerNode: 2 };

const queued = (sequence: number, ppn = 1, nodes = 1, queuedAt = 0): Schedulable => ({
  sequence,
  state: "Q",
  queuedAt,
  resources: { nodes, ppn, walltimeSeconds: 1 },
});
const running = (sequence: number, ...placements: Placement[]): Schedulable => ({
  ...queued(sequence),
  state: "R",
  placements,
});

const starts = (jobs: readonly Schedulable[], settings = SETTINGS, now = 0): Record<number, string> =>
  Object.fromEntries(
    [...startable(jobs, settings, now)].map(([sequence, placements]) => [
      sequence,
      placements.map(({ node, slots }) => `${node}/${slots.join("-")}`).join("+"),
    ]),
  );

describe("startable", () => {
  it("spreads jobs over the hosts, first come first", () => {
    expect(starts([queued(3), queued(1), queued(2)])).toEqual({ 1: "a/0", 2: "b/0", 3: "a/1" });
  });

  it("leaves taken slots alone", () => {
    expect(starts([running(1, { node: "a", slots: [0] }), queued(2), queued(3), queued(4), queued(5)])).toEqual({
      2: "b/0",
      3: "a/1",
      4: "b/1",
    });
  });

  it("lets nobody pass a job that does not fit", () => {
    const jobs = [running(1, { node: "a", slots: [0] }, { node: "b", slots: [0] }), queued(2, 2), queued(3)];
    expect(starts(jobs)).toEqual({});
  });

  it("gives a job several hosts", () => {
    expect(starts([queued(1, 2, 2)])).toEqual({ 1: "a/0-1+b/0-1" });
    expect(starts([queued(1, 1, 3)])).toEqual({});
  });

  it("keeps a job queued for the least delay", () => {
    const settings = { ...SETTINGS, queueDelaySeconds: 10 };
    expect(starts([queued(1, 1, 1, 1_000), queued(2, 1, 1, 1_001)], settings, 11_000)).toEqual({ 1: "a/0" });
  });

  it("goes on when a host was taken out of the settings", () => {
    expect(starts([running(1, { node: "z", slots: [0] }), queued(2)])).toEqual({ 2: "a/0" });
  });
});
