import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { slotOf } from "../../orchestrator/jobs/forecast.ts";
import { listNamespaces } from "../../orchestrator/network/index.ts";
import { statePaths } from "../../orchestrator/paths.ts";
import { nodeBinary } from "../../orchestrator/runtimes/index.ts";
import type { JobView } from "../../orchestrator/view.ts";
import type { NodeRole } from "../../worker/contract/keys.ts";
import { SERVICE_FAULTS, untilMore as moreOf, type CampaignFault } from "../support/campaign-faults.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { EVERY_FAULT } from "../support/every-fault.ts";
import { leftoverProcesses } from "../support/processes.ts";
import { makeSlurmSite, type SlurmSite } from "../support/slurm-site.ts";

/**
 * Faults of a real grid under load: a Slurm on hosts of its own behind an sshd. Each campaign ends with the ledger and the documents
 * compared with the archive, and with nothing left; some faults share a campaign, unless all variants are asked for.
 */
describeWith(["namespaces", "slurm", "redis", "haproxy", "elasticsearch"], "faults of a grid", () => {
  const dir = privateStateDir("grid");
  const prefix = `f${process.pid.toString(36).slice(-4)}`;
  const bin = join(dir, "bin");
  let grid: SlurmSite;

  beforeAll(async () => {
    mkdirSync(bin);
    grid = await makeSlurmSite(dir, {
      prefix,
      // A qsub in front of Slurm's, for the fault that needs one.
      settings: { batch: { access: { commandDirs: [bin] }, quarantine: { failures: 2 } } },
    });
  }, 180_000);
  afterEach(async () => {
    await grid.site.endAll();
  }, 240_000);
  afterAll(async () => {
    await grid.site.down();
    await grid.bed.stop();
    await waitFor("the last processes to end", () => leftoverProcesses(dir).length === 0);
    expect(listNamespaces(prefix)).toEqual([]);
  }, 120_000);

  const LONG = { timeoutMs: 300_000, everyMs: 250 };
  const jobsOf = async (id: string, role: NodeRole): Promise<readonly JobView[]> =>
    [...(await grid.site.view(id)).jobs.values()].filter((job) => job.role === role);
  const working = async (id: string, role: NodeRole): Promise<readonly JobView[]> =>
    (await jobsOf(id, role)).filter((job) => job.upAt !== undefined && !job.ended && !job.draining && !job.lost);
  const untilWorking = async (id: string, role: NodeRole, count: number): Promise<void> => {
    await waitFor(`${String(count)} of the role ${role}`, async () => (await working(id, role)).length === count, LONG);
  };
  const untilMore = (id: string, chunks?: number): Promise<void> => moreOf(grid.site, id, chunks);
  const scale = async (id: string, ...words: readonly string[]): Promise<void> => {
    expect((await grid.site.call("scale", id, ...words)).code).toBe(0);
  };
  const GRID_SERVICES: readonly CampaignFault[] = [
    {
      name: "slurmctld down for a minute",
      async happen(id) {
        const { bed } = grid;
        await bed.stopController();
        const from = Date.now();
        await untilMore(id);
        await waitFor("a minute to pass", () => Date.now() - from > 60_000, LONG);
        expect((await grid.site.status(id)).state).toBe("running");
        await bed.startController();
        // It submits again.
        const parsers = (await working(id, "parser")).length;
        await scale(id, "--parsers", String(parsers + 1));
        await untilWorking(id, "parser", parsers + 1);
      },
    },
    {
      name: "ssh dropped",
      async happen(id) {
        const { bed } = grid;
        bed.dropConnections();
        await bed.stopSshd();
        await untilMore(id);
        await bed.startSshd();
        // Commands and files go again.
        const parsers = (await working(id, "parser")).length;
        await scale(id, "--parsers", String(parsers + 1));
        await untilWorking(id, "parser", parsers + 1);
      },
    },
  ];

  /** Until what went with a data node was put back, and as many data nodes work as before. */
  const untilReloaded = async (id: string, reloads: number): Promise<void> => {
    await waitFor(
      "what went with the data node to be loaded again",
      async () => {
        const { reloads: all } = await grid.site.view(id);
        return all.length > reloads && all.every(({ done }) => done !== undefined);
      },
      LONG,
    );
    await untilWorking(id, "es-data", 2);
    await untilMore(id);
  };

  const JOBS: readonly CampaignFault[] = [
    {
      name: "a data node's job deleted by somebody else",
      async happen(id) {
        const reloads = (await grid.site.view(id)).reloads.length;
        const [victim] = await working(id, "es-data");
        expect((await grid.bed.onHead(["scancel", victim?.jobId ?? ""])).code).toBe(0);
        await untilReloaded(id, reloads);
      },
    },
    {
      name: "the cables of a data node's host cut",
      async happen(id) {
        const { bed, site } = grid;
        const reloads = (await site.view(id)).reloads.length;
        // Where no parser is.
        const parsers = new Set((await working(id, "parser")).map(({ hosts }) => hosts[0]));
        const victim = (await working(id, "es-data")).find(({ hosts }) => !parsers.has(hosts[0]));
        const host = victim?.hosts[0] ?? "";
        await bed.cutLink(host);
        try {
          await untilReloaded(id, reloads);
        } finally {
          await bed.healLink(host);
        }
        // What ran on behind the cut has nothing to say any more, and ends.
        await waitFor(
          "the lost node to end",
          () => leftoverProcesses(join(statePaths(site.stateDir).scratch, victim?.name ?? "?")).length === 0,
          LONG,
        );
      },
    },
    {
      name: "a submission that fails after it succeeded",
      async happen(id) {
        const before = (await working(id, "parser")).length;
        const once = join(dir, "once");
        writeFileSync(once, "");
        // Slurm's own words for an answer that did not come.
        writeFileSync(
          join(bin, "qsub"),
          `#!/bin/sh\nif rm '${once}' 2>/dev/null; then\n  /usr/bin/qsub "$@" >/dev/null\n  echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2\n  exit 1\nfi\nexec /usr/bin/qsub "$@"\n`,
        );
        chmodSync(join(bin, "qsub"), 0o755);
        await scale(id, "--parsers", String(before + 1));
        await untilWorking(id, "parser", before + 1);
        // Two jobs may have been made, one of which is deleted; no name runs twice.
        const slurm = await grid.jobs();
        const running = [...slurm.values()].map((jobs) => jobs.filter(({ state }) => state === "RUNNING").length);
        expect(Math.max(...running)).toBe(1);
        await waitFor(
          "strays to be deleted",
          async () => {
            const known = new Set((await grid.site.view(id)).jobs.keys());
            const live = [...(await grid.jobs())].filter(([, jobs]) => jobs.some(({ state }) => state === "RUNNING"));
            const parsers = await working(id, "parser");
            return live.every(([name]) => known.has(name)) && live.length === parsers.length + 2;
          },
          LONG,
        );
      },
    },
    {
      name: "a host on which every job fails at once",
      async happen(id) {
        const busy = new Set((await working(id, "es-data")).flatMap(({ hosts }) => hosts));
        const bad = grid.bed.nodes.find(({ name }) => !busy.has(name))?.name ?? "dn3";
        const parsers = (await working(id, "parser")).length;
        // Jobs that run there now go on; the next ones find no Node to run.
        expect((await grid.bed.onNode(bad, ["mount", "--bind", "/bin/false", nodeBinary()])).code).toBe(0);
        try {
          // The other hosts are full for a moment, so that this one is taken.
          const others = grid.bed.nodes.map(({ name }) => name).filter((name) => name !== bad);
          await grid.bed.onHead(["scontrol", "update", `NodeName=${others.join(",")}`, "State=DRAIN", "Reason=test"]);
          await scale(id, "--parsers", String(parsers + 1));
          await waitFor("the quarantine", async () => (await grid.site.view(id)).quarantine.has(bad), LONG);
          await grid.bed.onHead(["scontrol", "update", `NodeName=${others.join(",")}`, "State=RESUME"]);
          await untilWorking(id, "parser", parsers + 1);
          const view = await grid.site.view(id);
          const after = view.quarantine.get(bad)?.at ?? 0;
          expect([...view.jobs.values()].filter((job) => job.hosts[0] === bad && job.intentAt > after)).toEqual([]);
        } finally {
          await grid.bed.onNode(bad, ["umount", nodeBinary()]);
        }
      },
    },
    {
      name: "a parser's job that Slurm kills at its walltime",
      async happen(id) {
        const parsers = await working(id, "parser");
        const victim = parsers.at(-1);
        // Shorter than what was asked for: nobody of ours knows.
        const change = ["scontrol", "update", `JobId=${victim?.jobId ?? ""}`, "TimeLimit=1"];
        expect((await grid.bed.onHead(change)).code).toBe(0);
        await waitFor(
          "its end",
          async () => (await jobsOf(id, "parser")).find((job) => job.name === victim?.name)?.ended,
          LONG,
        );
        expect((await grid.jobs()).get(victim?.name ?? "")?.[0]?.state).toBe("TIMEOUT");
        await untilWorking(id, "parser", parsers.length);
        await untilMore(id);
      },
    },
  ];

  interface Group {
    readonly name: string;
    readonly faults: readonly CampaignFault[];
    readonly settings: readonly string[];
  }
  // Two data nodes do not fit on one host, so that one of them can be cut off alone.
  const APART = ["dataNodes.cpus=5", "limits.eventsPerSecond=30"];
  const groups: readonly Group[] = [
    {
      name: "services and the way to them",
      faults: [...GRID_SERVICES, ...SERVICE_FAULTS],
      settings: ["limits.eventsPerSecond=40"],
    },
    { name: "jobs and hosts", faults: JOBS, settings: APART },
  ];
  const GROUPS = EVERY_FAULT
    ? groups.flatMap(({ faults, settings }) =>
        faults.map((fault): Group => ({ name: fault.name, faults: [fault], settings })),
      )
    : groups;

  it.each(GROUPS)(
    "$name",
    async ({ name, faults, settings }) => {
      const id = await grid.site.launch(`fault-${String(GROUPS.findIndex((group) => group.name === name))}`, settings, [
        "--data-nodes",
        "2",
        "--parsers",
        "2",
      ]);
      await grid.site.untilChunks(id, 3);
      const seconds: string[] = [];
      for (const fault of faults) {
        const from = Date.now();
        await fault.happen(id, grid.site);
        seconds.push(`${fault.name}: ${((Date.now() - from) / 1000).toFixed(0)} s`);
      }
      grid.site.unleash(id);
      const { report } = await grid.site.conclude(id);
      await expectNoJobs();
      const { read, duplicate } = report.lines;
      console.info(
        `faults of a grid: ${String(read)} lines, lost 0, doubled 0 (${String(duplicate)} sent again and recognised), left over 0; until itself again: ${seconds.join(", ")}`,
      );
    },
    1_200_000,
  );

  it("from two data nodes to four and to one, while it loads", async () => {
    const id = await grid.site.launch("scaled", ["limits.eventsPerSecond=60"], ["--data-nodes", "2", "--parsers", "2"]);
    await grid.site.untilChunks(id, 3);
    await scale(id, "--data-nodes", "4");
    await untilWorking(id, "es-data", 4);
    await scale(id, "--data-nodes", "1");
    await waitFor(
      "three data nodes to have gone",
      async () => (await jobsOf(id, "es-data")).filter((job) => job.ended !== undefined).length === 3,
      LONG,
    );
    expect((await grid.site.status(id)).state).toBe("running");
    grid.site.unleash(id);
    const { report } = await grid.site.conclude(id);
    expect(report.observed.moves).toBe(3);
    expect((await jobsOf(id, "es-data")).map((job) => job.ended?.exit)).toEqual([0, 0, 0, 0]);
    await expectNoJobs();
  }, 1_200_000);

  // It takes two walltimes, however idle.
  it.runIf(EVERY_FAULT)(
    "three generations of nodes under a load that outlives two walltimes",
    async () => {
      const minutes = 4;
      const id = await grid.site.launch(
        "generations",
        [`dataNodes.walltime=${String(minutes)}m`, `parsers.walltime=${String(minutes)}m`, "limits.eventsPerSecond=15"],
        ["--data-nodes", "2", "--parsers", "1"],
      );
      const places = async (role: NodeRole): Promise<ReadonlyMap<string, readonly string[]>> => {
        const view = await grid.site.view(id);
        const found = new Map<string, string[]>();
        for (const job of await jobsOf(id, role)) {
          found.set(slotOf(view, job), [...(found.get(slotOf(view, job)) ?? []), job.name]);
        }
        return found;
      };
      const state = await waitFor(
        "two walltimes to pass, and three jobs for each place of a data node, the last of which works",
        async () => {
          const status = await grid.site.status(id);
          if (!["planned", "booting", "running"].includes(status.state))
            return `${status.state}: ${status.reason ?? ""}`;
          const view = await grid.site.view(id);
          const third = [...(await places("es-data")).values()].map((jobs) => view.jobs.get(jobs[2] ?? ""));
          const begin = view.states.find(({ state: entered }) => entered === "running")?.at ?? Number.POSITIVE_INFINITY;
          const isLong = Date.now() - begin > 2 * 60_000 * minutes;
          return isLong && third.length === 2 && third.every((job) => job?.upAt !== undefined) && "running";
        },
        { timeoutMs: 5 * 60_000 * minutes, everyMs: 1000 },
      );
      expect(state).toBe("running");
      await untilMore(id, 2);
      const documents = await grid.site.indexedBy(id);
      const slurm = await grid.jobs();
      grid.site.unleash(id);
      const { report } = await grid.site.conclude(id);
      expect(report.loadSeconds).toBeGreaterThan(2 * 60 * minutes);
      for (const jobs of (await places("es-data")).values()) {
        expect(jobs.length).toBeGreaterThanOrEqual(3);
        // Slurm's own word: so many jobs there were, none was ended by its walltime.
        for (const job of jobs)
          expect([job, slurm.get(job)?.length, slurm.get(job)?.[0]?.state]).not.toContain("TIMEOUT");
      }
      const data = await jobsOf(id, "es-data");
      expect(data.map((job) => job.ended?.exit)).toEqual(data.map(() => 0));
      expect(data.filter((job) => job.releasedAt !== undefined).length).toBeGreaterThanOrEqual(4);
      // What works now has written; each one that left handed its shards over.
      for (const job of await working(id, "es-data")) expect(documents.get(job.name) ?? 0).toBeGreaterThan(0);
      await expectNoJobs();
    },
    2_400_000,
  );

  /** Slurm has no job that has not ended, and its hosts run nothing of one. */
  async function expectNoJobs(): Promise<void> {
    await grid.untilNoJobs();
    await waitFor(
      "their processes to end",
      () => leftoverProcesses(statePaths(grid.site.stateDir).scratch).length === 0,
    );
  }
});
