import { describe, expect, it } from "vitest";

import type { Argv, CommandRunner, JobSpec } from "../../../pbs/batch-system.ts";
import { openpbs } from "../../../pbs/dialects/openpbs.ts";
import { slurm } from "../../../pbs/dialects/slurm.ts";
import { torque } from "../../../pbs/dialects/torque.ts";
import { pbsBatchSystem } from "../../../pbs/pbs-batch-system.ts";
import { GridError } from "../../../worker/contract/errors.ts";
import { capture } from "./captures.ts";

const signal = new AbortController().signal;
const SPEC: JobSpec = {
  name: "a",
  cpus: 1,
  memoryBytes: 1,
  walltimeSeconds: 1,
  outputFile: "/o",
  errorFile: "/e",
  scriptFile: "/s",
  extraDirectives: [],
};

/** A runner that plays captures back and remembers what it was asked. */
function playback(answers: readonly (string | Error)[]): { runner: CommandRunner; asked: Argv[] } {
  const asked: Argv[] = [];
  const rest = [...answers];
  return {
    asked,
    runner: {
      async run(argv) {
        asked.push(argv);
        const next = rest.shift();
        if (next === undefined) throw new Error(`unexpected command: ${argv.join(" ")}`);
        if (next instanceof Error) throw next;
        return capture(next);
      },
    },
  };
}

describe("pbsBatchSystem", () => {
  it("asks for all ids at once; the unknown ones are absent", async () => {
    const { runner, asked } = playback(["torque/qstat-f-mixed", "torque/qstat-f-mixed"]);
    const statuses = await pbsBatchSystem(torque, runner, 5).status(["99999.pbs-server", "0.pbs-server"], signal);
    expect([...statuses.keys()]).toEqual(["0.pbs-server"]);
    // The first answer is text where XML was asked for, so the next way is asked.
    expect(asked).toEqual([
      ["qstat", "-f", "-x", "99999.pbs-server", "0.pbs-server"],
      ["qstat", "-f", "99999.pbs-server", "0.pbs-server"],
    ]);
  });

  it("answers under the id that was asked for", async () => {
    const { runner } = playback(["torque/qstat-fx"]);
    const statuses = await pbsBatchSystem(torque, runner, 5).status(["8"], signal);
    expect([...statuses]).toEqual([["8", expect.objectContaining({ id: "8", state: "running" })]]);
  });

  it("asks in the way that the batch system knows, and never again in one that it does not", async () => {
    const { runner, asked } = playback(["torque/qstat-json", "torque/qstat-f-running", "torque/qstat-f-running"]);
    const system = pbsBatchSystem(torque, runner, 5);
    for (const _ of [1, 2]) expect((await system.status(["0.pbs-server"], signal)).size).toBe(1);
    expect(asked.map((argv) => argv.includes("-x"))).toEqual([true, false, false]);
  });

  it("goes without details where their program is missing, and not where it fails", async () => {
    const missing = new GridError("COMMAND_MISSING", "none");
    const late = new GridError("COMMAND_TIMEOUT", "slow", { retryable: true });
    const { runner } = playback(["slurm/qstat-f-exit7", missing, "slurm/qstat-f-exit7", late]);
    const system = pbsBatchSystem(slurm, runner, 5);
    expect((await system.status(["18"], signal)).get("18")).toMatchObject({ state: "finished" });
    await expect(system.status(["18"], signal)).rejects.toBe(late);
  });

  it("takes a held job away whose qsub did not answer, and never one of that name that runs", async () => {
    const late = new GridError("COMMAND_TIMEOUT", "slow", { retryable: true });
    for (const [name, deleted] of [
      ["held", [["qdel", "17.pbs-server"]]],
      ["multil", []],
    ] as const) {
      const { runner, asked } = playback([late, "torque/qstat-fx", "torque/qdel-held"]);
      const trial = pbsBatchSystem(torque, runner, 5).dryRun({ ...SPEC, name }, signal);
      await expect(trial).rejects.toMatchObject({ code: "QSUB_UNANSWERED" });
      expect(asked.filter(([command]) => command === "qdel")).toEqual(deleted);
    }
  });

  it("finds the default queue where the queues do not say it", async () => {
    const { runner, asked } = playback(["openpbs/qstat-Qf", "openpbs/qstat-Bf"]);
    expect(await pbsBatchSystem(openpbs, runner, 5).limits(undefined, signal)).toMatchObject({
      queue: "workq",
      isDefault: true,
      limits: [],
    });
    expect(asked).toEqual([
      ["qstat", "-Qf"],
      ["qstat", "-Bf"],
    ]);
  });

  it("names other hosts in turn while the server has not seen the jobs yet", async () => {
    const { runner } = playback(["torque/pbsnodes-x", "torque/pbsnodes-x", "torque/pbsnodes-x"]);
    const system = pbsBatchSystem(torque, runner, 5);
    const spec = { ...SPEC, excludeHosts: ["node3"] };
    const hosts = [];
    for (const _ of [1, 2, 3]) hosts.push((await system.place(spec, signal)).host);
    expect(hosts).toEqual(["node1", "node2", "node1"]);
    expect(await system.place(SPEC, signal)).toBe(SPEC);
  });

  it("runs nothing for no ids", async () => {
    const { runner, asked } = playback([]);
    expect((await pbsBatchSystem(torque, runner, 5).status([], signal)).size).toBe(0);
    expect(asked).toEqual([]);
  });

  it("lists the jobs of one user", async () => {
    const { runner } = playback(["torque/qstat-fx", "torque/qstat-fx"]);
    const all = await pbsBatchSystem(torque, runner, 5, "griduser").list(signal);
    expect(all.length).toBeGreaterThan(3);
    expect(await pbsBatchSystem(torque, runner, 5, "somebody").list(signal)).toEqual([]);
  });

  it("says unanswered when qsub ran out of time, and missing when there is none", async () => {
    const timeout = new GridError("COMMAND_TIMEOUT", "slow", { retryable: true });
    const missing = new GridError("COMMAND_MISSING", "none");
    const { runner } = playback([timeout, missing]);
    const system = pbsBatchSystem(torque, runner, 5);
    await expect(system.submit(SPEC, signal)).rejects.toMatchObject({ code: "QSUB_UNANSWERED", retryable: true });
    await expect(system.submit(SPEC, signal)).rejects.toBe(missing);
  });

  it("an abort before qsub ran is an abort, one while it ran leaves it unanswered", async () => {
    const controller = new AbortController();
    const { runner, asked } = playback([new Error("aborted")]);
    const system = pbsBatchSystem(torque, runner, 5);
    await expect(system.submit(SPEC, controller.signal)).rejects.toMatchObject({ code: "QSUB_UNANSWERED" });
    controller.abort(new Error("stop"));
    await expect(system.submit(SPEC, controller.signal)).rejects.toThrow("stop");
    expect(asked).toHaveLength(1);
  });

  it("takes a job that is already gone for cancelled", async () => {
    const { runner, asked } = playback(["torque/qdel-running", "torque/qdel-unknown", "torque/qdel-nodelost"]);
    const system = pbsBatchSystem(torque, runner, 5);
    await system.cancel("4.pbs-server", signal);
    await system.cancel("99999", signal);
    await expect(system.cancel("28.pbs-server", signal)).rejects.toMatchObject({
      code: "QDEL_FAILED",
      retryable: true,
    });
    expect(asked.every((argv) => argv.length === 2)).toBe(true);
  });
});
