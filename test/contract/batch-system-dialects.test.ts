import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import type { BatchSystem, CommandRunner, JobSpec, JobStatus } from "../../pbs/batch-system.ts";
import { localCommandRunner } from "../../pbs/command.ts";
import type { GridDialect } from "../../pbs/detect.ts";
import { createBatchSystem } from "../../pbs/index.ts";
import { exceededLimits } from "../../pbs/queue-limits.ts";
import { HANGS, scriptedServer, type Answer, type ScriptedServer } from "../support/scripted-server.ts";

/**
 * What every dialect must do, against programs that answer as real servers did. A script is what each program answers
 * call by call; a look is one `status` and what it must find.
 */
type Script = Readonly<Record<string, readonly Answer[]>>;

interface Life {
  readonly name: string;
  /** What qsub answers, and the id that is taken from it. */
  readonly submit?: readonly [capture: string, id: string];
  readonly id: string;
  readonly script: Script;
  /** What each look finds; undefined: the server does not know it any more. */
  readonly looks: readonly (Partial<JobStatus> | undefined)[];
}

interface Ground {
  readonly dialect: GridDialect;
  readonly version: string;
  readonly lives: readonly Life[];
  /** qsub and the program that tells statuses, while the server is away. */
  readonly away: { readonly qsub: string; readonly script: Script };
  /** A qsub that did not come back although it submitted: how the job is found, by which name and id. */
  readonly lost: { readonly script: Script; readonly name: string; readonly id: string };
  readonly cancel: {
    readonly id: string;
    readonly done: string;
    readonly gone: string;
    /** The job's host is lost: qdel fails or does not come back, and the job is shown as running. */
    readonly hostLost: { readonly answer: Answer; readonly code: string; readonly status?: Script };
  };
  readonly unknown: { readonly id: string; readonly script: Script };
  readonly limits: { readonly script: Script; readonly queue: string; readonly most: string };
  readonly nodes: { readonly script: Script; readonly names: readonly string[] };
  readonly dryRun: { readonly yes: Script; readonly no: Script; readonly says: RegExp };
}

const running = (host: string): Partial<JobStatus> => ({ state: "running", hosts: [host] });

