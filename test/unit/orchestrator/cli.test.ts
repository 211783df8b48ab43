import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { constants, mkdir, mkdtemp, open, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRunner, explainFailure, type ExitCode, type Io, type Parts } from "../../../orchestrator/cli/command.ts";
import { COMMANDS } from "../../../orchestrator/cli/index.ts";
import {
  createIo,
  formatBytes,
  formatCount,
  formatDuration,
  formatTable,
  printable,
} from "../../../orchestrator/cli/io.ts";
import { waitFor } from "../../support/wait-for.ts";
import { BackfillError, ConfigError, StoreError } from "../../../worker/contract/errors.ts";
import { gridharvest } from "../../support/gridharvest.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "gridharvest-cli-"));
  const folder = join(dir, "archive/hosts/2013/01/10.0.0.1");
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "syslog"), "Jan 14 23:20:01 hildor23-1 CRON[3849]: a message\n".repeat(100));
  await writeFile(join(folder, "x\u001b[2J.log"), "Jan 14 23:20:01 hildor23-1 CRON[3849]: a message\n");
  await writeFile(join(dir, "site.yaml"), `stateDir: state\n`);
});
afterAll(() => rm(dir, { recursive: true }));

describe("usage", () => {
  it.each([
    ["an unknown command", ["frobnicate"], /unknown command 'frobnicate'/],
    ["an unknown option", ["config", "--frob"], /unknown option '--frob'/],
    ["an unknown global option", ["--frob", "config"], /unknown option '--frob'/],
    ["a missing option", ["plan"], /required option '--month <month>'/],
    ["a level that does not exist", ["--log-level", "loud", "config"], /Allowed choices are debug, info, warn, error/],
    ["no command", [], /Usage: gridharvest/],
  ])("%s: usage on stderr, exit code 2", async (_, argv, message) => {
    const { code, out, err } = await gridharvest(...argv);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(message);
    expect(err).toMatch(/^Usage: /m);
  });

  it("with --json the error is an object on stdout as well", async () => {
    const { code, out } = await gridharvest("--json", "frobnicate");
    expect(code).toBe(2);
    expect(JSON.parse(out)).toMatchObject({
      error: { code: "USAGE", message: expect.stringContaining("frob") as unknown },
    });
  });

  it.each([[[]], [["services"]]])("with --json and no command after %j it says so", async (words) => {
    const { code, out } = await gridharvest(...words, "--json");
    expect(code).toBe(2);
    expect(JSON.parse(out)).toEqual({
      error: { code: "USAGE", message: "name a command; --help lists them", context: {} },
    });
  });

  it.each([
    [["--cluster", "https://es:9200"], /go with --compare-mappings/],
    [["--compare-mappings", "--rounds", "0"], /--rounds 0: write a number of 1 to 20/],
    [["--compare-mappings", "--sample-bytes", "5"], /--sample-bytes 5: write a size from 1MiB/],
    [["--compare-mappings", "--sample-bytes", "much"], /--sample-bytes much: write a size/],
  ])("plan with %j says what to write instead", async (words, says) => {
    const { code, err } = await gridharvest("plan", "--month", "2013-01", ...words);
    expect(code).toBe(2);
    expect(err).toMatch(says);
  });

  it("a slip is answered with what was meant", async () => {
    expect((await gridharvest("plam")).err).toMatch(/Did you mean plan\?/);
  });

  it("--version and --help are success, on stdout", async () => {
    expect(await gridharvest("--version")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as unknown,
    });
    expect(await gridharvest("--help")).toMatchObject({ code: 0, err: "" });
  });

  it("help lists every command", async () => {
    const { out } = await gridharvest("--help");
    const hidden = ["orchestrate", "gateway", "at-gateway"];
    for (const { name } of COMMANDS) if (!hidden.includes(name)) expect(out).toMatch(new RegExp(`^  ${name}\\b`, "m"));
  });

  it("of launch says what --json prints", async () => {
    expect((await gridharvest("launch", "--help")).out).toMatch(
      /--json .*one object a line: first \{id.*last its status/,
    );
  });

  it.each(COMMANDS.map((row) => row.name))("%s has the name of its row, and help with examples", async (name) => {
    const row = COMMANDS.find((candidate) => candidate.name === name);
    expect((await row?.load())?.name).toBe(name);
    const { code, out } = await gridharvest(name, "--help");
    expect(code).toBe(0);
    expect(out).toMatch(/^Examples:\n {2}\S/m);
  });
});

