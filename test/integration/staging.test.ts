import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Log } from "../../orchestrator/log.ts";
import { stageForNodes, stageTree, type StagingPlace } from "../../orchestrator/runtimes/stage.ts";
import { describeTree } from "../../orchestrator/runtimes/tree.ts";
import { openAccess, type Access } from "../../pbs/access/index.ts";
import { describeWith, privateStateDir, type Ground } from "../support/index.ts";
import { accessTo } from "../support/ssh-access.ts";
import { startSshServer, type SshServer } from "../support/ssh-server.ts";

interface Implementation {
  readonly name: string;
  readonly needs: readonly Ground[];
  readonly open: (server: SshServer | undefined) => Access;
}

const IMPLEMENTATIONS: readonly Implementation[] = [
  { name: "a shared file system", needs: [], open: () => openAccess({ kind: "local" }, { warn: () => undefined }) },
  ...(["ssh", "openssh"] as const).map((kind): Implementation => ({
    name: `a frontend over ${kind}`,
    needs: ["sshd"],
    open: (server) => accessTo(server as SshServer, { kind }),
  })),
];

const never = new AbortController().signal;

for (const { name, needs, open } of IMPLEMENTATIONS) {
  describeWith(needs, `staging to ${name}`, () => {
    const dir = privateStateDir("staging");
    const source = join(dir, "source");
    let server: SshServer | undefined;
    let access: Access;
    const said: string[] = [];
    const note = (text: string): void => void said.push(text);
    const log: Log = { debug: note, info: note, warn: note, error: note };
    const place = (at: string): StagingPlace => ({ dir: join(dir, at), files: access.files, exec: access.fileExec });
    const stage = async (at: string, signal = never): Promise<string> =>
      await stageTree(place(at), "thing", await describeTree(source), log, signal);

    beforeAll(async () => {
      if (needs.length > 0) server = await startSshServer({ dir: join(dir, "sshd") });
      access = open(server);
      mkdirSync(join(source, "bin"), { recursive: true });
      mkdirSync(join(source, "empty"));
      mkdirSync(join(dir, "outside"));
      writeFileSync(join(dir, "outside", "conf"), "outside\n");
      writeFileSync(join(source, "bin", "start it's"), "#!/bin/sh\necho hello\n", { mode: 0o700 });
      writeFileSync(join(source, "large"), Buffer.alloc(3 * 2 ** 20, "0123456789"));
      chmodSync(join(source, "large"), 0o600);
      symlinkSync(join(dir, "outside"), join(source, "etc"));
      symlinkSync("nowhere", join(source, "dangling"));
      symlinkSync("..", join(source, "bin", "round"));
    });
    afterAll(async () => {
      access.close();
      await server?.stop();
    });

    it("arrives whole, readable for everybody, with what its links point to", async () => {
      const staged = await stage("whole");
      expect(staged).toMatch(/\/whole\/thing-[0-9a-f]{16}$/);
      expect(spawnSync(join(staged, "bin", "start it's"), { encoding: "utf8" }).stdout).toBe("hello\n");
      expect(readFileSync(join(staged, "etc", "conf"), "utf8")).toBe("outside\n");
      expect(readFileSync(join(staged, "large"))).toEqual(readFileSync(join(source, "large")));
      const modes = ["", "bin", "bin/start it's", "large", "empty"].map(
        (path) => statSync(join(staged, path)).mode & 0o777,
      );
      expect(modes).toEqual([0o755, 0o755, 0o755, 0o644, 0o755]);
      expect(readdirSync(join(dir, "whole"))).toHaveLength(1);
    });

    it("is left alone when it is there, and made again when it is damaged", async () => {
      const first = await stage("once");
      said.length = 0;
      expect(await stage("once")).toBe(first);
      expect(said).toEqual([]);
      for (const damage of [
        () => rmSync(join(first, "large")),
        () => writeFileSync(join(first, "bin", "start it's"), "#!/bin/sh\necho evil\n"),
      ]) {
        damage();
        expect(await stage("once")).toBe(first);
        expect(said.splice(0)).toHaveLength(2);
        expect(await access.files.stat(join(first, "large"))).toMatchObject({ bytes: 3 * 2 ** 20 });
      }
      expect(readdirSync(join(dir, "once"))).toHaveLength(1);
    });

    it("has another name when its content is another", async () => {
      const first = await stage("names");
      chmodSync(join(source, "large"), 0o700);
      const second = await stage("names");
      chmodSync(join(source, "large"), 0o600);
      expect(second).not.toBe(first);
      expect(await stage("names")).toBe(first);
    });

    it("is one when several stage it at once", async () => {
      const all = await Promise.all([1, 2, 3].map(() => stage("race")));
      expect(new Set(all).size).toBe(1);
      expect(readdirSync(join(dir, "race"))).toHaveLength(1);
    });

    it("is not there when it was cut short, and what others left half done goes after a day", async () => {
      const tree = await describeTree(source);
      rmSync(join(source, "etc"));
      await expect(stageTree(place("cut"), "thing", tree, log, never)).rejects.toMatchObject({ code: "STAGE_FAILED" });
      symlinkSync(join(dir, "outside"), join(source, "etc"));
      expect(readdirSync(join(dir, "cut"))).toEqual([]);

      const controller = new AbortController();
      controller.abort(new Error("enough"));
      await expect(stage("cut", controller.signal)).rejects.toThrow("enough");

      for (const [left, days] of [
        [".partial-old", 2],
        [".partial-new", 0],
      ] as const) {
        mkdirSync(join(dir, "cut", left));
        const at = Date.now() / 1000 - days * 86_400;
        utimesSync(join(dir, "cut", left), at, at);
      }
      await stage("cut");
      expect(readdirSync(join(dir, "cut")).map((entry) => entry.replace(/-[0-9a-f]{16}$/, ""))).toEqual([
        ".partial-new",
        "thing",
      ]);
    });

    it("all that nodes run finds its place, Java of the distribution's own with it", async () => {
      const write = (path: string, text: string): string => {
        mkdirSync(join(dir, "run", path, ".."), { recursive: true });
        writeFileSync(join(dir, "run", path), text);
        return join(dir, "run", path);
      };
      write("es/data/secret", "x");
      write("es/lib/jar", "x");
      write("node/other", "x");
      const programs = {
        node: write("node/node", "node"),
        agent: write("bundles/agent.mjs", "agent"),
        parser: write("bundles/parser.mjs", "parser"),
        elasticsearchHome: join(dir, "run", "es"),
        javaHome: join(write("es/jdk/bin/java", "java"), "..", ".."),
      };
      const staged = await stageForNodes(place("run-staged"), programs, log, never);
      for (const path of Object.values<string>({ ...staged }))
        expect(path.startsWith(join(dir, "run-staged"))).toBe(true);
      expect(["node", "agent", "parser"].map((key) => readFileSync(staged[key as "node"], "utf8"))).toEqual([
        "node",
        "agent",
        "parser",
      ]);
      expect(readFileSync(join(staged.javaHome, "bin", "java"), "utf8")).toBe("java");
      expect(readdirSync(staged.elasticsearchHome).sort()).toEqual(["jdk", "lib"]);
      expect(readdirSync(join(staged.node, ".."))).toEqual(["node"]);
      const separate = await stageForNodes(
        place("run-staged"),
        { ...programs, javaHome: join(dir, "run", "node") },
        log,
        never,
      );
      expect(readdirSync(separate.javaHome)).toEqual(["node", "other"]);
    });
  });
}
