import { appendFileSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { Client } from "@elastic/elasticsearch";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createCluster } from "../../orchestrator/cluster.ts";
import type { Command } from "../../orchestrator/commands.ts";
import { configSchema } from "../../orchestrator/config-schema.ts";
import { chunksOf, unpacksOf, type Plan } from "../../orchestrator/plan.ts";
import { planMonth } from "../../orchestrator/plan-month.ts";
import type { LoadedCampaign } from "../../orchestrator/proof/claim.ts";
import { deepText, isVerified } from "../../orchestrator/proof/deep-text.ts";
import { verifyAgainstArchive, type DeepVerification } from "../../orchestrator/verify-deep.ts";
import { readRejects } from "../../orchestrator/reject-files.ts";
import type { Verifiable } from "../../orchestrator/verify.ts";
import { processChunk, type ChunkContext } from "../../worker/chunk-job.ts";
import type { Chunk } from "../../worker/contract/chunk.ts";
import type { LedgerRow } from "../../worker/contract/ledger.ts";
import { replayId, type Replay } from "../../worker/contract/replay.ts";
import type { Rules } from "../../worker/contract/rules.ts";
import { createPipeline, pipelineHash } from "../../worker/pipeline.ts";
import { ParserLoad } from "../../worker/parser-load.ts";
import { createPipelinePool } from "../../worker/pipeline-pool.ts";
import { fieldsOfRules } from "../../worker/pipeline/fields.ts";
import { processReplay } from "../../worker/replay-job.ts";
import { createRecompute } from "../../worker/recompute.ts";
import { createDataNodes } from "../../worker/sinks/elasticsearch/nodes.ts";
import { DEFAULT_POLICY } from "../../worker/sinks/elasticsearch/policy.ts";
import { createElasticsearchSink } from "../../worker/sinks/elasticsearch/sink.ts";
import { processUnpack } from "../../worker/unpack-job.ts";
import { describeWith, privateStateDir } from "../support/index.ts";
import { startElasticsearch, type TestElasticsearch } from "../support/elasticsearch-node.ts";
import { syslogLines } from "../support/parser-campaign.ts";
import { DEFAULT_RULES } from "../support/rules.ts";

const { signal } = new AbortController();
const PLAIN = "hosts/2013/01/10.0.0.1/syslog";
const PACKED = "hosts/2013/01/10.0.0.2/syslog";
/** As the rules of the files' service, but that it keeps no pid. */
const MENDED: Rules = {
  pipelines: [
    {
      services: ["syslog"],
      file: "mended.yaml",
      text: "name: syslog\nfilters:\n  - mutate: { remove_field: [pid] }\n",
    },
  ],
  otherwise: "syslog",
  patterns: [],
  databases: [],
};
/** Of one chunk. */
const SMALL = "hosts/2013/01/10.0.0.3/syslog";

/**
 * Documents that a parser's own code made of an archive, then changed by hand in Elasticsearch. Each case is repaired, which puts back what the
 * next one begins with.
 */
