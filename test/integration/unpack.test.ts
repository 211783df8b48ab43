import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { Unpack } from "../../worker/contract/chunk.ts";
import { listSevenZip } from "../../worker/sources/seven-zip.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { startElasticsearch, type TestElasticsearch } from "../support/elasticsearch-node.ts";
import {
  addUp,
  createParserCampaign,
  originOf,
  syslogLines,
  tiledLengths,
  type ParserCampaign,
} from "../support/parser-campaign.ts";
import { startParser, type TestParser } from "../support/parser-child.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

const CHUNK = 64 * 1024;

describeWith(["redis", "elasticsearch", "7z"], "unpacking", () => {
  const dir = privateStateDir("unpack");
  let redis: TestRedis;
  let store: TestElasticsearch;
  let campaign: ParserCampaign;
  let parsers: TestParser[] = [];
  let serial = 0;

  beforeAll(async () => {
    redis = await startRedis(dir);
    afterwards.push(() => redis.stop());
    store = await startElasticsearch(dir);
    afterwards.push(() => store.stop());
  });
  // Also what did start is ended when the rest did not.
  const afterwards: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const stop of afterwards.reverse()) await stop();
  });
  beforeEach(async () => {
    const id = `u${serial++}`;
    campaign = await createParserCampaign(id, join(dir, id), redis, store);
    await campaign.createIndices();
  });
  afterEach(async () => {
    await Promise.all(parsers.map((parser) => parser.kill()));
    parsers = [];
    await campaign.parse.resume();
    await campaign.close();
    await store.request("DELETE", `/${campaign.indices}`);
  });

  async function start(name = "p1", settings: { readonly lockSeconds?: number } = {}): Promise<TestParser> {
    const where = { dir: campaign.dir, campaign: campaign.id, redisPort: redis.port };
    const parser = await startParser({ ...where, name, parser: settings });
    parsers.push(parser);
    return parser;
  }

  function gzipFile(name: string, bytes: Uint8Array, limitBytes = 2 ** 30): Unpack {
    const file = join(campaign.dir, name);
    writeFileSync(file, bytes);
    return campaign.unpackOf("gzip", file, [{ member: "", path: name.replace(".gz", "") }], {
      chunkBytes: CHUNK,
      limitBytes,
    });
  }

  /** Nothing is left in the staging space, neither on the disk nor in the counters. */
  async function expectStagingEmpty(): Promise<void> {
    await waitFor("the blocks to be released", async () => (await redis.client.hlen(campaign.keys.stagedBlocks)) === 0);
    expect(Number(await redis.client.get(campaign.keys.stagedBytes))).toBe(0);
    expect(filesBelow(join(campaign.dir, "staging"))).toEqual([]);
  }

  it("loads a gzip file through a staging space of two blocks, with two parsers", async () => {
    const text = syslogLines(20_000, "gz");
    await campaign.addUnpack(gzipFile("syslog.gz", gzipSync(text), 2 * CHUNK + 1000));
    await Promise.all([start("p1"), start("p2")]);
    await campaign.settled();
    const rows = await campaign.rows();
    const [result] = await campaign.results();
    expect(result?.files).toEqual([
      expect.objectContaining({ path: "syslog", length: text.length, chunks: Math.ceil(text.length / CHUNK) }),
    ]);
    expect(addUp(rows)).toEqual({ read: 20_000, stored: 20_000, rejected: 0, bytes: text.length });
    expect(rows.length).toBe(result?.files[0]?.chunks);
    expect(Object.values(tiledLengths(rows))).toEqual([text.length]);
    expect(await store.count(campaign.indices)).toBe(20_000);
    await expectStagingEmpty();
  });

  it("loads the wanted members of a 7z archive, each under its own name", async () => {
    const root = join(campaign.dir, "members");
    const texts: Record<string, string> = {
      "a.log": syslogLines(3000, "a"),
      "b/empty.log": "",
      "c/one long line.log": `Jan 10 00:00:00 h p: ${"x".repeat(3 * CHUNK)}\nJan 10 00:00:01 h p: next\n`,
      "d/no end": "Jan 10 00:00:00 h p: one\nJan 10 00:00:01 h p: two",
      "unwanted.log": syslogLines(500, "unwanted"),
    };
    for (const [path, text] of Object.entries(texts)) {
      mkdirSync(join(root, path, ".."), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const file = join(campaign.dir, "day.7z");
    execFileSync("7z", ["a", "-bd", file, "."], { cwd: root, stdio: "pipe" });
    const stream = (await listSevenZip(file, new AbortController().signal)).map(({ member, size }) => ({
      member,
      size,
    }));
    const wanted = Object.keys(texts).filter((path) => path !== "unwanted.log");
    await campaign.addUnpack(
      campaign.unpackOf(
        "7z",
        file,
        wanted.map((member) => ({ member, path: `day/${member}` })),
        { chunkBytes: CHUNK, stream },
      ),
    );
    await start();
    await campaign.settled();
    const rows = await campaign.rows();
    const [result] = await campaign.results();
    const files = Object.fromEntries(result?.files.map(({ path, length, chunks }) => [path, { length, chunks }]) ?? []);
    expect(files).toEqual(
      Object.fromEntries(
        wanted.map((path) => {
          const length = texts[path]?.length ?? 0;
          return [`day/${path}`, { length, chunks: Math.ceil(length / CHUNK) }];
        }),
      ),
    );
    expect(addUp(rows)).toMatchObject({ read: 3000 + 2 + 2, stored: 3000 + 2 + 2 });
    // The ranges inside the long line have chunks too, which cover nothing.
    expect(rows.filter(({ covered: [first, last] }) => first === last).length).toBeGreaterThanOrEqual(2);
    expect(await store.count(campaign.indices)).toBe(3004);
    await expectStagingEmpty();
  });

  it("keeps what is before the break of a truncated file, and says where it broke off", async () => {
    const text = syslogLines(8000, "cut");
    const whole = gzipSync(text);
    await campaign.addUnpack(gzipFile("cut.gz", whole.subarray(0, Math.floor(whole.length * 0.6))));
    await start();
    await campaign.settled();
    const [result] = await campaign.results();
    const file = result?.files[0];
    expect(file?.problem).toMatch(/ends inside/);
    expect(file?.truncatedAt).toBe(file?.length);
    const lines = text.slice(0, file?.length).split("\n").length;
    const sum = addUp(await campaign.rows());
    expect(sum.bytes).toBe(file?.length);
    expect(sum.stored).toBeGreaterThanOrEqual(lines - 1);
    expect(await campaign.unpack.getFailedCount()).toBe(0);
  });

  it("is killed while it unpacks, and the count is exact", async () => {
    const text = syslogLines(30_000, "kill");
    await campaign.addUnpack(gzipFile("kill.gz", gzipSync(text), 3 * CHUNK));
    // A killed parser's work is soon taken up again.
    const briefLock = { lockSeconds: 2 };
    for (let kill = 1; kill <= 2; kill++) {
      const parser = await start("p1", briefLock);
      await waitFor("some chunks", async () => (await campaign.parse.getCompletedCount()) >= kill * 4);
      await parser.kill();
    }
    await start("p1", briefLock);
    await campaign.settled();
    expect(addUp(await campaign.rows())).toMatchObject({ read: 30_000, stored: 30_000, bytes: text.length });
    expect(await store.count(campaign.indices)).toBe(30_000);
    await expectStagingEmpty();
  });

  it("unpacks again for a block that is gone, and only what is not committed", async () => {
    const text = syslogLines(5000, "gone");
    const unpack = gzipFile("gone.gz", gzipSync(text));
    await campaign.parse.pause();
    await campaign.addUnpack(unpack);
    await start();
    await waitFor("the file to be unpacked", async () => (await campaign.unpack.getCompletedCount()) === 1);
    const staged = join(unpack.stagingDir, originOf("gone", "").fileId);
    rmSync(join(staged, "1"));
    writeFileSync(join(staged, "2"), "too short");
    await campaign.parse.resume();
    await campaign.settled();
    expect((await campaign.results()).length).toBe(2);
    const rows = await campaign.rows();
    expect(addUp(rows)).toMatchObject({ read: 5000, stored: 5000 });
    expect(rows.every((row) => row.counts.duplicate === 0)).toBe(true);
    expect((await campaign.parse.getCompleted()).every((job) => job.attemptsMade <= 1)).toBe(true);
    await expectStagingEmpty();
  });

  it("gives a file back when it drains while the staging space is full, and another parser goes on", async () => {
    const text = syslogLines(5000, "drain");
    await campaign.parse.pause();
    await campaign.addUnpack(gzipFile("drain.gz", gzipSync(text), CHUNK));
    const first = await start("p1");
    await waitFor("the space to be full", async () => (await redis.client.hlen(campaign.keys.stagedBlocks)) === 1);
    first.send("drain");
    expect(await first.exited).toBe(0);
    await campaign.parse.resume();
    await start("p2");
    await campaign.settled();
    expect(addUp(await campaign.rows())).toMatchObject({ read: 5000, stored: 5000 });
    expect((await campaign.unpack.getCompleted())[0]?.attemptsMade).toBe(1);
    await expectStagingEmpty();
  });

  it("takes space back from blocks that a killed parser left after their commit", async () => {
    const text = syslogLines(5000, "leak");
    const unpack = gzipFile("leak.gz", gzipSync(text), CHUNK);
    // As if the parser had died between a chunk's commit and the release of its block.
    const chunks = campaign.plainFile("other", "Jan 10 00:00:00 h p: x\n", CHUNK);
    await campaign.addChunks(chunks);
    await start();
    await campaign.settled();
    await redis.client.hset(campaign.keys.stagedBlocks, chunks[0]?.id ?? "", CHUNK);
    await redis.client.incrby(campaign.keys.stagedBytes, CHUNK);
    await campaign.addUnpack(unpack);
    await campaign.settled();
    expect(addUp(await campaign.rows())).toMatchObject({ read: 5001, stored: 5001 });
    await expectStagingEmpty();
  });

  it("fails for good on a changed, missing or encrypted file, naming it", async () => {
    const changed = gzipFile("changed.gz", gzipSync("x\n"));
    writeFileSync(changed.file, gzipSync("yy\n"));
    const missing = gzipFile("missing.gz", gzipSync("x\n"));
    rmSync(missing.file);
    const encrypted = join(campaign.dir, "secret.7z");
    writeFileSync(join(campaign.dir, "s.log"), "x\n");
    execFileSync("7z", ["a", "-bd", "-psecret", encrypted, "s.log"], { cwd: campaign.dir, stdio: "pipe" });
    const secret = campaign.unpackOf("7z", encrypted, [{ member: "s.log", path: "secret/s.log" }], {
      chunkBytes: CHUNK,
      stream: [{ member: "s.log", size: 2 }],
    });
    for (const unpack of [changed, missing, secret]) await campaign.addUnpack(unpack);
    await start();
    await campaign.settled();
    const reasons = (await campaign.unpack.getFailed()).map((job) => [
      basename(job.data.file),
      job.failedReason.split(":")[0],
    ]);
    expect(Object.fromEntries(reasons)).toEqual({
      "changed.gz": "FILE_CHANGED",
      "missing.gz": "FILE_MISSING",
      "secret.7z": "ARCHIVE_ENCRYPTED",
    });
  });

  it.skipIf(process.getuid?.() !== 0)(
    "waits on a full disk, keeps no space that it does not use, and goes on",
    async ({ skip }) => {
      const text = syslogLines(6000, "full");
      const unpack = gzipFile("full.gz", gzipSync(text));
      mkdirSync(unpack.stagingDir, { recursive: true });
      const mount = spawnSync("mount", ["-t", "tmpfs", "-o", "size=160k", "tmpfs", unpack.stagingDir]);
      if (mount.status !== 0) skip("a container without the right to mount has no small disk to fill");
      try {
        await campaign.parse.pause();
        await campaign.addUnpack(unpack);
        await start();
        const failure = await waitFor(
          "the disk to be full",
          async () => (await campaign.unpack.getDelayed())[0]?.failedReason,
        );
        expect(failure).toMatch(/^STAGING_WRITE_FAILED: .*ENOSPC.*free space/);
        const staged = (await redis.client.hvals(campaign.keys.stagedBlocks)).reduce(
          (sum, bytes) => sum + Number(bytes),
          0,
        );
        const files = filesBelow(unpack.stagingDir);
        expect(files.every((file) => !file.endsWith(".tmp"))).toBe(true);
        expect(staged).toBe(files.reduce((sum, file) => sum + statSync(file).size, 0));
        expect(Number(await redis.client.get(campaign.keys.stagedBytes))).toBe(staged);
        await campaign.parse.resume();
        await campaign.settled();
        expect(addUp(await campaign.rows())).toMatchObject({ read: 6000, stored: 6000 });
        await expectStagingEmpty();
      } finally {
        execFileSync("umount", ["-l", unpack.stagingDir]);
      }
    },
  );
});

function filesBelow(dir: string): readonly string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
