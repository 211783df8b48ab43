import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Client } from "@elastic/elasticsearch";
import { afterAll, beforeAll, expect, it } from "vitest";
import { measureCeiling } from "../../orchestrator/ceiling/measure-ceiling.ts";
import { ReplayBody } from "../../orchestrator/ceiling/replay-body.ts";
import { createScratch } from "../../orchestrator/ceiling/scratch.ts";
import { compareMappings } from "../../orchestrator/comparing/compare-mappings.ts";
import { configSchema } from "../../orchestrator/config-schema.ts";
import { createCluster, type Cluster } from "../../orchestrator/cluster.ts";
import { planMonth } from "../../orchestrator/plan-month.ts";
import {
  differencesFrom,
  loadProfile,
  originationDates,
  RETENTION_CLOCK,
  SERVING_PROFILE,
} from "../../orchestrator/profiles.ts";
import { createPipeline } from "../../worker/pipeline.ts";
import { fieldsOfRules } from "../../worker/pipeline/fields.ts";
import { startElasticsearch, type TestElasticsearch } from "../support/elasticsearch-node.ts";
import { describeWith, privateStateDir } from "../support/index.ts";
import { originOf, syslogLines } from "../support/parser-campaign.ts";
import { DEFAULT_RULES } from "../support/rules.ts";

const signal = new AbortController().signal;