describeWith(["elasticsearch"], "verify --deep", () => {
  const dir = privateStateDir("verify-deep");
  const root = join(dir, "archive");
  const rejectsDir = join(dir, "rejects");
  const rows: LedgerRow[] = [];
  const told: Command[] = [];
  let store: TestElasticsearch;
  let client: Client;
  let verifiable: Verifiable;
  let plan: Plan;
  let planned: (more: object) => Promise<Plan>;

  beforeAll(async () => {
    // A repeated line that is written out, one without a header.
    const repeated = `Jan 10 00:00:00 h sshd[7]: hello\nJan 10 00:00:01 h last message repeated 3 times\n`;
    write(PLAIN, `${repeated}${syslogLines(1500, "plain")}no header\n`);
    write(`${PACKED}.gz`, gzipSync(syslogLines(1500, "packed")));
    write(SMALL, syslogLines(3, "small"));
    const settings = { archive: { root }, plan: { chunkBytes: "32KiB", repeated: "expand" } } as const;
    const pipeline = createPipeline(DEFAULT_RULES);
    planned = (more) =>
      planMonth(
        configSchema.parse({ ...settings, plan: { ...settings.plan, ...more } }),
        ["2013-01"],
        { pipeline: { hash: pipeline.hash, rules: DEFAULT_RULES, fields: fieldsOfRules(DEFAULT_RULES) } },
        signal,
      );
    // What was moved by hand and mended has its id again.
    plan = await planned({ ids: "derived" });
    store = await startElasticsearch(dir);
    client = new Client({ node: store.url });
    const cluster = createCluster(client);
    const naming = { pattern: plan.pinned.indexPattern, revision: plan.pinned.revision };
    const indices = await cluster.prepare(naming, plan.months, { shards: 1, replicas: 0 }, plan.fields);
    // sshd's lines carry their number as pid; a byte holds up to 127.
    const index = indices.find((name) => name.includes("2013.01.10")) ?? "";
    await client.indices.delete({ index });
    await client.indices.create({ index, mappings: { properties: { pid: { type: "byte" } } } });
    await asParser(DEFAULT_RULES, load);
    verifiable = {
      campaign: { record: { id: "c" } } as LoadedCampaign,
      plan,
      claim: {
        rows,
        lengths: new Map(plan.files.map(({ origin }) => [origin.fileId, lengthOf(origin.path)])),
        rejected: ({ chunk, attempt }) =>
          Array.fromAsync(readRejects(join(rejectsDir, `${chunk}.${String(attempt)}.ndjson`))),
      },
      client,
      cluster,
      indices,
    };
  });
  afterAll(async () => {
    await client.close();
    await store.stop();
  });
  beforeEach(() => void (told.length = 0));

  function write(path: string, content: string | Uint8Array): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }

  function lengthOf(path: string): number {
    return path === PACKED ? syslogLines(1500, "packed").length : statSync(join(root, path)).size;
  }

  /** With what a parser has. */
  async function asParser(rules: Rules, work: (context: ChunkContext) => Promise<void>): Promise<void> {
    const nodes = createDataNodes(DEFAULT_POLICY);
    const budgets = { bulkBytes: 128 * 1024, requestsInFlight: 2 };
    nodes.update([store.url]);
    await using sink = createElasticsearchSink({ nodes, budgets, observe: () => undefined });
    const pool = createPipelinePool({
      threads: 1,
      entry: new URL("../../worker/pipeline-thread.ts", import.meta.url),
      rules,
    });
    await work({
      pool,
      sink,
      rateLimit: {
        take: () => Promise.resolve(),
        limits: () => Promise.resolve({ eventsPerSecond: 0, bytesPerSecond: 0 }),
      },
      meter: { count: () => undefined } as unknown as ChunkContext["meter"],
      worker: "p1",
      pipeline: pipelineHash(rules),
      attempts: { begin: (chunk) => Promise.resolve(`tag-of-${chunk}`) },
      budgets,
      load: new ParserLoad(1),
      rejectsDir,
    });
    await pool.close();
  }

  /** As parsers do it, without a spool. */
  async function load(context: ChunkContext, of = plan, ledger = rows): Promise<void> {
    const take = async (chunk: Chunk): Promise<void> => void ledger.push(await processChunk(chunk, 1, context, signal));
    for (const file of of.files) for (const chunk of chunksOf(file, of)) await take(chunk);
    for (const unpack of unpacksOf(of, { dir: join(dir, "staging"), limitBytes: 1e9 })) {
      const parse = { getJobState: () => Promise.resolve("unknown"), add: (_: string, chunk: Chunk) => take(chunk) };
      const nothing = () => Promise.resolve();
      const staging = { reserve: nothing, extend: nothing, release: nothing };
      await processUnpack(unpack, "o", { parse, staging, meter: { count: () => undefined } }, nothing, signal);
    }
  }

  const verify = (
    more: { repair?: boolean; files?: string[]; chunks?: string[] } = {},
    of = verifiable,
  ): Promise<DeepVerification> =>
    verifyAgainstArchive(
      of,
      {
        wanted: { files: more.files ?? [], chunks: more.chunks ?? [] },
        repair: more.repair ?? false,
        recompute: (hash) =>
          Promise.resolve(createRecompute(createPipeline(hash === pipelineHash(MENDED) ? MENDED : DEFAULT_RULES))),
        tell: (command) => Promise.resolve(told.push(command)),
      },
      signal,
    );
  const rowAt = (path: string, n: number): LedgerRow => {
    const { fileId } = plan.files.find(({ origin }) => origin.path === path)?.origin ?? { fileId: "" };
    return rows.find(({ chunk }) => chunk === `${fileId}-${String(n)}`) ?? expect.fail("no such chunk");
  };
  interface Hit {
    readonly _index: string;
    readonly _id: string;
    readonly _source: Record<string, unknown>;
  }
  /** The first document of a chunk whose line is one document. */
  const firstOf = async (row: LedgerRow): Promise<Hit> => {
    await client.indices.refresh({ index: "logs-*" });
    const [gte, lt] = row.covered;
    const { path } = plan.files.find(({ origin }) => origin.fileId === row.fileId)?.origin ?? { path: "" };
    const found = await client.search<Record<string, unknown>>({
      index: "logs-*",
      size: 10,
      sort: "offset",
      query: { bool: { filter: [{ term: { file: path } }, { range: { offset: { gte, lt } } }] } },
    });
    return found.hits.hits.at(-1) as Hit;
  };
  const put = ({ _index: index, _id: id }: Hit, document: Record<string, unknown>) =>
    client.index({ index, id, document });
  /** Repairs, sees that this was all, and what the orchestrator was told before and after. */
  const repaired = async (mended: object): Promise<void> => {
    const result = await verify({ repair: true });
    expect(result.mended).toEqual({ created: 0, replaced: 0, deleted: 0, ...mended });
    expect(deepText(result)).toContain(": repaired\n");
    expect(isVerified(result)).toBe(true);
    expect(told.map(({ kind }) => kind)).toEqual(["repair", "repaired"]);
    expect(told[1]).toMatchObject({ left: 0 });
    const again = await verify();
    expect(again.deep.differences).toEqual([]);
    expect(again.sums.differences).toEqual([]);
  };

  it("finds nothing where nothing is wrong, rejected and repeated lines included, whatever the files' dates", async () => {
    const rejected = rows.reduce((sum, { counts }) => sum + counts.rejected, 0);
    expect(rejected).toBeGreaterThan(100);
    utimesSync(join(root, PLAIN), 1, 1);
    const result = await verify();
    expect(result.deep).toMatchObject({ files: 3, chunks: rows.length, differences: [], archive: [] });
    expect(result.deep.documents).toBe(result.sums.documents);
    // A message and its three repetitions are one line and three.
    expect(result.deep.documents).toBe(1500 + 1500 + 1 + 3 + 1 + 3 - rejected);
    expect(isVerified(result)).toBe(true);
    expect(deepText(result)).toMatch(/all are as their lines say\n$/);
    expect(rows.length).toBeGreaterThan(5);
  });

  it("compares what was taken over of an earlier campaign by the pipeline that made it", async () => {
    const whole = verifiable;
    const differing = async (pipeline: string): Promise<Set<string | undefined>> => {
      const of = new Set([rowAt(PLAIN, 0).fileId, rowAt(PACKED, 0).fileId]);
      const carried = { campaign: "earlier", pipeline };
      const marked = rows.map((row) => (of.has(row.fileId) ? { ...row, carried } : row));
      verifiable = { ...whole, claim: { ...whole.claim, rows: marked } };
      try {
        return new Set((await verify()).deep.differences.map(({ file }) => file));
      } finally {
        verifiable = whole;
      }
    };
    // These were not made by it, and the third file's documents are the campaign's own.
    expect(await differing(pipelineHash(MENDED))).toEqual(new Set([PLAIN, PACKED]));
    expect(await differing(plan.pinned.pipeline)).toEqual(new Set());
  });

  it("finds a deleted document and creates it again", async () => {
    const row = rowAt(PACKED, 2);
    const lost = await firstOf(row);
    await client.delete({ index: lost._index, id: lost._id });
    const { deep, sums } = await verify();
    expect(deep.differences).toEqual([
      {
        chunk: row.chunk,
        file: PACKED,
        range: row.covered,
        missing: 1,
        extra: 0,
        altered: 0,
        fields: {},
        offset: lost._source["offset"],
      },
    ]);
    expect(sums.differences.join("\n")).toContain(`chunk ${row.chunk} `);
    await repaired({ created: 1 });
    expect((await firstOf(row))._source).toEqual(lost._source);
  });

  it("finds one that was altered with all counts kept, by its fields, and replaces it", async () => {
    const row = rowAt(PLAIN, 1);
    const hit = await firstOf(row);
    await put(hit, { ...hit._source, message: "nothing happened", host: "other", more: { of: 1 } });
    const { deep, sums } = await verify();
    expect(sums.differences).toEqual([]);
    expect(deep.differences).toEqual([
      expect.objectContaining({
        chunk: row.chunk,
        altered: 1,
        fields: { message: 1, host: 1, more: 1 },
        missing: 0,
        extra: 0,
      }),
    ]);
    await repaired({ replaced: 1 });
    expect((await firstOf(row))._source).toEqual(hit._source);
  });

  it("finds one that stands at an offset of another chunk, which the sums of both see, and moves it back", async () => {
    const [from, to] = [rowAt(PLAIN, 1), rowAt(PLAIN, 2)];
    const hit = await firstOf(from);
    const offset = to.covered[0] + 1;
    await put(hit, { ...hit._source, offset });
    const { deep, sums } = await verify();
    expect(deep.differences).toEqual([
      expect.objectContaining({ chunk: from.chunk, missing: 1, extra: 0, offset: hit._source["offset"] }),
      expect.objectContaining({ chunk: to.chunk, missing: 0, extra: 1, offset }),
    ]);
    // The file's own sum is right.
    expect(sums.differences.map((text) => text.split(" ").slice(0, 2).join(" "))).toEqual([
      `chunk ${from.chunk}`,
      `chunk ${to.chunk}`,
    ]);
    await repaired({ deleted: 1, created: 1 });
  });

  it("finds one that stands behind the end of a file of one chunk, or nowhere in it, also by sums alone", async () => {
    const row = rowAt(SMALL, 0);
    const hit = await firstOf(row);
    for (const offset of [row.covered[1], undefined]) {
      await put(hit, { ...hit._source, offset });
      const { deep, sums } = await verify();
      expect(sums.differences).toEqual([
        expect.stringMatching(`^chunk ${row.chunk} .*: 2 documents, the ledger has 3$`),
      ]);
      expect(deep.differences).toEqual([
        expect.objectContaining({ chunk: row.chunk, missing: 1 }),
        expect.objectContaining({ file: SMALL, extra: 1, offset: offset ?? -1 }),
      ]);
      told.length = 0;
      await repaired({ deleted: 1, created: 1 });
    }
  });

  it("finds one at a wrong offset of its own chunk, with all counts kept", async () => {
    const row = rowAt(PACKED, 1);
    const hit = await firstOf(row);
    await put(hit, { ...hit._source, offset: row.covered[1] - 1 });
    const { deep, sums } = await verify();
    expect(sums.differences).toEqual([]);
    expect(deep.differences).toEqual([expect.objectContaining({ chunk: row.chunk, missing: 1, extra: 1 })]);
    await repaired({ deleted: 1, created: 1 });
  });

  it("finds copies, strangers, and documents under another index, file or none, and deletes them", async () => {
    const row = rowAt(PLAIN, 0);
    const hit = await firstOf(row);
    const other = verifiable.indices.find((name) => name.includes("outside")) ?? "";
    const { offset: _o, file: _f, ...nameless } = hit._source;
    for (const [id, document] of Object.entries({
      copy: hit._source,
      "of-no-file": nameless,
      "of-another": { ...hit._source, file: "hosts/2013/01/10.9.9.9/syslog" },
      behind: { ...hit._source, offset: 1e9 },
      "without-offset": { ...nameless, file: PLAIN },
    })) {
      await client.index({ index: hit._index, id, document });
    }
    await client.delete({ index: hit._index, id: hit._id });
    await client.index({ index: other, id: hit._id, document: hit._source });
    const { deep } = await verify();
    expect(deep.differences).toEqual([
      expect.objectContaining({ chunk: row.chunk, missing: 0, extra: 1, altered: 1 }),
      expect.objectContaining({ file: PLAIN, extra: 2, offset: -1 }),
      expect.objectContaining({ file: "hosts/2013/01/10.9.9.9/syslog", extra: 1 }),
      { missing: 0, extra: 1, altered: 0, fields: {}, offset: -1 },
    ]);
    await repaired({ deleted: 6, created: 1 });
  });

  it("lets other months and revisions be", async () => {
    for (const index of ["logs-2013.02.01-m2013.02-r1", "logs-2013.01.10-m2013.01-r2"]) {
      await client.indices.create({ index });
      await client.index({ index, document: { message: "not of this campaign" } });
    }
    expect((await verify()).deep.differences).toEqual([]);
    await client.indices.delete({ index: ["logs-2013.02.01-m2013.02-r1", "logs-2013.01.10-m2013.01-r2"] });
  });

  it("tells a changed archive from changed documents, and mends nothing by it", async () => {
    const [changed, whole] = [rowAt(PLAIN, 1), rowAt(PLAIN, 2)];
    const before = readFileSync(join(root, PLAIN));
    const after = Buffer.from(before);
    after.write("X", changed.covered[0] + 30);
    write(PLAIN, after);
    const lost = [await firstOf(changed), await firstOf(whole)];
    for (const { _index: index, _id: id } of lost) await client.delete({ index, id });
    const result = await verify({ repair: true });
    expect(result.deep.archive).toEqual([
      {
        file: PLAIN,
        chunk: changed.chunk,
        problem: expect.stringMatching(/^the archive has changed: .*SHA-256/) as string,
      },
    ]);
    expect(result.deep.differences).toEqual([
      expect.objectContaining({ chunk: whole.chunk, missing: 1, repaired: true }),
    ]);
    expect(isVerified(result)).toBe(false);
    rmSync(join(root, PLAIN));
    expect((await verify({ files: ["hosts/**/10.0.0.1/*"] })).deep).toMatchObject({
      chunks: 0,
      archive: [{ file: PLAIN, problem: expect.stringContaining("is not there any more") as string }],
    });
    write(PLAIN, before);
    told.length = 0;
    await repaired({ created: 1 });
    write(`${PACKED}.gz`, gzipSync(syslogLines(700, "packed")));
    const shorter = await verify({ files: [PACKED] });
    expect(shorter.deep.differences).toEqual([]);
    expect(shorter.deep.archive.map(({ problem }) => problem)).toEqual(
      expect.arrayContaining([
        expect.stringContaining("bytes were loaded, now it has"),
        expect.stringContaining("its lines were bytes"),
        expect.stringContaining("not in the archive any more"),
      ]),
    );
    write(`${PACKED}.gz`, gzipSync(syslogLines(1500, "packed")));
  });

  it("compares what was asked for", async () => {
    const [one, other] = [rowAt(PLAIN, 1), rowAt(PACKED, 1)];
    for (const row of [one, other]) {
      const { _index: index, _id: id } = await firstOf(row);
      await client.delete({ index, id });
    }
    const chunksIn = async (more: Parameters<typeof verify>[0]) =>
      (await verify(more)).deep.differences.map(({ chunk }) => chunk);
    expect(await chunksIn({ chunks: [one.chunk] })).toEqual([one.chunk]);
    expect(await chunksIn({ files: ["hosts/*/*/10.0.0.2/*"] })).toEqual([other.chunk]);
    await expect(verify({ chunks: ["none-0"] })).rejects.toMatchObject({ code: "USAGE" });
    await repaired({ created: 2 });
  });

  it("mends where writes are blocked, and blocks them again", async () => {
    const row = rowAt(PLAIN, 1);
    const { _index: index, _id: id } = await firstOf(row);
    await client.delete({ index, id });
    await client.indices.putSettings({ index: "logs-*", settings: { "index.blocks.write": true } });
    await repaired({ created: 1 });
    await expect(client.delete({ index, id })).rejects.toThrow(/blocked/);
    await client.indices.putSettings({ index: "logs-*", settings: { "index.blocks.write": null } });
  });

  it("writes nothing when the orchestrator says no", async () => {
    const row = rowAt(PLAIN, 1);
    const { _index: index, _id: id } = await firstOf(row);
    await client.delete({ index, id });
    const no = verifyAgainstArchive(
      verifiable,
      {
        wanted: { files: [], chunks: [] },
        repair: true,
        recompute: () => Promise.resolve(createRecompute(createPipeline(DEFAULT_RULES))),
        tell: () => Promise.reject(new Error("no")),
      },
      signal,
    );
    await expect(no).rejects.toThrow("no");
    expect((await verify()).deep.differences).toEqual([expect.objectContaining({ chunk: row.chunk, missing: 1 })]);
    await repaired({ created: 1 });
  });

  it("knows what a replay has loaded, by its own pipeline, and mends it too", async () => {
    const row = rows.find(({ counts }) => counts.rejected > 1) ?? expect.fail("nothing was rejected");
    const origin = plan.files.find(({ origin: { fileId } }) => fileId === row.fileId)?.origin;
    if (!origin) throw new Error("no such file");
    const replay: Replay = {
      id: replayId(row.chunk, 1),
      of: row.chunk,
      chunk: row.chunk,
      origin,
      pipeline: pipelineHash(MENDED),
    };
    await asParser(MENDED, async (context) => {
      rows.push(await processReplay(replay, row, context.pool, 1, context, signal));
    });
    expect(rows.at(-1)?.counts).toMatchObject({ read: row.counts.rejected, written: row.counts.rejected, rejected: 0 });
    expect(await verify()).toMatchObject({ sums: { differences: [] }, deep: { differences: [], archive: [] } });

    const [first, second] = await Array.fromAsync(
      readRejects(join(rejectsDir, `${row.chunk}.${String(row.attempt)}.ndjson`)),
    );
    const [lost, changed] = [first, second].map((one) => ({ index: one?.index ?? "", id: one?.id ?? "" }));
    await client.delete(lost!);
    await client.update({ ...changed!, doc: { message: "nothing happened" } });
    expect((await verify()).deep.differences).toEqual([
      expect.objectContaining({ chunk: row.chunk, missing: 1, altered: 1, extra: 0, fields: { message: 1 } }),
    ]);
    await repaired({ created: 1, replaced: 1 });
  });

  it.each([
    { revision: 2, ids: "derived", mode: "standard", source: "synthetic" },
    { revision: 3, ids: "store", mode: "logsdb", source: "synthetic" },
    { revision: 4, ids: "derived", mode: "logsdb", source: "stored" },
  ] as const)("sees as much where documents are kept otherwise: %j", async ({ revision, ids, mode, source }) => {
    const other = await planned({ revision, ids });
    const naming = { pattern: other.pinned.indexPattern, revision };
    const layout = { shards: 1, replicas: 0, index: { mode, source, codec: "best_compression" } } as const;
    const indices = await verifiable.cluster.prepare(naming, other.months, layout, other.fields, ids);
    const ledger: LedgerRow[] = [];
    await asParser(DEFAULT_RULES, (context) => load(context, other, ledger));
    const of = { ...verifiable, plan: other, indices, claim: { ...verifiable.claim, rows: ledger } };

    const whole = await verify({}, of);
    expect(whole.deep.differences).toEqual([]);
    expect(whole).toMatchObject({ sums: { differences: [] }, deep: { archive: [], documents: 3008 } });

    const found = await client.search<Record<string, unknown>>({ index: indices[10] ?? "", size: 2, sort: "offset" });
    const [lost, changed] = found.hits.hits;
    await client.delete({ index: lost!._index, id: lost!._id! });
    const document = { ...changed!._source, message: "nothing happened" };
    await client.index({ index: changed!._index, id: changed!._id!, document });
    const after = (await verify({ repair: true }, of)).deep.differences;
    expect(after.reduce((sum, one) => sum + one.missing + one.altered, 0)).toBe(2);
    expect(after.flatMap(({ fields }) => Object.entries(fields))).toEqual([["message", 1]]);
    expect(after.every(({ repaired: isRepaired }) => isRepaired)).toBe(true);

    if (ids !== "store") return;
    const tag = ledger[0]?.tag ?? expect.fail("its documents have no tag");
    await verifiable.cluster.refresh(indices);
    const tagged = await verifiable.cluster.countByAttempts(indices, [tag]);
    expect(tagged).toBeGreaterThan(0);
    expect(await verifiable.cluster.deleteByAttempts(indices, [tag])).toBe(tagged);
  });

  it("refuses another pipeline than the one that loaded, and sees lines that were appended since", async () => {
    const other = { ...createRecompute(createPipeline(DEFAULT_RULES)), hash: "another" };
    const wrong = verifyAgainstArchive(
      verifiable,
      {
        wanted: { files: [], chunks: [] },
        repair: false,
        recompute: () => Promise.resolve(other),
        tell: () => Promise.resolve(),
      },
      signal,
    );
    await expect(wrong).rejects.toMatchObject({ code: "PIPELINE_MISMATCH" });
    appendFileSync(join(root, PLAIN), "more\n");
    expect((await verify({ files: [PLAIN] })).deep).toMatchObject({
      differences: [],
      archive: [
        { file: PLAIN, problem: expect.stringMatching(/^the archive has changed: \d+ bytes were loaded/) as string },
      ],
    });
  });
});
