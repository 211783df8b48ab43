import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { configSchema, type Config } from "../../../orchestrator/config-schema.ts";
import { listArchive, type Inventory } from "../../../orchestrator/inventory.ts";
import { ConfigError } from "../../../worker/contract/errors.ts";

let root = "";
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), "gridharvest-archive-"))));
afterEach(() => rm(root, { recursive: true, force: true }));

const never = new AbortController().signal;

async function put(path: string, content: string | Uint8Array = "a line\n"): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

function archive(layout: object = {}, at = root): Config["archive"] {
  return configSchema.parse({ archive: { root: at, layout } }).archive;
}

async function list(layout: object = {}, months: readonly string[] = ["2013-01"]): Promise<Inventory> {
  return listArchive(archive(layout), months, never);
}

function loaded(inventory: Inventory): string[] {
  return inventory.files
    .filter((f) => f.skipped === undefined)
    .map((f) => f.identity)
    .sort();
}

const hasSevenZip = ((): boolean => {
  try {
    execFileSync("7z", ["i"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

describe("listing", () => {
  it.each([
    ["syslog.gz", 0],
    ["syslog.gz", 2],
    ["log.7z", 5],
  ])("names a compressed file of which nothing usable is left: %s of %i bytes", async (name, bytes) => {
    const whole = name.endsWith(".gz") ? gzipSync("x\n") : Buffer.from("7z\xbc\xaf\x27\x1c and more", "latin1");
    await put("hosts/2013/01/10.0.0.1/auth.log");
    await put(`hosts/2013/01/10.0.0.2/${name}`, whole.subarray(0, bytes));
    const inventory = await list();
    expect(loaded(inventory)).toEqual(["hosts/2013/01/10.0.0.1/auth.log"]);
    expect(inventory.problems).toMatchObject([
      { path: `hosts/2013/01/10.0.0.2/${name}`, code: "ARCHIVE_TRUNCATED", remedy: "fetch it again" },
    ]);
  });

  it("calls a month of empty files empty", async () => {
    await put("hosts/2013/01/10.0.0.1/auth.log", "");
    await expect(list()).rejects.toMatchObject({ code: "ARCHIVE_EMPTY" });
  });

  it("takes the month's files and nothing else", async () => {
    await put("hosts/2013/01/10.0.0.1/syslog");
    await put("hosts/2013/01/10.0.0.1/auth.log.gz", gzipSync("x\n"));
    await put("hosts/2013/02/10.0.0.1/syslog");
    await put("hosts/2012/01/10.0.0.1/syslog");
    await put("hosts/pbs/2013/01/log.20130131");
    await put("elsewhere/2013/01/x/syslog");
    const inventory = await list();
    expect(loaded(inventory)).toEqual([
      "hosts/2013/01/10.0.0.1/auth.log",
      "hosts/2013/01/10.0.0.1/syslog",
      "hosts/pbs/2013/01/log.20130131",
    ]);
    expect(inventory.files.find((f) => f.format === "gzip")).toMatchObject({
      path: "hosts/2013/01/10.0.0.1/auth.log.gz",
      service: "auth",
      collector: "10.0.0.1",
    });
    expect(inventory.problems).toEqual([]);
    expect(inventory.unmatched).toEqual([]);
  });

  it("tells formats by content, not by name", async () => {
    await put("hosts/2013/01/h/syslog.gz", "in truth plain\n");
    await put("hosts/2013/01/h/kern.log", gzipSync("in truth gzip\n"));
    const formats = (await list()).files.map((f) => [f.identity, f.format]).sort();
    expect(formats).toEqual([
      ["hosts/2013/01/h/kern.log", "gzip"],
      ["hosts/2013/01/h/syslog", "plain"],
    ]);
  });

  it("names formats that are not read, and goes on", async () => {
    await put("hosts/2013/01/h/syslog");
    await put("hosts/2013/01/h/a.log.xz", new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1]));
    await put("hosts/2013/01/h/b.log.bz2", Buffer.from("BZh91AY&SYxx", "latin1"));
    await put("hosts/2013/01/h/c.log.zst", new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 1]));
    const { problems } = await list();
    expect(problems.map((p) => [p.path, p.code, /\b(xz|bzip2|zstd)\b/.exec(p.problem)?.[0]])).toEqual([
      ["hosts/2013/01/h/a.log.xz", "FORMAT_UNSUPPORTED", "xz"],
      ["hosts/2013/01/h/b.log.bz2", "FORMAT_UNSUPPORTED", "bzip2"],
      ["hosts/2013/01/h/c.log.zst", "FORMAT_UNSUPPORTED", "zstd"],
    ]);
  });

  it("tells what matches no pattern in the month, and counts empty files", async () => {
    await put("hosts/2013/01/h/auth.log");
    await put("hosts/2013/01/h/syslog", "");
    await put("hosts/2013/01/README");
    await put("hosts/2013/01/h/old/syslog");
    await put("hosts/2013/02/README");
    await put("README");
    const inventory = await list();
    expect(inventory.unmatched).toEqual(["hosts/2013/01/README", "hosts/2013/01/h/old/"]);
    expect(inventory.empty).toBe(1);
  });

  it("lists several months, and a pattern whose month stands in the file name", async () => {
    await put("logs/mail.201301");
    await put("logs/mail.201302");
    await put("logs/mail.201303");
    const patterns = [{ path: "logs/{service}.{year}{month}", kind: "per-service" }];
    const inventory = await list({ patterns }, ["2013-01", "2013-02"]);
    expect(inventory.files.map((f) => [f.month, f.service]).sort()).toEqual([
      ["2013-01", "mail"],
      ["2013-02", "mail"],
    ]);
  });

  it("bears line ends and quotes in names", async () => {
    const name = 'hosts/2013/01/a\nb"c\u001b[31m/sys log';
    await put(name);
    expect(loaded(await list())).toEqual([name]);
  });

  it("reports a name that is not UTF-8, and goes on", async () => {
    await put("hosts/2013/01/h/syslog");
    await writeFile(Buffer.concat([Buffer.from(`${root}/hosts/2013/01/h/bad`), Buffer.from([0xff])]), "x\n");
    const inventory = await list();
    expect(loaded(inventory)).toEqual(["hosts/2013/01/h/syslog"]);
    expect(inventory.problems).toMatchObject([{ code: "NAME_NOT_UTF8", path: "hosts/2013/01/h/bad\\xff" }]);
  });

  it("follows symbolic links inside the archive once, and never out of it", async () => {
    await put("hosts/2013/01/10.0.0.1/syslog");
    await put("store/kern.log");
    await symlink("10.0.0.1", join(root, "hosts/2013/01/name-of-it"));
    await symlink("../../../../store/kern.log", join(root, "hosts/2013/01/10.0.0.1/kern.log"));
    await symlink("/etc/hostname", join(root, "hosts/2013/01/10.0.0.1/outside"));
    await symlink("/etc", join(root, "hosts/2013/01/etc"));
    await symlink("loop", join(root, "hosts/2013/01/10.0.0.1/loop"));
    await symlink("nowhere", join(root, "hosts/2013/01/10.0.0.1/dangling"));
    const inventory = await list();
    expect(loaded(inventory)).toEqual(["hosts/2013/01/10.0.0.1/kern.log", "hosts/2013/01/10.0.0.1/syslog"]);
    expect(Object.fromEntries(inventory.problems.map((p) => [p.path.slice("hosts/2013/01/".length), p.code]))).toEqual({
      "10.0.0.1/dangling": "FILE_UNREADABLE",
      "10.0.0.1/loop": "FILE_UNREADABLE",
      "10.0.0.1/outside": "LINK_LEAVES_ARCHIVE",
      etc: "LINK_LEAVES_ARCHIVE",
      "name-of-it/dangling": "FILE_UNREADABLE",
      "name-of-it/loop": "FILE_UNREADABLE",
      "name-of-it/outside": "LINK_LEAVES_ARCHIVE",
    });
    // These cost nothing: their lines are loaded.
    expect(inventory.notes.map(({ path, code }) => [path, code])).toEqual([
      ["hosts/2013/01/name-of-it/kern.log", "LINK_TO_LISTED"],
      ["hosts/2013/01/name-of-it/syslog", "LINK_TO_LISTED"],
    ]);
  });

  it("does not open a pipe", async () => {
    await put("hosts/2013/01/h/syslog");
    execFileSync("mkfifo", [join(root, "hosts/2013/01/h/pipe")]);
    expect((await list()).problems).toMatchObject([{ code: "NOT_A_FILE", path: "hosts/2013/01/h/pipe" }]);
  });

  describe("takes the year from the file's date where the path names none", () => {
    const patterns = [
      { path: "by-month/{month}/{host}", service: "syslog", kind: "per-host" },
      { path: "flat/{service}", kind: "per-service" },
    ];
    const changed = async (path: string, time: string) => {
      await put(path);
      await utimes(join(root, path), Date.parse(time) / 1000, Date.parse(time) / 1000);
    };

    it("and says so once", async () => {
      await changed("by-month/12/h", "2013-01-02T06:25:00Z");
      await changed("by-month/01/h", "2013-01-31T23:59:59Z");
      await changed("flat/messages.1", "2013-01-31T06:25:00Z");
      await changed("flat/messages", "2013-02-01T06:25:00Z");
      const january = await list({ patterns });
      expect(january.files.map(({ path, month, lastDay }) => [path, month, lastDay])).toEqual([
        ["by-month/01/h", "2013-01", undefined],
        ["flat/messages.1", "2013-01", "2013-02-01"],
      ]);
      expect(january.notes).toMatchObject([
        {
          path: "by-month/01/h",
          code: "YEAR_NOT_IN_PATH",
          problem: "and 1 more files name no year; it is that of their modification",
        },
      ]);
      expect((await list({ patterns }, ["2012-12"])).files.map(({ path }) => path)).toEqual(["by-month/12/h"]);
      expect((await list({ patterns }, ["2013-02"])).files.map(({ path }) => path)).toEqual(["flat/messages"]);
      await expect(list({ patterns }, ["2013-07"])).rejects.toThrow("Months that are there: 2012-12 to 2013-02");
    });

    it("or from the configuration", async () => {
      await changed("by-month/12/h", "2026-01-02T06:25:00Z");
      const config = configSchema.parse({ archive: { root, year: 2013, layout: { patterns } } }).archive;
      const inventory = await listArchive(config, ["2013-12"], never);
      expect(inventory.files.map(({ month, lastDay }) => [month, lastDay])).toEqual([["2013-12", undefined]]);
      expect(inventory.notes[0]?.problem).toBe("names no year; it is 2013, as configured");
    });

    it.skipIf(!hasSevenZip)("of a member from its own date (skipped without 7z)", async () => {
      await changed("flat/messages.3", "2013-01-09T06:25:00Z");
      execFileSync("7z", ["a", "-bd", "old.7z", "flat"], { cwd: root, stdio: "ignore" });
      await rm(join(root, "flat"), { recursive: true });
      const inventory = await list({ patterns });
      expect(inventory.files).toMatchObject([{ member: "flat/messages.3", month: "2013-01", lastDay: "2013-01-10" }]);
    });
  });

  it("keeps the modification time to the last digit that the system gives", async () => {
    await put("hosts/2013/01/h/syslog");
    await utimes(join(root, "hosts/2013/01/h/syslog"), 1_360_000_000.5, 1_360_000_000.5);
    expect((await list()).files[0]?.mtimeMs).toBe(1_360_000_000_500);
  });

  it("ends when it is told to", async () => {
    await put("hosts/2013/01/h/syslog");
    const aborted = AbortSignal.abort();
    await expect(listArchive(archive(), ["2013-01"], aborted)).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("what is refused", () => {
  it("an archive that is missing, by name", async () => {
    const missing = join(root, "nothing");
    const refused = listArchive(archive({}, missing), ["2013-01"], never);
    await expect(refused).rejects.toThrow(ConfigError);
    await expect(refused).rejects.toMatchObject({
      code: "ARCHIVE_MISSING",
      message: expect.stringContaining(missing) as unknown,
    });
  });

  it("an archive that is a file", async () => {
    await put("f");
    await expect(listArchive(archive({}, join(root, "f")), ["2013-01"], never)).rejects.toThrow(/is not a directory/);
  });

  it("an empty month, with the months that are there", async () => {
    for (const month of ["2012/11", "2012/12", "2013/01", "2013/05"]) await put(`hosts/${month}/h/syslog`);
    const refused = list({}, ["2013-02"]);
    await expect(refused).rejects.toMatchObject({ code: "ARCHIVE_EMPTY" });
    await expect(refused).rejects.toThrow(/for 2013-02 .*hosts\/\{year\}.*there: 2012-11 to 2013-01, 2013-05$/);
  });

  it("one empty month of several", async () => {
    await put("hosts/2013/01/h/syslog");
    await expect(list({}, ["2013-01", "2013-02"])).rejects.toThrow(/for 2013-02 /);
  });

  it("an archive in which no month matches", async () => {
    await put("x/y");
    await expect(list()).rejects.toThrow(/No month at all matches; correct archive\.root/);
  });
});

describe("syslog beside syslog.gz", () => {
  beforeEach(async () => {
    await put("hosts/2013/01/h/syslog", "plain\n");
    await put("hosts/2013/01/h/syslog.gz", gzipSync("packed\n"));
  });

  it("is refused, naming both and the remedy", async () => {
    const refused = list();
    await expect(refused).rejects.toMatchObject({ code: "ARCHIVE_CLASH" });
    await expect(refused).rejects.toThrow(
      /hosts\/2013\/01\/h\/syslog beside hosts\/2013\/01\/h\/syslog\.gz; .*archive\.layout\.clash/,
    );
  });

  it.each([
    ["plain", "plain"],
    ["compressed", "gzip"],
  ])("%s: the other one is skipped and told", async (clash, format) => {
    const inventory = await list({ clash });
    expect(inventory.files.filter((f) => f.skipped === undefined).map((f) => f.format)).toEqual([format]);
    expect(inventory.groups[0]).toMatchObject({ files: 2, loadedFiles: 1, skipped: [{ files: 1 }] });
  });
});

describe("lines that stand twice", () => {
  beforeEach(async () => {
    await put("hosts/2013/01/h/syslog", "1234567\n");
    await put("hosts/2013/01/h/auth.log");
    await put("hosts/auth/2013/01/auth.log.20130101");
    await put("hosts/pbs/2013/01/log.20130101");
    await put("hosts/2013/02/h/syslog");
    await put("hosts/auth/2013/02/auth.log.20130201");
    await put("hosts/pbs/2013/03/log.20130301");
  });
  const months = ["2013-01", "2013-02", "2013-03"];

  it("both: are loaded twice, and shown", async () => {
    const { files, overlaps } = await list({ prefer: "both" }, months);
    expect(files.every((f) => f.skipped === undefined && f.dropPrograms.length === 0)).toBe(true);
    expect(overlaps.map((o) => [o.month, o.perService.service, o.perHost.service])).toEqual([
      ["2013-01", "auth", "auth"],
      ["2013-01", "pbs", "syslog"],
    ]);
    expect(overlaps[1]).toMatchObject({ programs: ["pbs_mom", "pbs mom"], perHost: { files: 1, bytes: 8 } });
  });

  it("per-host: per-service files are skipped in months that have the others", async () => {
    expect(loaded(await list({ prefer: "per-host" }, months))).toEqual([
      "hosts/2013/01/h/auth.log",
      "hosts/2013/01/h/syslog",
      "hosts/2013/02/h/syslog",
      "hosts/auth/2013/02/auth.log.20130201",
      "hosts/pbs/2013/03/log.20130301",
    ]);
  });

  it("per-service: per-host files are skipped, or lose the programs that stand elsewhere", async () => {
    const inventory = await list({ prefer: "per-service" }, months);
    expect(loaded(inventory)).toEqual([
      "hosts/2013/01/h/syslog",
      "hosts/2013/02/h/syslog",
      "hosts/auth/2013/01/auth.log.20130101",
      "hosts/auth/2013/02/auth.log.20130201",
      "hosts/pbs/2013/01/log.20130101",
      "hosts/pbs/2013/03/log.20130301",
    ]);
    const drops = inventory.files.filter((f) => f.dropPrograms.length > 0).map((f) => [f.identity, f.dropPrograms]);
    expect(drops).toEqual([["hosts/2013/01/h/syslog", ["pbs_mom", "pbs mom"]]]);
    expect(inventory.overlaps[0]?.missingDays).toHaveLength(30);
  });

  it("an empty copy holds no lines and hides none", async () => {
    await put("hosts/2013/01/h/auth.log", "");
    expect(loaded(await list({ prefer: "per-host" }))).toContain("hosts/auth/2013/01/auth.log.20130101");
  });
});

describe.skipIf(!hasSevenZip)("7z archives", () => {
  async function pack(path: string, from: string, ...options: string[]): Promise<void> {
    await mkdir(dirname(join(root, path)), { recursive: true });
    execFileSync("7z", ["a", "-bd", ...options, join(root, path), "."], { cwd: join(root, from), stdio: "ignore" });
  }

  it("of one file stands for that file", async () => {
    await put("tmp/auth.log.20130115", "one\n");
    await pack("hosts/auth/2013/01/auth.log.20130115.7z", "tmp");
    const inventory = await list();
    expect(inventory.files).toMatchObject([
      {
        path: "hosts/auth/2013/01/auth.log.20130115.7z",
        member: "auth.log.20130115",
        identity: "hosts/auth/2013/01/auth.log.20130115/auth.log.20130115",
        place: "hosts/auth/2013/01/auth.log.20130115",
        day: "2013-01-15",
        size: 4,
      },
    ]);
    await put("hosts/auth/2013/01/auth.log.20130115");
    await expect(list()).rejects.toMatchObject({ code: "ARCHIVE_CLASH" });
  });

  it("hold members of several months, as if unpacked at the root or beside the archive", async () => {
    await put("tmp/hosts/2013/01/h/syslog");
    await put("tmp/hosts/2013/02/h/syslog");
    await put("tmp/notes.txt");
    await put("tmp2/01/h/kern.log");
    await pack("all.7z", "tmp");
    await pack("hosts/2013/january.7z", "tmp2");
    const inventory = await list();
    expect(loaded(inventory)).toEqual(["all/hosts/2013/01/h/syslog", "hosts/2013/january/01/h/kern.log"]);
    expect(inventory.archives.map((a) => [a.path, a.stream.length])).toEqual([
      ["all.7z", 3],
      ["hosts/2013/january.7z", 1],
    ]);
  });

  it("that are damaged or locked cost themselves", async () => {
    await put("hosts/2013/01/h/syslog");
    await put("hosts/2013/01/h/broken.7z", new Uint8Array([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c, 1, 2, 3]));
    await put("tmp/hosts/2013/01/h/secret.log");
    await pack("locked.7z", "tmp", "-psecret");
    await pack("hidden.7z", "tmp", "-psecret", "-mhe=on");
    const inventory = await list();
    expect(loaded(inventory)).toEqual(["hosts/2013/01/h/syslog"]);
    expect(inventory.problems.map((p) => [p.path, p.code])).toEqual([
      ["hidden.7z", "ARCHIVE_LISTING"],
      ["hosts/2013/01/h/broken.7z", "ARCHIVE_LISTING"],
      ["locked.7z: hosts/2013/01/h/secret.log", "MEMBER_ENCRYPTED"],
    ]);
    expect(await readdir(root)).toContain("locked.7z");
  });

  it("do not hold compressed files that are read", async () => {
    await put("tmp/hosts/2013/01/h/syslog.gz", gzipSync("x\n"));
    await put("tmp/hosts/2013/01/h/kern.log");
    await pack("all.7z", "tmp");
    const inventory = await list();
    expect(loaded(inventory)).toEqual(["all/hosts/2013/01/h/kern.log"]);
    expect(inventory.problems).toMatchObject([{ code: "MEMBER_COMPRESSED" }]);
  });
});