describe("plan", () => {
  it("shows the month, writes the plan file, submits nothing", async () => {
    const { code, out, err } = await gridharvest("plan", "--config", join(dir, "site.yaml"), "--month", "2013-01");
    expect(err).toBe("");
    expect(code).toBe(0);
    const id = /^Plan ([0-9a-f]{12}) of 2013-01/.exec(out)?.[1];
    expect(out).toMatch(/^2013-01 +per-host +syslog +1 /m);
    expect(out).toMatch(/^lines +about 101$/m);
    expect(out).toMatch(/parser: \d+\.\d\d µs a line, measured on 2 files of this archive/);
    expect(out).toMatch(/^duration +about \d+ s \(\d+ s to \d+ s\)$|^duration +about .* min .*\)$/m);
    expect(out).toMatch(/store: 19\.0 µs .*no campaign has been measured yet/);
    expect(out).toContain("Nothing was submitted.");
    expect(out).not.toContain("\u001b");
    const file = join(dir, "state/plans", `${id ?? ""}.json`);
    expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({ id, version: 1 });
  });

  it("with --json one object, and --out", async () => {
    const out = join(dir, "p.json");
    const result = await gridharvest(
      "plan",
      "--json",
      "--config",
      join(dir, "site.yaml"),
      "--month",
      "2013-01",
      "--out",
      out,
    );
    expect(result.out.trim().split("\n")).toHaveLength(1);
    const plan = JSON.parse(result.out) as Record<string, unknown>;
    expect(plan).toMatchObject({ months: ["2013-01"], files: 2, planFile: out, estimate: { chunks: 2, lines: 101 } });
    expect(await readFile(out, "utf8")).toContain(String(plan.id));
  });

  it("has the same id for other node counts, another one for another zone", async () => {
    const idFor = async (...more: string[]): Promise<unknown> => {
      const { out } = await gridharvest(
        "plan",
        "--json",
        "--config",
        join(dir, "site.yaml"),
        "--month",
        "2013-01",
        ...more,
      );
      return (JSON.parse(out) as Record<string, unknown>).id;
    };
    const id = await idFor();
    expect(await idFor("--data-nodes", "9", "--parsers", "7")).toBe(id);
    expect(await idFor("--set", "archive.timeZone=Europe/Prague")).not.toBe(id);
  });

  it.each([
    ["2013-13", "MONTH_INVALID"],
    ["2013-02..2013-01", "MONTH_INVALID"],
    ["2012-01", "ARCHIVE_EMPTY"],
  ])("--month %s exits 2", async (month, code) => {
    const result = await gridharvest("--json", "plan", "--config", join(dir, "site.yaml"), "--month", month);
    expect(result.code).toBe(2);
    expect(JSON.parse(result.out)).toMatchObject({ error: { code } });
  });

  it.each([
    ["--parsers", "many"],
    ["--set", "parsers.count"],
    ["--set", "nothing.here=1"],
  ])("%s %s exits 2", async (flag, value) => {
    const { code, err } = await gridharvest(
      "plan",
      "--config",
      join(dir, "site.yaml"),
      "--month",
      "2013-01",
      flag,
      value,
    );
    expect(code).toBe(2);
    expect(err).toContain(flag);
  });
});