/** Every dialect of a site's batch system. To add one: a row. */
const GROUNDS: readonly Ground[] = [
  {
    dialect: "torque",
    version: "torque/version-qstat",
    lives: [
      {
        name: "runs to its end and is forgotten",
        submit: ["torque/qsub-multi-l", "8.pbs-server"],
        id: "8.pbs-server",
        script: { qstat: ["torque/qstat-fx", "torque/qstat-fx-all", "torque/qstat-after-purge"] },
        looks: [
          running("node1"),
          { state: "finished", end: "completed", exitStatus: 0, restarts: 0, hosts: ["node1"] },
          undefined,
        ],
      },
      {
        name: "waits and is deleted",
        submit: ["torque/qsub-a", "18.pbs-server"],
        id: "18.pbs-server",
        script: { qstat: ["torque/qstat-fx", "torque/qstat-fx-all"] },
        looks: [
          { state: "queued", hosts: [] },
          { state: "finished", end: "deleted-queued", hosts: [] },
        ],
      },
      {
        name: "is held, released, and fails",
        id: "26.pbs-server",
        // Its first look is text: the XML of that moment could not be read.
        script: { qstat: ["torque/qstat-f-depend", "torque/qstat-f-depend", "torque/qstat-fx-follower"] },
        looks: [{ state: "held" }, { state: "finished", end: "completed", exitStatus: 7 }],
      },
      {
        name: "runs over its walltime",
        id: "2.pbs-server",
        script: { qstat: ["torque/qstat-fx", "torque/qstat-fx-wall"] },
        looks: [running("node1"), { state: "finished", end: "walltime", exitStatus: -11 }],
      },
      {
        name: "is deleted while it runs, though its trap ends well",
        id: "4.pbs-server",
        script: { qstat: ["torque/qstat-fx-trap"] },
        looks: [{ state: "finished", end: "deleted-running", exitStatus: 271 }],
      },
    ],
    away: { qsub: "torque/server-down-qsub", script: { qstat: ["torque/server-down-qstat", "torque/qstat-fx"] } },
    lost: { script: { qstat: ["torque/qstat-fx"] }, name: "multil", id: "8.pbs-server" },
    cancel: {
      id: "28.pbs-server",
      done: "torque/qdel-running",
      gone: "torque/qdel-finished",
      hostLost: { answer: "torque/qdel-nodelost", code: "QDEL_FAILED", status: { qstat: ["torque/qstat-fx-all"] } },
    },
    unknown: { id: "99999.pbs-server", script: { qstat: ["torque/qstat-x-unknown"] } },
    limits: { script: { qstat: ["torque/qstat-Qf"] }, queue: "short", most: "resources_max.walltime" },
    nodes: { script: { pbsnodes: ["torque/pbsnodes-x"] }, names: ["node1", "node2"] },
    dryRun: {
      yes: { qsub: ["torque/qsub-hold"], qstat: ["torque/qstat-fx"], qdel: ["torque/qdel-held"] },
      no: { qsub: ["torque/qsub-walltime-over"] },
      says: /max walltime/,
    },
  },
  {
    dialect: "openpbs",
    version: "openpbs/version-qstat",
    lives: [
      {
        name: "runs to its end",
        submit: ["openpbs/qsub-select-oneline", "5.pbs-server"],
        id: "5.pbs-server",
        script: { qstat: ["openpbs/qstat-xf-json", "openpbs/qstat-xf-json-one", "openpbs/qstat-unknown-json"] },
        looks: [
          running("node2"),
          { state: "finished", end: "completed", exitStatus: 0, restarts: 0, hosts: ["node2"] },
          undefined,
        ],
      },
      {
        name: "can never run, says so, and is deleted",
        submit: ["openpbs/qsub-too-big", "12.pbs-server"],
        id: "12.pbs-server",
        script: {
          qstat: ["openpbs/qstat-xf-json", "openpbs/qstat-xf-qdel-queued", "openpbs/qstat-xf-qdel-queued"],
        },
        looks: [
          { state: "queued", comment: "Can Never Run: Insufficient amount of resource: ncpus (R: 80 A: 16 T: 16)" },
          { state: "finished", end: "deleted-queued", hosts: [] },
        ],
      },
      {
        name: "is requeued under its id, and deleted while it runs",
        id: "1009.pbs-server",
        // Text where the JSON could not be read, each time after another.
        script: {
          qstat: [
            "openpbs/qstat-f-rerun",
            "openpbs/qstat-f-rerun",
            "openpbs/qstat-xf-qdel-running",
            "openpbs/qstat-xf-qdel-running",
          ],
        },
        looks: [
          { state: "running", restarts: 1 },
          { state: "finished", end: "deleted-running", exitStatus: 271, restarts: 1 },
        ],
      },
      {
        name: "is deleted while its host is lost",
        id: "1012.pbs-server",
        script: { qstat: ["openpbs/qstat-xf-nodelost"] },
        looks: [{ state: "finished", end: "node-lost", hosts: ["node1"] }],
      },
      {
        name: "depends on a job that fails",
        id: "1004.pbs-server",
        script: { qstat: ["openpbs/qstat-xf-depend-impossible"] },
        looks: [{ state: "finished", end: "failed-dependency" }],
      },
    ],
    away: {
      qsub: "openpbs/server-down-qsub",
      // Valid JSON without jobs, and an exit code that says why.
      script: { qstat: ["openpbs/server-down-qstat-json", "openpbs/qstat-xf-json"] },
    },
    lost: { script: { qstat: ["openpbs/qstat-xf-json"] }, name: "sel2", id: "5.pbs-server" },
    cancel: {
      id: "1012.pbs-server",
      done: "openpbs/qdel-running-plain",
      gone: "openpbs/qdel-Wforce",
      hostLost: { answer: HANGS, code: "COMMAND_TIMEOUT" },
    },
    unknown: { id: "99999.pbs-server", script: { qstat: ["openpbs/qstat-unknown-json"] } },
    limits: { script: { qstat: ["openpbs/qstat-Qf"] }, queue: "short", most: "resources_max.walltime" },
    nodes: { script: { pbsnodes: ["openpbs/pbsnodes-a-json"] }, names: ["node1", "node2"] },
    dryRun: {
      yes: { qsub: ["openpbs/qsub-hold"], qstat: ["openpbs/qstat-xf-json"], qdel: ["openpbs/qdel-queued"] },
      no: { qsub: ["openpbs/qsub-walltime-over-queue"] },
      says: /violates queue/,
    },
  },
  {
    dialect: "slurm",
    version: "slurm/qstat-version",
    lives: [
      {
        name: "waits, runs to its end and is forgotten",
        submit: ["slurm/life-qsub", "4"],
        id: "4",
        script: {
          qstat: ["slurm/life-qstat-1", "slurm/life-qstat-2", "slurm/life-qstat-3", "slurm/life-qstat-4"],
          squeue: ["slurm/life-squeue-1", "slurm/life-squeue-2", "slurm/life-squeue-3"],
        },
        looks: [
          { state: "queued", hosts: [], name: "gh-abcde-d1", queue: "short" },
          running("dn1"),
          { state: "finished", end: "completed", exitStatus: 7, restarts: 0, hosts: ["dn1"] },
          undefined,
        ],
      },
      {
        name: "is deleted before it runs",
        id: "17",
        script: { qstat: ["slurm/qstat-f-qdel-queued", "slurm/qstat-f-missing"], squeue: ["slurm/squeue-unknown"] },
        looks: [{ state: "finished", end: "deleted-queued", hosts: [] }, undefined],
      },
      {
        name: "ran over its walltime, and squeue knows it no more",
        id: "22",
        script: { qstat: ["slurm/qstat-f-walltime"], squeue: ["slurm/squeue-unknown"] },
        looks: [{ state: "finished", end: "walltime", hosts: ["dn1"] }],
      },
      {
        name: "is deleted, shown as ended while it is being ended, and gone",
        id: "8",
        script: {
          qstat: ["slurm/qstat-f-many"],
          squeue: ["slurm/squeue-many-1", "slurm/squeue-many-2"],
        },
        looks: [{ state: "exiting" }, { state: "finished", end: "deleted-running", exitStatus: 143 }],
      },
      {
        name: "is held",
        id: "10",
        script: { qstat: ["slurm/qstat-f-many"], squeue: ["slurm/squeue-many-1"] },
        looks: [{ state: "held", comment: "JobHeldUser" }],
      },
      {
        name: "loses its host",
        id: "17",
        script: { qstat: ["slurm/qstat-f-node-down"], squeue: ["slurm/squeue-node-down"] },
        looks: [{ state: "finished", end: "node-lost", hosts: ["dn3"] }],
      },
      {
        name: "loses its host and is requeued under its id",
        id: "16",
        script: {
          qstat: ["slurm/qstat-f-node-down", "slurm/qstat-f-requeued-running"],
          squeue: ["slurm/squeue-node-down", "slurm/squeue-requeued-running"],
        },
        looks: [
          { state: "queued", restarts: 1, hosts: [] },
          { state: "running", restarts: 1, hosts: ["dn3"] },
        ],
      },
    ],
    away: {
      qsub: "slurm/ctld-down-qsub",
      script: { qstat: ["slurm/ctld-down-qstat", "slurm/qstat-f-many"], squeue: ["slurm/squeue-many-1"] },
    },
    lost: {
      script: { qstat: ["slurm/qstat-f-many"], squeue: ["slurm/squeue-many-1"] },
      name: "wall",
      id: "6",
    },
    cancel: {
      id: "11",
      done: "slurm/qdel-running",
      gone: "slurm/qdel-finished",
      hostLost: { answer: "slurm/ctld-down-qdel", code: "QDEL_FAILED" },
    },
    unknown: { id: "999999", script: { qstat: ["slurm/qstat-f-missing"] } },
    limits: { script: { scontrol: ["slurm/scontrol-partitions"] }, queue: "short", most: "MaxTime" },
    nodes: { script: { pbsnodes: ["slurm/pbsnodes-a"] }, names: ["dn1", "dn2", "dn3"] },
    dryRun: {
      yes: { sbatch: ["slurm/sbatch-test-only"] },
      no: { sbatch: ["slurm/sbatch-test-only-toolong"] },
      says: /time limit/,
    },
  },
];

