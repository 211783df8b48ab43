import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { writeSample, type Manifest, type SampleOptions } from "../../../../orchestrator/sample/index.ts";
import { findSevenZip } from "../../../../orchestrator/sample/seven-zip.ts";
import { ConfigError } from "../../../../worker/contract/errors.ts";

const root = mkdtempSync(join(tmpdir(), "gridharvest-test-sample-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let hasSevenZip = true;
try {
  findSevenZip();
} catch {
  hasSevenZip = false;
}

let made = 0;
async function sample(
  options: Partial<SampleOptions> = {},
): Promise<{ dir: string; manifest: Manifest; texts: Map<string, string> }> {
  const dir = join(root, String(made++));
  const manifest = await writeSample({ month: "2013-01", lines: 20_000, hosts: 40, dir, ...options });
  const texts = new Map(manifest.files.map((file) => [file.identity, readOf(dir, file).toString("latin1")]));
  return { dir, manifest, texts };
}

/** The bytes of a file as a user would get at them. */
function readOf(dir: string, { path, member }: Manifest["files"][number]): Buffer {
  const file = join(dir, path);
  if (member !== undefined) return execFileSync(findSevenZip(), ["x", "-so", file, member], { maxBuffer: 2 ** 26 });
  const bytes = readFileSync(file);
  return path.endsWith(".gz") ? gunzipSync(bytes) : bytes;
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort();
}

const lineEnds = (text: string): number => text.split("\n").length - 1;

describe.skipIf(!hasSevenZip)("writeSample", () => {
  it("writes exactly the lines asked for, each once, and says where they are", async () => {
    const { dir, manifest, texts } = await sample();
    expect(manifest.lines).toBe(20_000);
    let lines = 0;
    for (const file of manifest.files) {
      const text = texts.get(file.identity) ?? "";
      expect([file.identity, lineEnds(text), text.length]).toEqual([file.identity, file.lines, file.bytes]);
      lines += file.lines;
    }
    expect(lines).toBe(20_000);
    expect(Object.values(manifest.days).reduce((a, b) => a + b, 0)).toBe(20_000);
    expect(Object.values(manifest.programs).reduce((a, b) => a + b, manifest.withoutProgram)).toBe(20_000);
    expect(filesBelow(dir)).toEqual([...new Set([...manifest.files.map(({ path }) => path), "manifest.json"])].sort());
    expect(JSON.parse(readFileSync(join(dir, "manifest.json"), "utf8"))).toEqual(manifest);
  });

  it("has the layout of the seed: per host, per service and day, gzip and one 7z of many", async () => {
    const { manifest } = await sample();
    const shapes = new Set(
      manifest.files.map(({ path, member }) =>
        `${path}${member === undefined ? "" : ` ${member}`}`
          .replaceAll(/10\.[\d.]+\d/g, "IP")
          .replaceAll(/2013\d{4}/g, "DAY"),
      ),
    );
    expect([...shapes].sort()).toEqual(
      [
        "hosts/2013/01/IP/kern.log",
        "hosts/2013/01/IP/kern.log.gz",
        "hosts/2013/01/IP/syslog",
        "hosts/2013/01/IP/syslog.gz",
        "hosts/DAY.7z 2013/01/IP/kern.log",
        "hosts/DAY.7z 2013/01/IP/syslog",
        "hosts/DAY.7z auth/2013/01/auth.log.DAY",
        "hosts/DAY.7z pbs/2013/01/log.DAY",
        "hosts/auth/2013/01/auth.log.DAY",
        "hosts/auth/2013/01/auth.log.DAY.gz",
        "hosts/pbs/2013/01/log.DAY",
        "hosts/pbs/2013/01/log.DAY.gz",
      ].sort(),
    );
  });

  it("keeps the lines of a file in time order", async () => {
    const { texts } = await sample();
    for (const [name, text] of texts) {
      const stamps = text
        .split("\n")
        .filter((line) => line.startsWith("Jan "))
        .map((line) => line.slice(0, 15));
      expect(stamps, name).toEqual(stamps.toSorted());
    }
  });

  it("counts programs and ssh results as grep does", async () => {
    const { manifest, texts } = await sample();
    const all = [...texts.values()].join("");
    const count = (pattern: RegExp): number => all.match(pattern)?.length ?? 0;
    expect(manifest.programs.sshd).toBe(count(/^Jan .{11} \S+ sshd\[\d+\]: /gm));
    expect(manifest.programs.kernel).toBe(count(/^Jan .{11} \S+ kernel: /gm));
    expect(manifest.ssh.results["AUTHN Failed"]).toBe(count(/ sshd\[\d+\]: Failed /g));
    expect(manifest.ssh.results["SCAN identification"]).toBe(count(/Did not receive identification/g));
    const [remote, results] = Object.entries(manifest.ssh.remotes).find(([, r]) => (r["AUTHN Failed"] ?? 0) > 5)!;
    expect(results["AUTHN Failed"]).toBe(
      count(new RegExp(`: Failed \\S+ for .* from ${remote.replaceAll(".", "\\.")} port`, "g")),
    );
  });

  it("holds every kind of dirt, and says how much", async () => {
    const { manifest, texts } = await sample({ unterminated: 3 });
    const all = [...texts.values()].join("");
    const count = (pattern: RegExp): number => all.match(pattern)?.length ?? 0;
    expect(manifest.dirty.crlf).toBe(count(/\r\n/g));
    expect(manifest.dirty.nul).toBe(count(/\0+$/gm));
    expect(manifest.dirty.long).toBe(count(/^.{200000,}$/gm));
    expect(manifest.dirty["bad-date"]).toBe(count(/^Foo \d\d /gm));
    expect(manifest.dirty.binary).toBe(count(/^\xff\xfe/gm));
    expect(manifest.dirty.empty).toBe(count(/(?<=\n)\n/g));
    expect([...texts.values()].filter((text) => !text.endsWith("\n"))).toHaveLength(3);
    expect(manifest.dirty.unterminated).toBe(3);
    expect(Object.values(manifest.dirty).every((n) => n > 0)).toBe(true);
    const { crlf: _crlf, long: _long, unterminated: _open, ...unread } = manifest.dirty;
    expect(manifest.unparsed.total).toBe(Object.values(unread).reduce((a, b) => a + b, 0));
  });

  it("gives the same bytes for the same seed and others for another", async () => {
    const [a, b, c] = [await sample(), await sample(), await sample({ seed: 2 })];
    expect(filesBelow(b.dir)).toEqual(filesBelow(a.dir));
    for (const file of filesBelow(a.dir)) {
      expect(readFileSync(join(b.dir, file)).equals(readFileSync(join(a.dir, file))), file).toBe(true);
    }
    expect(c.texts.get("hosts/auth/2013/01/auth.log.20130101")).not.toBe(
      a.texts.get("hosts/auth/2013/01/auth.log.20130101"),
    );
  });

  it("with overlap has every auth line of a service file in its host's auth.log, and pbs in its syslog", async () => {
    const { manifest, texts } = await sample({ overlap: true });
    const linesOf = (matching: RegExp): string[] =>
      [...texts].filter(([name]) => matching.test(name)).flatMap(([, text]) => text.split("\n").slice(0, -1));
    const auth = linesOf(/auth\.log\.\d{8}$/);
    expect(linesOf(/10[\d.]+\/auth\.log$/).sort()).toEqual(auth.sort());
    const pbs = linesOf(/log\.\d{8}$/).filter((line) => line.includes(" pbs_mom["));
    const syslog = linesOf(/syslog$/).filter((line) => line.includes(" pbs_mom["));
    expect(syslog.sort()).toEqual(pbs.sort());
    const daily = manifest.files.filter(({ identity }) => /log\.\d{8}$/.test(identity));
    expect(manifest.lines).toBe(20_000 + daily.reduce((sum, { lines }) => sum + lines, 0));
  });

  it.each([1, 2, 17, 300])("makes %d lines, too", async (lines) => {
    const { manifest, texts } = await sample({ lines, hosts: 1 });
    expect(manifest.lines).toBe(lines);
    expect([...texts.values()].reduce((sum, text) => sum + lineEnds(text), 0)).toBe(lines);
  });

  it("leaves nothing behind when it is stopped", async () => {
    const parent = join(root, "stopped");
    const controller = new AbortController();
    const writing = writeSample({
      month: "2013-01",
      lines: 300_000,
      dir: join(parent, "out"),
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(writing).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
    expect(readdirSync(parent)).toEqual([]);
  });

  it("fills an empty directory, refuses one that is not", async () => {
    const empty = join(root, "empty");
    mkdirSync(empty);
    await writeSample({ month: "2013-01", lines: 10, dir: empty });
    expect(readdirSync(empty).sort()).toEqual(["hosts", "manifest.json"]);
    await expect(writeSample({ month: "2013-01", lines: 10, dir: empty })).rejects.toMatchObject({
      code: "SAMPLE_OUT_NOT_EMPTY",
    });
    const file = join(root, "file");
    writeFileSync(file, "");
    await expect(writeSample({ month: "2013-01", lines: 10, dir: file })).rejects.toMatchObject({
      code: "SAMPLE_OUT_UNUSABLE",
    });
  });
});

describe("the options of a sample", () => {
  it.each<[Partial<SampleOptions>, string]>([
    [{ month: "2013-13" }, "--month 2013-13"],
    [{ month: "0001-01" }, "--month 0001-01"],
    [{ lines: 0 }, "--lines 0"],
    [{ lines: 1.5 }, "--lines 1.5"],
    [{ hosts: 0 }, "--hosts 0"],
    [{ seed: -1 }, "--seed -1"],
    [{ timeZone: "Mars/Olympus" }, "--time-zone Mars/Olympus"],
  ])("refuses %j and says what may be", async (wrong, named) => {
    const error: unknown = await writeSample({ month: "2013-01", lines: 10, dir: join(root, "never"), ...wrong }).catch(
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toContain(named);
  });
});
