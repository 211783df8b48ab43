/**
 * Makes a fresh checkout ready and then runs a program of it:
 *
 *     node setup.mjs demo [args…]       the demo
 *     node setup.mjs test [args…]       all tests
 *     node setup.mjs services up|down|status
 *     node setup.mjs bench NAME [args…] a benchmark
 *     node setup.mjs packages           only the npm packages
 *
 * What is there already is only looked at, so that doing it again costs a fraction of a second. Plain JavaScript for
 * Node 20 and newer, without any dependency: it runs before there is anything else.
 *
 * Signals: npm passes a Ctrl-C on while the terminal gives it to everybody. Children therefore get a process group of their
 * own, and we hand them one signal for all that arrive within a second. The Debian package manager gets none: it is left to finish.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { createServer } from "node:net";
import { constants as system } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(fileURLToPath(import.meta.url));
const NODE_MAJOR = 24;
const ONE_INTERRUPTION_MS = 1000;

/** Debian packages: name, or names of which the first that the release has is taken; how to see that it is there; the systemd units in it. */
const DEBIAN = {
  redis: { names: ["redis-server"], present: () => hasProgram("redis-server"), unit: "redis-server" },
  haproxy: { names: ["haproxy"], present: () => hasProgram("haproxy"), unit: "haproxy" },
  carbon: { names: ["graphite-carbon"], present: () => hasProgram("carbon-cache"), unit: "carbon-cache" },
  graphite: { names: ["graphite-web"], present: () => hasProgram("graphite-manage") },
  gunicorn: { names: ["gunicorn"], present: () => hasProgram("gunicorn") },
  sevenZip: { names: ["p7zip-full"], present: () => hasProgram("7z") },
  openssl: { names: ["openssl"], present: () => hasProgram("openssl") },
  maven: { names: ["maven"], present: () => Boolean(process.env.ES_HOME) || hasProgram("mvn") },
  java: {
    names: ["openjdk-17-jre-headless", "openjdk-21-jre-headless", "default-jre-headless"],
    present: () => javaHomes().some((home) => javaMajor(home) >= 17),
  },
  chromium: { names: ["chromium"], present: () => hasProgram("chromium") },
  curl: { names: ["curl"], present: () => hasProgram("curl") },
  sshServer: { names: ["openssh-server"], present: () => hasProgram("sshd"), unit: "ssh" },
  sshClient: { names: ["openssh-client"], present: () => hasProgram("ssh") },
  slurm: {
    names: ["slurm-wlm"],
    present: () => hasProgram("slurmctld") && hasProgram("slurmd"),
    unit: ["slurmctld", "slurmd"],
  },
  // Its qsub could be another batch system's.
  slurmPbs: { names: ["slurm-wlm-torque"], present: () => hasProgram("generate_pbs_nodefile") },
  munge: { names: ["munge"], present: () => hasProgram("munged"), unit: "munge" },
  iproute2: { names: ["iproute2"], present: () => hasProgram("ip") && hasProgram("ss") },
  compiler: { names: ["gcc"], present: () => hasProgram("cc") },
  libc: { names: ["libc6-dev"], present: () => existsSync("/usr/include/dlfcn.h") },
  kdc: { names: ["krb5-kdc"], present: () => hasProgram("krb5kdc"), unit: "krb5-kdc" },
  kdcAdmin: { names: ["krb5-admin-server"], present: () => hasProgram("kadmin.local"), unit: "krb5-admin-server" },
  kerberos: { names: ["krb5-user"], present: () => hasProgram("kinit") },
  faketime: { names: ["faketime"], present: () => hasProgram("faketime") },
  liblognorm: { names: ["liblognorm-utils"], present: () => hasProgram("lognormalizer") },
  rsyslog: { names: ["rsyslog"], present: () => hasProgram("rsyslogd"), unit: "rsyslog" },
  rsyslogElasticsearch: { names: ["rsyslog-elasticsearch"], present: () => hasRsyslogModule("omelasticsearch") },
  pythonVenv: { names: ["python3-venv"], present: () => spawnSync("python3", ["-c", "import ensurepip"]).status === 0 },
  ripgrep: { names: ["ripgrep"], present: () => hasProgram("rg") },
};
const { kdc, kdcAdmin, kerberos, faketime, liblognorm, rsyslog, rsyslogElasticsearch, pythonVenv, ripgrep, ...OTHERS } =
  DEBIAN;
