import { spawnSync } from "node:child_process";
import { describe } from "vitest";
import { findProgram } from "../../orchestrator/runtimes/run-tool.ts";
import { mayLimitProcessors, mayLimitReading } from "./may-limit.ts";

/** In CI a missing service is a failure: nothing there may pass by not being looked at. */
export function isMissingGroundFatal(): boolean {
  const { CI } = process.env;
  return CI !== undefined && CI !== "" && CI !== "false";
}

/** Root may not in every container. @source unshare(1) */
function mayMakeNamespaces(): boolean {
  if (process.getuid?.() !== 0) return false;
  return (
    spawnSync("unshare", ["--net", "--mount", "--uts", "--pid", "--fork", "true"], { stdio: "ignore" }).status === 0
  );
}

/** What a test needs of the machine, and how to see that it is there. */
const GROUND = {
  namespaces: () => findProgram("ip") && findProgram("ss") && findProgram("nsenter") && mayMakeNamespaces(),
  "processor limits": () => mayLimitProcessors(),
  "reading limits": () => mayLimitReading(),
  slurm: () => ["slurmctld", "slurmd", "munged", "generate_pbs_nodefile", "sshd", "ssh"].every(findProgram),
  faketime: () => findProgram("faketime"),
  redis: () => findProgram("redis-server"),
  haproxy: () => findProgram("haproxy"),
  carbon: () => findProgram("carbon-cache"),
  "graphite-web": () => findProgram("graphite-manage") && findProgram("gunicorn"),
  "7z": () => findProgram("7z"),
  curl: () => findProgram("curl"),
  openssl: () => findProgram("openssl"),
  sshd: () => findProgram("sshd") && findProgram("ssh") && findProgram("ssh-keygen"),
  kerberos: () => findProgram("krb5kdc") && findProgram("kadmin.local") && findProgram("kinit"),
  chromium: () => findProgram("chromium") ?? findProgram("chromium-browser") ?? findProgram("google-chrome"),
  elasticsearch: () => process.env["ES_HOME"],
} as const;
export type Ground = keyof typeof GROUND;

/**
 * `describe` for tests that need something of the machine. Where that is missing they are skipped and it is said, but in CI they run and fail.
 *
 *     describeWith(["redis", "elasticsearch"], "a parser", () => { … });
 */
export function describeWith(needs: readonly Ground[], name: string, suite: () => void): void {
  const missing = needs.filter((need) => !GROUND[need]());
  if (missing.length === 0) {
    describe(name, suite);
  } else if (isMissingGroundFatal()) {
    describe(`${name} (missing on this machine: ${missing.join(", ")})`, suite);
  } else {
    console.warn(`skipped: ${name}; missing on this machine: ${missing.join(", ")}; \`npm test\` installs it`);
    describe.skip(name, suite);
  }
}

/** The path of a browser for tests. @throws Error when there is none; see `describeWith` */
export function browserPath(): string {
  const path = GROUND.chromium();
  if (path === undefined) throw new Error("no chromium on this machine; install the Debian package chromium");
  return path;
}