describe("config", () => {
  it("prints every value with its origin", async () => {
    const { code, out } = await gridharvest(
      "config",
      "--config",
      join(dir, "site.yaml"),
      "--set",
      "plan.chunkBytes=1MiB",
    );
    expect(code).toBe(0);
    expect(out).toMatch(/^plan\.chunkBytes +1MiB +flag --set$/m);
    expect(out).toMatch(/^stateDir .*site\.yaml:1$/m);
    expect(out).toMatch(/^parsers\.count +2 +default$/m);
  });

  it("--json holds values and origins", async () => {
    const { out } = await gridharvest("--json", "config", "--config", join(dir, "site.yaml"));
    expect(JSON.parse(out)).toMatchObject({
      file: join(dir, "site.yaml"),
      config: { stateDir: join(dir, "state"), plan: { chunkBytes: 8 * 2 ** 20 } },
      origins: { "plan.chunkBytes": "default", stateDir: `${join(dir, "site.yaml")}:1` },
    });
  });

  it("--example prints a file", async () => {
    expect((await gridharvest("config", "--example")).out).toMatch(/^# The configuration of gridharvest/);
  });
});

describe("what a failure means", () => {
  const calm = new AbortController().signal;
  const aborted = AbortSignal.abort();
  const abortError = new DOMException("This operation was aborted", "AbortError");
  it.each<[string, unknown, AbortSignal, ExitCode, string]>([
    ["configuration", new ConfigError("C", "m"), calm, 2, "C"],
    ["configuration while interrupted", new ConfigError("C", "m"), aborted, 2, "C"],
    ["store", new StoreError("S", "m"), calm, 1, "S"],
    ["base", new BackfillError("B", "m"), calm, 1, "B"],
    ["unforeseen", new TypeError("t"), calm, 1, "UNEXPECTED"],
    ["no error", "text", calm, 1, "UNEXPECTED"],
    ["interrupted", abortError, aborted, 130, "INTERRUPTED"],
    ["an abort that nobody asked for", abortError, calm, 1, "UNEXPECTED"],
    ["interrupted by reason", aborted.reason, aborted, 130, "INTERRUPTED"],
  ])("%s", (_, error, signal, exitCode, code) => {
    expect(explainFailure(error, signal)).toMatchObject({ exitCode, code });
  });

  it("the message holds the causes", () => {
    const error = new StoreError("S", "could not ask Redis", { cause: new Error("connection refused") });
    expect(explainFailure(error, calm).message).toBe("could not ask Redis: connection refused");
  });

  it("the runner keeps the action's exit code, and starts nothing once interrupted", async () => {
    const io = (): Io =>
      createIo({ stdout: new PassThrough(), stderr: new PassThrough() }, { json: false, level: "error" });
    const notNeeded = () => Promise.reject(new Error("not needed"));
    const parts: Parts = { pipeline: notNeeded, makeRules: notNeeded, lineParsers: notNeeded, recompute: notNeeded };
    const runner = createRunner(io, calm, parts);
    await runner.run(() => Promise.resolve(3));
    expect(runner.exitCode()).toBe(3);
    const interrupted = createRunner(io, aborted, parts);
    await interrupted.run(() => Promise.reject(new Error("was called")));
    expect(interrupted.exitCode()).toBe(130);
  });
});

describe("the process", () => {
  const entry = join(import.meta.dirname, "../../../orchestrator/main.ts");

  it("ends quietly when nobody reads its output any more", async () => {
    const child = spawn(process.execPath, [entry, "config", "--example"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    let err = "";
    child.stderr.on("data", (data: Buffer) => (err += String(data)));
    const [code] = (await once(child, "close")) as [number | null];
    expect(err).toBe("");
    expect(code).toBe(0);
  });

  it("does its work though its log finds no room on the disk", async () => {
    // What is written to this device finds no room. @source full(4)
    const full = await open("/dev/full", "w");
    const missing = join(dir, "nothing.yaml");
    for (const [words, expected] of [
      [["config", "--config", join(dir, "site.yaml"), "--log-level", "debug", "--json"], 0],
      [["config", "--config", missing], 2],
    ] as const) {
      const child = spawn(process.execPath, [entry, ...words], { stdio: ["ignore", "ignore", full.fd] });
      expect(await once(child, "close")).toEqual([expected, null]);
    }
    await full.close();
  });

  it("that hangs on a file system is ended by a second signal, not by the echo of the first", async () => {
    // Nobody ever writes to this pipe, though it is open for writing here: reading it never ends and hears no signal.
    const pipe = join(dir, "pipe.yaml");
    execFileSync("mkfifo", [pipe]);
    await using writer = await open(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    expect(writer.fd).toBeGreaterThan(0);
    const child = spawn(process.execPath, [entry, "config", "--config", pipe], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const ended = once(child, "close");
    // The handlers stand once the pipe is open; before that a signal would end the process by itself.
    await waitForOpening(child.pid ?? 0, pipe);
    const firstAt = performance.now();
    child.kill("SIGINT");
    child.kill("SIGINT");
    const again = setInterval(() => child.kill("SIGINT"), 100);
    child.stderr.resume();
    expect(await ended).toEqual([null, "SIGINT"]);
    clearInterval(again);
    expect(performance.now() - firstAt).toBeGreaterThan(900);
  });

  it("writes all of a long output to a pipe before it ends", async () => {
    const child = spawn(process.execPath, [entry, "config", "--example"], { stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (data: string) => (out += data));
    expect(await once(child, "close")).toEqual([0, null]);
    expect(out).toMatch(/interval: 5s\n$/);
  });
});

/** Until the process has the file open. @source proc(5) */
async function waitForOpening(pid: number, file: string): Promise<void> {
  await waitFor(`process ${pid} to open ${file}`, async () => {
    const fds = await readdir(`/proc/${pid}/fd`);
    const links = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
    return links.includes(file);
  });
}

describe("text for people", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1536, "1.5 KiB"],
    [100 * 2 ** 30, "100 GiB"],
  ])("%d bytes", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [4.4, "4 s"],
    [200, "3 min 20 s"],
    [18_120, "5 h 02 min"],
    [273_600, "3 d 04 h"],
  ])("%d seconds", (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  it("counts in groups", () => expect(formatCount(1_000_000)).toBe("1,000,000"));

  it("hostile names are made harmless", () => {
    expect(printable("plain name ž")).toBe("plain name ž");
    expect(printable('a\n"b"\u001b[2J\u009b')).toBe('"a\\n\\"b\\"\\u001b[2J\\u009b"');
  });

  it("tables are aligned", () => {
    const columns = [{ title: "NAME" }, { title: "N", align: "right" as const }];
    expect(
      formatTable(columns, [
        ["a", "1"],
        ["long name", "23"],
      ]),
    ).toBe("NAME        N\na           1\nlong name  23\n");
  });
});