const { chromium, curl, sshServer, sshClient, slurm, slurmPbs, munge, iproute2, compiler, libc, ...SERVICES } = OTHERS;
/** A Slurm on hosts of its own; the compiler is for what a host that may not open enough files is given. */
const SLURM_BED = { sshServer, sshClient, slurm, slurmPbs, munge, iproute2, compiler, libc };

/** What benchmarks load into, and what those that load chunks have them from. */
const STORE = { sevenZip: DEBIAN.sevenZip, maven: DEBIAN.maven, java: DEBIAN.java };
const LOADING = { ...STORE, redis: DEBIAN.redis };
/** What each benchmark needs, and what it can do without. */
const BENCHMARKS = {
  parse: { more: { sevenZip: DEBIAN.sevenZip }, welcome: { liblognorm } },
  ids: { more: STORE },
  ingest: { more: LOADING, welcome: { rsyslog, rsyslogElasticsearch, pythonVenv } },
  search: { more: LOADING, welcome: { ripgrep } },
  tuner: { more: LOADING },
};

/**
 * What can be run: the Debian packages that it needs, those that some arguments need besides, those that it can do without (`welcome`), whether it
 * needs Elasticsearch, and what Node is to run.
 */
const PROGRAMS = {
  demo: {
    debian: SERVICES,
    more: (args) => (/(?:^| )--batch[ =]slurm(?: |$)/.test(args.join(" ")) ? SLURM_BED : {}),
    runtimes: true,
    argv: ["orchestrator/demo/main.ts"],
  },
  test: {
    debian: { ...SERVICES, ...SLURM_BED, chromium, curl, kdc, kdcAdmin, kerberos, faketime },
    runtimes: true,
    argv: ["node_modules/vitest/vitest.mjs", "run"],
  },
  services: { debian: SERVICES, runtimes: false, argv: ["orchestrator/main.ts", "services"] },
  bench: {
    debian: {},
    more: ([name]) => BENCHMARKS[name]?.more ?? {},
    welcome: ([name]) => BENCHMARKS[name]?.welcome ?? {},
    runtimes: false,
    argv: ["test/perf/bench.ts"],
  },
  packages: { debian: {}, runtimes: false },
};

// --- signals and children

/** The program that runs at the moment; `patient` ones are not told of signals. */
let running;
let interruptedAt;
const isInterrupted = () => interruptedAt !== undefined;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    const now = performance.now();
    if (isInterrupted() && now - interruptedAt < ONE_INTERRUPTION_MS) return;
    interruptedAt = now;
    if (running?.patient) say("interrupted: the installation of Debian packages is left to finish first");
    else running?.child.kill(signal);
  });
}

/** Ends the program. Set-up writes to stderr only: stdout belongs to what it runs. */
class SetupFailure extends Error {
  constructor(message, exitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

/**
 * Runs a program to its end. `quiet` keeps its output back and gives it with the result.
 * Signals that arrive meanwhile are handed on, and end the set-up with 130 once the program has ended.
 */
async function run(command, args, { env = process.env, quiet = false, patient = false } = {}) {
  if (isInterrupted()) throw new SetupFailure("interrupted", 130);
  const result = await new Promise((resolve, reject) => {
    const stdio = quiet ? ["ignore", "pipe", "pipe"] : ["ignore", "inherit", "inherit"];
    const child = spawn(command, args, { cwd: ROOT, env, stdio, detached: true });
    running = { child, patient };
    let output = "";
    if (quiet)
      for (const s of [child.stdout, child.stderr]) s.on("data", (text) => (output = (output + text).slice(-8000)));
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code: code ?? 128 + (system.signals[signal] ?? 0), output }));
  });
  running = undefined;
  if (isInterrupted()) throw new SetupFailure("interrupted", 130);
  return result;
}

/** The program cannot miss our end, even a violent one: the kernel then sends it the signal. @source setpriv(1) */
function endingWithUs(signal, command, args) {
  const probe = spawnSync("setpriv", ["--pdeathsig", signal, "true"], { stdio: "ignore" });
  return probe.status === 0 ? ["setpriv", ["--pdeathsig", signal, command, ...args]] : [command, args];
}

/**
 * One set-up at a time on this machine. The lock is a socket in Linux's abstract namespace: no file, and freed by the
 * kernel whatever way its holder ends.
 */
