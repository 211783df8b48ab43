import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { constants, gunzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { readPlan } from "../../orchestrator/plan-file.ts";
import { campaignPaths, statePaths } from "../../orchestrator/paths.ts";
import type { ManifestFile } from "../../orchestrator/sample/index.ts";
import { readReport } from "../../orchestrator/status.ts";
import { describeWith, privateStateDir } from "../support/index.ts";
import { makeSite, type TestSite } from "../support/campaign.ts";

/** The first bytes of a 7z archive. @source 7zFormat.txt of 7-Zip's sources */
const SEVEN_ZIP_SIGNATURE = Buffer.from([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c, 0, 4]);

/** A bad file costs that file: it is named, what was read before its damage stays, and the month goes on. */
describeWith(["redis", "elasticsearch", "haproxy", "7z"], "an archive with bad files", () => {
  const dir = privateStateDir("bad-input");
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

  it("is loaded without them, and each is named", async () => {
    const { archive, manifest } = site;
    const truth = new Map(manifest.files.map((file) => [file.identity, file]));
    const largest = (wanted: (file: ManifestFile) => boolean): ManifestFile => {
      const [file] = manifest.files.filter(wanted).toSorted((a, b) => b.bytes - a.bytes);
      if (!file) throw new Error("the sample lacks such a file");
      return file;
    };

    // Several chunks, of which the break leaves the first ones whole.
    const cut = largest((file) => file.path.endsWith(".gz"));
    const cutWhole = gunzipSync(readFileSync(join(archive, cut.path)));
    const cutRest = rewrite(join(archive, cut.path), (bytes) => bytes.subarray(0, Math.floor(bytes.length * 0.7)));
    const decodable = gunzipSync(cutRest, { finishFlush: constants.Z_SYNC_FLUSH }).length;
    expect(decodable).toBeGreaterThan(64 * 1024);

    // Damage amid the packed bytes: the list of members, at the end, is still good.
    const packed = manifest.files.filter((file) => file.member !== undefined);
    const archive7z = join(archive, packed[0]?.path ?? "");
    const whole7z = readFileSync(archive7z);
    const amid = Math.floor(whole7z.length * 0.6);
    rewrite(archive7z, (bytes) => bytes.fill(0xa5, amid, amid + 64));
    // LZMA notices damage late: what 7z itself gives out before it does is what can be read.
    const members = new Map(packed.map((file) => [file.identity, extract(archive7z, file.member ?? "")]));

    // Found out while planning: a 7z that ends too early has no list of members.
    const short = "hosts/2013/01/10.99.0.1/syslog.7z";
    const garbage = "hosts/2013/01/10.99.0.2/syslog.7z";
    write(join(archive, short), whole7z.subarray(0, Math.floor(whole7z.length * 0.7)));
    write(join(archive, garbage), Buffer.concat([SEVEN_ZIP_SIGNATURE, Buffer.alloc(5000, 0x5a)]));

    const [changed, removed, replaced] = manifest.files
      .filter((file) => file.path === file.identity && file.path.endsWith("syslog"))
      .toSorted((a, b) => a.lines - b.lines);
    if (!changed || !removed || !replaced) throw new Error("the sample has too few plain files");

    const id = await site.launch("bad-input", ["limits.eventsPerSecond=0"]);
    // The plan is made and nothing is read yet: the indices do not even exist.
    appendFileSync(join(archive, changed.path), "Jan 31 23:59:59 late late: written after the plan was made\n");
    rmSync(join(archive, removed.path));
    const { size, mtime } = statSync(join(archive, replaced.path));
    rmSync(join(archive, replaced.path));
    writeFileSync(join(archive, replaced.path), Buffer.alloc(size - 1, "x"));
    utimesSync(join(archive, replaced.path), mtime, mtime);

    const served = await site.until(id, "serving");
    expect((await site.call("watch", id)).code).toBe(3);
    const paths = campaignPaths(statePaths(site.stateDir).campaigns, id);
    const report = await readReport(paths.reportJson);
    if (!report) throw new Error("there is no report");
    const problems = new Map(report.fileProblems.map((problem) => [problem.path, problem]));

    const expected = new Map([...truth].map(([identity, file]) => [identity, file.lines]));
    for (const { identity } of [changed, removed, replaced]) {
      expect(problems.get(identity)?.code, identity).toMatch(/^FILE_[A-Z]+$/);
      expect(problems.get(identity)?.truncatedAt).toBe(0);
      expected.set(identity, 0);
    }
    for (const path of [short, garbage]) expect(problems.get(path), path).toMatchObject({ path });

    expect(problems.get(cut.identity)?.truncatedAt).toBe(decodable);
    expected.set(cut.identity, linesIn(cutWhole.subarray(0, decodable)));

    const damaged = packed.filter((file) => problems.has(file.identity));
    expect(damaged.length).toBeGreaterThan(0);
    for (const { identity, lines } of damaged) {
      const at = problems.get(identity)?.truncatedAt ?? 0;
      const given = members.get(identity) ?? Buffer.alloc(0);
      expect(given.length).toBeGreaterThanOrEqual(at);
      const before = linesIn(given.subarray(0, at));
      expect(before).toBeLessThan(lines);
      expected.set(identity, before);
    }
    const bad = [changed, removed, replaced, cut, ...damaged].map((file) => file.identity);
    expect([...problems.keys()].toSorted()).toEqual([...bad, short, garbage].toSorted());

    // Report, and Elasticsearch: every other file is whole.
    const perFile = new Map(report.perFile.map((file) => [file.path, file.read]));
    expect(Object.fromEntries(perFile)).toEqual(Object.fromEntries(expected));
    const client = await site.reader(id);
    try {
      const answer = await client.search<unknown, { files: { buckets: { key: string; doc_count: number }[] } }>({
        index: "logs-*",
        size: 0,
        aggs: { files: { terms: { field: "file", size: 10_000 } } },
      });
      const stored = answer.aggregations?.files.buckets.map((bucket) => [bucket.key, bucket.doc_count] as const) ?? [];
      expect(Object.fromEntries(stored)).toEqual(Object.fromEntries([...expected].filter(([, lines]) => lines > 0)));
    } finally {
      await client.close();
    }
    const total = [...expected.values()].reduce((sum, lines) => sum + lines, 0);
    expect(served.lines).toMatchObject({ read: total, rejected: 0, dropped: 0 });
    expect(served.lines.written + served.lines.duplicate).toBe(total);
    expect(report.documents).toBe(total);
    expect((await readPlan(paths.plan)).problems.map((problem) => problem.path)).toEqual([short, garbage]);

    expect((await site.call("verify", id)).code).toBe(0);
    expect((await site.call("teardown", id)).code).toBe(0);
    await site.until(id, "done");
    expect((await site.status(id)).snapshot).toMatchObject({ verified: true });
    await site.expectNothingLeft(id);
  });
});

/** Changes a file's bytes. @returns the new ones */
function rewrite(file: string, change: (bytes: Buffer) => Uint8Array): Uint8Array {
  const bytes = change(readFileSync(file));
  writeFileSync(file, bytes);
  return bytes;
}

function write(file: string, bytes: Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
}

/** What 7z gives out of a member, whether it ends well or not. */
function extract(archive: string, member: string): Buffer {
  return spawnSync("7z", ["e", "-so", "-bd", archive, member], { stdio: ["ignore", "pipe", "ignore"] }).stdout;
}

/** As the framing counts them: an unfinished last line is one. */
function linesIn(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === 0x0a) lines++;
  return bytes.length > 0 && bytes.at(-1) !== 0x0a ? lines + 1 : lines;
}
