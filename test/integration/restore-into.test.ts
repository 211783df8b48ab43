import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@elastic/elasticsearch";
import { afterAll, beforeAll, expect, it } from "vitest";
import { originationDates, RETENTION_CLOCK } from "../../orchestrator/profiles.ts";
import { createCluster } from "../../orchestrator/cluster.ts";
import { exportLedger } from "../../orchestrator/ledger-export.ts";
import { DEFAULT_INDEX_PATTERN } from "../../worker/contract/index-names.ts";
import { ZERO_COUNTS, type LedgerRow } from "../../worker/contract/ledger.ts";
import { writeCampaignDirectory } from "../support/campaign-directory.ts";
import { startElasticsearch, type TestElasticsearch } from "../support/elasticsearch-node.ts";
import { gridharvest } from "../support/gridharvest.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";

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
});