async function withLock(work) {
  const name = createHash("sha256").update("setup").digest("hex").slice(0, 32);
  const listen = () =>
    new Promise((resolve, reject) => {
      const server = createServer((socket) => socket.destroy());
      server.once("error", (error) => (error.code === "EADDRINUSE" ? resolve(undefined) : reject(error)));
      server.listen({ path: `\0gridharvest-${name}` }, () => resolve(server));
    });
  let server = await listen();
  if (!server) say("another set-up is running on this machine: waiting for it");
  while (!server) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    if (isInterrupted()) throw new SetupFailure("interrupted", 130);
    server = await listen();
  }
  try {
    return await work();
  } finally {
    server.close();
  }
}

// --- npm packages

/** Whether node_modules holds what package-lock.json says: npm writes down what it installed when it has finished. */
function packagesAreCurrent() {
  const installedFile = join(ROOT, "node_modules", ".package-lock.json");
  if (!existsSync(installedFile)) return false;
  const installed = JSON.parse(readFileSync(installedFile, "utf8")).packages;
  const locked = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")).packages;
  return Object.entries(locked).every(([path, { version, integrity, optional, peer }]) => {
    if (path === "") return true;
    const found = installed[path];
    // Optional ones are for other processors mostly.
    if (found === undefined) return optional === true || peer === true;
    return found.version === version && found.integrity === integrity;
  });
}

async function ensurePackages() {
  if (packagesAreCurrent()) return;
  await withLock(async () => {
    if (packagesAreCurrent()) return;
    say("installing the npm packages of package-lock.json into node_modules (npm ci)");
    // Not under the Node that node_modules holds: npm ci removes it first.
    const path = (process.env.PATH ?? "").split(delimiter).filter((dir) => !dir.endsWith(join("node_modules", ".bin")));
    // It begins anew every time, so nothing is lost by killing it; on TERM it would go on for long to undo what it did.
    const args = ["ci", "--include=dev", "--include=optional", "--no-audit", "--no-fund", "--loglevel=error"];
    const result = await run(...endingWithUs("KILL", "npm", args), {
      env: { ...process.env, PATH: path.join(delimiter) },
      quiet: true,
    });
    if (result.code !== 0) {
      throw new SetupFailure(
        `npm ci failed (exit ${result.code}); see that npm reaches its registry:\n${result.output}`,
        1,
      );
    }
  });
}

/** The Node that runs everything: that of the npm package, else this one if it is new enough. */
function nodeBinary() {
  const packaged = join(ROOT, "node_modules", ".bin", "node");
  if (existsSync(packaged)) return packaged;
  if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR) return process.execPath;
  throw new SetupFailure(
    `there is no npm package with Node ${NODE_MAJOR} for ${process.platform}-${process.arch}, and this is Node ${process.versions.node}; ` +
      `install Node ${NODE_MAJOR} or newer`,
    2,
  );
}

// --- Debian packages

