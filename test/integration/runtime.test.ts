import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { MAVEN_ARTIFACT, mavenArchivePath } from "../../orchestrator/runtimes/maven.ts";
import { nodeBinary } from "../../orchestrator/runtimes/node.ts";
import { packageRoot } from "../../orchestrator/runtimes/package-root.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";

/** The real archive, as the set-up keeps it beside the runtime that it made. */
const ARCHIVE = mavenArchivePath(dirname(process.env["ES_HOME"] ?? "/nowhere/x"));
const NAME = `elasticsearch-${MAVEN_ARTIFACT.version}-${MAVEN_ARTIFACT.sha256.slice(0, 8)}`;

describeWith(["elasticsearch", "7z"], "the Elasticsearch runtime", () => {
  const stateDir = privateStateDir("runtime");

  /** A state directory whose download is done already. */
  function downloaded(name: string): { stateDir: string; runtimes: string; home: string } {
    const dir = join(stateDir, name);
    const runtimes = join(dir, "runtimes");
    mkdirSync(runtimes, { recursive: true });
    symlinkSync(ARCHIVE, mavenArchivePath(runtimes));
    return { stateDir: dir, runtimes, home: join(runtimes, NAME) };
  }

  /** Makes the runtime in a process of its own, as the set-up does. */
  function prepare(
    dir: string,
    env: NodeJS.ProcessEnv = {},
  ): ChildProcess & { ended: Promise<{ code: number | null; output: string }> } {
    const child = spawn(nodeBinary(), ["orchestrator/runtimes/prepare.ts"], {
      cwd: packageRoot(),
      env: { ...process.env, ES_HOME: "", GRIDHARVEST_STATE_DIR: dir, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let output = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
    const ended = new Promise<{ code: number | null; output: string }>((resolve) => {
      child.once("close", (code) => resolve({ code, output }));
    });
    return Object.assign(child, { ended });
  }

  it.skipIf(!existsSync(ARCHIVE))(
    "appears once, whole and executable, when two processes make it together",
    async () => {
      const { stateDir: dir, runtimes, home } = downloaded("together");
      const [a, b] = await Promise.all([prepare(dir).ended, prepare(dir).ended]);
      expect([a.code, b.code], a.output + b.output).toEqual([0, 0]);
      expect((a.output + b.output).match(/unpacking Elasticsearch/g)).toHaveLength(1);
      expect(readdirSync(runtimes).sort()).toEqual([NAME, `elasticsearch-${MAVEN_ARTIFACT.version}.zip`]);
      accessSync(join(home, "bin", "elasticsearch"), constants.X_OK);
      const version = spawnSync(join(home, "bin", "elasticsearch"), ["--version"], {
        encoding: "utf8",
        env: {
          PATH: process.env["PATH"],
          ES_JAVA_HOME: process.env["ES_JAVA_HOME"],
          CLI_JAVA_OPTS: "-XX:-UsePerfData",
        },
      });
      expect(version.stdout).toContain(`Version: ${MAVEN_ARTIFACT.version}`);
    },
  );

  it.skipIf(!existsSync(ARCHIVE)).each(["SIGKILL", "SIGINT"] as const)(
    "is made by the next one after %s in the middle",
    async (signal) => {
      const { stateDir: dir, runtimes, home } = downloaded(signal);
      const first = prepare(dir);
      const partial = await waitFor("the unpacking", () =>
        readdirSync(runtimes).find((name) => name.startsWith(".partial-")),
      );
      await waitFor("a file", () => readdirSync(join(runtimes, partial)).length > 0, { everyMs: 5 });
      first.kill(signal);
      const { code } = await first.ended;
      expect(existsSync(home)).toBe(false);
      if (signal === "SIGINT") {
        expect(code).toBe(130);
        expect(readdirSync(runtimes)).toEqual([`elasticsearch-${MAVEN_ARTIFACT.version}.zip`]);
      }
      const second = await prepare(dir).ended;
      expect(second.code, second.output).toBe(0);
      expect(readdirSync(runtimes).sort()).toEqual([NAME, `elasticsearch-${MAVEN_ARTIFACT.version}.zip`]);
    },
  );

  it.skipIf(process.getuid?.() !== 0)("leaves nothing half done on a full disk", async () => {
    const dir = join(stateDir, "full");
    const runtimes = join(dir, "runtimes");
    mkdirSync(runtimes, { recursive: true });
    if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=64m,mode=755", "tmpfs", runtimes]).status !== 0) {
      console.warn("skipped: mounting a small file system is not allowed here");
      return;
    }
    try {
      symlinkSync(ARCHIVE, mavenArchivePath(runtimes));
      const { code, output } = await prepare(dir).ended;
      expect(code).toBe(2);
      expect(output).toMatch(/has \d+ MiB free and unpacking .* takes \d+ MiB; make room or set another stateDir/);
      expect(readdirSync(runtimes)).toEqual([`elasticsearch-${MAVEN_ARTIFACT.version}.zip`]);
    } finally {
      spawnSync("umount", [runtimes]);
    }
  });

  it("refuses an archive that is another than expected, and says so", async () => {
    const { stateDir: dir, runtimes } = downloaded("damaged");
    rmSync(mavenArchivePath(runtimes));
    cpSync(join(packageRoot(), "package.json"), mavenArchivePath(runtimes));
    const { code, output } = await prepare(dir).ended;
    expect(code).toBe(2);
    expect(output).toMatch(/has the sha256 [0-9a-f]{64}, not 215d5f3d.*remove it and fetch it again/);
  });

  it.skipIf(process.getuid?.() !== 0 || !existsSync(ARCHIVE))(
    "names the directory that Elasticsearch's user cannot pass",
    async () => {
      const { stateDir: dir } = downloaded("closed");
      chmodSync(dir, 0o700);
      const { code, output } = await prepare(dir).ended;
      expect(code).toBe(2);
      expect(output).toContain(`cannot pass through ${dir} on the way to`);
      expect(output).toContain(`chmod o+x ${dir}`);
    },
  );
});
