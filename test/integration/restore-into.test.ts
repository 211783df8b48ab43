import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@elastic/elasticsearch";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadCampaign } from "../../orchestrator/campaign-store.ts";
import { originationDates, RETENTION_CLOCK } from "../../orchestrator/profiles.ts";
import { createCluster } from "../../orchestrator/cluster.ts";
import { exportLedger } from "../../orchestrator/ledger-export.ts";
import { createLog } from "../../orchestrator/log.ts";
import { emptyPlan, planId, type Plan, type PlannedFile } from "../../orchestrator/plan.ts";
import { writePlan } from "../../orchestrator/plan-file.ts";
import type { Again } from "../../orchestrator/revisions/again.ts";
import { restoreCarried } from "../../orchestrator/revisions/restore-carried.ts";
import type { StandingRevision } from "../../orchestrator/revisions/roll-back.ts";
import type { Swapped } from "../../orchestrator/revisions/swap-to.ts";
import { commandLine } from "../../orchestrator/runtimes/index.ts";
import { DEFAULT_INDEX_PATTERN, indexNamesOf } from "../../worker/contract/index-names.ts";
import type { RuleField } from "../../worker/contract/rules.ts";
import { ZERO_COUNTS, type LedgerRow } from "../../worker/contract/ledger.ts";
import { writeCampaignDirectory } from "../support/campaign-directory.ts";
import { startElasticsearch, type TestElasticsearch } from "../support/elasticsearch-node.ts";
import { startFaultProxy, type FaultProxy } from "../support/fault-proxy.ts";
import { gridharvest } from "../support/gridharvest.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { saveRevision } from "../support/saved-revision.ts";

/** Documents of each of the month's indices: the first has none, as days without a line have. */
const documentsOf = (i: number): number => i % 4;

