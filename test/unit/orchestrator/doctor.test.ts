import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { loadConfig } from "../../../orchestrator/config.ts";
import {
  CHECKS,
  diagnose,
  formatDiagnoses,
  isSound,
  type Check,
  type DoctorContext,
} from "../../../orchestrator/doctor.ts";
import { judgeDisks } from "../../../orchestrator/doctor/machine.ts";
import { statePaths } from "../../../orchestrator/paths.ts";
import { makeRules } from "../../../worker/pipeline/make-rules.ts";
import { ConfigError } from "../../../worker/contract/errors.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gridharvest-doctor-"));
  chmodSync(dir, 0o755);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true });
});

const isRoot = process.getuid?.() === 0;

async function context(values: Readonly<Record<string, unknown>> = {}): Promise<DoctorContext> {
  const all = { stateDir: join(dir, "state"), ...values };
  const overrides = Object.fromEntries(Object.entries(all).map(([key, value]) => [key, { flag: "--set", value }]));
  const resolved = await loadConfig({ env: {}, overrides, cwd: dir });
  return { resolved, paths: statePaths(resolved.config.stateDir), makeRules, signal: new AbortController().signal };
}

/** What the one check of that name finds. */
async function find(name: string, values?: Readonly<Record<string, unknown>>) {
  const [diagnosis] = await diagnose(
    await context(values),
    CHECKS.filter((check) => check.name === name),
  );
  return diagnosis;
}

describe("the report", () => {
  const checks: readonly Check[] = [
    { name: "a", run: async () => ({ level: "ok", text: "fine" }) },
    { name: "long", run: async () => ({ level: "warning", text: "so so", remedy: "think" }) },
    { name: "bad", run: () => Promise.reject(new ConfigError("X", "it is gone; really gone; bring it back")) },
  ];

  it("takes what a check throws as missing, with the remedy that its message ends in", async () => {
    const diagnoses = await diagnose(await context(), checks);
    expect(diagnoses[2]).toEqual({
      name: "bad",
      level: "missing",
      text: "it is gone; really gone",
      remedy: "bring it back",
    });
    expect(isSound(diagnoses)).toBe(false);
    expect(formatDiagnoses(diagnoses)).toBe(
      [
        "✓ a     fine",
        "! long  so so",
        "        → think",
        "✗ bad   it is gone; really gone",
        "        → bring it back",
        "",
        "1 thing is missing, 1 to know about",
        "",
      ].join("\n"),
    );
  });

  it("is sound with warnings", async () => {
    const diagnoses = await diagnose(await context(), checks.slice(0, 2));
    expect(isSound(diagnoses)).toBe(true);
    expect(formatDiagnoses(diagnoses)).toMatch(/\neverything is there, 1 to know about\n$/);
  });

  it("gives every check a name of its own", () =>
    expect(new Set(CHECKS.map(({ name }) => name)).size).toBe(CHECKS.length));
});

describe("the archive", () => {
  it("is only a next step while nobody has named one", async () => {
    expect(await find("archive")).toMatchObject({ level: "warning" });
  });
  it("is missing when it was named and is not there, or is a file", async () => {
    expect(await find("archive", { "archive.root": join(dir, "a") })).toMatchObject({
      level: "missing",
      text: `there is no archive at ${dir}/a`,
    });
    writeFileSync(join(dir, "a"), "");
    expect(await find("archive", { "archive.root": join(dir, "a") })).toMatchObject({
      level: "missing",
      text: `${dir}/a is not a directory`,
    });
  });
});

