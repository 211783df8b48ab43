import { describe, expect, it } from "vitest";
import { breakerStep } from "../../../../orchestrator/jobs/breaker.ts";
import {
  hostsToQuarantine,
  ON_QUARANTINED_HOST,
  outcomesOf,
  quarantinedHosts,
} from "../../../../orchestrator/jobs/failures.ts";
import { steer } from "../../../../orchestrator/jobs/steer.ts";
import type { JobView } from "../../../../orchestrator/view.ts";
import { SIMULATED_POLICY as POLICY } from "../../../support/simulated-grid.ts";
import { failed, T, viewWith, working } from "./job-views.ts";

const TARGETS = { dataNodes: 2, parsers: 0 };
const s = 1000;

describe("whose failure an end is", () => {
  const end = (exit: number | null, after = 5): Partial<JobView> => ({
    ended: { at: T + after * s, exit, how: "finished" },
  });
  it.each<[string, Partial<JobView>, string | undefined]>([
    ["a script that fails at once", end(1), "fast"],
    ["a service that does not start", end(16), "fast"],
    ["one that fails after two minutes without having worked", end(16, 120), "failed"],
    ["one that had worked for two minutes", { ...end(16, 120), upAt: T + 20 * s }, undefined],
    ["one that had worked, and failed soon", { ...end(16, 30), upAt: T + 20 * s }, "fast"],
    ["an end without a status", end(null), undefined],
    ["its walltime", end(14), undefined],
    ["an orphan", end(13), undefined],
    ["a TERM of the batch system", end(15), undefined],
    ["somebody's qdel", end(271), undefined],
    ["the server's own reasons", end(-3), "fast"],
    ["a node that the batch system lost", { ended: { at: T + 5 * s, exit: 1, how: "node-lost" } }, undefined],
    ["drained", { ...end(1), draining: true }, undefined],
    ["deleted by us", { ...end(271), cancelled: true }, undefined],
    ["deleted for its host", { ...end(271), cancelled: true, cancelReason: ON_QUARANTINED_HOST }, "failed"],
    ["refused by qsub", { ...end(null), refused: "exit 188" }, "refused"],
    ["still running", {}, undefined],
  ])("%s", (_, job, kind) => {
    const view = viewWith(TARGETS, { name: "d1", startedAt: T, hosts: ["n1"], ...job });
    expect(
      outcomesOf(view, POLICY)
        .filter((outcome) => outcome.kind !== "up")
        .map((outcome) => outcome.kind),
    ).toEqual(kind === undefined ? [] : [kind]);
  });
});

describe("a bad host", () => {
  const thrice = [failed("d1", T, "n1"), failed("p2", T + 10 * s, "n1"), failed("d3", T + 20 * s, "n1")];

  it("has failed so often in a row, whatever the role", () => {
    expect(hostsToQuarantine(viewWith(TARGETS, ...thrice.slice(1)), POLICY, T + 30 * s)).toEqual([]);
    const [bad] = hostsToQuarantine(viewWith(TARGETS, ...thrice), POLICY, T + 30 * s);
    expect(bad).toMatchObject({ host: "n1", failures: 3, reason: "d3: exit status 1" });
  });

  it("is none when something worked there in between", () => {
    const view = viewWith(TARGETS, ...thrice.slice(1), failed("d0", T - 60 * s, "n1"), working("d4", T - 20 * s));
    expect(hostsToQuarantine(view, POLICY, T + 30 * s)).toEqual([]);
  });

  it("is quarantined once, for a time, and then may fail as often again", () => {
    const view = viewWith(TARGETS, ...thrice);
    const [action] = steer(view, POLICY, { now: T + 30 * s, roles: [] });
    expect(action).toMatchObject({ kind: "quarantine", host: "n1", until: T + 930 * s });
    view.quarantine.set("n1", { at: T + 30 * s, until: T + 930 * s, reason: "" });
    expect(quarantinedHosts(view, T + 929 * s)).toEqual(["n1"]);
    expect(quarantinedHosts(view, T + 930 * s)).toEqual([]);
    expect(hostsToQuarantine(view, POLICY, T + 40 * s)).toEqual([]);
    expect(hostsToQuarantine(view, POLICY, T + 940 * s)).toEqual([]);
    for (const i of [1, 2, 3]) {
      const again = failed(`e${String(i)}`, T + (940 + i) * s, "n1");
      view.jobs.set(again.name, { ...viewWith(TARGETS, again).jobs.get(again.name) } as JobView);
    }
    expect(hostsToQuarantine(view, POLICY, T + 950 * s)).toHaveLength(1);
  });

  it("gets a job all the same: it is deleted and submitted again, unless it has joined", () => {
    const landed = { name: "d4", jobId: "4", startedAt: T + 40 * s, hosts: ["n1"], intentAt: T + 35 * s };
    const view = viewWith({ dataNodes: 1, parsers: 0 }, landed);
    view.quarantine.set("n1", { at: T + 30 * s, until: T + 930 * s, reason: "" });
    const sight = { now: T + 45 * s, roles: ["es-data" as const] };
    expect(steer(view, POLICY, sight).map(({ kind }) => kind)).toEqual(["cancel", "submit"]);
    Object.assign(view.jobs.get("d4") as JobView, { certifiedAt: T + 44 * s });
    expect(steer(view, POLICY, sight)).toEqual([]);
  });
});

