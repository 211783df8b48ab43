import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { findProgram } from "../../orchestrator/runtimes/run-tool.ts";
import { freePort } from "./free-port.ts";
import { waitFor } from "./wait-for.ts";

/** How a real sshd of a test's own is set up. */
export interface SshServerOptions {
  /** Its keys, configuration and log stand here; made when missing. No other server may use it. */
  readonly dir: string;
  /** Where it listens. Default 127.0.0.1. */
  readonly address?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Who may log in. Default: the user that runs the test; another one only when root runs it. */
  readonly user?: string;
  /** Program and arguments to start sshd with, e.g. `["ip", "netns", "exec", "head"]`. */
  readonly through?: readonly string[];
  /** Variables that every command finds, e.g. `SLURM_CONF`. @source sshd_config(5), SetEnv */
  readonly environment?: Readonly<Record<string, string>>;
  /** More lines of sshd_config; the first line for a keyword counts, and these stand first. */
  readonly config?: readonly string[];
  /** More public keys that may log in, as lines of authorized_keys. */
  readonly authorizedKeys?: readonly string[];
  /** Writes each command line down before it is run, which sshd's own log does not; see `commandLines`. */
  readonly recordCommands?: boolean;
}

/** A real sshd with keys made for it. Whoever starts it stops it. */
export interface SshServer {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** Private key that may log in, ed25519, without a passphrase. */
  readonly identityFile: string;
  /** `SHA256:…` of its host key, as `ssh-keygen -l` prints it. Changes with `changeHostKey`. */
  readonly hostKey: string;
  /** A known_hosts file with its first host key; `changeHostKey` leaves it as it is. */
  readonly knownHosts: string;
  /** What sshd has logged (VERBOSE). */
  log(): string;
  /** How many logins succeeded since the start. */
  logins(): number;
  /** How many commands were begun on all connections. */
  commands(): number;
  /** The command lines that arrived, when they are recorded. A line break within one shows as one. */
  commandLines(): readonly string[];
  /** Kills the processes that serve the connections; the server goes on. */
  dropConnections(): void;
  /** Stops the processes that serve the connections, as a network does that swallows everything. */
  freeze(): void;
  thaw(): void;
  /** Gives it a new host key and restarts it on its port. */
  changeHostKey(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and every connection. */
  stop(): Promise<void>;
}

/** Starts it. @throws Error when there is no sshd, or it does not come up */
export async function startSshServer(options: SshServerOptions): Promise<SshServer> {
  const { dir, address = "127.0.0.1", user = userInfo().username } = options;
  const sshd = findProgram("sshd");
  if (sshd === undefined) throw new Error("no sshd on this machine; install the Debian package openssh-server");
  const port = options.port ?? (await freePort());
  const file = (name: string): string => join(dir, name);
  mkdirSync(dir, { recursive: true });
  // Its unprivileged part lives in there; Debian makes it in the init script, which never ran. @source sshd(8)
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  makeKey(file("client"));
  makeKey(file("host"));
  const authorized = [readFileSync(file("client.pub"), "utf8").trim(), ...(options.authorizedKeys ?? [])];
  writeFileSync(file("authorized_keys"), `${authorized.join("\n")}\n`, { mode: 0o600 });
  const [type, key] = readFileSync(file("host.pub"), "utf8").split(" ");
  const name = port === 22 ? address : `[${address}]:${String(port)}`;
  writeFileSync(file("known_hosts"), `${name} ${type ?? ""} ${key ?? ""}\n`);
  writeFileSync(file("log"), "");
  const setEnv = Object.entries(options.environment ?? {}).map(([variable, value]) => `"${variable}=${value}"`);
  writeFileSync(
    file("sshd_config"),
    [
      ...(options.config ?? []),
      `ListenAddress ${address}`,
      `Port ${String(port)}`,
      `HostKey ${file("host")}`,
      `PidFile ${file("pid")}`,
      `AuthorizedKeysFile ${file("authorized_keys")}`,
      `AllowUsers ${user}`,
      "LogLevel VERBOSE",
      "PermitRootLogin prohibit-password",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "UsePAM no",
      // The temporary directory of a test is group- or world-writable further up.
      "StrictModes no",
      "Subsystem sftp internal-sftp",
      "MaxStartups 100",
      ...(setEnv.length === 0 ? [] : [`SetEnv ${setEnv.join(" ")}`]),
      ...(options.recordCommands === true ? [`ForceCommand ${file("record")}`] : []),
    ].join("\n"),
  );
  writeFileSync(file("record"), recorder(file("commands")), { mode: 0o755 });

  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const [program = "", ...args] = [
      ...(options.through ?? []),
      ...[sshd, "-D", "-f", file("sshd_config"), "-E", file("log")],
    ];
    const ups = count(log(), /Server listening on/g);
    const starting = spawn(program, args, { stdio: "ignore" });
    child = starting;
    await waitFor("sshd to listen", () => {
      if (starting.exitCode !== null) {
        throw new Error(`sshd ended with ${String(starting.exitCode)}: ${log().slice(-2000)}`);
      }
      return count(log(), /Server listening on/g) > ups;
    });
  };
  const log = (): string => readFileSync(file("log"), "utf8");
  // They are children of the listener, and of the listener alone as long as it lives.
  const serving = (): number[] => (child?.pid === undefined ? [] : descendants(child.pid));
  const signal = (pids: readonly number[], name: NodeJS.Signals): void => {
    for (const pid of pids) {
      try {
        process.kill(pid, name);
      } catch {
        // It has ended meanwhile.
      }
    }
  };
  const stop = async (): Promise<void> => {
    const ending = child;
    const others = serving();
    child = undefined;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const exited = new Promise((resolve) => ending.once("exit", resolve));
    ending.kill("SIGTERM");
    signal(others, "SIGKILL");
    await exited;
  };
  await start();
  return {
    address,
    port,
    user,
    identityFile: file("client"),
    get hostKey() {
      return fingerprint(file("host.pub"));
    },
    knownHosts: file("known_hosts"),
    log,
    logins: () => count(log(), /Accepted publickey for/g),
    commands: () => count(log(), /Starting session: (forced-)?command/g),
    commandLines: () => (existsSync(file("commands")) ? readFileSync(file("commands"), "utf8").split("\n") : []),
    dropConnections: () => signal(serversOf(serving()), "SIGKILL"),
    freeze: () => signal(serversOf(serving()), "SIGSTOP"),
    thaw: () => signal(serversOf(serving()), "SIGCONT"),
    async changeHostKey() {
      await stop();
      for (const name of ["host", "host.pub"]) rmSync(file(name));
      makeKey(file("host"));
      appendFileSync(file("log"), "--- host key changed\n");
      await start();
    },
    start,
    stop,
  };
}

