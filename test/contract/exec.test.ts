import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Exec } from "../../pbs/access/index.ts";
import { localExec } from "../../pbs/command.ts";
import { identifyProcess } from "../../worker/contract/process.ts";
import { describeWith, privateStateDir, waitFor, type Ground } from "../support/index.ts";
import { accessTo } from "../support/ssh-access.ts";
import { startSshServer, type SshServer } from "../support/ssh-server.ts";

interface Opened {
  readonly exec: Exec;
  readonly close: () => void;
}

interface Implementation {
  readonly name: string;
  readonly needs: readonly Ground[];
  readonly open: (server: SshServer | undefined, commandDirs: readonly string[]) => Opened;
}

/** Every way to run commands that keeps the contract of `Exec`, on real parts. To add one: a row. */
const IMPLEMENTATIONS: readonly Implementation[] = [
  { name: "local", needs: [], open: (_, dirs) => ({ exec: localExec(dirs), close: () => undefined }) },
  ...(["ssh", "openssh"] as const).map((kind): Implementation => ({
    name: kind,
    needs: ["sshd"],
    open: (server, commandDirs) => accessTo(server as SshServer, { kind, commandDirs }),
  })),
];

const never = new AbortController().signal;
const limits = { timeoutSeconds: 60, signal: never };

for (const { name, needs, open } of IMPLEMENTATIONS) {
  describeWith(needs, `commands: ${name}`, () => {
    const dir = privateStateDir(`exec-${name}`);
    const programs = join(dir, "a dir");
    let server: SshServer | undefined;
    let exec: Exec;
    let close = (): void => undefined;

    beforeAll(async () => {
      if (needs.length > 0) server = await startSshServer({ dir: join(dir, "sshd") });
      mkdirSync(programs);
      ({ exec, close } = open(server, [programs]));
    });
    afterAll(async () => {
      close();
      await server?.stop();
    });

    const run = async (...argv: readonly [string, ...string[]]): Promise<string> =>
      (await exec(argv, limits)).stdout.toString();
    const pidIn = (file: string): number => (existsSync(file) ? Number(readFileSync(file, "utf8")) : 0);
    const gone = (file: string): Promise<unknown> =>
      waitFor(`the process in ${file} to be gone`, () => identifyProcess(pidIn(file)) === undefined);

    it("gives back all that a command says", async () => {
      const argv = ["sh", "-c", 'cat; echo "$1" >&2; exit 255', "sh", "a  b"] as const;
      const out = await exec(argv, { ...limits, stdin: "in\n" });
      expect({ ...out, stdout: out.stdout.toString() }).toEqual({ argv, code: 255, stdout: "in\n", stderr: "a  b\n" });
      expect(await exec(["sh", "-c", "kill -9 $$"], limits)).toMatchObject({ code: 137 });
    });

    it("gives an empty input when there is none, and minds no program that reads none", async () => {
      expect(await run("cat")).toBe("");
      expect(await exec(["true"], { ...limits, stdin: "x".repeat(2 ** 20) })).toMatchObject({ code: 0 });
    });

    it("passes words on as they are, whatever is in them", async () => {
      const hostile = fc
        .string({ unit: "binary", maxLength: 40 })
        .map((text) => text.replaceAll("\0", "").toWellFormed());
      const parts = [
        "'",
        '"',
        "\\",
        "$",
        "`",
        "$(id)",
        "\n",
        "!",
        ";",
        "&",
        "|",
        "*",
        "~",
        " ",
        "=",
        "-",
        "%s",
        "{a,b}",
      ];
      const shellish = fc.array(fc.constantFrom(...parts)).map((some) => some.join(""));
      await fc.assert(
        fc.asyncProperty(fc.array(fc.oneof(hostile, shellish), { minLength: 10, maxLength: 20 }), async (words) => {
          const out = await exec(["printf", "%s\\0", "", ...words], limits);
          expect(out.stdout.toString()).toBe(["", ...words].map((word) => `${word}\0`).join(""));
          expect(out.stderr).toBe("");
        }),
        { numRuns: 6, seed: 20 },
      );
      await expect(exec(["printf", "a\0b"], limits)).rejects.toThrow();
    });

    it("finds programs of the extra directories first, and names one that is nowhere", async () => {
      writeFileSync(join(programs, "ls"), "#!/bin/sh\necho mine\n");
      chmodSync(join(programs, "ls"), 0o755);
      expect(await run("ls")).toBe("mine\n");
      await expect(run("qnosuch")).rejects.toMatchObject({ code: "COMMAND_MISSING", retryable: false });
      // A name that a shell knows is no program.
      await expect(run("exit", "3"))
        .resolves.toBe("")
        .catch(() => undefined);
    });

    it("answers at the time limit, and ends the command and what it started", async () => {
      const file = join(dir, "slow.pid");
      const script = `trap '' TERM; echo $$ > ${file}; sleep 1000 & while :; do wait; done`;
      await expect(exec(["sh", "-c", script], { timeoutSeconds: 2, signal: never })).rejects.toMatchObject({
        code: "COMMAND_TIMEOUT",
        retryable: true,
      });
      await gone(file);
      expect(await run("echo", "well")).toBe("well\n");
    });

    it("ends a command on abort, with the reason of the abort", async () => {
      const file = join(dir, "abort.pid");
      const controller = new AbortController();
      const running = exec(["sh", "-c", `echo $$ > ${file}; exec sleep 1000`], {
        ...limits,
        signal: controller.signal,
      });
      running.catch(() => undefined);
      await waitFor("the command to start", () => pidIn(file) > 0);
      controller.abort(new Error("enough"));
      await expect(running).rejects.toThrow("enough");
      await gone(file);
      await expect(exec(["true"], { ...limits, signal: controller.signal })).rejects.toThrow("enough");
    });

    it("takes large output and input whole, and bounds the output", async () => {
      const out = await exec(["head", "-c", String(20 * 2 ** 20), "/dev/zero"], limits);
      expect(out.stdout.length).toBe(20 * 2 ** 20);
      const stdin = Readable.from(Array.from({ length: 64 }, () => Buffer.alloc(2 ** 18, 7)));
      expect((await exec(["wc", "-c"], { ...limits, stdin })).stdout.toString().trim()).toBe(String(2 ** 24));
      await expect(exec(["cat", "/dev/zero"], limits)).rejects.toMatchObject({ code: "COMMAND_TIMEOUT" });
    });

    it("fails with its input when that breaks", async () => {
      const read = (stream: Readable): void => void stream.destroy(new Error("the disk is gone"));
      const stdin = new Readable({
        read() {
          read(this);
        },
      });
      await expect(exec(["cat"], { ...limits, stdin })).rejects.toThrow("the disk is gone");
    });
  });
}