describe("the breaker", () => {
  const failures = (n: number, hosts = ["n1", "n2"]) =>
    Array.from({ length: n }, (_, i) => failed(`d${String(i)}`, T + i * 10 * s, hosts[i % hosts.length] ?? "n1"));
  const step = (view: ReturnType<typeof viewWith>, seconds: number) =>
    breakerStep(view, POLICY, "es-data", T + seconds * s);

  it("opens after so many failures in a row", () => {
    expect(step(viewWith(TARGETS, ...failures(3)), 40)).toEqual({ kind: "pass" });
    expect(step(viewWith(TARGETS, ...failures(4)), 40)).toEqual({
      kind: "open",
      reason: "4 failures in a row, the last one d3: exit status 1",
      probeAt: T + 70 * s,
    });
    expect(step(viewWith(TARGETS, ...failures(4), working("d9", T + 15 * s)), 40)).toEqual({ kind: "pass" });
  });

  it("leaves failures on one host to the quarantine, up to twice as many", () => {
    expect(step(viewWith(TARGETS, ...failures(7, ["n1"])), 90)).toEqual({ kind: "pass" });
    expect(step(viewWith(TARGETS, ...failures(8, ["n1"])), 90).kind).toBe("open");
  });

  it("opens after refusals, which have no host", () => {
    const refusals = [0, 1, 2, 3].map((i) => ({
      name: `d${String(i)}`,
      refused: "exit 188",
      ended: { at: T + i * s, exit: null, how: "refused" },
    }));
    expect(step(viewWith(TARGETS, ...refusals), 40)).toMatchObject({ kind: "open", reason: /d3: exit 188/ });
  });

  const open = (...more: Parameters<typeof viewWith>[1][]) => {
    const view = viewWith(TARGETS, ...failures(4), ...more);
    view.breakers.set("es-data", { openedAt: T + 40 * s, probeAt: T + 70 * s, reason: "r", times: 1 });
    return view;
  };

  it("waits, tries one job, and waits for what becomes of it", () => {
    expect(step(open(), 69)).toEqual({ kind: "wait" });
    expect(step(open(), 70)).toEqual({ kind: "probe" });
    const sight = { now: T + 70 * s, roles: ["es-data" as const] };
    expect(steer(open(), POLICY, sight).map(({ kind }) => kind)).toEqual(["submit"]);
    expect(step(open({ name: "d9", intentAt: T + 70 * s, jobId: "9" }), 90)).toEqual({ kind: "wait" });
  });

  it("closes when the node comes up, and what is missing is submitted", () => {
    const view = open(working("d9", T + 71 * s, { intentAt: T + 70 * s }));
    expect(step(view, 100)).toEqual({ kind: "close", reason: "d9 works" });
    expect(steer(view, POLICY, { now: T + 100 * s, roles: ["es-data"] }).map(({ kind }) => kind)).toEqual([
      "breaker",
      "submit",
    ]);
    view.breakers.delete("es-data");
    view.breakersClosedAt.set("es-data", T + 100 * s);
    expect(step(view, 101)).toEqual({ kind: "pass" });
  });

  it("opens for longer when it fails, up to a limit", () => {
    const view = open(failed("d9", T + 75 * s, "n3", { intentAt: T + 70 * s }));
    expect(step(view, 80)).toMatchObject({ kind: "open", probeAt: T + (80 + 60) * s });
    view.breakers.set("es-data", { openedAt: T + 40 * s, probeAt: T + 70 * s, reason: "r", times: 20 });
    expect(step(view, 80)).toMatchObject({ kind: "open", probeAt: T + (80 + 120) * s });
  });

  it("tries again when nobody can say what became of the job", () => {
    const ended = { at: T + 75 * s, exit: null, how: "gone from the batch system" };
    expect(step(open({ name: "d9", intentAt: T + 70 * s, ended }), 80)).toEqual({ kind: "probe" });
  });

  it("is the role's own", () => {
    expect(breakerStep(viewWith(TARGETS, ...failures(6)), POLICY, "parser", T + 90 * s)).toEqual({ kind: "pass" });
  });
});
