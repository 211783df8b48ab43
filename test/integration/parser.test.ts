import { createHash } from "node:crypto";
import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@elastic/elasticsearch";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createCluster, loadingTemplate } from "../../orchestrator/cluster.ts";
import { removeLeftovers } from "../../orchestrator/leftovers.ts";
import { withFields } from "../../orchestrator/mapping.ts";
import { totalOf, unbalancedRows } from "../../orchestrator/ledger.ts";
import { compareWithStore } from "../../orchestrator/reconcile.ts";
import { isReplay } from "../../orchestrator/replay/sums.ts";
import { replaysWanted } from "../../orchestrator/replay/wanted.ts";
import { createSpool, type Spool } from "../../orchestrator/spool.ts";
import { parserRates } from "../../orchestrator/tuning/rates.ts";
import { limitingStage, type Stage } from "../../orchestrator/tuning/stage.ts";
import type { Origin } from "../../worker/contract/chunk.ts";
import type { Rules } from "../../worker/contract/rules.ts";
import { readFigures, type ParserFigures } from "../../worker/contract/tuning.ts";
import { pipelineHash } from "../../worker/pipeline.ts";
import { fieldsOfRules } from "../../worker/pipeline/fields.ts";
import type { RejectedDocument } from "../../worker/contract/rejected-document.ts";
import { HOSTILE_LINES } from "../hostile/lines.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { startElasticsearch, type TestElasticsearch } from "../support/elasticsearch-node.ts";
import { startFaultProxy, type Fault, type FaultProxy } from "../support/fault-proxy.ts";
import {
  addUp,
  createParserCampaign,
  syslogLines,
  tiledLengths,
  type ParserCampaign,
} from "../support/parser-campaign.ts";
import { startParser, type TestParser } from "../support/parser-child.ts";
import { DEFAULT_RULES } from "../support/rules.ts";
import { writeMmdb } from "../unit/worker/filters/mmdb-writer.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

