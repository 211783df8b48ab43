import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@elastic/elasticsearch";
import { Queue } from "bullmq";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { readGateway } from "../../orchestrator/gateway/index.ts";
import { readPlan } from "../../orchestrator/plan-file.ts";
import { indexName } from "../../worker/contract/index-names.ts";
import { campaignPaths, statePaths } from "../../orchestrator/paths.ts";
import { unbalancedRows } from "../../orchestrator/ledger.ts";
import { readLedger } from "../../orchestrator/ledger-export.ts";
import { isReplay } from "../../orchestrator/replay/sums.ts";
import { readReport } from "../../orchestrator/status.ts";
import { loadCampaignSecrets, orchestratorConnection } from "../../orchestrator/security/index.ts";
import { localPaths } from "../../pbs/local/settings.ts";
import { campaignKeys, PARSE_QUEUE } from "../../worker/contract/keys.ts";
import type { NodeRegistration } from "../../worker/contract/node.ts";
import { killProcess } from "../support/campaign-faults.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { DERIVED_IDS, makeSite, STORE_IDS, type TestSite } from "../support/campaign.ts";

/**
 * Faults of a real campaign: each asserts the ledger and the documents, never log lines. One site for all; every test
 * boots a cluster of its own, which takes most of its time; so each has the ids of documents made in one of the two ways. Services that are
 * killed meanwhile are in `grid.test.ts` and `store.test.ts`.
 */