describeWith(["elasticsearch"], "a cluster of more indices than one request line can name", () => {
  // Long names in place of many months: 34 indices, over 6,000 bytes.
  const naming = { pattern: `logs-${"x".repeat(150)}-{day}-m{month}-r{revision}`, revision: 1 };
  const dir = privateStateDir("cluster");
  let elasticsearch: TestElasticsearch;
  let client: Client;
  let cluster: Cluster;
  let indices: readonly string[];

  beforeAll(async () => {
    const repository = join(dir, "elasticsearch", "data", "repository");
    elasticsearch = await startElasticsearch(dir, { "path.repo": [join(dir, "elasticsearch", "data")] });
    client = new Client({ node: elasticsearch.url });
    cluster = createCluster(client);
    indices = await cluster.prepare(naming, ["2013-01"], { shards: 1, replicas: 0 }, [], "store");
    const operations = indices.flatMap((index, i) => [
      { create: { _index: index, _id: `id-${String(i)}` } },
      { "@timestamp": "2013-01-01T00:00:00Z", file: i % 2 === 0 ? "even" : "odd", offset: i * 100 },
    ]);
    const answer = await client.bulk({ operations });
    expect(answer.errors).toBe(false);
    await cluster.registerRepository("test", repository);
  });
  afterAll(async () => {
    await client.close();
    await elasticsearch.stop();
  });

  it("shows every primary shard", async () => {
    const primaries = await cluster.primaries(naming);
    expect(primaries.map(({ index, shard, state }) => `${index} ${String(shard)} ${state}`).sort()).toEqual(
      indices.map((index) => `${index} 0 works`).sort(),
    );
  });

  it("is refreshed, counted by index, file and range, and measured", async () => {
    expect(indices.join().length).toBeGreaterThan(4_096);
    await cluster.refresh(indices);
    expect(Object.values(await cluster.counts(indices))).toEqual(indices.map(() => 1));
    const half = indices.length / 2;
    const last = (indices.length - 1) * 100;
    expect(await cluster.countsByFile(indices)).toEqual(
      new Map([
        ["even", { documents: half, placed: half, first: 0, last: last - 100 }],
        ["odd", { documents: half, placed: half, first: 100, last }],
      ]),
    );
    expect(
      await cluster.countsByRange(indices, "even", [
        [0, 201],
        [0, 1e9],
      ]),
    ).toEqual([2, half]);
    // More of them than one search takes, in any order; each document in one.
    const ranges = Array.from({ length: 2500 }, (_, i) => [i * 10, i * 10 + 10] as const).reverse();
    const counts = await cluster.countsByRange(indices, "even", ranges);
    expect(ranges.filter((_, i) => counts[i] === 1).map(([from]) => from)).toEqual(
      Array.from({ length: half }, (_, i) => i * 200).reverse(),
    );
    expect(counts.reduce((sum, n) => sum + n, 0)).toBe(half);
    expect(await cluster.storeBytes(indices)).toBeGreaterThan(0);
  });

  const settingsOf = async (index: string | undefined): Promise<Readonly<Record<string, unknown>>> => {
    const answer = await client.indices.getSettings({ index: index ?? "", flat_settings: true });
    return answer[index ?? ""]?.settings ?? {};
  };

  it("is set for loading, then for searching, with the day from which an index's age counts", async () => {
    const layout = { shards: 1, replicas: 0 };
    expect(differencesFrom(loadProfile(layout), await settingsOf(indices[1]))).toEqual([]);
    await cluster.applyServingSettings(indices, originationDates(naming, ["2013-01"]));
    const [served, outside] = [await settingsOf(indices[1]), await settingsOf(indices.at(-1))];
    expect(differencesFrom(SERVING_PROFILE, served)).toEqual([]);
    expect(served[RETENTION_CLOCK]).toBe(String(Date.UTC(2013, 0, 1)));
    expect(outside[RETENTION_CLOCK]).toBe(String(Date.UTC(2013, 0, 31)));
    // As indices are that were taken over of an earlier revision.
    await cluster.prepare(naming, ["2013-01"], layout, [], "store");
    expect(differencesFrom(loadProfile(layout), await settingsOf(indices[1]))).toEqual([]);
    // A cluster without lifecycle management does not know the setting; of such a one the answer is this.
    const unknown = await client.indices
      .putSettings({ index: indices[1] ?? "", settings: { "index.no_such.setting": 1 } })
      .catch((error: unknown) => error);
    expect(unknown).toMatchObject({ statusCode: 400 });
  });

  it("says which setting an index did not take", async () => {
    const other = { pattern: `other-{day}-m{month}-r{revision}`, revision: 1 };
    // Somebody's template that wins over ours.
    await client.indices.putIndexTemplate({
      name: "somebody",
      index_patterns: ["other-*"],
      priority: 900,
      template: { settings: { "index.codec": "default" } },
    });
    await expect(cluster.prepare(other, ["2013-02"], { shards: 1, replicas: 0 }, [])).rejects.toMatchObject({
      code: "SETTINGS_NOT_TAKEN",
      message: expect.stringMatching(
        /other-2013\.01\.31-m2013\.02-r1: index\.\S+ is .+ and was set to .+ more/,
      ) as string,
    });
    await client.indices.deleteIndexTemplate({ name: "somebody" });
    await client.indices.delete({ index: await cluster.indices(other).then((names) => names.slice()) });
  });

  it("has its segments merged into one", async () => {
    const index = indices[5] ?? "";
    for (let i = 0; i < 3; i++) {
      const operations = [{ create: { _index: index } }, { file: "merged", offset: i }];
      expect((await client.bulk({ operations, refresh: true })).errors).toBe(false);
    }
    const segments = async (): Promise<number> =>
      (await client.cat.segments({ index, format: "json" })).filter((row) => row.searchable === "true").length;
    expect(await segments()).toBeGreaterThan(1);
    await cluster.mergeSegments([index], 1, signal);
    await cluster.mergeSegments([index], 1, signal);
    expect(await segments()).toBe(1);
    expect(await cluster.deleteRange([index], "merged", [0, 9])).toBe(3);
  });

  it("is saved, and each index of the save can be tried out", async () => {
    await cluster.snapshot("test", "one", indices, signal);
    expect(await cluster.restoredCount("test", "one", indices[3] ?? "", signal)).toBe(1);
    expect(await cluster.indices(naming)).toEqual([...indices].sort());
    await cluster.deleteSnapshot("test", "one");
    await cluster.deleteSnapshot("test", "one");
    await expect(cluster.restoredCount("test", "one", indices[3] ?? "", signal)).rejects.toMatchObject({
      code: "ELASTICSEARCH_REFUSED",
    });
  });

  it("loses the documents of attempts, whoever made their ids, and no others", async () => {
    const tagged = (tag: string, count: number) =>
      Array.from({ length: count }, (_, i) => [
        { create: { _index: indices[i % 7] } },
        { "@attempt": tag, "@timestamp": "2013-01-01T00:00:00Z", file: "tagged", offset: i },
      ]).flat();
    const operations = [...tagged("aaaa", 6000), ...tagged("bbbb", 70), ...tagged("cccc", 7)];
    expect((await client.bulk({ operations })).errors).toBe(false);
    await cluster.refresh(indices);
    const both = ["aaaa", "cccc", "unknown"];
    expect(await cluster.countByAttempts(indices, both)).toBe(6007);
    expect(await cluster.countByAttempts(indices, [])).toBe(0);
    expect(await cluster.deleteByAttempts(indices, [])).toBe(0);
    expect(await cluster.deleteByAttempts(indices, both)).toBe(6007);
    expect(await cluster.deleteByAttempts(indices, both)).toBe(0);
    await cluster.refresh(indices);
    expect(await cluster.countsByRange(indices, "tagged", [[0, 1e9]])).toEqual([70]);
    expect(await cluster.deleteByAttempts(indices, ["bbbb"])).toBe(70);
  });

  it("takes no document while it is closed for writing, and does again", async () => {
    const write = async () => {
      const { items } = await client.bulk({ operations: [{ create: { _index: indices[2] } }, { file: "late" }] });
      return items[0]?.create?.status;
    };
    await cluster.blockWrites(indices);
    await cluster.blockWrites(indices);
    expect(await write()).toBe(403);
    await cluster.allowWrites(indices);
    await cluster.allowWrites(indices);
    expect(await write()).toBe(201);
    const late = { index: indices[2] ?? "", query: { term: { file: "late" } } };
    await cluster.refresh(indices);
    expect((await client.count(late)).count).toBe(1);
    const { hits } = await client.search(late);
    await client.delete({ index: indices[2] ?? "", id: hits.hits[0]?._id ?? "" });
  });

  it("loses what is deleted by range, and says so when it may not", async () => {
    expect(await cluster.deleteRange(indices, "odd", [100, 401])).toBe(2);
    expect(await cluster.countsByRange(indices, "odd", [[0, 1e9]])).toEqual([indices.length / 2 - 2]);
    await client.indices.putSettings({ index: indices[0] ?? "", settings: { "index.blocks.write": true } });
    await expect(cluster.deleteRange(indices, "even", [0, 1])).rejects.toMatchObject({ code: "ELASTICSEARCH_REFUSED" });
  });

  it("takes prebuilt bodies into scratch indices of its own, which go whatever happens", async () => {
    const scratch = createScratch(client, "jan", naming, { layout: { shards: 1, replicas: 0 }, fields: [] });
    const pipeline = createPipeline(DEFAULT_RULES);
    const origin = originOf("a/syslog", scratch.naming.pattern);
    const batch = pipeline.run(Buffer.from(syslogLines(2000, "a")), 0, origin);
    const days = Object.keys(batch.tallies.perIndex);
    const measure = async (until: AbortSignal) =>
      measureCeiling(
        {
          client,
          cluster,
          dataNodes: new Set(["test"]),
          bodies: [1, 2, 3].map(() => new ReplayBody([batch])),
          requestsInFlight: 2,
          warmUpSeconds: 0.2,
          seconds: 3,
        },
        until,
      );
    const there = async (): Promise<readonly string[]> => cluster.indices(scratch.naming);

    await scratch.create(days);
    expect(await there()).toEqual([...days].sort());
    const ceiling = await measure(signal);
    expect(ceiling).toMatchObject({ refused: 0 });
    expect(ceiling.documents % 2000).toBe(0);
    expect(ceiling.storeMicrosPerDocument).toBeGreaterThan(0);
    // Each time under other ids: none took the place of another.
    await cluster.refresh(days);
    const stored = Object.values(await cluster.counts(days)).reduce((sum, count) => sum + count, 0);
    expect(stored).toBeGreaterThanOrEqual(ceiling.documents);
    expect(stored % 2000).toBe(0);

    await client.indices.putSettings({ index: days[0] ?? "", settings: { "index.blocks.write": true } });
    expect((await measure(signal)).refused).toBeGreaterThan(0);

    const interrupted = new AbortController();
    const measuring = measure(interrupted.signal);
    interrupted.abort(new Error("interrupted"));
    await expect(measuring).rejects.toThrow("interrupted");
    await scratch.remove();
    await scratch.remove();
    expect(await there()).toEqual([]);
    expect(await cluster.indices(naming)).toEqual([...indices].sort());
  });

  it("is compared in each choice with a sample of an archive, and keeps nothing of it", async () => {
    const root = join(dir, "archive");
    for (const [path, lines] of [
      ["hosts/2013/01/10.0.0.1/syslog", 3000],
      ["hosts/auth/2013/01/auth.log.20130110", 1000],
    ] as const) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), syslogLines(lines, path));
    }
    const config = configSchema.parse({ archive: { root } });
    const pipeline = createPipeline(DEFAULT_RULES);
    const plan = await planMonth(
      config,
      ["2013-01"],
      { pipeline: { hash: pipeline.hash, rules: DEFAULT_RULES, fields: fieldsOfRules(DEFAULT_RULES) } },
      signal,
    );
    const planned = new Map([
      ["syslog", 3e6],
      ["auth", 1e6],
    ]);
    const options = {
      configured: config.elasticsearch.index,
      rounds: 1,
      sampleBytes: 2 ** 20,
      bulkBytes: 2 ** 17,
      planned,
    };
    const compared = await compareMappings(client, plan, pipeline, options, { info: () => undefined }, signal);
    expect(compared.sample).toMatchObject({ files: 2, lines: 4000, documents: 4000 });
    expect(compared.choices.map(({ problem }) => problem)).toEqual(compared.choices.map(() => undefined));
    for (const { name, figures } of compared.choices) {
      expect(figures, name).toMatchObject({ rounds: 1, rejected: 0 });
      expect(figures?.storeMicrosPerDocument, name).toBeGreaterThan(0);
      expect(figures?.indexBytesPerDocument, name).toBeGreaterThan(10);
      expect(figures?.services.map(({ service }) => service).sort(), name).toEqual(["auth", "syslog"]);
    }
    const bytes = (name: string) => compared.choices.find((one) => one.name === name)?.figures?.indexBytes ?? NaN;
    expect(bytes("standard, stored, best_compression")).toBeLessThan(bytes("standard, stored, default"));
    expect(bytes("standard, synthetic, best_compression")).toBeLessThan(bytes("standard, stored, best_compression"));

    const interrupted = new AbortController();
    interrupted.abort(new Error("interrupted"));
    await expect(
      compareMappings(client, plan, pipeline, options, { info: () => undefined }, interrupted.signal),
    ).rejects.toThrow("interrupted");
    expect(await cluster.indices({ pattern: "gh-compare-{day}", revision: 1 })).toEqual([]);
  });
});