const root = mkdtempSync(join(tmpdir(), "gridharvest-dialects-"));
afterAll(() => rmSync(root, { recursive: true }));
let servers = 0;

const never = new AbortController().signal;

const SPEC: JobSpec = {
  name: "gh-abcde-d1",
  queue: "short",
  cpus: 2,
  memoryBytes: 512 * 2 ** 20,
  walltimeSeconds: 330,
  outputFile: join(root, "out"),
  errorFile: join(root, "err"),
  scriptFile: join(root, "job.pbs"),
  extraDirectives: [],
};
writeFileSync(SPEC.scriptFile, "#!/bin/sh\n");

/**
 * A batch system on a server of its own. The detection is the first thing that it is asked.
 * @param impatientWith a program whose calls that do not come back are given up soon
 */
async function start(
  { version }: Ground,
  script: Script,
  impatientWith?: string,
): Promise<{ system: BatchSystem; server: ScriptedServer }> {
  const server = scriptedServer(join(root, String(++servers)));
  server.script("qstat", version);
  for (const [program, answers] of Object.entries(script)) server.script(program, ...answers);
  const local = localCommandRunner([server.binDir]);
  const runner: CommandRunner = {
    run: (argv, options) => local.run(argv, { ...options, timeoutSeconds: argv[0] === impatientWith ? 1 : 50 }),
  };
  return { system: await createBatchSystem({ system: "auto", runner, commandTimeoutSeconds: 50 }), server };
}

