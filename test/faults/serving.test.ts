import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client, errors } from "@elastic/elasticsearch";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readGateway } from "../../orchestrator/gateway/index.ts";
import { readLedger } from "../../orchestrator/ledger-export.ts";
import { totalOf } from "../../orchestrator/ledger.ts";
import { reloadStep } from "../../orchestrator/loss/record.ts";
import { campaignPaths, statePaths } from "../../orchestrator/paths.ts";
import { readPlan } from "../../orchestrator/plan-file.ts";
import { loadCampaignSecrets, orchestratorConnection } from "../../orchestrator/security/index.ts";
import { readReport } from "../../orchestrator/status.ts";
import { createBatchSystem } from "../../pbs/index.ts";
import { startElasticsearch } from "../support/elasticsearch-node.ts";
import type { DeepVerification } from "../../orchestrator/verify-deep.ts";
import { DEFAULT_INDEX_PATTERN, indexNamesOf } from "../../worker/contract/index-names.ts";
import { isAlive, signalProcess } from "../../worker/contract/process.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { makeSite, type TestSite } from "../support/campaign.ts";

/** A month that was saved and torn down, brought back: served for a while, and put into a permanent cluster. */
describeWith(["redis", "elasticsearch", "haproxy", "carbon", "7z"], "searching afterwards", () => {
  const dir = privateStateDir("serving");
  const month = "saved";
  let site: TestSite;
  let documents = 0;
  const pathsOf = (id: string) => campaignPaths(statePaths(site.stateDir).campaigns, id);

  beforeAll(async () => {
    site = await makeSite(dir, { lines: 4_000 });
    await site.launch(month, ["limits.eventsPerSecond=0"], ["--finish", "snapshot"]);
    await waitFor("the month to be saved", async () => (await site.status(month)).state === "done", {
      timeoutMs: 400_000,
      everyMs: 250,
    });
    documents = (await readReport(pathsOf(month).reportJson))?.documents ?? 0;
    expect(documents).toBe(site.manifest.lines);
  }, 500_000);
  afterAll(async () => {
    await site.endAll();
    await site.down();
  }, 240_000);

  const serve = async (name: string, ...words: string[]): Promise<string> => {
    const result = await site.call("serve", month, "--name", name, "--detach", ...words);
    if (result.code !== 0) throw new Error(`serve: exit ${String(result.code)}\n${result.stderr}`);
    return name;
  };
  /** A client through the campaign's proxy, as one of its users. */
  const clientOf = async (id: string, user: "admin" | "loader"): Promise<Client> => {
    const { gateway, secrets } = pathsOf(id);
    const loaded = await loadCampaignSecrets(secrets);
    const { elasticsearchUrl } = await waitFor("the gateway", () => readGateway(gateway));
    return new Client({ ...orchestratorConnection(loaded, elasticsearchUrl), auth: loaded.users[user] });
  };
  /** The status of what is refused; 0 for what is not. */
  const refusal = async (attempt: Promise<unknown>): Promise<number> => {
    try {
      await attempt;
      return 0;
    } catch (error) {
      if (error instanceof errors.ResponseError) return error.statusCode ?? -1;
      throw error;
    }
  };

  /** Nobody changes a document of an index that is closed for writing, not even an operator; all of them are found by the month's alias. */
  const expectReadOnly = async (id: string, expected: number): Promise<void> => {
    const admin = await clientOf(id, "admin");
    try {
      const [hit] = (await admin.search({ index: "logs-2013.01", q: "program:sshd", size: 1 })).hits.hits;
      const [index, document] = [hit?._index ?? "", hit?._id ?? ""];
      const attempts: Readonly<Record<string, () => Promise<unknown>>> = {
        create: () => admin.create({ index, id: "new", document: { message: "forged" } }),
        overwrite: () => admin.index({ index, id: document, document: { message: "forged" } }),
        update: () => admin.update({ index, id: document, doc: { message: "forged" } }),
        delete: () => admin.delete({ index, id: document }),
      };
      for (const [what, attempt] of Object.entries(attempts)) expect(await refusal(attempt()), what).toBe(403);
      const actions = [
        { create: { _index: index } },
        { message: "forged" },
        { delete: { _index: index, _id: document } },
      ];
      const { items } = await admin.bulk({ operations: actions });
      expect(items.map((item) => (item.create ?? item.delete)?.status)).toEqual([403, 403]);
      await admin.indices.refresh({ index: "logs-*" });
      expect((await admin.count({ index: "logs-2013.01" })).count).toBe(expected);
    } finally {
      await admin.close();
    }
  };

  describe("a finished month, served for a while", () => {
    const id = "served";
    let perIndex: Readonly<Record<string, number>>;
    let reader: Client;
    let admin: Client;
    let jobName: string;

    beforeAll(async () => {
      await serve(id, "--until", "+2h");
      await site.until(id, "serving");
      perIndex = totalOf(await readLedger(pathsOf(month).ledger)).perIndex;
      reader = await site.reader(id);
      admin = await clientOf(id, "admin");
    }, 400_000);
    afterAll(async () => {
      await reader.close();
      await admin.close();
    });

    it("says whose it is, until when, and what it costs", async () => {
      const status = await site.status(id);
      expect(status).toMatchObject({
        state: "serving",
        serves: month,
        documents,
        nodeHoursPerHour: 1,
        snapshot: { name: month, verified: true },
      });
      expect(status.jobs.map(({ role }) => role)).toEqual(["es-data"]);
      const left = Date.parse(status.servingUntil ?? "") - Date.now();
      expect(left).toBeLessThan(7_200_000);
      expect(left).toBeGreaterThan(0);
      jobName = status.jobs[0]?.name ?? "";
    });

    it("answers searches with what the ledger says", async () => {
      const counts: Record<string, number> = {};
      for (const { index = "" } of await reader.cat.indices({ index: "logs-*", format: "json", h: "index" })) {
        const { count } = await reader.count({ index });
        if (count > 0) counts[index] = count;
      }
      expect(counts).toEqual(perIndex);
      const found = await reader.search<{ program: string }>({ index: "logs-*", q: "program:sshd", size: 1 });
      expect(found.hits.hits[0]?._source?.program).toBe("sshd");
      const verified = await site.call("verify", id);
      expect(JSON.parse(verified.stdout)).toMatchObject({ verified: true, documents, expected: documents });
    });

    it("is compared with the archive document by document, and mended where it differs", async () => {
      const same = await site.call("verify", id, "--deep");
      expect(JSON.parse(same.stdout)).toMatchObject({
        verified: true,
        deep: { documents, differences: [], archive: [] },
      });
      const [lost, altered] = (await admin.search<object>({ index: "logs-*", size: 2 })).hits.hits;
      await admin.delete({ index: lost?._index ?? "", id: lost?._id ?? "" });
      const document = { ...altered?._source, message: "nothing happened" };
      await admin.index({ index: altered?._index ?? "", id: altered?._id ?? "", document });
      const found = await site.call("verify", id, "--deep");
      const { deep } = JSON.parse(found.stdout) as DeepVerification;
      const sums = deep.differences.map(({ missing, altered, extra }) => [missing, altered, extra]);
      expect(sums.reduce(([a = 0, b = 0, c = 0], [x = 0, y = 0, z = 0]) => [a + x, b + y, c + z], [])).toEqual([
        1, 1, 0,
      ]);
      expect(found.code).toBe(1);
      const mended = await site.call("verify", id, "--deep", "--repair");
      expect(JSON.parse(mended.stdout)).toMatchObject({
        verified: true,
        mended: { created: 1, replaced: 1, deleted: 0 },
      });
      expect(mended.code).toBe(0);
      expect((await site.view(id)).warnings).toContain(
        "documents were mended by the operator: 1 created, 1 replaced, 0 deleted",
      );
    });

    it("lets its reader change nothing and see no other month", async () => {
      const [hit] = (await reader.search({ index: "logs-*", size: 1 })).hits.hits;
      const [index, document] = [hit?._index ?? "", hit?._id ?? ""];
      const one = { index, id: document };
      const others = ["logs-2013.02.01-m2013.02-r1", "other"] as const;
      for (const other of others) {
        await admin.indices.create({ index: other, settings: { number_of_replicas: 0 } });
        await admin.index({ index: other, document: { message: "not of this month" }, refresh: true });
      }
      const repository = "gridharvest";
      const attempts: Readonly<Record<string, () => Promise<unknown>>> = {
        "create a document": () => reader.create({ index, id: "new", document: { message: "forged" } }),
        "overwrite a document": () => reader.index({ ...one, document: { message: "forged" } }),
        "update a document": () => reader.update({ ...one, doc: { message: "forged" } }),
        "delete a document": () => reader.delete(one),
        "create and delete in a bulk": () =>
          reader.bulk({
            operations: [
              { create: { _index: index } },
              { message: "forged" },
              { delete: { _index: index, _id: document } },
            ],
          }),
        "make an index": () => reader.indices.create({ index: "more" }),
        "make one of the month": () => reader.indices.create({ index: "logs-2013.01.99-m2013.01-r1" }),
        "delete an index": () => reader.indices.delete({ index }),
        "close an index": () => reader.indices.close({ index }),
        "change an index's settings": () =>
          reader.indices.putSettings({ index, settings: { index: { number_of_replicas: 0 } } }),
        "change a mapping": () => reader.indices.putMapping({ index, properties: { more: { type: "keyword" } } }),
        "make an alias": () => reader.indices.putAlias({ index, name: "more" }),
        "make a template": () => reader.indices.putIndexTemplate({ name: "more", index_patterns: ["logs-*"] }),
        refresh: () => reader.indices.refresh({ index }),
        "force a merge": () => reader.indices.forcemerge({ index }),
        "change the cluster's settings": () =>
          reader.cluster.putSettings({ persistent: { "cluster.routing.allocation.enable": "none" } }),
        "move shards": () => reader.cluster.reroute(),
        "register a repository": () =>
          reader.snapshot.createRepository({ name: "more", repository: { type: "fs", settings: { location: "/x" } } }),
        "forget the repository": () => reader.snapshot.deleteRepository({ name: repository }),
        "take a snapshot": () => reader.snapshot.create({ repository, snapshot: "more" }),
        "delete the snapshot": () => reader.snapshot.delete({ repository, snapshot: month }),
        "restore the snapshot": () => reader.snapshot.restore({ repository, snapshot: month }),
        "make a user": () =>
          reader.security.putUser({ username: "more", password: "longenough", roles: ["superuser"] }),
        "change its password": () => reader.security.changePassword({ password: "longenough" }),
        "read another month": () => reader.search({ index: others[0] }),
        "read another index": () => reader.count({ index: others[1] }),
      };
      const results: Record<string, number> = {};
      try {
        for (const [what, attempt] of Object.entries(attempts)) results[what] = await refusal(attempt());
      } finally {
        for (const other of others) await admin.indices.delete({ index: other });
      }
      expect(Object.entries(results).filter(([, status]) => status !== 403)).toEqual([]);
      // Nobody can make keys there at all.
      expect(await refusal(reader.security.createApiKey({ name: "more" }))).toBe(400);
      expect((await reader.count()).count).toBe(documents);
    });

    it("nobody writes to the repository, and nobody loads", async () => {
      const repository = "gridharvest";
      const registered = await admin.snapshot.getRepository({ name: repository });
      expect(registered[repository]).toMatchObject({ type: "fs", settings: { readonly: "true" } });
      const attempt = admin.snapshot.create({ repository, snapshot: "more", wait_for_completion: true });
      expect(await refusal(attempt)).toBeGreaterThanOrEqual(400);
      const loader = await clientOf(id, "loader");
      expect(await refusal(loader.security.authenticate())).toBe(401);
      await loader.close();
    });

    it("is told what it can be told, and says no to the rest", async () => {
      expect((await site.call("resume", id)).code).toBe(1);
      expect((await site.call("scale", id, "--parsers", "2")).code).toBe(1);
      expect((await site.call("extend", id, "--until", "2013-01-01T00:00Z")).code).toBe(2);
      expect((await site.call("logs", id)).stdout).toContain("booting → restoring");
      expect(JSON.parse((await site.call("list")).stdout)).toContainEqual(
        expect.objectContaining({ id, serves: month }),
      );
    });

    it("when its only data node is deleted, another comes, and what it held is restored again", async () => {
      const { jobs } = await site.status(id);
      const lost = jobs.find(({ name }) => name === jobName);
      const batch = await batchOf(site);
      await batch.cancel(lost?.id ?? "", AbortSignal.timeout(60_000));
      await waitFor(
        "the month to be back",
        async () => {
          const { indices, warnings } = await site.status(id);
          const isBack = indices !== undefined && indices.ready === indices.total;
          return isBack && warnings.some((text) => text.includes("restored from the snapshot again"));
        },
        { timeoutMs: 300_000, everyMs: 250 },
      );
      expect((await reader.count()).count).toBe(documents);
      await waitFor(
        "the month's alias to lead to all of it",
        async () => (await reader.count({ index: "logs-2013.01" })).count === documents,
      );
      const verified = await site.call("verify", id);
      expect(JSON.parse(verified.stdout)).toMatchObject({ verified: true, documents });
      expect((await site.status(id)).jobs.filter(({ state }) => state !== "ended")).toHaveLength(1);
    });

    it("ends at the time to which its end was moved, and leaves nothing", async () => {
      const moved = Math.ceil(Date.now() / 1000) * 1000 + 20_000;
      expect((await site.call("extend", id, "--until", new Date(moved).toISOString().replace(".000", ""))).code).toBe(
        0,
      );
      await waitFor("it to be gone", async () => (await site.status(id)).state === "done", {
        timeoutMs: 180_000,
        everyMs: 250,
      });
      const end = (await site.view(id)).states.find(({ state }) => state === "tearing-down");
      expect(end?.reason).toBe("its serving time is over");
      expect(end?.at).toBeGreaterThanOrEqual(moved);
      await site.expectNothingLeft(id);
      const report = await readReport(pathsOf(id).reportJson);
      expect(report).toMatchObject({ state: "done", documents, serves: { campaign: month } });
      expect(report?.perIndex).toMatchObject(perIndex);
      expect(report?.lines.read).toBe(0);
      expect(readFileSync(pathsOf(id).reportMd, "utf8")).toContain(`of campaign ${month}`);
      expect((await site.call("watch", id)).code).toBe(0);
      expect(readdirSync(join(statePaths(site.stateDir).snapshots, month))).toContain("index.latest");
    });
  });

  it("what is not what the ledger says is held; mended, it is restored by verify, also after an adoption, and closed for writing", async () => {
    const id = await serve("differing", "--until", "+2h", "--set", "serving.readOnly=true");
    // Before its node is up, its ledger promises one more than was saved.
    const { ledger } = pathsOf(id);
    const text = readFileSync(ledger, "utf8");
    const [first = "", ...rest] = text.split("\n");
    const row = JSON.parse(first) as { readonly perIndex: Readonly<Record<string, number>> };
    const [index = "", count = 0] = Object.entries(row.perIndex)[0] ?? [];
    const wrong = { ...row, perIndex: { ...row.perIndex, [index]: count + 1 } };
    writeFileSync(ledger, [JSON.stringify(wrong), ...rest].join("\n"));
    const held = await waitFor(
      "it to be held",
      async () => {
        const now = await site.status(id);
        return now.state === "held" && now;
      },
      { timeoutMs: 300_000, everyMs: 250 },
    );
    expect(held.reason).toContain(`index ${index}: `);
    expect(held.reason).toContain(`gridharvest verify ${id}`);
    writeFileSync(ledger, text);
    const orchestrator = site.orchestrator(id);
    expect(signalProcess(orchestrator, "SIGKILL")).toBe(true);
    await waitFor("the orchestrator to be gone", () => !isAlive(orchestrator));
    expect((await site.call("adopt", id, "--detach")).code).toBe(0);
    await waitFor("verify to be taken up", async () => (await site.call("verify", id)).code === 0, {
      timeoutMs: 60_000,
    });
    await site.until(id, "serving");
    expect(JSON.parse((await site.call("verify", id)).stdout)).toMatchObject({ verified: true, documents });
    await expectReadOnly(id, documents);
    expect((await site.call("teardown", id)).code).toBe(0);
    await site.expectNothingLeft(id);
  });

  describe("the month, loaded again with a file that came late", () => {
    const id = "again";
    const alias = "logs-2013.01";
    const late = "Jan 14 23:20:01 late CRON[1]: a late line\n";
    /** Lines that came late, several chunks of them. */
    const LATE = 6_000;
    const PATIENCE = { timeoutMs: 300_000, everyMs: 50 };
    let reader: Client | undefined;
    const count = async (): Promise<number | undefined> => (await reader?.count({ index: alias }))?.count;

    beforeAll(async () => {
      const dirOfLate = join(site.archive, "hosts/2013/01/10.250.0.1");
      mkdirSync(dirOfLate, { recursive: true });
      writeFileSync(join(dirOfLate, "syslog"), late.repeat(LATE));
      // By a pipeline of its own, which keeps no pid; what is taken over was read by the default ones.
      const own = join(dir, "own.yaml");
      writeFileSync(own, "name: syslog\nfilters:\n  - mutate: { remove_field: [pid] }\n");
      const settings = ["limits.eventsPerSecond=300", `pipelines.services={syslog: ${own}}`, "serving.readOnly=true"];
      await site.launch(id, settings, ["--again", "missing"]);
      // Killed while it takes over what was loaded.
      await waitFor("the restore to begin", async () => (await site.view(id)).steps.has("restore-carried"), PATIENCE);
      const orchestrator = site.orchestrator(id);
      expect(signalProcess(orchestrator, "SIGKILL")).toBe(true);
      await waitFor("the orchestrator to be gone", () => !isAlive(orchestrator));
      expect((await site.call("adopt", id, "--detach")).code).toBe(0);
      // Its only data node goes, with what was taken over and what was loaded so far.
      await site.untilChunks(id, 1);
      const node = [...(await site.view(id)).jobs.values()].find(({ role }) => role === "es-data");
      await (await batchOf(site)).cancel(node?.jobId ?? "", AbortSignal.timeout(60_000));
      await waitFor("the loss to be made up for", async () => (await site.view(id)).reloads[0]?.done, PATIENCE);
      site.unleash(id);
      await site.until(id, "serving");
      reader = await site.reader(id);
    }, 900_000);
    afterAll(() => reader?.close());

    it("is refused when nobody says what to load again, and plan and launch tell what was chosen", async () => {
      const refused = await site.call("launch", "--month", "2013-01", "--detach", "--set", "plan.revision=1");
      expect(refused.code).toBe(2);
      expect(refused.stderr).toMatch(/campaign saved has loaded 2013-01 as revision 1; `--again missing`/);
      const nothing = await site.call("launch", "--month", "2013-01", "--again", "missing", "--detach");
      expect(nothing).toMatchObject({ code: 0 });
      expect(JSON.parse(nothing.stdout)).toMatchObject({ id: null, again: { campaign: id, files: { loaded: 0 } } });
      const changed = await site.call("plan", "--month", "2013-01", "--again", "changed-parser");
      expect(JSON.parse(changed.stdout)).toMatchObject({ again: { campaign: id, files: { rules: 1, loaded: 1 } } });
      const { again, pinned } = await readPlan(pathsOf(id).plan);
      expect(pinned.revision).toBe(2);
      expect(again).toMatchObject({ mode: "missing", campaign: month, documents, files: { new: 1, loaded: 1 } });
    });

    it("holds what was loaded and what came late, each line once, as its archive makes them", async () => {
      const report = await readReport(pathsOf(id).reportJson);
      expect(report).toMatchObject({ documents: documents + LATE, again: { of: month, documents, mode: "missing" } });
      expect(report?.lines.read).toBe(site.manifest.lines + LATE);
      expect(await count()).toBe(documents + LATE);
      const verified = await site.call("verify", id, "--deep");
      expect(JSON.parse(verified.stdout)).toMatchObject({
        verified: true,
        sums: { documents: documents + LATE, expected: documents + LATE },
        deep: { documents: documents + LATE, differences: [], archive: [] },
      });
      const lateOnes = await reader?.count({ index: alias, q: "host:late" });
      const withPid = await reader?.count({ index: alias, q: "host:late AND pid:1" });
      expect([lateOnes?.count, withPid?.count]).toEqual([LATE, 0]);
      const revisions = JSON.parse((await site.call("revisions", "2013-01")).stdout) as { saved: unknown[] };
      expect(revisions.saved).toMatchObject([
        { revision: 1, campaign: month, documents },
        { revision: 2, campaign: id, documents: documents + LATE, again: { of: month, carried: documents } },
      ]);
    });

    it("loaded again what was lost of the late file, and took over what was lost of the rest once more", async () => {
      const { reloads, steps } = await site.view(id);
      expect(reloads).toHaveLength(1);
      const chunks = reloads[0]?.done?.chunks ?? 0;
      expect(chunks).toBeGreaterThan(0);
      expect(steps.get(reloadStep(1, "restore carried"))?.result).toMatchObject({ documents });
      const again = (await readLedger(pathsOf(id).ledger)).filter(({ carried, attempt }) => !carried && attempt > 1);
      expect(again.length).toBeGreaterThanOrEqual(chunks);
    });

    it("is closed for writing, and found", () => expectReadOnly(id, documents + LATE));

    it("gives way to the earlier revision in one step, beside it in the same cluster, and takes its place again", async () => {
      const seen = new Set<number | undefined>();
      let isOver = false;
      const watching = (async () => {
        while (!isOver) seen.add(await count());
      })();
      const restored = await site.call("restore-into", id, month, "--replicas", "0", "--swap");
      expect(JSON.parse(restored.stdout)).toMatchObject({
        ...{ verified: true, documents, swapped: { revision: 1, before: [2], removed: [], kept: [1, 2] } },
      });
      expect(await count()).toBe(documents);
      const back = await site.call("revisions", "2013-01", "--in", id, "--rollback", "2");
      expect(JSON.parse(back.stdout)).toMatchObject({
        swapped: { revision: 2, before: [1] },
        standing: [
          { revision: 1, documents, read: false },
          { revision: 2, documents: documents + LATE, read: true },
        ],
      });
      expect(await count()).toBe(documents + LATE);
      isOver = true;
      await watching;
      expect([...seen].sort()).toEqual([documents, documents + LATE].sort());
      // Its own sums are those of its own revision, whatever stands beside it.
      expect(JSON.parse((await site.call("verify", id)).stdout)).toMatchObject({
        verified: true,
        documents: documents + LATE,
      });
      const admin = await clientOf(id, "admin");
      await admin.indices.delete({
        index: [...indexNamesOf({ pattern: DEFAULT_INDEX_PATTERN, revision: 1 }, "2013-01")],
      });
      await admin.close();
      await site.conclude(id, { further: LATE });
    }, 200_000);
  });

  it("what cannot be served is refused before anything starts", async () => {
    const before = readdirSync(statePaths(site.stateDir).campaigns);
    expect((await site.call("serve", "nobody", "--until", "+1h")).code).toBe(2);
    expect((await site.call("serve", month, "--until", "yesterday")).code).toBe(2);
    expect((await site.call("serve", month, "--until", "+1h", "--name", month)).code).toBe(2);
    expect((await site.call("extend", month, "--until", "+1h")).code).toBe(1);
    expect(readdirSync(statePaths(site.stateDir).campaigns)).toEqual(before);
  });

  it("the month goes into a permanent cluster, from its directory alone", async () => {
    const permanent = await startElasticsearch(dir, { "path.repo": [statePaths(site.stateDir).snapshots] });
    try {
      const first = await site.call("restore-into", permanent.url, month, "--replicas", "0");
      expect(JSON.parse(first.stdout)).toMatchObject({ verified: true, documents, left: [] });
      expect(await permanent.count("logs-*")).toBe(documents);
      const second = await site.call("restore-into", permanent.url, month);
      expect(JSON.parse(second.stdout)).toMatchObject({ verified: true, documents, restored: [] });
    } finally {
      await permanent.stop();
    }
  });
});

function batchOf(site: TestSite) {
  return createBatchSystem({
    system: "local",
    batchDir: statePaths(site.stateDir).batch,
    nodes: ["127.0.1.1"],
    slotsPerNode: 4,
    queueDelaySeconds: 0,
    commandTimeoutSeconds: 60,
    node: process.execPath,
    entry: new URL("../../pbs/local/main.ts", import.meta.url).pathname,
  });
}