/** A forced command that runs what was asked for, as sshd itself does, once it is written down. @source sshd_config(5), ForceCommand */
function recorder(file: string): string {
  return [
    "#!/bin/sh",
    `printf '%s\\n' "$SSH_ORIGINAL_COMMAND" >> '${file}'`,
    "case $SSH_ORIGINAL_COMMAND in internal-sftp*) exec /usr/lib/openssh/sftp-server ;; esac",
    'exec "${SHELL:-/bin/sh}" -c "$SSH_ORIGINAL_COMMAND"',
    "",
  ].join("\n");
}

/** Makes a key pair `<file>` and `<file>.pub` unless it is there. */
export function makeKey(file: string, options: { readonly type?: string; readonly passphrase?: string } = {}): void {
  if (existsSync(file)) return;
  const { type = "ed25519", passphrase = "" } = options;
  execFileSync("ssh-keygen", ["-q", "-t", type, "-N", passphrase, "-C", "test", "-f", file]);
}

/** `SHA256:…` of a public key's file. */
export function fingerprint(file: string): string {
  const out = execFileSync("ssh-keygen", ["-l", "-E", "sha256", "-f", file], { encoding: "utf8" });
  return out.split(" ")[1] ?? "";
}

function count(text: string, what: RegExp): number {
  return [...text.matchAll(what)].length;
}

/** Of these processes those that are sshd itself and not what it started for somebody. */
function serversOf(pids: readonly number[]): readonly number[] {
  return pids.filter((pid) => status(pid)?.name === "sshd");
}

function descendants(of: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const parent = /^\d+$/.test(name) ? status(Number(name))?.parent : undefined;
    if (parent !== undefined) parents.set(Number(name), parent);
  }
  const below = (pid: number): boolean => {
    for (let at = parents.get(pid); at !== undefined; at = parents.get(at)) if (at === of) return true;
    return false;
  };
  return [...parents.keys()].filter(below);
}

function status(pid: number): { readonly name: string; readonly parent: number } | undefined {
  try {
    const text = readFileSync(`/proc/${String(pid)}/status`, "utf8");
    return { name: /^Name:\s*(.*)$/m.exec(text)?.[1] ?? "", parent: Number(/^PPid:\s*(\d+)$/m.exec(text)?.[1]) };
  } catch {
    return undefined;
  }
}