describeWith(["redis", "elasticsearch", "haproxy", "carbon", "7z"], "faults of a campaign", () => {
  const dir = privateStateDir("faults");
  let site: TestSite;
  beforeAll(async () => {
    site = await makeSite(dir);
  }, 120_000);
  afterEach(async () => {
    await site.endAll();
  }, 120_000);
  afterAll(async () => {
    await site.down();
  }, 60_000);

  it("a parser killed three times in mid-chunk, on the same chunk", async () => {
    // So slow that a chunk is in work for seconds.
    const id = await site.launch("parser-killed", [STORE_IDS, "limits.eventsPerSecond=60"]);
    await site.until(id, "running");
    const redis = await site.redis();
    const queue = new Queue(PARSE_QUEUE, { connection: redis, prefix: campaignKeys(id).queuePrefix });
    let chunk: string | undefined;
    try {
      const seen = new Set<number>();
      for (let round = 0; round < 3; round++) {
        const pid = await waitFor(
          "a parser with the chunk in work",
          async () => {
            const active = await queue.getActive();
            chunk ??= active[0]?.id;
            const job = active.find((candidate) => candidate.id === chunk);
            const started = job?.processedOn ?? 0;
            const nodes = Object.values(await redis.hgetall(campaignKeys(id).nodes)).map(
              (text) => JSON.parse(text) as NodeRegistration,
            );
            const parser = nodes.find((node) => node.role === "parser");
            if (!job || seen.has(started) || !parser) return undefined;
            process.kill(parser.pid, 0);
            seen.add(started);
            return parser.pid;
          },
          { timeoutMs: 120_000 },
        );
        process.kill(pid, "SIGKILL");
      }
      await redis.hset(campaignKeys(id).knobs, { eventsPerSecond: 0 });
    } finally {
      await queue.close();
      redis.disconnect();
    }
    const { rows } = await site.conclude(id);
    expect(rows.find((row) => row.chunk === chunk)?.attempt).toBeGreaterThan(3);
    expect(new Set(rows.map(({ tag }) => tag)).size).toBe(rows.length);
  });

  it("the orchestrator killed between a submission and its answer", async () => {
    // Whoever holds this lock keeps qsub waiting.
    const lock = localPaths(statePaths(site.stateDir).batch).lock;
    const holder = spawn("flock", [lock, "cat"], { stdio: ["pipe", "ignore", "inherit"] });
    await once(holder, "spawn");
    const id = await site.launch("submission-cut", [DERIVED_IDS]);
    await waitFor("the first intent", async () => [...(await site.view(id)).jobs.values()].length > 0, {
      timeoutMs: 60_000,
    });
    const qsub = await waitFor("qsub to wait for the lock", () => programsOf(site.stateDir, "qsub")[0], {
      timeoutMs: 60_000,
    });
    await killProcess(site.orchestrator(id));
    expect([...(await site.view(id)).jobs.values()].every((job) => job.jobId === undefined)).toBe(true);
    holder.stdin.end();
    await once(holder, "exit");
    await waitFor("qsub to end", () => !programsOf(site.stateDir, "qsub").includes(qsub));
    expect(await site.jobNames(id)).toHaveLength(1);
    expect((await site.call("adopt", id, "--detach")).code).toBe(0);
    await site.conclude(id);
    const names = await site.jobNames(id);
    expect(names).toHaveLength(2);
    expect(new Set(names).size).toBe(2);
  });

  it("documents that Elasticsearch rejects", async () => {
    // While the data nodes are still queued, one day's index is made with a mapping that takes no text.
    const id = await site.launch("poison", [DERIVED_IDS, "batch.local.queueDelay=20s", "limits.eventsPerSecond=0"]);
    const paths = campaignPaths(statePaths(site.stateDir).campaigns, id);
    const gateway = await waitFor("the gateway", () => readGateway(paths.gateway), { timeoutMs: 120_000 });
    const client = new Client(
      orchestratorConnection(await loadCampaignSecrets(paths.secrets), gateway.elasticsearchUrl),
    );
    const { indexPattern: pattern, revision } = (await readPlan(paths.plan)).pinned;
    const poisoned = indexName({ pattern, revision }, "2013-01", "2013-01-10");
    await waitFor(
      "the master to make the poisoned index",
      () =>
        client.indices.create({
          index: poisoned,
          wait_for_active_shards: 0,
          settings: { number_of_replicas: 0 },
          mappings: {
            dynamic: false,
            properties: { message: { type: "integer" }, file: { type: "keyword" }, offset: { type: "long" } },
          },
        }),
      { timeoutMs: 120_000, everyMs: 300 },
    );
    await client.close();
    const served = await site.until(id, "serving");
    const rejected = served.lines.rejected;
    expect(rejected).toBeGreaterThan(100);
    const watched = await site.call("watch", id);
    expect(watched.code).toBe(3);
    const items = readdirSync(paths.rejects).flatMap((name) =>
      readFileSync(join(paths.rejects, name), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as { index: string; raw: string; file: string; offset: number }),
    );
    expect(items).toHaveLength(rejected);

    // Its parsers are gone: it loads again for it, and is saved anew. Without their message the lines of one pipeline's files fit.
    const mended = join(dir, "mended.yaml");
    writeFileSync(mended, "name: syslog\nfilters:\n  - mutate: { remove_field: [message] }\n");
    const asked = await site.call("rejects", id, "--replay", "--pipeline", mended);
    expect(asked).toMatchObject({ code: 0, stdout: expect.stringContaining("parsers are submitted") as string });
    const left = (await site.until(id, "serving")).lines.rejected;
    expect(left).toBeLessThan(rejected);
    const deep = await site.call("verify", id, "--deep");
    expect(JSON.parse(deep.stdout)).toMatchObject({ verified: true, deep: { differences: [], archive: [] } });
    const { report, rows } = await site.conclude(id, { rejected: left });
    expect(Object.values(report.rejectedBy).reduce((sum, n) => sum + n, 0)).toBe(left);
    const again = rows.filter(isReplay);
    expect(again.reduce((sum, { counts }) => sum + counts.written, 0)).toBe(rejected - left);
    expect(again.every(({ counts }) => counts.written === counts.read)).toBe(true);
    expect(new Set(items.map((item) => `${item.file} ${String(item.offset)}`)).size).toBe(rejected);
    for (const item of items) {
      expect(item.index).toBe(poisoned);
      expect(Buffer.from(item.raw, "base64").length).toBeGreaterThan(0);
    }
  });

  it("pause, resume, one more parser and one more data node, then one parser fewer", async () => {
    const id = await site.launch("scaled", [STORE_IDS, "limits.eventsPerSecond=500"]);
    await site.untilChunks(id, 5);
    expect((await site.call("pause", id)).code).toBe(0);
    const paused = await waitFor(
      "the parsers to have finished what they had",
      async () => {
        const now = await site.status(id);
        return now.state === "paused" && now.chunks.active === 0 ? now : undefined;
      },
      { timeoutMs: 180_000 },
    );
    expect((await site.call("scale", id, "--parsers", "2", "--data-nodes", "2")).code).toBe(0);
    await waitFor(
      "four nodes",
      async () => (await site.status(id)).jobs.filter((job) => job.state === "running").length === 4,
      { timeoutMs: 120_000 },
    );
    expect((await site.status(id)).chunks.done).toBe(paused.chunks.done);
    expect((await site.call("resume", id)).code).toBe(0);
    const added = [...(await site.view(id)).jobs.values()]
      .filter((job) => /[dp]2$/.test(job.name))
      .map((job) => job.name);
    await site.untilChunks(id, paused.chunks.done + 20);
    expect((await site.call("scale", id, "--parsers", "1")).code).toBe(0);
    await site.until(id, "serving");
    const client = await site.reader(id);
    try {
      const shards = await client.cat.shards({ format: "json", h: "node,docs" });
      const onNewNode = shards.filter((shard) => added.includes(shard.node ?? ""));
      expect(onNewNode.reduce((sum, shard) => sum + Number(shard.docs ?? 0), 0)).toBeGreaterThan(0);
    } finally {
      await client.close();
    }
    const { rows } = await site.conclude(id);
    expect(rows.filter((row) => added.includes(row.worker)).length).toBeGreaterThan(0);
    expect(await site.jobNames(id)).toHaveLength(4);
  });

  it.each(["booting", "running", "finishing"] as const)("cancelled while %s", async (state) => {
    const fast = state === "finishing" ? ["limits.eventsPerSecond=0"] : [];
    const id = await site.launch(`cancelled-${state}`, [STORE_IDS, ...fast]);
    await site.until(id, state);
    expect((await site.call("cancel", id)).code).toBe(0);
    await waitFor(`${id} to be cancelled`, async () => (await site.status(id)).state === "cancelled", {
      timeoutMs: 120_000,
    });
    await site.expectNothingLeft(id);
    // The ledger has each committed chunk once, with what it loaded, and the report adds them up.
    const paths = campaignPaths(statePaths(site.stateDir).campaigns, id);
    const rows = await readLedger(paths.ledger);
    const report = await readReport(paths.reportJson);
    expect(new Set(rows.map((row) => row.chunk)).size).toBe(rows.length);
    expect(unbalancedRows(rows)).toEqual([]);
    expect(report?.lines.read).toBe(rows.reduce((sum, row) => sum + row.counts.read, 0));
    if (state === "booting") expect(rows).toEqual([]);
    if (state === "finishing") expect(report?.lines.read).toBe(site.manifest.lines);
    expect((await site.call("teardown", id)).code).toBe(0);
  });

  it("one document deleted by hand: before the end it is loaded again, after it verify names its chunk", async () => {
    const id = await site.launch("deleted", [DERIVED_IDS, "limits.eventsPerSecond=300"]);
    await site.untilChunks(id, 5);
    const paths = campaignPaths(statePaths(site.stateDir).campaigns, id);
    const gateway = await readGateway(paths.gateway);
    const admin = new Client(
      orchestratorConnection(await loadCampaignSecrets(paths.secrets), gateway?.elasticsearchUrl ?? ""),
    );
    const removeOne = async () => {
      await admin.indices.refresh({ index: "logs-*" });
      const found = await admin.search<{ file: string; offset: number }>({ index: "logs-*", size: 1 });
      const [{ _index: index, _id, _source: document } = { _index: "" }] = found.hits.hits;
      if (document === undefined || _id === undefined) throw new Error("no document");
      await admin.delete({ index, id: _id });
      return { index, id: _id, document };
    };
    try {
      const early = await removeOne();
      site.unleash(id);
      await site.until(id, "serving");
      expect(await admin.get({ index: early.index, id: early.id })).toMatchObject({ _source: early.document });
      expect((await site.status(id)).warnings.join("\n")).toContain(
        "does not have 1 documents that it had said to have; their 1 chunks are loaded again",
      );

      const { document, ...place } = await removeOne();
      const broken = await site.call("verify", id);
      expect(broken.code).toBe(1);
      const { differences } = JSON.parse(broken.stdout) as { differences: string[] };
      const named = differences.find((text) => text.startsWith("chunk ")) ?? "";
      const [, chunk, path, first, last] = /^chunk (\S+) \((.*), bytes (\d+) to (\d+)\)/.exec(named) ?? [];
      expect(path).toBe(document.file);
      expect((await readLedger(paths.ledger)).map((row) => row.chunk)).toContain(chunk);
      expect(Number(first)).toBeLessThanOrEqual(document.offset);
      expect(Number(last)).toBeGreaterThan(document.offset);
      await admin.create({ ...place, document, refresh: true });
    } finally {
      await admin.close();
    }
    await site.conclude(id);
  });
});

/** Process ids of a program of the site's embedded batch system. */
function programsOf(stateDir: string, program: string): number[] {
  const found: number[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, "latin1").split("\0");
      if (!words.includes(program) || !words.some((word) => word.endsWith("batch.mjs"))) continue;
      if (readFileSync(`/proc/${name}/environ`, "latin1").includes(stateDir)) found.push(Number(name));
    } catch {
      // It has ended.
    }
  }
  return found;
}