for (const ground of GROUNDS) {
  describe(`dialect ${ground.dialect} against a scripted server`, () => {
    it("is recognised", async () => {
      const { system } = await start(ground, {});
      expect(system.dialect.name).toBe(ground.dialect);
    });

    it.each(ground.lives.map((life) => [life.name, life] as const))("a job %s", async (_, life) => {
      const submit = life.submit;
      const { system, server } = await start(ground, {
        ...(submit === undefined ? {} : { qsub: [submit[0]] }),
        ...life.script,
      });
      if (submit !== undefined) expect(await system.submit(SPEC, never)).toBe(submit[1]);
      for (const look of life.looks) {
        const found = await system.status([life.id], never);
        if (look === undefined) expect(found.size).toBe(0);
        else expect(found.get(life.id)).toMatchObject({ id: life.id, ...look });
        const status = found.get(life.id);
        expect(status?.end !== undefined && status.state !== "finished").toBe(false);
      }
      expect(server.calls("qsub")).toHaveLength(submit === undefined ? 0 : 1);
    });

    it("a server that is away fails for now, and nothing is taken for ended", async () => {
      const { system } = await start(ground, { ...ground.away.script, qsub: [ground.away.qsub] });
      const { id } = ground.lost;
      await expect(system.status([id], never)).rejects.toMatchObject({ code: "QSTAT_FAILED", retryable: true });
      await expect(system.submit(SPEC, never)).rejects.toMatchObject({ code: "QSUB_REFUSED", retryable: true });
      expect((await system.status([id], never)).get(id)).toMatchObject({ state: "running" });
    });

    it("a qsub that does not come back leaves its job to be found by its name", async () => {
      const { name, id, script } = ground.lost;
      const { system, server } = await start(ground, { ...script, qsub: [HANGS] }, "qsub");
      await expect(system.submit({ ...SPEC, name }, never)).rejects.toMatchObject({
        code: "QSUB_UNANSWERED",
        retryable: true,
      });
      expect((await system.list(never)).filter((job) => job.name === name).map((job) => job.id)).toEqual([id]);
      expect(server.calls("qsub").length).toBeLessThanOrEqual(1);
    });

    it("an id that the server does not know is absent", async () => {
      const { system } = await start(ground, ground.unknown.script);
      expect((await system.status([ground.unknown.id], never)).size).toBe(0);
    });

    it("deletes one job a call, and one that is gone is deleted", async () => {
      const { id, done, gone } = ground.cancel;
      const { system, server } = await start(ground, { qdel: [done, gone] });
      await system.cancel(id, never);
      await system.cancel(id, never);
      expect(server.calls("qdel")).toEqual([
        ["qdel", id],
        ["qdel", id],
      ]);
    });

    it("a job whose host is lost cannot be deleted yet, and is still running", async () => {
      const { id, hostLost } = ground.cancel;
      const impatient = hostLost.answer === HANGS ? "qdel" : undefined;
      const { system } = await start(ground, { ...hostLost.status, qdel: [hostLost.answer] }, impatient);
      await expect(system.cancel(id, never)).rejects.toMatchObject({ code: hostLost.code, retryable: true });
      if (hostLost.status) expect((await system.status([id], never)).get(id)).toMatchObject({ state: "running" });
    });

    it("an id of another batch system never reaches a command line", async () => {
      const { system, server } = await start(ground, {});
      const foreign =
        ground.dialect === "slurm" ? ["12.pbs-server", "14[1]", "-u root"] : ["-p", "12 13", "$(id)", "all"];
      expect((await system.status(foreign, never)).size).toBe(0);
      for (const id of foreign) {
        await expect(system.cancel(id, never)).rejects.toMatchObject({ code: "QDEL_FAILED", retryable: false });
      }
      expect(server.calls()).toEqual([["qstat", "--version"]]);
    });

    it("names the limit of a queue that a job exceeds", async () => {
      const { script, queue, most } = ground.limits;
      const { system } = await start(ground, script);
      const limits = await system.limits(queue, never);
      expect(limits).toMatchObject({ queue, accepts: true, starts: true });
      if (!limits) return;
      expect(exceededLimits({ ...SPEC, walltimeSeconds: 7200 }, limits)).toEqual([]);
      expect(exceededLimits({ ...SPEC, walltimeSeconds: 7201 }, limits)).toEqual([
        { limit: most, allowed: "at most 02:00:00", asked: "02:00:01" },
      ]);
      expect(await system.limits("nosuch", never)).toBeUndefined();
    });

    it("tells the execution hosts", async () => {
      const { system } = await start(ground, ground.nodes.script);
      const nodes = await system.nodes(never);
      expect(nodes.map(({ name }) => name).sort()).toEqual(ground.nodes.names);
      for (const node of nodes) expect(node).toMatchObject({ state: "free", slots: 8 });
    });

    it("keeps a job away from a host", async () => {
      const { script, names } = ground.nodes;
      const { system, server } = await start(ground, script);
      const spec = await system.place({ ...SPEC, excludeHosts: [names[0] ?? ""] }, never);
      const lines = system.dialect.directives(spec).join("\n");
      if (system.dialect.excludesHosts === "directive") {
        expect(lines).toContain(`#SBATCH --exclude=${names[0] ?? ""}`);
        expect(server.calls("pbsnodes")).toEqual([]);
      } else {
        expect(spec.host).toBe(names[1]);
        expect(lines).toMatch(new RegExp(`nodes=${spec.host ?? ""}:ppn=2|:host=${spec.host ?? ""}`));
        await expect(system.place({ ...SPEC, excludeHosts: names }, never)).rejects.toMatchObject({
          code: "HOSTS_EXCLUDED",
          retryable: true,
        });
      }
    });

    it("tries a job out and leaves none", async () => {
      const { yes, no, says } = ground.dryRun;
      const good = await start(ground, yes);
      expect(await good.system.dryRun(SPEC, never)).toMatchObject({ accepted: true });
      const held = good.server.calls("qsub");
      expect(held.every((words) => words.includes("-h"))).toBe(true);
      expect(good.server.calls("qdel")).toHaveLength(held.length);
      const bad = await start(ground, no);
      expect(await bad.system.dryRun(SPEC, never)).toMatchObject({
        accepted: false,
        text: expect.stringMatching(says) as string,
      });
    });
  });
}

it("a batch system that nobody knows is not guessed", async () => {
  const server = scriptedServer(join(root, String(++servers)));
  server.script("qstat", "torque/qstat-badid");
  const runner = localCommandRunner([server.binDir]);
  await expect(createBatchSystem({ system: "auto", runner, commandTimeoutSeconds: 50 })).rejects.toMatchObject({
    code: "BATCH_SYSTEM_UNKNOWN",
  });
});
