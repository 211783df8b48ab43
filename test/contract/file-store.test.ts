import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { commandFiles } from "../../pbs/access/command-files.ts";
import type { FileStore } from "../../pbs/access/index.ts";
import { localFiles } from "../../pbs/access/local-files.ts";
import { localExec } from "../../pbs/command.ts";
import { describeWith, privateStateDir, type Ground } from "../support/index.ts";
import { accessTo } from "../support/ssh-access.ts";
import { startSshServer, type SshServer } from "../support/ssh-server.ts";

interface Implementation {
  readonly name: string;
  readonly needs: readonly Ground[];
  readonly open: (server: SshServer | undefined) => { readonly files: FileStore; readonly close: () => void };
}

const close = (): void => undefined;

/** Every store that keeps the contract of `FileStore`, on real parts. To add one: a row. */
const IMPLEMENTATIONS: readonly Implementation[] = [
  { name: "local", needs: [], open: () => ({ files: localFiles(), close }) },
  {
    name: "commands",
    needs: [],
    open: () => ({ files: commandFiles(localExec(), "here", 60, new AbortController().signal), close }),
  },
  { name: "sftp", needs: ["sshd"], open: (server) => accessTo(server as SshServer) },
  {
    name: "commands over openssh",
    needs: ["sshd"],
    open: (server) => accessTo(server as SshServer, { kind: "openssh" }),
  },
];

for (const { name, needs, open } of IMPLEMENTATIONS) {
  describeWith(needs, `files: ${name}`, () => {
    const dir = privateStateDir("files");
    let server: SshServer | undefined;
    let files: FileStore;
    let end = close;
    let before: number;

    beforeAll(async () => {
      // What the server's umask takes away must be given back.
      before = process.umask(0o077);
      if (needs.length > 0) server = await startSshServer({ dir: join(dir, "sshd") });
      ({ files, close: end } = open(server));
    });
    afterAll(async () => {
      process.umask(before);
      end();
      await server?.stop();
    });
    const modeOf = (path: string): number => statSync(path).mode & 0o777;

    it("writes and reads, with exactly the mode that was asked for", async () => {
      const odd = join(dir, "it's $HOME; `x` \\ \n ž");
      for (const [mode, content] of [
        [0o600, "secret\n"],
        [0o755, "#!/bin/sh\n"],
        [0o644, Buffer.from([0, 255, 10, 13, 0])],
        [0o644, ""],
      ] as const) {
        await files.write(odd, content, mode);
        expect(modeOf(odd)).toBe(mode);
        expect(await files.read(odd)).toEqual(Buffer.from(content));
        expect(await files.stat(odd)).toEqual({ kind: "file", bytes: Buffer.byteLength(content), mode });
      }
      expect(readdirSync(dir).filter((entry) => entry.endsWith(".tmp"))).toEqual([]);
    });

    it("takes megabytes", async () => {
      const content = Buffer.alloc(5 * 2 ** 20, "0123456789");
      await files.write(join(dir, "large"), content);
      expect((await files.read(join(dir, "large")))?.equals(content)).toBe(true);
    });

    it("finds nothing where nothing is", async () => {
      writeFileSync(join(dir, "plain"), "");
      for (const path of [join(dir, "none"), join(dir, "none", "below"), join(dir, "plain", "below")]) {
        expect(await files.read(path)).toBeUndefined();
        expect(await files.stat(path)).toBeUndefined();
      }
      await files.remove(join(dir, "none"));
    });

    it("makes a directory and those above it, and leaves one that is there", async () => {
      await files.makeDir(join(dir, "a", "b b", "c"), 0o700);
      expect(["a", "a/b b", "a/b b/c"].map((path) => modeOf(join(dir, path)))).toEqual([0o755, 0o755, 0o700]);
      await files.makeDir(join(dir, "a", "b b", "c"), 0o755);
      expect(modeOf(join(dir, "a", "b b", "c"))).toBe(0o700);
      expect(await files.stat(join(dir, "a"))).toMatchObject({ kind: "directory", mode: 0o755 });
      await Promise.all([1, 2, 3].map(() => files.makeDir(join(dir, "race", "x"))));
      await expect(files.makeDir(join(dir, "plain", "x"))).rejects.toMatchObject({ code: "FILES_FAILED" });
    });

    it("gives a name once, to files and directories", async () => {
      for (const kind of ["dir", "file"]) {
        const draft = (n: number): string => join(dir, `${kind}-draft-${String(n)}`);
        const target = join(dir, `${kind}-target`);
        for (const n of [1, 2]) {
          if (kind === "dir") await files.makeDir(join(draft(n), String(n)));
          else await files.write(draft(n), String(n));
        }
        expect(await files.publish(draft(1), target)).toBe(true);
        expect(await files.publish(draft(2), target)).toBe(false);
        expect(await files.stat(draft(1))).toBeUndefined();
        expect(await files.stat(draft(2))).toBeDefined();
        if (kind === "dir") expect(readdirSync(target)).toEqual(["1"]);
        else expect((await files.read(target))?.toString()).toBe("1");
      }
      await expect(files.publish(join(dir, "none"), join(dir, "new"))).rejects.toMatchObject({ code: "FILES_FAILED" });
    });

    it("removes all of a directory, and never follows a link out of it", async () => {
      mkdirSync(join(dir, "kept"));
      writeFileSync(join(dir, "kept", "file"), "");
      await files.makeDir(join(dir, "tree", "deep"));
      await files.write(join(dir, "tree", "deep", "-rf"), "x");
      symlinkSync(join(dir, "kept"), join(dir, "tree", "link"));
      symlinkSync(join(dir, "nowhere"), join(dir, "tree", "dangling"));
      await files.remove(join(dir, "tree"));
      expect(await files.stat(join(dir, "tree"))).toBeUndefined();
      expect(readdirSync(join(dir, "kept"))).toEqual(["file"]);
      await files.remove(join(dir, "kept", "file"));
      expect(readdirSync(join(dir, "kept"))).toEqual([]);
    });

    it("says what could not be written, and leaves no draft", async () => {
      mkdirSync(join(dir, "taken", "x"), { recursive: true });
      await expect(files.write(join(dir, "none", "file"), "x")).rejects.toMatchObject({
        code: "FILES_FAILED",
        retryable: true,
        message: expect.stringContaining(join(dir, "none", "file")) as string,
      });
      await expect(files.write(join(dir, "taken"), "x")).rejects.toMatchObject({ code: "FILES_FAILED" });
      await expect(files.read(join(dir, "taken"))).rejects.toMatchObject({ code: "FILES_FAILED" });
      expect(readdirSync(dir).filter((entry) => entry.endsWith(".tmp"))).toEqual([]);
    });
  });
}