describeWith(["elasticsearch"], "restore-into", () => {
  const dir = privateStateDir("restore-into");
  const stateDir = join(dir, "state");
  const naming = { pattern: DEFAULT_INDEX_PATTERN, revision: 1 };
  // The cluster sees a mount of its own; where the campaign saved it is another name for the same directory.
  const seen = join(dir, "elasticsearch", "data", "snapshots", "january");
  let elasticsearch: TestElasticsearch;
  let client: Client;
  let indices: readonly string[];
  let documents = 0;

  const restoreInto = async (...words: string[]) => {
    const argv = ["restore-into", elasticsearch.url, "january", "--state-dir", stateDir, "--json", ...words];
    const { code, out } = await gridharvest(...argv);
    const result = JSON.parse(out) as {
      error?: { code: string; message: string };
      verified?: boolean;
      documents: number;
      restored: string[];
      left: string[];
    };
    return { code, ...result };
  };
  const into = (...words: string[]) => restoreInto("--repository-path", seen, "--replicas", "0", ...words);
  const removeAll = () => client.indices.delete({ index: ["logs-*", "archive-*"] });

  beforeAll(async () => {
    elasticsearch = await startElasticsearch(dir, { "path.repo": [join(dir, "elasticsearch", "data", "snapshots")] });
    client = new Client({ node: elasticsearch.url });
    const cluster = createCluster(client);
    indices = await cluster.prepare(naming, ["2013-01"], { shards: 1, replicas: 0 }, []);
    const rows: LedgerRow[] = [];
    const operations: object[] = [];
    indices.forEach((index, i) => {
      const count = documentsOf(i);
      documents += count;
      for (let n = 0; n < count; n++) operations.push({ create: { _index: index } }, { message: `line ${String(n)}` });
      if (count === 0) return;
      rows.push({
        chunk: `chunk-${String(i)}`,
        fileId: "file",
        attempt: 1,
        worker: "gh-abcde-p1",
        counts: { ...ZERO_COUNTS, read: count, written: count },
        perIndex: { [index]: count },
        droppedBy: {},
        rejectedBy: {},
        unparsedBy: {},
        covered: [0, 0],
        millis: 0,
        parseCpuMicros: 0,
      });
    });
    expect((await client.bulk({ operations, refresh: true })).errors).toBe(false);
    await cluster.registerRepository("writing", seen);
    // As a campaign saves them; whoever gets them back may write.
    await cluster.blockWrites(indices);
    await cluster.snapshot("writing", "january", indices, new AbortController().signal);
    await client.snapshot.deleteRepository({ name: "writing" });
    await removeAll();
    // What is left of a campaign that was torn down long ago: its directory.
    mkdirSync(stateDir);
    const { paths } = await writeCampaignDirectory(stateDir, "january");
    await exportLedger(paths, rows);
    const snapshot = { name: "january", repository: join(dir, "elsewhere", "january"), verified: true };
    writeFileSync(paths.reportJson, JSON.stringify({ snapshot }));
  });
  afterAll(async () => {
    await client.close();
    await elasticsearch.stop();
  });

  it("says what to do when the cluster may not read the directory", async () => {
    const { code, error } = await restoreInto();
    expect(code).toBe(1);
    expect(error?.code).toBe("REPOSITORY_UNSEEN");
    expect(error?.message).toMatch(/path\.repo/);
    expect(error?.message).toContain(join(dir, "elsewhere", "january"));
  });

  it("says what to do when the cluster sees no such directory, and leaves no repository", async () => {
    const { code, error } = await restoreInto("--repository-path", `${seen}-typo`);
    expect(code).toBe(1);
    expect(error?.code).toBe("REPOSITORY_UNSEEN");
    expect(error?.message).toMatch(/mounted on every master and data node/);
    expect(await client.snapshot.getRepository()).toEqual({});
  });

  it("restores every index, compares with the ledger, and leaves nothing else", async () => {
    const { code, ...result } = await into();
    expect(code).toBe(0);
    expect(result).toMatchObject({ verified: true, documents, left: [] });
    expect([...result.restored].sort()).toEqual([...indices].sort());
    expect((await client.count({ index: "logs-*" })).count).toBe(documents);
    expect(await client.snapshot.getRepository()).toEqual({});
  });

  it("called again, leaves alone what is right and restores what is not there", async () => {
    await client.indices.delete({ index: [indices[3] ?? "", indices[6] ?? ""] });
    const { code, ...result } = await into();
    expect(code).toBe(0);
    expect([...result.restored].sort()).toEqual([indices[3], indices[6]].sort());
    expect(result.left).toHaveLength(indices.length - 2);
    expect(await into()).toMatchObject({ code: 0, verified: true, restored: [] });
    expect((await client.count({ index: "logs-*" })).count).toBe(documents);
  });

  it("names what is there and differs, does nothing then, and replaces it when told to", async () => {
    const [changed = "", closed = "", missing = ""] = [indices[5], indices[9], indices[2]];
    await client.index({ index: changed, document: { message: "one too many" }, refresh: true });
    await client.indices.close({ index: closed });
    await client.indices.delete({ index: missing });
    const refused = await into();
    expect(refused.code).toBe(1);
    expect(refused.error?.code).toBe("INDEX_EXISTS");
    const due = documentsOf(5);
    expect(refused.error?.message).toContain(
      `${changed} (it has ${String(due + 1)} documents, the ledger ${String(due)})`,
    );
    expect(refused.error?.message).toContain(`${closed} (it cannot be counted`);
    expect(refused.error?.message).not.toContain(indices[4]);
    expect(await client.indices.exists({ index: missing })).toBe(false);
    const { code, ...result } = await into("--replace");
    expect(code).toBe(0);
    expect(result.verified).toBe(true);
    expect([...result.restored].sort()).toEqual([changed, closed, missing].sort());
    expect((await client.count({ index: "logs-*" })).count).toBe(documents);
  });

  it("waits for what another call has begun", async () => {
    await removeAll();
    const [first, second] = await Promise.all([
      into(),
      waitFor("the first restore to begin", () => client.indices.exists({ index: indices[0] ?? "" })).then(() =>
        into(),
      ),
    ]);
    for (const { code, verified } of [first, second]) expect({ code, verified }).toEqual({ code: 0, verified: true });
    expect(first.restored).toHaveLength(indices.length);
    expect((await client.count({ index: "logs-*" })).count).toBe(documents);
  });

  it("gives the indices other names and as many copies as asked for", async () => {
    const words = ["--repository-path", seen, "--rename", "archive-{index}", "--replicas", "1"];
    const { code, ...result } = await restoreInto(...words);
    expect(code).toBe(0);
    expect([...result.restored].sort()).toEqual(indices.map((index) => `archive-${index}`).sort());
    expect((await client.count({ index: "archive-*" })).count).toBe(documents);
    const settings = await client.indices.getSettings({ index: "archive-*", name: "index.number_of_replicas" });
    expect(Object.values(settings).map((index) => index.settings?.index?.number_of_replicas)).toEqual(
      indices.map(() => "1"),
    );
    // As old as their days, whenever they were restored; a year later lifecycle management would find them so.
    const clocks = await client.indices.getSettings({ index: "archive-*", name: RETENTION_CLOCK, flat_settings: true });
    const dates = originationDates(naming, ["2013-01"]);
    for (const index of indices) {
      expect(clocks[`archive-${index}`]?.settings).toEqual({ [RETENTION_CLOCK]: String(dates.get(index)) });
    }
  });

  it("sets the age of indices also behind a call that was interrupted, and not of those that have one", async () => {
    const [left = "", others = ""] = [`archive-${indices[4] ?? ""}`, `archive-${indices[5] ?? ""}`];
    await client.indices.putSettings({ index: left, settings: { [RETENTION_CLOCK]: null } });
    await client.indices.putSettings({ index: others, settings: { [RETENTION_CLOCK]: 1 } });
    expect(await into("--rename", "archive-{index}")).toMatchObject({ code: 0, restored: [] });
    const date = originationDates(naming, ["2013-01"]).get(indices[4] ?? "");
    const clocks = await client.indices.getSettings({
      index: [left, others],
      name: RETENTION_CLOCK,
      flat_settings: true,
    });
    expect(clocks[left]?.settings).toEqual({ [RETENTION_CLOCK]: String(date) });
    expect(clocks[others]?.settings).toEqual({ [RETENTION_CLOCK]: "1" });
  });

  it("takes credentials from a file only, and refuses what it cannot read", async () => {
    const user = join(dir, "user");
    writeFileSync(user, "somebody:a:password\n", { mode: 0o600 });
    expect(await into("--user-file", user)).toMatchObject({ code: 0, restored: [] });
    writeFileSync(user, "no-colon\n");
    expect((await into("--user-file", user)).error?.code).toBe("ARGUMENT_FILE");
    expect((await into("--ca", join(dir, "nobody"))).error?.code).toBe("ARGUMENT_FILE");
    expect((await into("--rename", "Archive")).error?.code).toBe("USAGE");
    const address = elasticsearch.url.replace("://", "://somebody:secret@");
    const refused = await gridharvest("restore-into", address, "january", "--state-dir", stateDir, "--json");
    expect(refused.code).toBe(2);
    expect(refused.out + refused.err).not.toContain("secret");
  });

  describe("a month in several revisions", () => {
    const alias = "logs-2013.01";
    /** Campaigns that have loaded them, by revision. */
    const campaigns = new Map(
      [1, 2, 3, 4].map((revision) => [revision, revision === 1 ? "january" : `january-${String(revision)}`]),
    );
    const documentsIn = (revision: number): number => (revision === 1 ? documents : 10 * revision);
    /** What swaps to it in the cluster at an address. */
    const swapWords = (url: string, revision: number): string[] => {
      const id = campaigns.get(revision) ?? "";
      const where = join(dir, "elasticsearch", "data", "snapshots", id);
      return ["restore-into", url, id, "--repository-path", where, "--replicas", "0", "--swap"];
    };
    const swapTo = (revision: number, ...words: string[]) =>
      call<{ swapped?: Swapped; error?: { code: string; message: string } }>(
        ...swapWords(elasticsearch.url, revision),
        ...words,
      );
    const revisions = (...words: string[]) =>
      call<{ standing: StandingRevision[]; swapped?: Swapped; error?: { code: string; message: string } }>(
        ...["revisions", "2013-01", "--in", elasticsearch.url, ...words],
      );
    const call = async <T>(...words: string[]): Promise<T & { code: number }> => {
      const { code, out } = await gridharvest(...words, "--state-dir", stateDir, "--json");
      return { code, ...(JSON.parse(out) as T) };
    };
    const read = async (): Promise<number> => (await client.count({ index: alias })).count;
    const standing = async (): Promise<number[]> => (await revisions()).standing.map(({ revision }) => revision);

    beforeAll(async () => {
      await removeAll();
      const { record, paths } = await loadCampaign(stateDir, "january");
      const plan = emptyPlan(record);
      await writePlan(paths.plan, { ...plan, id: planId(plan) });
      for (const [revision, id] of campaigns) {
        if (revision === 1) continue;
        const repository = join(dir, "elasticsearch", "data", "snapshots", id);
        await saveRevision(client, stateDir, id, { revision, documents: documentsIn(revision), repository });
      }
    }, 240_000);

    it("is read in the one or in the other, and never in both or in none, while a reader counts all the time", async () => {
      expect(await swapTo(1)).toMatchObject({ code: 0, swapped: { revision: 1, before: [], removed: [], kept: [1] } });
      const seen = new Set<number>();
      let isOver = false;
      const reader = async (): Promise<void> => {
        while (!isOver) seen.add(await read());
      };
      const readers = Promise.all([reader(), reader(), reader()]);
      const swaps: unknown[] = [await swapTo(2)];
      for (const target of ["1", "2", "1", "2"]) swaps.push(await revisions("--rollback", target));
      isOver = true;
      await readers;
      expect(swaps.every((one) => (one as { code: number }).code === 0)).toBe(true);
      expect([...seen].sort((a, b) => a - b)).toEqual([documentsIn(2), documentsIn(1)].sort((a, b) => a - b));
      expect(await read()).toBe(documentsIn(2));
    });

    it("keeps as many as are configured: the one that is read, and the one that was", async () => {
      expect((await revisions("--rollback")).swapped).toMatchObject({ revision: 1, before: [2], removed: [] });
      const { swapped } = await swapTo(3, "--set", "serving.keepRevisions=2");
      expect(swapped).toMatchObject({ revision: 3, before: [1], removed: [2], kept: [1, 3] });
      expect(await standing()).toEqual([1, 3]);
      expect(await read()).toBe(documentsIn(3));
      expect((await swapTo(3)).swapped).toMatchObject({ before: [], removed: [], kept: [1, 3] });
    });

    it("removes what is outdated also when it was interrupted between its steps", async () => {
      // As if it had ended behind the swap.
      expect((await swapTo(4, "--set", "serving.keepRevisions=9")).swapped).toMatchObject({
        removed: [],
        kept: [1, 3, 4],
      });
      expect((await swapTo(4, "--set", "serving.keepRevisions=1")).swapped).toMatchObject({
        removed: [3, 1],
        kept: [4],
      });
      expect(await standing()).toEqual([4]);
      expect(await read()).toBe(documentsIn(4));
    });

    it("goes back to none that is not there, nor to one that is not what its campaign has loaded", async () => {
      const gone = await revisions("--rollback");
      expect(gone).toMatchObject({ code: 1, error: { code: "REVISION_UNKNOWN" } });
      expect(gone.error?.message).toMatch(/4 stand there.*restore-into/);
      await swapTo(2, "--set", "serving.keepRevisions=9");
      const [index = ""] = indexNamesOf({ ...naming, revision: 4 }, "2013-01");
      await client.index({ index, document: { message: "one too many" }, refresh: true });
      const differs = await revisions("--rollback", "4");
      expect(differs).toMatchObject({ code: 1, error: { code: "NOT_RECONCILED" } });
      expect(differs.error?.message).toContain(`index ${index}: 41 documents, the ledger has 40`);
      await client.indices.delete({ index });
      expect(await revisions("--rollback", "4")).toMatchObject({ code: 1, error: { code: "REVISION_UNKNOWN" } });
      expect(await read()).toBe(documentsIn(2));
      expect((await revisions()).standing).toMatchObject([
        { revision: 2, read: true },
        { revision: 4, read: false },
      ]);
    });

    it("lets an index that somebody else has put behind the alias be", async () => {
      await client.indices.create({ index: "other", aliases: { [alias]: {} } });
      await swapTo(1);
      expect(Object.keys(await client.indices.getAlias({ name: alias })).sort()).toEqual(["other", ...indices].sort());
      await client.indices.delete({ index: "other" });
    });

    describe("whose swap is killed in its middle", () => {
      /** Whatever the command changes in the cluster, in the order in which it does. */
      const STEPS = [
        { step: "the repository is made known", request: /^PUT \/_snapshot\/[^/]+$/ },
        { step: "the restore begins", request: /^POST \/_snapshot\/.*\/_restore$/ },
        { step: "the age of indices is set", request: /^PUT \/.*\/_settings$/ },
        { step: "the repository is forgotten", request: /^DELETE \/_snapshot\/[^/]+$/ },
        { step: "what is outdated goes", request: /^DELETE \/logs-[^/]*-r9$/ },
        { step: "the alias moves", request: /^POST \/_aliases$/ },
        { step: "what was read goes", request: /^DELETE \/logs-[^/]*-r[34]$/ },
      ] as const;
      const SWAP = STEPS.findIndex(({ step }) => step === "the alias moves");
      const KEEP_ONE = ["--set", "serving.keepRevisions=1"];
      const INSTANTS = ["arrived", "carried out"] as const;
      type Instant = (typeof INSTANTS)[number];
      const namesOf = (revision: number): readonly string[] => indexNamesOf({ ...naming, revision }, "2013-01");
      let proxy: FaultProxy;
      /** What an undisturbed swap asks for. */
      let asked: readonly string[];

      /** Only one revision stands and is read, and leftovers of another one are outdated. */
      const standAlone = async (revision: number): Promise<void> => {
        expect((await swapTo(revision, ...KEEP_ONE)).code).toBe(0);
        await client.indices.create({ index: namesOf(9)[0] ?? "", settings: { number_of_replicas: 0 } });
      };
      const start = (...words: string[]): ChildProcess => {
        const { node, args } = commandLine();
        return spawn(node, [...args, ...words, "--state-dir", stateDir], { stdio: "ignore" });
      };
      /** Runs the command through the proxy, and kills it when its nth request that changes something has come, or was carried out. */
      const kill = async (nth: number, when: Instant, ...words: string[]): Promise<void> => {
        const command = start(...words);
        const tell = (): void => void command.kill("SIGKILL");
        const passing = Array.from({ length: nth - 1 }, () => ({ kind: "pass" }) as const);
        proxy.faults.push(...passing, when === "arrived" ? { kind: "silence", tell } : { kind: "tell", when, tell });
        expect(await once(command, "exit")).toEqual([null, "SIGKILL"]);
        expect(proxy.faults).toEqual([]);
      };
      /** The revision to which the alias leads, when it leads to one that is whole and to nothing else; otherwise what it leads to. */
      const behindAlias = async (): Promise<number | string> => {
        const indices = Object.keys(await client.indices.getAlias({ name: alias }))
          .sort()
          .join();
        return [3, 4].find((revision) => indices === [...namesOf(revision)].sort().join()) ?? indices;
      };
      beforeAll(async () => {
        proxy = await startFaultProxy(elasticsearch.url);
        await standAlone(4);
        expect(await once(start(...swapWords(proxy.url, 3), ...KEEP_ONE), "exit")).toEqual([0, null]);
        asked = [...proxy.asked];
      });
      afterAll(() => proxy.close());

      it("is killed at every step that it has", () => {
        const steps = asked.map((one) => STEPS.find(({ request }) => request.test(one))?.step ?? one);
        expect(steps.filter((step, i) => step !== steps[i - 1])).toEqual(STEPS.map(({ step }) => step));
      });

      const kills = STEPS.flatMap(({ step, request }, place) =>
        INSTANTS.map((when, i) => ({ ...{ step, request, when, place }, next: i === 0 ? 4 : 3, old: i === 0 ? 3 : 4 })),
      );
      it.each(kills)(
        "is read whole, and swapped when it is called again: $step, $when",
        async ({ request, when, place, next, old }) => {
          await standAlone(old);
          const nth = asked.findIndex((one) => request.test(one)) + 1;
          await kill(nth, when, ...swapWords(proxy.url, next), ...KEEP_ONE);
          const now = place > SWAP || (place === SWAP && when === "carried out") ? next : old;
          expect(await behindAlias()).toBe(now);
          expect(await read()).toBe(documentsIn(now));

          expect(await swapTo(next, ...KEEP_ONE)).toMatchObject({ code: 0, swapped: { revision: next } });
          expect(await behindAlias()).toBe(next);
          expect(await read()).toBe(documentsIn(next));
          expect(Object.keys(await client.indices.get({ index: "logs-*" })).sort()).toEqual([...namesOf(next)].sort());
          expect(await client.snapshot.getRepository()).toEqual({});
          const clocks = await client.indices.getSettings({ index: "logs-*", name: RETENTION_CLOCK });
          expect(Object.keys(clocks).sort()).toEqual([...namesOf(next)].sort());
        },
      );

      it.each(INSTANTS)("goes back whole, also when it is called again: the alias moves, %s", async (when) => {
        expect((await swapTo(3)).code).toBe(0);
        expect((await swapTo(4)).code).toBe(0);
        proxy.asked.length = 0;
        await kill(1, when, "revisions", "2013-01", "--in", proxy.url, "--rollback", "3");
        expect(proxy.asked).toEqual(["POST /_aliases"]);
        expect(await behindAlias()).toBe(when === "arrived" ? 4 : 3);
        expect((await revisions("--rollback", "3")).code).toBe(0);
        expect(await behindAlias()).toBe(3);
        expect(await standing()).toEqual([3, 4]);
      });
    });

    it("is listed by what campaigns have saved", async () => {
      const { saved } = await call<{ saved: unknown[] }>("revisions", "2013-01");
      expect(saved).toMatchObject(
        [...campaigns].map(([revision, campaign]) => ({ revision, campaign, documents: documentsIn(revision) })),
      );
      expect(await call<{ saved: unknown[] }>("revisions", "2013-02")).toMatchObject({ code: 0, saved: [] });
    });
  });

  describe("what a new revision takes over of an earlier one", () => {
    const [first = "", second = "", third = ""] = indexNamesOf(naming, "2013-01");
    const now = { ...naming, revision: 2 };
    const [firstNow = "", secondNow = "", thirdNow = ""] = indexNamesOf(now, "2013-01");
    const repository = join(dir, "elasticsearch", "data", "snapshots", "taken-over");
    const signal = new AbortController().signal;
    let ctx: Parameters<typeof restoreCarried>[0];
    const put = (index: string, file: string, n: number) =>
      Array.from({ length: n }, () => [{ create: { _index: index } }, { file, message: "m" }]).flat();
    const counts = async (): Promise<Record<string, number>> => {
      await client.indices.refresh({ index: "logs-*" });
      const names = Object.keys(await client.indices.get({ index: "logs-*" })).sort();
      return Object.fromEntries(
        await Promise.all(names.map(async (index) => [index, (await client.count({ index })).count] as const)),
      );
    };

    beforeAll(async () => {
      await removeAll();
      const cluster = createCluster(client);
      const was: RuleField = { path: ["was"], type: "whole" };
      const names = await cluster.prepare(naming, ["2013-01"], { shards: 2, replicas: 0 }, [was]);
      const operations = [...put(first, "a", 5), ...put(first, "b", 4), ...put(second, "b", 3), ...put(third, "a", 2)];
      expect((await client.bulk({ operations, refresh: true })).errors).toBe(false);
      await cluster.registerRepository("writing", repository);
      await cluster.blockWrites(names);
      await cluster.snapshot("writing", "taken-over", names, signal);
      await client.snapshot.deleteRepository({ name: "writing" });
      await client.indices.delete({ index: [...names] });

      const { record, paths } = await writeCampaignDirectory(stateDir, "taking", [], {
        "plan.revision": 2,
        "plan.ids": "store",
      });
      const file = (path: string) => ({ origin: { path, fileId: path } }) as PlannedFile;
      const again = {
        revision: 1,
        indexPattern: naming.pattern,
        snapshot: "taken-over",
        repository,
        campaign: "first",
      };
      const plan = {
        ...emptyPlan(record),
        files: [{ ...file("a"), carried: { length: 9 } }, file("b")],
        fields: [{ path: ["more", "x"], type: "text" }],
        again: again as Again,
      } satisfies Plan;
      const counted = { ...ZERO_COUNTS, read: 7, written: 7 };
      const none = { droppedBy: {}, rejectedBy: {}, unparsedBy: {}, millis: 0, parseCpuMicros: 0 };
      const perIndex = { [firstNow]: 5, [thirdNow]: 2 };
      const row = {
        chunk: "c",
        fileId: "a",
        attempt: 1,
        worker: "w",
        counts: counted,
        perIndex,
        covered: [0, 9],
        ...none,
      };
      writeFileSync(paths.carried, JSON.stringify(row));
      ctx = { plan, paths, config: record.config, cluster, log: createLog({ level: "error" }) };
    }, 120_000);

    it("comes out of its snapshot under the new names, without the files that are loaded again, open for loading", async () => {
      expect(await restoreCarried(ctx, signal)).toEqual({ indices: 2, documents: 7, removed: 4 });
      expect(await counts()).toEqual({ [firstNow]: 5, [thirdNow]: 2 });
      const { [firstNow]: made } = await client.indices.get({ index: firstNow });
      expect(made?.settings?.index).toMatchObject({
        refresh_interval: "-1",
        number_of_replicas: "0",
        number_of_shards: "2",
      });
      expect(made?.mappings?.properties).toMatchObject({
        more: { properties: { x: { type: "keyword" } } },
        "@attempt": { type: "keyword" },
      });
      expect((await client.bulk({ operations: put(firstNow, "b", 1) })).errors).toBe(false);
      expect(await client.snapshot.getRepository()).toEqual({});
    });

    it("is the same when it is done again, whatever was left half done", async () => {
      // A document too many, an index too few.
      await client.indices.delete({ index: thirdNow });
      expect(await restoreCarried(ctx, signal)).toEqual({ indices: 2, documents: 7, removed: 4 });
      expect(await counts()).toEqual({ [firstNow]: 5, [thirdNow]: 2 });
    });

    it("comes back where a shard was lost, and nothing else is touched", async () => {
      await createCluster(client).prepare(now, ["2013-01"], { shards: 1, replicas: 0 }, []);
      expect((await client.bulk({ operations: put(firstNow, "b", 1) })).errors).toBe(false);
      const lost = [thirdNow, secondNow];
      for (const index of lost) await client.indices.delete({ index });
      expect(await restoreCarried(ctx, signal, lost)).toEqual({ indices: 1, documents: 2, removed: 0 });
      const there = await counts();
      expect(there).toMatchObject({ [firstNow]: 6, [thirdNow]: 2 });
      expect(there).not.toHaveProperty(secondNow);
    });

    it("is refused when it is not what the ledger says, or when its mapping does not take today's fields", async () => {
      const fields: readonly RuleField[] = [{ path: ["was"], type: "text" }];
      const other = { ...ctx, plan: { ...ctx.plan, fields } };
      await expect(restoreCarried(other, signal)).rejects.toMatchObject({ code: "REVISION_DIFFERS" });
      const text = readFileSync(ctx.paths.carried, "utf8");
      writeFileSync(ctx.paths.carried, text.replace(`"${firstNow}":5`, `"${firstNow}":6`));
      const wrong = restoreCarried(ctx, signal);
      await expect(wrong).rejects.toMatchObject({ code: "SNAPSHOT_DIFFERS" });
      await expect(wrong).rejects.toThrow(`index ${firstNow}: 5 documents, the ledger has 6`);
      writeFileSync(ctx.paths.carried, text);
    });
  });
});
