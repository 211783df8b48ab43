import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { slotOf } from "../../orchestrator/jobs/forecast.ts";
import type { JobView } from "../../orchestrator/view.ts";
import { privateStateDir, waitFor } from "../support/index.ts";
import { makeSite, type TestSite } from "../support/campaign.ts";
import { campaignKeys } from "../../worker/contract/keys.ts";

/** A cluster that lives longer than its jobs: each asserts the ledger, the documents and the journal's jobs. */
describe("the life of nodes", () => {
  const dir = privateStateDir("node-life");
  let site: TestSite;
  /** Of a data node on this machine as busy as it is; measured by the first test. */
  let bootSeconds = 50;
  beforeAll(async () => {
    site = await makeSite(dir);
  }, 120_000);
  afterEach(async () => {
    await site.endAll();
  }, 120_000);
  afterAll(async () => {
    await site.down();
  }, 60_000);

  const jobsOf = async (id: string, role: JobView["role"]): Promise<readonly JobView[]> =>
    [...(await site.view(id)).jobs.values()].filter((job) => job.role === role);

  /** The jobs that filled each place, by the first of them. */
  const placesOf = async (id: string, role: JobView["role"]): Promise<readonly [string, readonly string[]][]> => {
    const view = await site.view(id);
    const places = new Map<string, string[]>();
    for (const job of await jobsOf(id, role)) {
      const place = slotOf(view, job);
      places.set(place, [...(places.get(place) ?? []), job.name]);
    }
    return [...places];
  };

  /** Lets the rest of the load go as fast as it can. */
  const unleash = async (id: string): Promise<void> => {
    const redis = await site.redis();
    await redis.hset(campaignKeys(id).knobs, { eventsPerSecond: 0 });
    redis.disconnect();
  };

  /** What each data node has indexed so far, as long as it can be asked. */
  const indexedBy = async (id: string, seen: Map<string, number>): Promise<void> => {
    const client = await site.reader(id);
    try {
      const { nodes } = await client.nodes.stats({ metric: "indices" });
      for (const { name, indices } of Object.values(nodes)) {
        if (name !== undefined) seen.set(name, Math.max(seen.get(name) ?? 0, indices?.indexing?.index_total ?? 0));
      }
    } finally {
      await client.close();
    }
  };

  it("from two data nodes to three and to one, while it loads", async () => {
    const id = await site.launch("data-scaled", ["dataNodes.count=2", "limits.eventsPerSecond=50"]);
    await site.untilChunks(id, 5);
    expect((await site.call("scale", id, "--data-nodes", "3")).code).toBe(0);
    await waitFor(
      "three data nodes",
      async () => (await jobsOf(id, "es-data")).filter((job) => job.upAt !== undefined).length === 3,
      { timeoutMs: 300_000, everyMs: 500 },
    );
    bootSeconds = (await site.status(id)).observed.bootSeconds["es-data"] ?? bootSeconds;
    expect((await site.call("scale", id, "--data-nodes", "1", "--parsers", "2")).code).toBe(0);
    await waitFor(
      "two data nodes to have gone",
      async () => (await jobsOf(id, "es-data")).filter((job) => job.ended !== undefined).length === 2,
      { timeoutMs: 300_000, everyMs: 500 },
    );
    expect((await site.status(id)).state).toBe("running");
    await unleash(id);
    const { report } = await site.conclude(id);
    expect(report.observed.moves).toBe(2);
    const data = await jobsOf(id, "es-data");
    expect(data).toHaveLength(3);
    expect(data.map((job) => job.ended?.exit)).toEqual([0, 0, 0]);
  }, 1_200_000);

  it("three generations of nodes under a load that outlives two walltimes", async () => {
    // Time for two nodes to boot at once beside those that work, and for their shards to move, as slow as that is today.
    const walltime = Math.ceil(100 + 4 * bootSeconds);
    const id = await site.launch("generations", [
      "dataNodes.count=2",
      "parsers.count=2",
      `dataNodes.walltime=${String(walltime)}s`,
      `parsers.walltime=${String(walltime)}s`,
      "limits.eventsPerSecond=20",
    ]);
    const { at: begin } = await waitFor(
      "the load to begin",
      async () => (await site.view(id)).states.find(({ state }) => state === "running"),
      { timeoutMs: 400_000, everyMs: 500 },
    );
    const indexed = new Map<string, number>();
    const state = await waitFor(
      "two walltimes to pass, and three jobs for each place",
      async () => {
        const status = await site.status(id);
        if (status.state !== "running") return `${status.state}: ${status.reason ?? ""}`;
        await indexedBy(id, indexed);
        const places = [...(await placesOf(id, "es-data")), ...(await placesOf(id, "parser"))];
        const isOver = Date.now() - begin > 2000 * walltime && places.every(([, jobs]) => jobs.length >= 3);
        return isOver && "running";
      },
      { timeoutMs: 5000 * walltime, everyMs: 1000 },
    );
    expect(state).toBe("running");
    await unleash(id);
    const { report, rows } = await site.conclude(id);
    expect(report.loadSeconds).toBeGreaterThan(2 * walltime);
    for (const role of ["es-data", "parser"] as const) {
      const places = await placesOf(id, role);
      expect(places, `places of ${role}`).toHaveLength(2);
      for (const [place, jobs] of places)
        expect(jobs.length, `jobs in the place of ${place}`).toBeGreaterThanOrEqual(3);
    }
    // Nobody was ended by his walltime with shards; each generation has written, each parser worked.
    const data = await jobsOf(id, "es-data");
    expect(data.map((job) => job.ended?.exit)).toEqual(data.map(() => 0));
    const gone = data.filter((job) => job.releasedAt !== undefined);
    expect(gone.length).toBeGreaterThanOrEqual(4);
    for (const job of gone) expect(indexed.get(job.name) ?? 0, `documents indexed by ${job.name}`).toBeGreaterThan(0);
    expect(report.observed.moves).toBe(gone.length);
    expect(new Set(rows.map((row) => row.worker)).size).toBeGreaterThanOrEqual(4);
  }, 2_400_000);

  it("a host on which every job fails at once", async () => {
    const bad = "127.0.1.1";
    // What the batch system runs a job's script with; the one on the bad host does not.
    const real = execFileSync("which", ["prlimit"], { encoding: "utf8" }).trim();
    const bin = join(dir, "bin");
    mkdirSync(bin);
    const fake = join(bin, "prlimit");
    writeFileSync(
      fake,
      `#!/bin/sh\nif [ -n "$PBS_NODEFILE" ] && grep -qx '${bad}' "$PBS_NODEFILE"; then\n  echo 'this host is broken' >&2\n  exit 9\nfi\nexec ${real} "$@"\n`,
    );
    chmodSync(fake, 0o755);
    const path = process.env["PATH"] ?? "";
    process.env["PATH"] = `${bin}${delimiter}${path}`;
    try {
      const id = await site.launch("bad-host", [
        "limits.eventsPerSecond=0",
        "dataNodes.count=2",
        "batch.quarantine.failures=2",
      ]);
      await site.conclude(id);
      const view = await site.view(id);
      expect([...view.quarantine.keys()]).toEqual([bad]);
      const failed = [...view.jobs.values()].filter((job) => job.hosts.includes(bad));
      expect(failed.length).toBeGreaterThanOrEqual(2);
      expect(failed.every((job) => job.upAt === undefined)).toBe(true);
      const after = view.quarantine.get(bad)?.at ?? 0;
      expect(failed.filter((job) => job.intentAt > after)).toEqual([]);
      expect(view.warnings.some((text) => text.includes(`no more jobs on ${bad}`))).toBe(true);
    } finally {
      process.env["PATH"] = path;
    }
  }, 600_000);
});
