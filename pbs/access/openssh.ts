import { spawn, type ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { renderTemplate } from "../../templates/render.ts";
import { GridError } from "../../worker/contract/errors.ts";
import type { Argv } from "../batch-system.ts";
import { startLocally } from "../command.ts";
import { follow, isStream, withinLimits, type Exec, type RunningCommand } from "./exec.ts";
import { keep, orAborted, unreachable, type Kept } from "./kept.ts";
import { connectFault, sessionFault } from "./openssh-faults.ts";
import { KEEPALIVE_MOST_SILENCES, type AccessLog, type SshHost, type SshOptions } from "./options.ts";
import { endLine, readMarks, remoteLine } from "./remote-line.ts";
import { createSlots } from "./slots.ts";
import { groupOf, lost, newToken, outcomeOf } from "./ssh-exec.ts";

/**
 * The system's ssh with a control connection: for sites that want Kerberos, which ssh2 does not speak. One ssh process, the master, holds the
 * connection; each command is a short one that asks the master for a session. The master reads our pipe at the far end, so that it ends with us whatever way we end.
 */

/** A master with its private directory: the configuration and the control socket. */
interface Master {
  readonly dir: string;
  readonly process: ChildProcess;
}

const FRONTEND = "gridharvest-frontend";
const READY = "gridharvest-ready";
/** What the master does at the far end: nothing, until our pipe closes. */
const MASTER_LINE = `echo ${READY}; exec cat >/dev/null`;
/** Of what the master says while it logs in, for messages. */
const MOST_TEXT = 64 * 2 ** 10;
const LOOK_AGAIN_MS = 250;
const END_ATTEMPTS = 5;

/** @param beforeLogin sees to what a login needs; its failure is not the login's */
export function opensshExec(
  options: SshOptions,
  log: AccessLog,
  beforeLogin: () => Promise<unknown> = () => Promise.resolve(),
): { readonly exec: Exec; readonly close: () => void } {
  const masters: Kept<Master> = keep<Master>(
    options,
    {
      open: async () => {
        await beforeLogin().catch(() => undefined);
        return await openMaster(options);
      },
      end: ({ process }) => void process.kill("SIGTERM"),
      onceEnded: ({ process }, callback) => {
        if (process.exitCode !== null || process.signalCode !== null) callback();
        else process.once("exit", callback);
      },
    },
    log,
  );
  // The master itself has a session too.
  const slots = createSlots(Math.max(1, options.sessions - 1));

  const exec: Exec = (argv, limits) =>
    withinLimits(argv, limits, async (signal) => {
      const token = newToken();
      const line = remoteLine(argv, { token, commandDirs: options.commandDirs });
      for (;;) {
        const release = await slots.take(signal);
        let ending: Promise<void> | undefined;
        try {
          const master = await masters.get(signal);
          const local = startLocally(sessionArgv(master, line), sshEnv());
          const running: RunningCommand = {
            ...local,
            abandon(stderr) {
              ending = groupOf(local, stderr, token).then((group) => {
                local.abandon(stderr);
                return endCommand(masters, master, group);
              });
            },
          };
          const ended = await follow(running, argv, limits.stdin, signal);
          if (ended.code !== 255 || readMarks(ended.stderr, token).exit !== undefined) {
            return outcomeOf(argv, options, token, ended);
          }
          const fault = readMarks(ended.stderr, token).group === undefined ? sessionFault(ended.stderr) : "lost";
          // What was read of a stream cannot be sent again.
          if (fault === "lost" || isStream(limits.stdin)) throw lost(argv, options, ended.stderr.trim());
          if (fault === "not connected") await masters.replace(master, signal);
          else {
            // One stays free for ending commands.
            slots.lower(slots.taken - 2);
            if (slots.taken === 1) await orAborted(sleep(LOOK_AGAIN_MS), signal);
          }
        } finally {
          if (ending === undefined) release();
          else void ending.finally(release);
        }
      }
    });

  return { exec, close: () => masters.close() };
}

/** Logs in. @throws BackfillError as `connectFault` says */
async function openMaster(options: SshOptions): Promise<Master> {
  // The path of a control socket is at most 107 bytes long, so it stands below the system's directory.
  const dir = await mkdtemp(join(tmpdir(), "gh-ssh-"));
  const remove = (): void => rmSync(dir, { recursive: true, force: true });
  process.once("exit", remove);
  let master: ChildProcess | undefined;
  try {
    await writeFile(configFile(dir), renderConfig(options, dir), { mode: 0o600 });
    // -v says which key the server shows.
    const argv = ["-v", "-F", configFile(dir), "-M", "-T", "--", FRONTEND, MASTER_LINE];
    master = spawn("ssh", argv, { env: sshEnv(), detached: true, stdio: ["pipe", "pipe", "pipe"] });
    await untilReady(master, options);
    master.once("exit", () => {
      process.off("exit", remove);
      remove();
    });
    return { dir, process: master };
  } catch (error) {
    master?.kill("SIGKILL");
    process.off("exit", remove);
    remove();
    throw error;
  }
}

function untilReady(master: ChildProcess, options: SshOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    let ready = false;
    const patience = options.connectTimeoutSeconds * (options.jump.length + 1);
    const timer = setTimeout(
      () => reject(unreachable(options, `no login within ${String(patience)} s`)),
      patience * 1000,
    );
    const settle = (): void => clearTimeout(timer);
    master.once("error", (error) => {
      settle();
      reject(
        new GridError("COMMAND_MISSING", `ssh cannot be run here: ${error.message}; install OpenSSH's client`, {
          cause: error,
        }),
      );
    });
    master.once("close", () => {
      settle();
      reject(connectFault(options, said));
    });
    master.stdin?.on("error", () => undefined);
    master.stderr?.on("data", (text: Buffer) => {
      if (!ready) said = (said + text.toString("utf8")).slice(-MOST_TEXT);
    });
    master.stdout?.on("data", (text: Buffer) => {
      if (!text.toString("utf8").includes(READY)) return;
      ready = true;
      settle();
      resolve();
    });
  });
}

