import { readdirSync, readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { rowsToReload } from "../../orchestrator/loss/consequences.ts";
import { isSpread } from "../../orchestrator/shards.ts";
import { createSpool } from "../../orchestrator/spool.ts";
import type { CampaignView, JobView } from "../../orchestrator/view.ts";
import type { BatchSystem } from "../../pbs/batch-system.ts";
import { campaignKeys } from "../../worker/contract/keys.ts";
import type { LedgerRow } from "../../worker/contract/ledger.ts";
import { killProcess } from "../support/campaign-faults.ts";
import { EVERY_FAULT } from "../support/every-fault.ts";
import { privateStateDir, waitFor } from "../support/index.ts";
import { DERIVED_IDS, makeSite, STORE_IDS, type TestSite } from "../support/campaign.ts";

/** Data nodes that go in mid-load: each asserts the ledger, the documents, and which chunks were loaded again. */
describe("the loss of a data node", () => {
  const dir = privateStateDir("node-loss");
  const PATIENCE = { timeoutMs: 300_000, everyMs: 300 };
  let site: TestSite;
  let batch: BatchSystem;
  beforeAll(async () => {
    site = await makeSite(dir);
    batch = await site.batch();
  }, 120_000);
  afterEach(async () => {
    await site.endAll();
  }, 120_000);
  afterAll(async () => {
    await site.down();
  }, 60_000);

  // A lock that a busy machine does not lose: each further attempt at a chunk has its reason here.
  const TWO_NODES = ["dataNodes.count=2", "parsers.lock=30s"];

  const dataJobs = async (id: string): Promise<readonly JobView[]> =>
    [...(await site.view(id)).jobs.values()].filter((job) => job.role === "es-data");

  const shardsOf = async (id: string): Promise<readonly { index: string; node: string }[]> => {
    const client = await site.reader(id);
    try {
      const rows = await client.cat.shards({ format: "json", h: "index,node,prirep,state" });
      return rows.flatMap(({ index, node, prirep }) =>
        prirep === "p" && index?.startsWith("logs-") === true ? [{ index, node: node ?? "" }] : [],
      );
    } finally {
      await client.close();
    }
  };

  const committed = async (id: string): Promise<ReadonlyMap<string, LedgerRow>> => {
    const redis = await site.redis();
    const spool = createSpool(redis, campaignKeys(id));
    try {
      const rows = new Map<string, LedgerRow>();
      for await (const row of spool.rows()) rows.set(row.chunk, row);
      return rows;
    } finally {
      await spool.disconnect();
      redis.disconnect();
    }
  };

  /** The data node that came up first, and has shards. */
  const victimOf = async (id: string): Promise<JobView> => {
    const [victim] = await dataJobs(id);
    if (victim?.jobId === undefined) throw new Error("no data node");
    return victim;
  };

  const deleteJob = async (job: JobView): Promise<void> => {
    await batch.cancel(job.jobId ?? "", new AbortController().signal);
  };

  const untilView = (id: string, what: string, holds: (view: CampaignView) => boolean): Promise<CampaignView> =>
    waitFor(
      what,
      async () => {
        const view = await site.view(id);
        return holds(view) ? view : undefined;
      },
      PATIENCE,
    );

  it("without replicas, while paused: exactly the chunks of the lost indices are loaded again, when it is resumed", async () => {
    const id = await site.launch("paused-loss", [...TWO_NODES, STORE_IDS, "limits.eventsPerSecond=400"]);
    await site.untilChunks(id, 30);
    expect((await site.call("pause", id)).code).toBe(0);
    await waitFor(
      "the chunks in work to be committed",
      async () => (await site.status(id)).chunks.active === 0,
      PATIENCE,
    );
    const before = await committed(id);
    const victim = await victimOf(id);
    const held = Map.groupBy(await shardsOf(id), ({ node }) => node);
    expect(
      isSpread(
        [...held.values()].map(({ length }) => length),
        2,
      ),
    ).toBe(true);
    const lost = (await shardsOf(id)).filter(({ node }) => node === victim.name).map(({ index }) => index);
    expect(lost.length).toBeGreaterThan(5);
    const expected = rowsToReload(
      before.values(),
      lost.map((index) => ({ index, shard: 0 })),
    ).map(({ chunk }) => chunk);
    expect(expected.length).toBeGreaterThan(0);
    expect(expected.length).toBeLessThan(before.size);

    await deleteJob(victim);
    const view = await untilView(id, "the chunks to wait again", ({ reloads }) => reloads[0]?.done !== undefined);
    expect(view.state).toBe("paused");
    expect(view.reloads[0]?.nodes).toEqual([victim.name]);
    expect(new Set(view.reloads[0]?.shards.map(({ index }) => index))).toEqual(new Set(lost));
    expect(view.reloads[0]?.done).toMatchObject({ attempts: 0, chunks: expected.length });
    const between = await committed(id);
    expect([...before.keys()].filter((chunk) => !between.has(chunk)).sort()).toEqual([...expected].sort());

    site.unleash(id);
    expect((await site.call("resume", id)).code).toBe(0);
    const { report, rows } = await site.conclude(id);
    const again = new Set(expected);
    for (const row of rows) {
      const old = before.get(row.chunk);
      if (old) expect(row.attempt, row.chunk).toBe(old.attempt + (again.has(row.chunk) ? 1 : 0));
    }
    // What the first attempts at these chunks had left on the other node was found there.
    expect((await site.view(id)).steps.get("sweep")?.result).toBeGreaterThan(0);
    expect(report.reloads).toHaveLength(1);
    expect((await dataJobs(id)).length).toBe(3);
  }, 900_000);

  it.runIf(EVERY_FAULT)(
    "without replicas, all of them one after the other, and the orchestrator in the middle of the reload",
    async () => {
      const id = await site.launch("killed-loss", [...TWO_NODES, DERIVED_IDS, "limits.eventsPerSecond=300"]);
      await site.untilChunks(id, 30);
      const [first, second] = await dataJobs(id);
      killEverythingOf(first?.name ?? "");
      await untilView(id, "the loss to be noticed", ({ reloads }) => reloads.length > 0);
      await killProcess(site.orchestrator(id));
      expect((await site.view(id)).reloads[0]?.done).toBeUndefined();
      // Now there is nobody to take the empty shards; and more is lost than the journal knows.
      killEverythingOf(second?.name ?? "");
      expect((await site.call("adopt", id, "--detach")).code).toBe(0);
      await untilView(id, "both losses to be made up for", ({ reloads }) => reloads[1]?.done !== undefined);
      site.unleash(id);
      const { rows } = await site.conclude(id);
      const { reloads, owners } = await site.view(id);
      expect(owners).toBe(2);
      expect(reloads).toHaveLength(2);
      // Each attempt beyond the first of a chunk has its reason.
      const again = rows.reduce((sum, { attempt }) => sum + attempt - 1, 0);
      const chunks = reloads.reduce((sum, { done }) => sum + (done?.chunks ?? 0), 0);
      const inWork = reloads.reduce((sum, { done }) => sum + (done?.attempts ?? 0), 0);
      expect(chunks).toBeGreaterThan(0);
      expect(again).toBeGreaterThanOrEqual(chunks);
      expect(again).toBeLessThanOrEqual(chunks + inWork);
      expect(await dataJobs(id)).toHaveLength(4);
    },
    900_000,
  );

  it("with replicas: nothing is loaded again", async () => {
    const id = await site.launch("replicated", [
      ...TWO_NODES,
      DERIVED_IDS,
      "dataNodes.replicas=1",
      "limits.eventsPerSecond=300",
    ]);
    await site.untilChunks(id, 30);
    const client = await site.reader(id);
    try {
      await waitFor(
        "each shard to have its copy",
        async () => (await client.cluster.health()).status === "green",
        PATIENCE,
      );
    } finally {
      await client.close();
    }
    expect((await site.call("scale", id, "--data-nodes", "1")).code).not.toBe(0);
    const victim = await victimOf(id);
    killEverythingOf(victim.name);
    await untilView(id, "the loss to be known", ({ jobs }) => jobs.get(victim.name)?.ended !== undefined);
    const before = (await site.status(id)).chunks.done;
    await site.untilChunks(id, before + 10);
    site.unleash(id);
    const { rows, report } = await site.conclude(id);
    expect(report.reloads).toEqual([]);
    expect(rows.filter((row) => row.attempt !== 1)).toEqual([]);
    expect((await dataJobs(id)).length).toBe(3);
  }, 900_000);

  it("while its result is checked and saved: what was lost is loaded again before it is", async () => {
    const id = await site.launch("finishing-loss", [...TWO_NODES, STORE_IDS, "limits.eventsPerSecond=0"]);
    await untilView(id, "the loader to be revoked", ({ steps }) => steps.get("revoke-loader") !== undefined);
    const victim = await victimOf(id);
    await deleteJob(victim);
    const { report } = await site.conclude(id);
    const { states, reloads } = await site.view(id);
    // Unless the snapshot was faster, which had everything then.
    const back = states.some(({ state }, i) => state === "running" && states[i - 1]?.state === "finishing");
    expect(back).toBe(reloads.length > 0);
    expect(report.reloads.length).toBe(reloads.length);
  }, 900_000);

  it("where the configuration wants it: the campaign fails", async () => {
    const id = await site.launch("failing-loss", [...TWO_NODES, "dataNodes.onLoss=fail", "limits.eventsPerSecond=60"]);
    await site.untilChunks(id, 3);
    await deleteJob(await victimOf(id));
    const failed = await waitFor(
      "the campaign to have failed",
      async () => {
        const now = await site.status(id);
        return now.state === "failed" ? now : undefined;
      },
      PATIENCE,
    );
    expect(failed.reason).toContain("dataNodes.onLoss");
    await site.expectNothingLeft(id);
  }, 900_000);
});

/** Kills every process that has the job's name among its words: script, agent, launcher and server. */
function killEverythingOf(jobName: string): void {
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, "latin1").split("\0");
      if (words.some((word) => word.split("/").includes(jobName))) process.kill(Number(name), "SIGKILL");
    } catch {
      // It has ended.
    }
  }
}