/** Debian keeps some of them where an ordinary user's PATH does not look. */
function programDirs() {
  return [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"].filter(Boolean);
}

/** @source Debian's libdir of its architecture */
function hasRsyslogModule(name) {
  const libs = existsSync("/usr/lib") ? readdirSync("/usr/lib").map((dir) => join("/usr/lib", dir, "rsyslog")) : [];
  return [...libs, "/usr/lib/rsyslog"].some((dir) => existsSync(join(dir, `${name}.so`)));
}

function hasProgram(name) {
  return programDirs().some((dir) => isExecutable(join(dir, name)));
}

/** False also where we may not look: root's PATH, kept by su, names directories of root. */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function javaHomes() {
  const named = [process.env.ES_JAVA_HOME, process.env.JAVA_HOME].filter(Boolean);
  const onPath = programDirs()
    .map((dir) => join(dir, "java"))
    .filter(existsSync);
  const system = existsSync("/usr/lib/jvm")
    ? readdirSync("/usr/lib/jvm").map((name) => join("/usr/lib/jvm", name))
    : [];
  return [...named, ...onPath.map((java) => dirname(dirname(realpathSync(java)))), ...system];
}

function javaMajor(home) {
  const release = join(home, "release");
  if (!existsSync(join(home, "bin", "java")) || !existsSync(release)) return 0;
  return Number(/JAVA_VERSION="(?:1\.)?(\d+)/.exec(readFileSync(release, "utf8"))?.[1] ?? 0);
}

/**
 * Installs without starting a daemon: policy-rc.d says no for as long as it takes, and the units of what is new are switched off, since our
 * services are started by us with configurations of our own. Nothing is removed for what is new: a host has one daemon for its logs. A script and not steps of ours, so that it also cleans up when we are killed.
 * Arguments: the packages, `--`, the systemd units.
 * @source invoke-rc.d(8), /usr/share/doc/init-system-helpers/README.policy-rc.d.gz
 */
const APT_SCRIPT = `
trap '' INT TERM HUP
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
mark='# made by the set-up of gridharvest, for the time of an installation'
if [ ! -e $policy ] || grep -qF "$mark" $policy; then
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\\n%s\\nexit 101\\n' "$mark" > $policy && chmod 755 $policy
fi
packages=
while [ "$1" != -- ]; do packages="$packages $1"; shift; done
shift
apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install -y --no-remove --no-install-recommends $packages || exit 1
if [ -d /run/systemd/system ]; then for unit; do systemctl disable --quiet "$unit" || true; done; fi
`;

async function ensureDebianPackages(wanted) {
  const missing = () => Object.values(wanted).filter(({ present }) => !present());
  if (missing().length === 0) return;
  if (!hasProgram("apt-get") || process.getuid?.() !== 0) {
    const names = missing()
      .map((row) => row.names[0])
      .join(" ");
    throw new SetupFailure(
      `these Debian packages are missing: ${names}\n` +
        (hasProgram("apt-get")
          ? `As root, run:\n  apt-get update && apt-get install --no-install-recommends ${names}`
          : "This is no Debian system: install what corresponds to them."),
      2,
    );
  }
  await withLock(async () => {
    if (missing().length === 0) return;
    say(
      `installing Debian packages, without starting their daemons: ${missing()
        .map((row) => row.names[0])
        .join(" ")}`,
    );
    const apt = { patient: true, quiet: true };
    // Exits with a fault when one of many sources is away; whether that matters shows at the installation.
    const update = await run("apt-get", ["-q", "-o", "DPkg::Lock::Timeout=300", "update"], apt);
    const rows = missing();
    const names = rows.map((row) => row.names.find(isAvailable) ?? row.names[0]);
    const units = rows.flatMap((row) => row.unit ?? []);
    const install = await run("sh", ["-c", APT_SCRIPT, "install", ...names, "--", ...units], apt);
    if (install.code !== 0) {
      const log = update.code === 0 ? install.output : `${update.output}\n${install.output}`;
      throw new SetupFailure(`apt-get could not install ${names.join(" ")}:\n${log}`, 1);
    }
    const still = missing().map((row) => row.names[0]);
    if (still.length > 0) throw new SetupFailure(`installed, but their programs are not found: ${still.join(" ")}`, 1);
  });
}

/** Installs what a program can do without; where that cannot be, says so and goes on. */
async function tryDebianPackages(wanted) {
  try {
    await ensureDebianPackages(wanted);
  } catch (error) {
    if (!(error instanceof SetupFailure) || isInterrupted()) throw error;
    say(`${error.message}\nIt goes on without.`);
  }
}

function isAvailable(name) {
  const { stdout } = spawnSync("apt-cache", ["policy", name], { encoding: "utf8" });
  return /Candidate: (?!\(none\))/.test(stdout ?? "");
}

// --- all together

async function main([name, ...args]) {
  const program = Object.hasOwn(PROGRAMS, name ?? "") ? PROGRAMS[name] : undefined;
  if (program === undefined)
    throw new SetupFailure(`usage: node setup.mjs ${Object.keys(PROGRAMS).join("|")} [arguments]`, 2);
  if (process.platform !== "linux") throw new SetupFailure(`gridharvest runs on Linux, this is ${process.platform}`, 2);
  // Debian's first: without root they end it, and nobody has waited for the rest.
  await ensureDebianPackages({ ...program.debian, ...program.more?.(args) });
  await tryDebianPackages(program.welcome?.(args) ?? {});
  await ensurePackages();
  if (program.argv === undefined) return 0;
  const node = nodeBinary();
  const env = { ...process.env, PATH: `${join(ROOT, "node_modules", ".bin")}${delimiter}${process.env.PATH ?? ""}` };
  if (program.runtimes) {
    const { code } = await run(...endingWithUs("TERM", node, ["orchestrator/runtimes/prepare.ts", ...args]), { env });
    if (code !== 0) return code;
  }
  return (await run(...endingWithUs("TERM", node, [...program.argv, ...args]), { env })).code;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof SetupFailure) say(error.message);
  else console.error(error);
  process.exitCode = error.exitCode ?? 1;
}
