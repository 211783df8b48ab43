import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadConfig } from "../../orchestrator/config.ts";
import { CHECKS, diagnose, type Diagnosis } from "../../orchestrator/doctor.ts";
import { statePaths } from "../../orchestrator/paths.ts";
import { makeRules } from "../../worker/pipeline/make-rules.ts";
import { describeWith, privateStateDir } from "../support/index.ts";
import { makeKey, startSshServer, type SshServer } from "../support/ssh-server.ts";

describeWith(["sshd"], "doctor looks at the way to the batch system", () => {
  const dir = privateStateDir("doctor-access");
  const bin = join(dir, "bin");
  let server: SshServer;

  beforeAll(async () => {
    mkdirSync(bin);
    for (const name of ["qsub", "qstat", "qdel"]) program(name, "exit 0");
    server = await startSshServer({ dir: join(dir, "sshd") });
  });
  afterAll(() => server.stop());

  function program(name: string, text: string, at = bin): void {
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(at, name), 0o755);
  }

  /** What the checks of those names find, with a frontend that is well but for `access`. */
  const find = async (
    names: readonly string[],
    access: Record<string, unknown> = {},
  ): Promise<readonly Diagnosis[]> => {
    const all: Record<string, unknown> = {
      kind: "ssh",
      host: server.address,
      port: server.port,
      identityFile: server.identityFile,
      knownHosts: server.knownHosts,
      commandDirs: [bin],
      ...access,
    };
    const overrides = Object.fromEntries(
      Object.entries(all).map(([key, value]) => [`batch.access.${key}`, { flag: "--set", value }]),
    );
    const resolved = await loadConfig({ env: {}, overrides, cwd: dir });
    const context = {
      resolved,
      paths: statePaths(join(dir, "state")),
      makeRules,
      signal: new AbortController().signal,
    };
    return await diagnose(
      context,
      CHECKS.filter(({ name }) => names.includes(name)),
    );
  };
  const all = ["Kerberos ticket", "frontend", "frontend commands", "frontend clock", "node staging"];
  const levels = (diagnoses: readonly Diagnosis[]): readonly string[] => diagnoses.map(({ level }) => level);

  for (const kind of ["ssh", "openssh"]) {
    it(`finds nothing wrong where nothing is, over ${kind}`, async () => {
      const stagingDir = join(dir, "staging", "new");
      for (const files of ["sftp", "shared"]) {
        const found = await find(all, { kind, files, stagingDir });
        expect(found.filter(({ level }) => level !== "ok")).toEqual([]);
        expect(found[1]?.text).toContain(String(server.port));
      }
      expect(existsSync(join(dir, "staging"))).toBe(false);
      expect(readdirSync(dir).filter((name) => name.includes("doctor"))).toEqual([]);
    });
  }

  it("has nothing to look at on this machine", async () => {
    expect(levels(await find(all, { kind: "local" }))).toEqual(["ok", "ok", "ok", "ok", "ok"]);
  });

  it("says once that the frontend is away", async () => {
    const found = await find(all, { port: 1, files: "sftp", stagingDir: dir });
    expect(levels(found)).toEqual(["ok", "missing", "warning", "warning", "warning"]);
    expect(found[1]).toMatchObject({ text: expect.stringMatching(/ECONNREFUSED/) as string });
    expect(found[1]?.remedy).toMatch(/host, port and jump/);
  });

  it("names both keys when the host key has changed, and the remedy", async () => {
    const hostKey = `SHA256:${"A".repeat(43)}`;
    const [found] = await find(["frontend"], { hostKey });
    expect(found?.level).toBe("missing");
    expect(found?.text).toContain(hostKey);
    expect(found?.text).toContain(server.hostKey);
    expect(found?.remedy).toContain(`hostKey: ${server.hostKey}`);
  });

  it("says that the login is refused", async () => {
    makeKey(join(dir, "stranger"));
    const [found] = await find(["frontend"], { identityFile: join(dir, "stranger") });
    expect(found).toMatchObject({ level: "missing", remedy: expect.stringContaining("authorized_keys") as string });
  });

  it("names the commands that are missing", async () => {
    // This machine may have a batch system of its own.
    const bare = join(dir, "bare");
    mkdirSync(bare);
    for (const name of ["sh", "true"]) symlinkSync(`/bin/${name}`, join(bare, name));
    program("qsub", "exit 0", join(dir, "partly"));
    const without = await startSshServer({ dir: join(dir, "without"), environment: { PATH: bare } });
    try {
      const { port, identityFile, knownHosts } = without;
      const more = { port, identityFile, knownHosts, commandDirs: [join(dir, "partly")] };
      const [reached, found] = await find(["frontend", "frontend commands"], more);
      expect(reached).toMatchObject({ level: "ok" });
      expect(found).toMatchObject({ level: "missing", remedy: expect.stringContaining("commandDirs") as string });
      expect(found?.text).toMatch(/^qstat, qdel are not on PATH/);
    } finally {
      await without.stop();
    }
  });

  it("finds a clock that is off", async () => {
    const clocks = join(dir, "clocks");
    for (const [shift, words] of [
      [-600, /[56]\d\d s behind/],
      [600, /[56]\d\d s ahead/],
    ] as const) {
      program("date", `echo $(( $(/bin/date +%s) + ${String(shift)} ))`, clocks);
      const [found] = await find(["frontend clock"], { commandDirs: [clocks] });
      expect(found).toMatchObject({ level: "missing", text: expect.stringMatching(words) as string });
      expect(found?.remedy).toContain("NTP");
    }
  });

  it("finds a staging directory that cannot be written to", async () => {
    const blocked = join(dir, "blocked");
    writeFileSync(blocked, "");
    for (const stagingDir of ["/proc/nowhere", join(blocked, "x")]) {
      for (const files of ["sftp", "shared"]) {
        const [found] = await find(["node staging"], { files, stagingDir });
        expect(found).toMatchObject({ level: "missing", remedy: expect.stringContaining("stagingDir") as string });
      }
    }
  });

  const mountable = process.getuid?.() === 0 && spawnSync("mount", ["--version"]).status === 0;
  it.skipIf(!mountable)("finds a staging directory on a read-only mount", async () => {
    const readOnly = join(dir, "read-only");
    mkdirSync(readOnly);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "ro", "gridharvest-test", readOnly], { encoding: "utf8" });
    expect(mounted.stderr).toBe("");
    try {
      const [found] = await find(["node staging"], { files: "sftp", stagingDir: join(readOnly, "staging") });
      expect(found).toMatchObject({ level: "missing", remedy: expect.stringContaining("read-only mount") as string });
    } finally {
      spawnSync("umount", [readOnly]);
    }
  });
});