/** A session of the master. Without the master there is no connection of its own: `ProxyCommand` takes the way away. */
function sessionArgv({ dir }: Master, line: string): Argv {
  const direct = ["-o", "ControlMaster=no", "-o", "ProxyCommand=false", "-o", "LogLevel=ERROR"];
  return ["ssh", "-F", configFile(dir), ...direct, "-T", "--", FRONTEND, line];
}

function configFile(dir: string): string {
  return join(dir, "config");
}

/** ssh's own words in English. */
function sshEnv(): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: "C" };
}

/** The configuration of the ssh processes. @throws ConfigError `TEMPLATE_VALUE` */
export function renderConfig(options: SshOptions, dir: string): string {
  const jumps = options.jump.map((_, i) => `gridharvest-jump-${String(i + 1)}`);
  const entry = (host: SshHost, alias: string, through: string) => ({
    alias,
    host: host.host,
    port: host.port,
    user: host.user ?? userInfo().username,
    knownHosts: host.knownHosts,
    identityFile: host.identityFile ?? null,
    agent: host.agent ?? null,
    jumps: through === "" ? null : through,
    controlPath: alias === FRONTEND ? join(dir, "control") : null,
  });
  return renderTemplate("templates/ssh/config.tmpl", {
    hosts: [
      ...options.jump.map((host, i) => entry(host, jumps[i] ?? "", jumps[i - 1] ?? "")),
      entry(options, FRONTEND, jumps.at(-1) ?? ""),
    ],
    connectTimeout: Math.ceil(options.connectTimeoutSeconds),
    keepAlive: Math.ceil(options.keepAliveSeconds),
    silences: KEEPALIVE_MOST_SILENCES,
  });
}

/**
 * Ends the process group of a command that was given up; closing its session does not. When the server has no session for that, the connection is
 * given up too, so that what hangs cannot keep us out for good.
 */
async function endCommand(masters: Kept<Master>, master: Master, group: number | undefined): Promise<void> {
  if (group === undefined) return;
  const limits = { timeoutSeconds: 30, signal: new AbortController().signal };
  const end = async (by: Master): Promise<boolean> => {
    const argv = sessionArgv(by, endLine(group));
    const { code } = await withinLimits(argv, limits, (signal) =>
      follow(startLocally(argv, sshEnv()), argv, "", signal),
    );
    return code !== 255;
  };
  try {
    let at = master;
    for (let attempt = 1; attempt <= 2 * END_ATTEMPTS; attempt++) {
      if (await end(at)) return;
      await sleep(LOOK_AGAIN_MS);
      if (attempt === END_ATTEMPTS) at = await masters.replace(at, AbortSignal.timeout(30_000));
    }
  } catch {
    // The frontend is away. Nobody waits for the command.
  }
}