describeWith(["redis", "elasticsearch"], "a parser process", () => {
  const dir = privateStateDir("parser");
  let redis: TestRedis;
  let store: TestElasticsearch;
  let proxy: FaultProxy;
  let campaign: ParserCampaign;
  let parsers: TestParser[] = [];
  let serial = 0;

  beforeAll(async () => {
    redis = await startRedis(dir);
    afterwards.push(() => redis.stop());
    store = await startElasticsearch(dir);
    afterwards.push(() => store.stop());
    proxy = await startFaultProxy(store.url);
    afterwards.push(() => proxy.close());
  });
  // Also what did start is ended when the rest did not.
  const afterwards: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const stop of afterwards.reverse()) await stop();
  });
  beforeEach(async () => {
    const id = `c${serial++}`;
    campaign = await createParserCampaign(id, join(dir, id), redis, store);
    proxy.faults.length = 0;
    proxy.requests.length = 0;
  });
  afterEach(async () => {
    await Promise.all(parsers.map((parser) => parser.kill()));
    parsers = [];
    await campaign.close();
    await store.request("DELETE", `/${campaign.indices}`);
  });

  async function start(options: Partial<Parameters<typeof startParser>[0]> = {}): Promise<TestParser> {
    const parser = await startParser({ dir: campaign.dir, campaign: campaign.id, redisPort: redis.port, ...options });
    parsers.push(parser);
    return parser;
  }
  /** A killed parser's chunk is soon taken up again. */
  const briefLock = { parser: { lockSeconds: 2 } };
  const silence = (n: number): Fault[] => Array.from({ length: n }, () => ({ kind: "silence" }));

  it("loads files chunk by chunk: every line once, and drains", async () => {
    await campaign.createIndices();
    const texts = ["a", "b", "c"].map((name) => syslogLines(9000, name));
    texts.push(
      "Jan 10 00:00:00 h p: the last line has no end",
      "",
      `${"long ".repeat(80_000)}\nJan 10 00:00:00 h p: x\n`,
    );
    const chunks = texts.flatMap((text, i) => campaign.plainFile(`f${i}/syslog`, text, 100_000));
    await campaign.addChunks(chunks);
    const parser = await start();
    await campaign.settled();

    const rows = await campaign.rows();
    expect(rows.length).toBe(chunks.length);
    const lines = texts
      .join("\0")
      .split(/\n|\0/)
      .filter((line) => line !== "").length;
    const sum = addUp(rows);
    expect(sum).toEqual({ read: lines, stored: lines, rejected: 0, bytes: texts.join("").length });
    expect(await store.count(campaign.indices)).toBe(lines);
    for (const { chunk, covered, sha256 } of rows) {
      const file = chunks.find(({ id }) => id === chunk)?.origin.path ?? "";
      const text = texts[Number(/\d+/.exec(file)?.[0])] ?? "";
      expect(sha256).toBe(
        createHash("sha256")
          .update(text.slice(...covered))
          .digest("hex"),
      );
    }
    expect(Object.values(tiledLengths(rows)).sort()).toEqual(
      texts
        .map((text) => text.length)
        .filter((length) => length > 0)
        .sort(),
    );
    expect(rows.every((row) => row.attempt === 1 && row.counts.duplicate === 0 && row.worker === "p1")).toBe(true);

    parser.send("drain");
    expect(await parser.exited).toBe(0);
    expect(parser.reports.at(-1)).toEqual({ type: "drained" });
  });

  describe("with pipelines of the operator's own", () => {
    let own: ParserCampaign;
    let file: string;
    beforeEach(async () => {
      file = join(dir, `city-${String(serial)}.mmdb`);
      const located = { location: { latitude: 49.2, longitude: 16.6 }, city: { names: { en: "Brno" } } };
      const bytes = writeMmdb("GeoLite2-City", 4, { "192.0.2.0/24": located });
      writeFileSync(file, bytes);
      const rules: Rules = {
        pipelines: [
          {
            services: ["syslog"],
            file: "gate.yaml",
            text: `name: gate
filters:
  - if: '[message] == "noise"'
    then: [{ drop: { reason: noise } }]
  - grok: { match: { message: "^in from %{ADDRESS:ip}" } }
  - geoip: { source: ip, target: place, database: city, ecs_compatibility: disabled }
`,
          },
        ],
        otherwise: "syslog",
        patterns: [{ name: "ADDRESS", text: "[0-9.]+", where: "mine:1" }],
        databases: [
          { name: "city", file, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") },
        ],
      };
      const id = `o${String(serial++)}`;
      own = await createParserCampaign(id, join(dir, id), redis, store, rules);
      await own.createIndices();
      const lines = ["in from 192.0.2.7", "noise"].map((text) => `Jan 10 00:00:00 h gate: ${text}\n`);
      await own.addChunks(own.plainFile("gate/syslog", lines.join(""), 2 ** 20));
    });
    afterEach(async () => {
      await Promise.all(parsers.map((parser) => parser.kill()));
      await own.close();
      await store.request("DELETE", `/${own.indices}`);
    });

    it("stores what they make of lines, places by a database included", async () => {
      await start({ dir: own.dir, campaign: own.id });
      await own.settled();
      const [row] = await own.rows();
      expect(row?.counts).toMatchObject({ read: 2, written: 1, dropped: 1 });
      await store.request("POST", `/${own.indices}/_refresh`);
      const found = await store.request("GET", `/${own.indices}/_search`);
      expect(JSON.stringify(found)).toContain('"city_name":"Brno"');
    });

    it("does not begin with another database than the one that was planned", async () => {
      writeFileSync(file, "another");
      await expect(start({ dir: own.dir, campaign: own.id })).rejects.toThrow(
        /ended with 1: .*the database city is not the one that was planned: .*\.mmdb has another size/,
      );
    });
  });

  it("is killed three times in the middle of the same chunk, and the count is exact", async () => {
    await campaign.createIndices();
    const text = syslogLines(6000, "kill");
    await campaign.addChunks(campaign.plainFile("kill/syslog", text, 2 ** 20));
    await campaign.setDataNode(proxy.url);
    for (let kill = 0; kill < 3; kill++) {
      // Some bulks arrive, then the store says nothing more.
      proxy.faults.splice(0, Infinity, { kind: "pass" }, { kind: "lose-answer" }, ...silence(100));
      proxy.requests.length = 0;
      const parser = await start(briefLock);
      await waitFor("bulks to be under way", () => proxy.requests.length >= 3);
      await parser.kill();
    }
    proxy.faults.length = 0;
    await start(briefLock);
    await campaign.settled();
    const rows = await campaign.rows();
    expect(addUp(rows)).toMatchObject({ read: 6000, stored: 6000, rejected: 0 });
    // More when this machine is so busy that even a living parser loses such a lock.
    expect(rows[0]?.attempt).toBeGreaterThanOrEqual(4);
    expect(rows[0]?.counts.duplicate).toBeGreaterThan(0);
    expect(await store.count(campaign.indices)).toBe(6000);
    expect(tiledLengths(rows)).toEqual({ [rows[0]?.fileId ?? ""]: text.length });
  });

  describe("with ids by the store", () => {
    let client: Client;
    let leftovers: () => Promise<number>;
    beforeEach(async () => {
      client = new Client({ node: store.url });
      const spool = createSpool(redis.client, campaign.keys);
      const ctx = { cluster: createCluster(client), redis: redis.client, keys: campaign.keys, spool };
      leftovers = async () => {
        const rows = await client.cat.indices({ index: campaign.indices, format: "json", h: "index" });
        const indices = rows.map(({ index }) => index ?? "");
        return removeLeftovers(ctx, indices, await spool.failed(), new AbortController().signal);
      };
      await campaign.createIndices(withFields({ file: { type: "keyword" }, offset: { type: "long" } }, [], "store"));
      await campaign.setDataNode(proxy.url);
    });
    afterEach(() => client.close());

    const addChunk = async (path: string, lines: number): Promise<string> => {
      const text = syslogLines(lines, path);
      const chunks = campaign.plainFile(path, text, 2 ** 20);
      await campaign.addChunks(chunks.map((chunk) => ({ ...chunk, origin: { ...chunk.origin, ids: "store" } })));
      return text;
    };
    /** Each line stands there once, as the one row says that there is. */
    const expectEachOnce = async (text: string): Promise<void> => {
      const starts = [...text.matchAll(/[^\n]*\n/g)].map(({ index }) => index);
      const rows = await campaign.rows();
      expect(rows.map(({ counts }) => counts)).toMatchObject([
        { read: starts.length, written: starts.length, duplicate: 0 },
      ]);
      expect(await redis.client.hget(campaign.keys.attempts, rows[0]?.tag ?? "")).toBe(rows[0]?.chunk);
      expect(await store.count(campaign.indices)).toBe(starts.length);
      const { hits } = await client.search<{ offset: number }>({
        index: campaign.indices,
        size: 10_000,
        _source: ["offset"],
      });
      expect(hits.hits.map(({ _source }) => _source?.offset ?? -1).sort((a, b) => a - b)).toEqual(starts);
    };

    it("does a chunk again, under another tag, when nobody can tell what was written; what was left goes in the end", async () => {
      const text = await addChunk("lost/syslog", 4000);
      proxy.faults.push({ kind: "lose-answer" }, { kind: "pass" });
      await start();
      for (const attempt of [1, 2]) {
        const job = await waitFor("the attempt to be given up", async () => {
          const given = await redis.client.hlen(campaign.keys.attempts);
          return given === attempt ? (await campaign.parse.getDelayed())[0] : undefined;
        });
        expect(job.attemptsMade).toBe(0);
        if (attempt === 1) proxy.faults.splice(0, Infinity, { kind: "answer", status: 503, body: "no server" });
        await job.promote();
      }
      await campaign.settled();
      const before = await store.count(campaign.indices);
      expect(before).toBeGreaterThan(4000);
      expect(await leftovers()).toBe(before - 4000);
      await expectEachOnce(text);
      expect(await leftovers()).toBe(0);
    });

    it("is killed three times in the middle of the same chunk, and each line stands there once", async () => {
      const text = await addChunk("kill/syslog", 6000);
      for (let kill = 0; kill < 3; kill++) {
        proxy.faults.splice(0, Infinity, { kind: "pass" }, ...silence(100));
        proxy.requests.length = 0;
        const parser = await start(briefLock);
        await waitFor("bulks to be under way", () => proxy.requests.length >= 2);
        await parser.kill();
      }
      proxy.faults.length = 0;
      await start(briefLock);
      await campaign.settled();
      expect(await leftovers()).toBeGreaterThan(0);
      await expectEachOnce(text);
    });

    it.each(["before", "behind"])("is late, without its lock, and leaves nothing: %s the sweep", async (when) => {
      const text = await addChunk(`late-${when}/syslog`, 3000);
      const release = Promise.withResolvers<void>();
      proxy.faults.push({ kind: "hold", until: release.promise }, { kind: "hold", until: release.promise });
      const late = await start(briefLock);
      // Both, or the other parser would be the one whose bulk is held.
      await waitFor("its bulks to be under way", () => proxy.requests.length >= 2);
      // As if its node were cut off: it renews no lock, and hears of nothing.
      late.child.kill("SIGSTOP");
      await start({ ...briefLock, name: "p2" });
      await campaign.settled();
      expect((await campaign.rows()).map(({ worker }) => worker)).toEqual(["p2"]);
      expect(await store.count(campaign.indices)).toBe(3000);
      const arrive = async (): Promise<void> => {
        const answered = proxy.answers;
        release.resolve();
        await waitFor("the late bulk to be answered", () => proxy.answers > answered);
      };
      if (when === "before") {
        await arrive();
        expect(await store.count(campaign.indices)).toBeGreaterThan(3000);
        expect(await leftovers()).toBeGreaterThan(0);
      } else {
        expect(await leftovers()).toBe(0);
        await arrive();
      }
      await expectEachOnce(text);
    });

    it("fails for good in mid-chunk, and nothing of it stays", async () => {
      await addChunk("failed/syslog", 3000);
      proxy.faults.push({ kind: "pass" }, ...silence(100));
      const parser = await start(briefLock);
      await waitFor("bulks to be under way", () => proxy.requests.length >= 2);
      appendFileSync(join(campaign.dir, "archive/failed/syslog"), "more\n");
      await parser.kill();
      proxy.faults.length = 0;
      await start(briefLock);
      await campaign.settled();
      const [failed] = await campaign.parse.getFailed();
      expect(failed?.failedReason).toMatch(/^FILE_CHANGED: /);
      expect(await store.count(campaign.indices)).toBeGreaterThan(0);
      expect(await leftovers()).toBeGreaterThan(0);
      expect(await store.count(campaign.indices)).toBe(0);
    });
  });

  it("gives up at once what it has in work when documents were lost, and does it again from the beginning", async () => {
    await campaign.createIndices();
    const text = syslogLines(4000, "lost");
    await campaign.addChunks(campaign.plainFile("lost/syslog", text, 2 ** 20));
    await campaign.setDataNode(proxy.url);
    proxy.faults.splice(0, Infinity, ...silence(100));
    // A lock that is not renewed for half a minute yet: it is the campaign's word that ends the attempt.
    const parser = await start({ parser: { lockSeconds: 60 } });
    await waitFor("bulks to be under way", () => proxy.requests.length >= 1);
    const spool = createSpool(redis.client, campaign.keys);
    await spool.close();
    await redis.client.set(campaign.keys.loadGeneration, 1);
    expect(await spool.endAttempts()).toBe(1);
    const chunksInWork = (): number | undefined =>
      parser.reports.flatMap((report) => (report.type === "status" ? [report.chunks] : [])).at(-1);
    await waitFor("the parser to have nothing in work", () => chunksInWork() === 0);
    expect(await campaign.rows()).toEqual([]);
    proxy.faults.length = 0;
    await spool.open();
    await campaign.settled();
    const rows = await campaign.rows();
    expect(rows.map(({ attempt }) => attempt)).toEqual([2]);
    expect(addUp(rows)).toMatchObject({ read: 4000, stored: 4000 });
    expect(await store.count(campaign.indices)).toBe(4000);
    expect((await campaign.parse.getCompleted())[0]?.attemptsMade).toBe(1);
  });

  it("keeps what Elasticsearch rejects, with its bytes, and loads the rest", async () => {
    // sshd's lines carry their number as pid; a byte holds up to 127.
    await campaign.createIndices({ pid: { type: "byte" } });
    const text = syslogLines(1000, "poison");
    await campaign.addChunks(campaign.plainFile("poison/syslog", text, 2 ** 20));
    await start();
    await campaign.settled();
    const [row] = await campaign.rows();
    const poisoned = text.split("\n").filter((line) => Number(/\[(\d+)\]/.exec(line)?.[1] ?? 0) > 127);
    expect(row?.counts).toMatchObject({ read: 1000, written: 1000 - poisoned.length, rejected: poisoned.length });
    expect(row?.rejectedBy).toEqual({ document_parsing_exception: poisoned.length });
    expect(row?.rejects?.reduce((sum, { lines }) => sum + lines, 0)).toBe(poisoned.length);
    expect(row?.rejects?.[0]).toMatchObject({ cause: "document_parsing_exception", fileId: row?.fileId });
    expect(await store.count(campaign.indices)).toBe(1000 - poisoned.length);
    const file = join(campaign.dir, "rejects", `${row?.chunk}.${row?.attempt}.ndjson`);
    const rejects = readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as RejectedDocument);
    expect(rejects.map(({ raw }) => Buffer.from(raw, "base64").toString()).sort()).toEqual(
      poisoned.map((line) => `${line}\n`).sort(),
    );
    for (const { offset, raw, id, index, status, program, word } of rejects) {
      expect({ program, word }).toEqual({ program: "sshd", word: "Accepted" });
      const line = Buffer.from(raw, "base64").toString();
      expect(text.slice(offset, offset + line.length)).toBe(line);
      expect({ id: id.length, status }).toEqual({ id: 20, status: 400 });
      expect(index).toContain("2013.01.10");
    }
    expect(readdirSync(join(campaign.dir, "rejects")).length).toBe(1);
  });

  describe("loads rejected documents again", () => {
    /** As the default of the files' service, but that it keeps no pid. */
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
    const pipeline = pipelineHash(MENDED);
    let client: Client;
    let spool: Spool;
    beforeEach(async () => {
      client = new Client({ node: store.url });
      spool = createSpool(redis.client, campaign.keys);
      await redis.client.set(campaign.keys.replayRules(pipeline), JSON.stringify(MENDED));
    });
    afterEach(async () => {
      await spool.disconnect();
      await client.close();
    });

    /** Loads a file of which sshd's lines are refused: they carry their number as pid, and a byte holds up to 127. */
    const loadPoisoned = async (path: string, ids: "derived" | "store"): Promise<{ text: string; origin: Origin }> => {
      const byte = { pid: { type: "byte" }, file: { type: "keyword" }, offset: { type: "long" } };
      await campaign.createIndices(ids === "store" ? withFields(byte, [], "store") : byte);
      const text = syslogLines(3000, path);
      const chunks = campaign
        .plainFile(path, text, 100_000)
        .map((chunk) => (ids === "store" ? { ...chunk, origin: { ...chunk.origin, ids } } : chunk));
      await campaign.addChunks(chunks);
      await start();
      await campaign.settled();
      const [first] = chunks;
      expect(chunks.length).toBeGreaterThan(1);
      return { text, origin: first!.origin };
    };
    const replayAll = async (origin: Origin): Promise<number> => {
      const origins = new Map([[origin.fileId, origin]]);
      return await spool.addReplays(replaysWanted(await campaign.rows(), origins, MENDED, { pipeline }));
    };
    const compare = async (origin: Origin) => {
      const found = await client.cat.indices({ index: campaign.indices, format: "json", h: "index" });
      const indices = found.map(({ index }) => index ?? "");
      await client.indices.refresh({ index: indices });
      const paths = new Map([[origin.fileId, origin.path]]);
      const rows = await campaign.rows();
      const { differences } = await compareWithStore(createCluster(client), indices, rows, paths);
      return [...unbalancedRows(rows), ...differences];
    };

    it("by another pipeline beside its own, under their own ids, so that nothing is there twice whatever is done twice", async () => {
      const { origin } = await loadPoisoned("again/syslog", "derived");
      const { rejected } = totalOf(await campaign.rows()).counts;
      expect(rejected).toBeGreaterThan(100);
      expect(await compare(origin)).toEqual([]);
      const added = await replayAll(origin);
      expect(added).toBeGreaterThan(1);
      expect(await replayAll(origin)).toBe(0);
      await campaign.settled();
      const rows = await campaign.rows();
      expect(rows.filter(isReplay).map(({ replay }) => replay.pipeline)).toEqual(Array(added).fill(pipeline));
      expect(totalOf(rows).counts).toMatchObject({ read: 3000, written: 3000, duplicate: 0, rejected: 0 });
      expect(await store.count(campaign.indices)).toBe(3000);
      expect(await compare(origin)).toEqual([]);
      expect(await replayAll(origin)).toBe(0);

      // As after a loss: the chunks wait again, and what was loaded again of them waits with them.
      await spool.close();
      await spool.putBack(rows.map(({ chunk }) => chunk));
      await spool.open();
      await campaign.settled();
      expect(totalOf(await campaign.rows()).counts).toMatchObject({
        read: 3000,
        written: 0,
        duplicate: 3000,
        rejected: 0,
      });
      expect(await store.count(campaign.indices)).toBe(3000);
      expect(await compare(origin)).toEqual([]);
    });

    it("by the campaign's own once the mapping takes them; what it does not take is there for the next", async () => {
      const { origin } = await loadPoisoned("mapping/syslog", "derived");
      const own = pipelineHash(DEFAULT_RULES);
      const origins = new Map([[origin.fileId, origin]]);
      const { rejected } = totalOf(await campaign.rows()).counts;
      await spool.addReplays(replaysWanted(await campaign.rows(), origins, DEFAULT_RULES, { pipeline: own }));
      await campaign.settled();
      expect(totalOf(await campaign.rows())).toMatchObject({
        counts: { read: 3000, rejected },
        rejectedBy: { document_parsing_exception: rejected },
      });
      expect(await compare(origin)).toEqual([]);
      await replayAll(origin);
      await campaign.settled();
      expect(totalOf(await campaign.rows())).toMatchObject({
        counts: { read: 3000, written: 3000, rejected: 0 },
        rejectedBy: {},
      });
      expect(await compare(origin)).toEqual([]);
    });

    it("is killed in the middle, where the store makes the ids, and each line stands there once", async () => {
      const { text, origin } = await loadPoisoned("killed/syslog", "store");
      await Promise.all(parsers.map((parser) => parser.kill()));
      await campaign.setDataNode(proxy.url);
      await replayAll(origin);
      for (let kill = 0; kill < 2; kill++) {
        proxy.faults.splice(0, Infinity, { kind: "lose-answer" }, ...silence(100));
        proxy.requests.length = 0;
        const parser = await start(briefLock);
        await waitFor("a bulk to be under way", () => proxy.requests.length >= 1);
        await parser.kill();
      }
      proxy.faults.length = 0;
      await start(briefLock);
      await campaign.settled();
      const found = await client.cat.indices({ index: campaign.indices, format: "json", h: "index" });
      const ctx = { cluster: createCluster(client), redis: redis.client, keys: campaign.keys, spool };
      const indices = found.map(({ index }) => index ?? "");
      expect(await removeLeftovers(ctx, indices, await spool.failed(), new AbortController().signal)).toBeGreaterThan(
        0,
      );
      expect(await compare(origin)).toEqual([]);
      const offsets = (
        await client.search<{ offset: number }>({ index: campaign.indices, size: 10_000, _source: ["offset"] })
      ).hits.hits.map(({ _source }) => _source?.offset ?? -1);
      expect(offsets.sort((a, b) => a - b)).toEqual([...text.matchAll(/[^\n]*\n/g)].map(({ index }) => index));
    });

    it("fails clearly without the rules that it names, and goes on when they are there", async () => {
      const { origin } = await loadPoisoned("rules/syslog", "derived");
      await redis.client.del(campaign.keys.replayRules(pipeline));
      const added = await replayAll(origin);
      await campaign.settled();
      const failed = await spool.failed();
      expect(failed.length).toBe(added);
      expect(failed[0]).toMatchObject({
        queue: "parse",
        replay: { pipeline },
        reason: expect.stringMatching(/^PIPELINE_MISMATCH: /) as string,
      });
      expect(failed[0]).not.toHaveProperty("chunk");
      await redis.client.set(campaign.keys.replayRules(pipeline), JSON.stringify(MENDED));
      expect(await spool.retryFailed()).toBe(added);
      await campaign.settled();
      expect(totalOf(await campaign.rows()).counts).toMatchObject({ written: 3000, rejected: 0 });
    });
  });

  it("stores every hostile line, under the mapping of a campaign", async () => {
    const { mappings } = loadingTemplate({ shards: 1, replicas: 0 }, fieldsOfRules(DEFAULT_RULES))["template"] as {
      readonly mappings: { readonly properties: object };
    };
    await campaign.createIndices(mappings.properties);
    // On a day that has an index; one file, so that lines of 64 MB have others behind them, and chunks end within them.
    // A hundred thousand empty lines say nothing more to Elasticsearch than one, and take it long.
    const file = HOSTILE_LINES.filter(({ name, filters }) => filters === undefined && !name.startsWith("100,000"))
      .map(({ content }) => Buffer.from(content()).toString("latin1"))
      .map((text) => text.replaceAll("Jan 14", "Jan 10").replaceAll("2013-01-14", "2013-01-10"))
      .join("\n");
    await campaign.addChunks(campaign.plainFile("hostile/syslog", Buffer.from(file, "latin1"), 8 * 2 ** 20));
    const parser = await start();
    await campaign.settled();
    const rows = await campaign.rows();
    const lines = file.split("\n").length - (file.endsWith("\n") ? 1 : 0);
    expect(addUp(rows)).toEqual({ read: lines, stored: lines, rejected: 0, bytes: file.length });
    expect(Object.values(tiledLengths(rows))).toEqual([file.length]);
    // Of lines also that are too long to be held.
    const bytes = Buffer.from(file, "latin1");
    for (const { covered, sha256 } of rows) {
      expect(sha256).toBe(
        createHash("sha256")
          .update(bytes.subarray(...covered))
          .digest("hex"),
      );
    }
    expect(rows.every(({ attempt }) => attempt === 1)).toBe(true);
    expect(await store.count(campaign.indices)).toBe(lines);
    expect(parser.child.exitCode).toBeNull();
  });

  it("waits while Redis is away, and goes on", async () => {
    await campaign.createIndices();
    const chunks = campaign.plainFile("redis/syslog", syslogLines(20_000, "redis"), 100_000);
    await campaign.addChunks(chunks);
    await start();
    await waitFor("some chunks to be done", async () => (await campaign.parse.getCompletedCount()) >= 3);
    await redis.kill();
    await redis.start();
    await campaign.settled();
    expect(addUp(await campaign.rows())).toMatchObject({ read: 20_000, stored: 20_000 });
    expect(await campaign.parse.getFailedCount()).toBe(0);
    expect(await store.count(campaign.indices)).toBe(20_000);
  });

  it("fails for good, with a code, what no further attempt can mend", async () => {
    await campaign.createIndices();
    const text = syslogLines(100, "bad");
    const cases = ["CHANGED", "MISSING", "PIPELINE", "MESSAGE"].map((name) => ({
      name,
      chunk: campaign.plainFile(`bad/${name}`, text, 2 ** 20)[0],
    }));
    const [changed, missing, pipeline, message] = cases.map(({ chunk }) => {
      if (!chunk) throw new Error("no chunk");
      return chunk;
    });
    if (!changed || !missing || !pipeline || !message) throw new Error("no chunk");
    appendFileSync(join(campaign.dir, "archive/bad/CHANGED"), "more\n");
    rmSync(join(campaign.dir, "archive/bad/MISSING"));
    await campaign.addChunks([
      changed,
      missing,
      { ...pipeline, pipeline: "another" },
      { ...message, format: "other" as "syslog" },
    ]);
    await start();
    await campaign.settled();
    const failed = await campaign.parse.getFailed();
    expect(failed.map((job) => `${job.failedReason.split(": ")[0] ?? ""} ${job.attemptsMade}`).sort()).toEqual([
      "FILE_CHANGED 1",
      "FILE_MISSING 1",
      "PIPELINE_MISMATCH 1",
      "SPOOL_MESSAGE_INVALID 1",
    ]);
    expect(failed.find((job) => job.failedReason.startsWith("FILE_CHANGED"))?.failedReason).toContain("bad/CHANGED");
  });

  it("holds chunks whose index is missing, using up no attempt, and says so", async () => {
    await campaign.addChunks(campaign.plainFile("held/syslog", syslogLines(50, "held"), 2 ** 20));
    const parser = await start();
    await waitFor("the chunk to be held", async () => (await campaign.parse.getDelayedCount()) === 1);
    await waitFor("the parser to say so", () =>
      parser.reports.some((report) => report.type === "status" && report.problem?.includes("refuses the bulk")),
    );
    await campaign.createIndices();
    const [job] = await campaign.parse.getDelayed();
    expect(job?.attemptsMade).toBe(0);
    await job?.promote();
    await campaign.settled();
    expect(addUp(await campaign.rows())).toMatchObject({ read: 50, stored: 50 });
  });

  it("gives its chunks back when it is stopped or its agent dies", async () => {
    await campaign.createIndices();
    await campaign.addChunks(campaign.plainFile("stop/syslog", syslogLines(3000, "stop"), 2 ** 20));
    await campaign.setDataNode(proxy.url);
    for (const end of ["stop", "disconnect"] as const) {
      proxy.faults.splice(0, Infinity, ...silence(100));
      proxy.requests.length = 0;
      const parser = await start();
      await waitFor("bulks to be under way", () => proxy.requests.length >= 1);
      if (end === "stop") parser.send("stop");
      else parser.child.disconnect();
      expect(await parser.exited).toBe(0);
      expect(await campaign.parse.getActiveCount()).toBe(0);
    }
    proxy.faults.length = 0;
    await start();
    await campaign.settled();
    const [row] = await campaign.rows();
    expect(row).toMatchObject({ attempt: 3, counts: { read: 3000, written: 3000 } });
  });

  it("sends what the tuner lets it, as soon as that changes, and tells where its time goes", async () => {
    await campaign.createIndices();
    await campaign.setDataNode(proxy.url);
    const told = async (bulkBytes: number, requestsInFlight: number): Promise<void> => {
      await redis.client.hset(campaign.keys.tuning, { bulkBytes, requestsInFlight });
      // It reads before it writes.
      const before = (await figures()).upMillis;
      await waitFor("the parser to have looked", async () => (await figures()).upMillis > before + 1000);
    };
    const figures = async (): Promise<ParserFigures> => {
      const known = readFigures(await redis.client.hgetall(campaign.keys.figures)).get("p1");
      return known ?? ({ upMillis: 0 } as ParserFigures);
    };
    const bulks = (): number[] => proxy.requests.splice(0).map((body) => body.length);
    const load = async (path: string): Promise<void> =>
      campaign.addChunks(campaign.plainFile(path, syslogLines(9000, path), 2 ** 23));
    await start();
    await told(60_000, 1);
    await load("small");
    await campaign.settled();
    const small = bulks();
    await told(500_000, 3);
    await load("large");
    await campaign.settled();
    const large = bulks();
    expect(await store.count(campaign.indices)).toBe(18_000);
    // Of the first blocks nobody knows how large their documents will be.
    expect(Math.max(...small.slice(3))).toBeLessThan(80_000);
    expect(Math.max(...large)).toBeGreaterThan(300_000);
    expect(large.length).toBeLessThan(small.length / 2);
    await waitFor("its figures", async () => (await figures()).documents === 18_000);
    expect(await figures()).toMatchObject({ requests: small.length + large.length, throttled: 0, failed: 0, slots: 1 });

    /** What holds the load up, by the parser's next reports. */
    const stage = async (): Promise<Stage | undefined> => {
      const before = await figures();
      const rates = await waitFor("a report", async () => parserRates(before, await figures()));
      const spool = { waitingChunks: 0, toUnpack: 0, staged: 0 };
      return limitingStage({ parsers: [rates], nodes: [], nodeCpus: 1, ...spool })?.stage;
    };
    await waitFor("the spool to be what it lacks", async () => (await stage()) === "spool");
    proxy.faults.push(...silence(10));
    await told(60_000, 3);
    await load("unanswered");
    await waitFor("three requests to be under way", () => proxy.requests.length === 3);
    // Nobody behind the requests is busy.
    await waitFor("the answers to be what it lacks", async () => (await stage()) === "requests");
    expect(proxy.requests.length).toBe(3);
  });

  it("keeps to the campaign's rate, and to a change of it at once", async () => {
    await campaign.createIndices();
    await redis.client.hset(campaign.keys.knobs, "eventsPerSecond", 1000);
    await start();
    await start({ name: "p2" });
    const begin = Date.now();
    await campaign.addChunks(campaign.plainFile("rate/syslog", syslogLines(20_000, "rate"), 100_000));
    await waitFor("10,000 lines", async () => addUp(await campaign.rows()).read >= 10_000);
    // What has flowed into the bucket, its half second of burst, and one chunk of each parser that it may owe.
    const allowed = ((Date.now() - begin) / 1000) * 1000 + 500 + 2 * 1_500;
    expect(addUp(await campaign.rows()).read).toBeLessThanOrEqual(allowed);
    await redis.client.hset(campaign.keys.knobs, "eventsPerSecond", 0);
    await campaign.settled(20_000);
    expect(addUp(await campaign.rows())).toMatchObject({ read: 20_000, stored: 20_000 });
  });
});
