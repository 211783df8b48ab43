import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Access, Exec, FrontendOptions } from "../../pbs/access/index.ts";
import { pbsBatchSystem } from "../../pbs/pbs-batch-system.ts";
import { BackfillError } from "../../worker/contract/errors.ts";
import { identifyProcess } from "../../worker/contract/process.ts";
import { localBench, submitJob, untilReleased, untilState } from "../support/batch-jobs.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { accessTo, hostOf } from "../support/ssh-access.ts";
import { fingerprint, makeKey, startSshServer, type SshServer } from "../support/ssh-server.ts";

describeWith(["sshd"], "a frontend", () => {
  const dir = privateStateDir("ssh");
  const limits = { timeoutSeconds: 60, signal: new AbortController().signal };
  const opened: Access[] = [];
  let server: SshServer;
  /** Opens two sessions on one connection, and no more. */
  let narrow: SshServer;

  beforeAll(async () => {
    server = await startSshServer({ dir: join(dir, "frontend") });
    narrow = await startSshServer({ dir: join(dir, "narrow"), config: ["MaxSessions 2"] });
  });
  afterEach(() => {
    for (const access of opened.splice(0)) access.close();
  });
  afterAll(() => Promise.all([server, narrow].map((one) => one.stop())));

  const connect = (to: SshServer, more: Partial<FrontendOptions> = {}): Exec => {
    const access = accessTo(to, more);
    opened.push(access);
    return access.exec;
  };
  const run = async (exec: Exec, ...argv: readonly [string, ...string[]]): Promise<string> =>
    (await exec(argv, limits)).stdout.toString();
  const faultOf = async (work: Promise<unknown>): Promise<BackfillError> => {
    const error = await work.then(
      () => new Error("it went well"),
      (reason: unknown) => reason,
    );
    if (error instanceof BackfillError) return error;
    throw new Error("this is no error of ours", { cause: error });
  };
  const pidIn = (file: string): number => (existsSync(file) ? Number(readFileSync(file, "utf8")) : 0);
  const gone = (file: string): Promise<unknown> =>
    // Ending one is tried several times, each with a time limit of its own.
    waitFor(`the process in ${file} to be gone`, () => identifyProcess(pidIn(file)) === undefined, {
      timeoutMs: 120_000,
    });
  /** A command that goes on until it is ended, and has begun. */
  const begin = async (exec: Exec, file: string): Promise<{ readonly end: Promise<BackfillError> }> => {
    const end = faultOf(run(exec, "sh", "-c", `echo $$ > ${file}; exec sleep 1000`));
    await waitFor("the command to start", () => pidIn(file) > 0);
    return { end };
  };

  for (const kind of ["ssh", "openssh"] as const) {
    describe(`over ${kind}`, () => {
      it("runs many commands over one connection", async () => {
        const before = { logins: server.logins(), commands: server.commands() };
        const exec = connect(server, { kind });
        const outs = await Promise.all(Array.from({ length: 25 }, (_, n) => run(exec, "echo", String(n))));
        expect(outs).toEqual(Array.from({ length: 25 }, (_, n) => `${String(n)}\n`));
        expect(server.logins() - before.logins).toBe(1);
        // The control connection has a session of its own.
        expect(server.commands() - before.commands).toBe(kind === "ssh" ? 25 : 26);
      });

      it("queues what the server opens no session for", async () => {
        const exec = connect(narrow, { kind });
        const numbers = Array.from({ length: 8 }, (_, n) => String(n));
        const outs = await Promise.all(numbers.map((n) => run(exec, "sh", "-c", `sleep 0.1; echo ${n}`)));
        expect(outs).toEqual(numbers.map((n) => `${n}\n`));
      });

      it("commands that hang cannot use up the sessions", async () => {
        const exec = connect(narrow, { kind });
        await run(exec, "true");
        const numbers = ["1", "2", "3"];
        const file = (n: string): string => join(dir, `hang-${kind}-${n}.pid`);
        const controller = new AbortController();
        const hanging = numbers.map((n) =>
          exec(["sh", "-c", `echo $$ > ${file(n)}; exec sleep 1000`], { ...limits, signal: controller.signal }),
        );
        const ends = Promise.allSettled(hanging);
        await waitFor("one to start", () => numbers.some((n) => pidIn(file(n)) > 0));
        controller.abort(new Error("enough"));
        for (const end of await ends) expect(end).toMatchObject({ reason: { message: "enough" } });
        expect(await run(exec, "echo", "well")).toBe("well\n");
        for (const n of numbers) if (existsSync(file(n))) await gone(file(n));
      });

      it("ends what is given up while it starts, before its number is known", async () => {
        const exec = connect(server, { kind });
        await run(exec, "true");
        const files = Array.from({ length: 24 }, (_, n) => join(dir, `early-${kind}-${String(n)}.pid`));
        const given = files.map(async (file, n) => {
          const command = ["sh", "-c", `echo $$ > ${file}; exec sleep 1000`] as const;
          return await exec(command, { ...limits, signal: AbortSignal.timeout(15 * n) });
        });
        const ends = await Promise.allSettled(given);
        expect(ends.map(({ status }) => status)).not.toContain("fulfilled");
        // Whatever was started is under way now: the server opens sessions in the order in which they were asked for.
        await run(exec, "true");
        for (const file of files) if (existsSync(file)) await gone(file);
      });

      it("connects again after the connection was lost; what ran then is not known", async () => {
        const exec = connect(server, { kind });
        const file = join(dir, `lost-${kind}.pid`);
        const { end } = await begin(exec, file);
        server.dropConnections();
        expect(await end).toMatchObject({ code: "SSH_LOST", retryable: true });
        const logins = server.logins();
        expect(await waitFor("it to be back", () => run(exec, "echo", "again"))).toBe("again\n");
        expect(server.logins() - logins).toBe(1);
        await run(exec, "kill", String(pidIn(file)));
      });

      it("a server that is away is unreachable, and is found when it is back", async () => {
        const exec = connect(server, { kind });
        await run(exec, "true");
        await server.stop();
        try {
          await waitFor("the loss to be seen", async () => {
            const fault = await faultOf(run(exec, "true"));
            return fault.code === "SSH_UNREACHABLE" && fault.retryable;
          });
        } finally {
          await server.start();
        }
        expect(await waitFor("it to be found again", () => run(exec, "echo", "back"))).toBe("back\n");
      });

      it("finds by its silence that a connection is dead", async () => {
        const exec = connect(server, { kind, keepAliveSeconds: 1 });
        const file = join(dir, `frozen-${kind}.pid`);
        const { end } = await begin(exec, file);
        server.freeze();
        try {
          expect(await end).toMatchObject({ code: "SSH_LOST" });
        } finally {
          server.thaw();
        }
        expect(await waitFor("it to be back", () => run(exec, "echo", "well"))).toBe("well\n");
        await run(exec, "kill", String(pidIn(file)));
      });

      it("never trusts a key that it does not know, and says how to pin it", async () => {
        const logins = server.logins();
        const file = join(dir, `known-${kind}`);
        const fault = await faultOf(run(connect(server, { kind, knownHosts: file }), "true"));
        expect(fault).toMatchObject({ code: "SSH_HOST_KEY", retryable: false });
        expect(fault.message).toContain(server.hostKey);
        expect(fault.message).toContain(file);
        expect(server.logins()).toBe(logins);
        expect(existsSync(file)).toBe(false);
      });

      it("refuses a key that has changed, with the one that it shows; in mid-campaign that may pass", async () => {
        const changing = await startSshServer({ dir: join(dir, `changing-${kind}`) });
        try {
          const exec = connect(changing, { kind });
          await run(exec, "true");
          await changing.changeHostKey();
          const logins = changing.logins();
          const fault = await faultOf(run(connect(changing, { kind }), "true"));
          expect(fault).toMatchObject({ code: "SSH_HOST_KEY", retryable: false });
          for (const text of [changing.hostKey, changing.knownHosts]) expect(fault.message).toContain(text);
          await waitFor("the first connection to see it", async () => {
            const later = await faultOf(run(exec, "true"));
            return later.code === "SSH_HOST_KEY" && later.retryable;
          });
          expect(changing.logins()).toBe(logins);
        } finally {
          await changing.stop();
        }
      });

      it("says so when the login is refused", async () => {
        makeKey(join(dir, "stranger"));
        const fault = await faultOf(run(connect(server, { kind, identityFile: join(dir, "stranger") }), "true"));
        expect(fault).toMatchObject({ code: "SSH_AUTH_REFUSED", retryable: false });
      });

      it("goes through jump hosts, each with its own pin, and comes back when one was lost", async () => {
        const middle = await startSshServer({ dir: join(dir, `middle-${kind}`) });
        try {
          const logins = [server, middle, narrow].map((one) => one.logins());
          const exec = connect(narrow, { kind, jump: [hostOf(server), hostOf(middle)] });
          for (const word of ["a", "b", "c"]) expect(await run(exec, "echo", word)).toBe(`${word}\n`);
          expect([server, middle, narrow].map((one) => one.logins())).toEqual(logins.map((n) => n + 1));
          server.dropConnections();
          await waitFor("the way to be found again", async () => (await run(exec, "echo", "again")) === "again\n");

          const unknown = hostOf(middle, { knownHosts: server.knownHosts });
          const distrusted = await faultOf(run(connect(narrow, { kind, jump: [hostOf(server), unknown] }), "true"));
          expect(distrusted).toMatchObject({ code: "SSH_HOST_KEY" });
          expect(distrusted.message).toContain(middle.hostKey);
          const nowhere = await faultOf(run(connect(narrow, { kind, port: 1, jump: [hostOf(server)] }), "true"));
          expect(nowhere).toMatchObject({ code: "SSH_UNREACHABLE", retryable: true });
        } finally {
          await middle.stop();
        }
      });
    });
  }

  it("trusts a pinned fingerprint, of whatever type of key, and no other", async () => {
    makeKey(join(dir, "rsa"), { type: "rsa" });
    const both = await startSshServer({ dir: join(dir, "both"), config: [`HostKey ${join(dir, "rsa")}`] });
    try {
      const knownHosts = join(dir, "none");
      for (const hostKey of [both.hostKey, fingerprint(join(dir, "rsa.pub"))]) {
        expect(await run(connect(both, { hostKey, knownHosts }), "echo", "hi")).toBe("hi\n");
      }
      const fault = await faultOf(run(connect(both, { hostKey: server.hostKey, knownHosts }), "true"));
      expect(fault).toMatchObject({ code: "SSH_HOST_KEY", context: { seen: both.hostKey, expected: server.hostKey } });
    } finally {
      await both.stop();
    }
  });

  it("the line that it prints for an unknown key is one for known_hosts", async () => {
    const file = join(dir, "printed");
    const fault = await faultOf(run(connect(server, { knownHosts: file }), "true"));
    writeFileSync(file, `${fault.message.split("\n").at(-1) ?? ""}\n`);
    expect(await run(connect(server, { knownHosts: file }), "echo", "hi")).toBe("hi\n");
  });

  it("names a key that cannot be used", async () => {
    makeKey(join(dir, "locked"), { passphrase: "open sesame" });
    for (const identityFile of [join(dir, "locked"), join(dir, "missing"), server.knownHosts]) {
      const fault = await faultOf(run(connect(server, { identityFile }), "true"));
      expect(fault).toMatchObject({ code: "SSH_KEY_UNUSABLE", retryable: false });
      expect(fault.message).toContain(identityFile);
    }
  });

  it("logs in with a key under a passphrase, and with an agent", async () => {
    makeKey(join(dir, "protected"), { passphrase: "open sesame" });
    writeFileSync(join(dir, "passphrase"), "open sesame\n", { mode: 0o600 });
    const authorizedKeys = [readFileSync(join(dir, "protected.pub"), "utf8").trim()];
    const other = await startSshServer({ dir: join(dir, "other"), authorizedKeys });
    const socket = join(dir, "agent.sock");
    const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
    try {
      const more = { identityFile: join(dir, "protected"), passphraseFile: join(dir, "passphrase") };
      expect(await run(connect(other, more), "echo", "key")).toBe("key\n");
      await waitFor("the agent", () => existsSync(socket));
      execFileSync("ssh-add", ["-q", other.identityFile], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
      for (const kind of ["ssh", "openssh"] as const) {
        const exec = connect(other, { kind, identityFile: undefined, agent: socket });
        expect(await run(exec, "echo", "agent")).toBe("agent\n");
      }
    } finally {
      agent.kill();
      await other.stop();
    }
  });

  it("a batch system works over it, its job names and scripts as they are", async () => {
    const local = await localBench(join(dir, "a batch"));
    for (const kind of ["ssh", "openssh"] as const) {
      const access = accessTo(server, { kind, commandDirs: [local.binDir] });
      opened.push(access);
      const bench = { ...local, system: pbsBatchSystem(local.dialect, access.runner, 60) };
      const commands = server.commands();
      const id = await submitJob(bench, `over-${kind}`, untilReleased(`go-${kind}`));
      await untilState(bench, id, "running");
      expect((await bench.system.list(limits.signal)).map(({ name }) => name)).toContain(`over-${kind}`);
      await bench.system.cancel(id, limits.signal);
      expect(await untilState(bench, id, "finished")).toMatchObject({ name: `over-${kind}` });
      expect(server.commands() - commands).toBeGreaterThan(4);
      await expect(submitJob(bench, "big", "exit 0", { cpus: 99 })).rejects.toMatchObject({ code: "QSUB_REFUSED" });
    }
  });
});