describe("directories", () => {
  it("need not exist yet", async () => {
    expect(await find("state directory")).toMatchObject({ level: "ok", text: `${dir}/state (made when it is needed)` });
    expect(await find("snapshots")).toMatchObject({ level: "ok" });
  });
  it("must be writable", async () => {
    expect(await find("staging", { "staging.dir": "/proc/nowhere" })).toMatchObject({
      level: "missing",
      text: expect.stringMatching(/^cannot write to \/proc: /) as string,
    });
  });
  it.skipIf(!isRoot)("must be open to the user that Elasticsearch runs as", async () => {
    const closed = join(dir, "closed");
    mkdirSync(closed, { mode: 0o700 });
    expect(await find("state directory", { stateDir: join(closed, "state") })).toMatchObject({
      level: "missing",
      text: `user id 20119, which Elasticsearch runs as, cannot pass through ${closed}`,
      remedy: expect.stringContaining(`chmod o+x ${closed}`) as string,
    });
    const repository = join(dir, "snapshots");
    mkdirSync(repository);
    expect(await find("snapshots", { "snapshot.repository": repository })).toMatchObject({
      level: "missing",
      remedy: `chown 20119:20119 ${repository}`,
    });
  });
});

describe("services", () => {
  it("that others run are asked; metrics that cannot be sent stop nothing", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const values = { "services.graphite.carbon": `127.0.0.1:${port}` };
    expect(await find("carbon", values)).toMatchObject({ level: "ok" });
    await new Promise((resolve) => server.close(resolve));
    expect(await find("carbon", values)).toMatchObject({
      level: "warning",
      text: `127.0.0.1:${port} cannot be reached: ECONNREFUSED`,
      remedy: expect.stringContaining("services.graphite.carbon") as string,
    });
  });

  it("are warned of where others can reach them without a password", async () => {
    expect(await find("reachability")).toMatchObject({
      level: "warning",
      text: expect.stringMatching(/^carbon and graphite-web have/) as string,
    });
    const own = { "services.graphite.carbon": "127.0.0.1:2003", "services.graphite.web": "http://127.0.0.1:8080" };
    expect(await find("reachability", own)).toMatchObject({ level: "ok" });
  });
});

describe("programs", () => {
  it("are named with the package that has them", async () => {
    vi.stubEnv("PATH", dir);
    expect(await find("7z")).toMatchObject({
      level: "missing",
      text: "none of 7zz, 7z, 7za is on PATH",
      remedy: "apt-get install --no-install-recommends p7zip-full",
    });
  });
  it("are found by whatever name they have", async () => {
    writeFileSync(join(dir, "7zz"), "#!/bin/sh\n", { mode: 0o755 });
    vi.stubEnv("PATH", dir);
    expect(await find("7z")).toMatchObject({ level: "ok", text: join(dir, "7zz") });
  });
  it("of Elasticsearch: says which directory is none", async () => {
    expect(await find("Elasticsearch", { "elasticsearch.home": dir })).toMatchObject({
      level: "missing",
      text: expect.stringMatching(/^elasticsearch.home is .*, which is no Elasticsearch distribution/) as string,
      remedy: expect.stringContaining("name the directory") as string,
    });
  });
});

describe("disks", () => {
  const GiB = 2 ** 30;
  const disk = (free: number) => [{ dirs: ["/s"], freeBytes: free * GiB, neededBytes: 3 * GiB, what: "w" }];
  it.each([
    [2.9, "missing"],
    [3.1, "warning"],
    [5.1, "ok"],
  ])("with %d GiB free where Elasticsearch wants 3: %s", (free, level) => {
    expect(judgeDisks(disk(free))).toMatchObject({ level, text: expect.stringContaining("below /s") as string });
  });
  it("that take nothing are missing", async () => {
    expect(await find("disk", { stateDir: "/proc/state" })).toMatchObject({
      level: "missing",
      text: expect.stringMatching(/^0 B free, about 3\.0 GiB needed below \/proc\/state .*: NOT ENOUGH/) as string,
    });
  });
});

describe("addresses", () => {
  it("that this machine has not are named with their option", async () => {
    expect(await find("gateway host", { "network.gatewayAddress": "192.0.2.1" })).toMatchObject({
      level: "missing",
      text: "nothing can listen on 192.0.2.1: EADDRNOTAVAIL (this machine)",
      remedy: expect.stringContaining("network.gatewayAddress") as string,
    });
  });
});
