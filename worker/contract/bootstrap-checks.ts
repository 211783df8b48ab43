import { existsSync, readFileSync } from "node:fs";
import { BlockList, isIP } from "node:net";

/**
 * Limits of a machine that Elasticsearch insists on at any but a loopback address. It is the judge: what it refuses it says in its log,
 * and ends with a code of its own. Here its words are read, and what to do about them is known.
 * @source Elasticsearch reference, "Bootstrap checks"; org.elasticsearch.bootstrap.BootstrapChecks; seen on 8.19
 */

/** The exit code of a server whose bootstrap checks failed. Starting it again is of no use. @source BootstrapChecks, sysexits(3) EX_CONFIG */
export const BOOTSTRAP_EXIT = 78;

const LEAST_FILES = 65_535;
const LEAST_MAPS = 262_144;

const FILES_REMEDY =
  "raise the hard limit of open files (nofile) of what starts there: LimitNOFILE=65536 in the systemd unit of the batch system's node daemon, or `* hard nofile 65536` in /etc/security/limits.conf";
const MAPS_REMEDY = "sysctl -w vm.max_map_count=262144, and the same in /etc/sysctl.d to keep it";

/** Remedies by what the check says. */
const REMEDIES: readonly (readonly [pattern: RegExp, remedy: string])[] = [
  [/max file descriptors/, FILES_REMEDY],
  [/vm\.max_map_count/, MAPS_REMEDY],
  [/max number of threads/, "raise the limit of processes (nproc) of what starts there to 4096"],
  [/max size virtual memory/, "lift the limit of address space (as) of what starts there: the batch system's vmem"],
  [/max file size/, "lift the limit of file size (fsize) of what starts there"],
];

/** What the checks of the last start in a server's log found wrong, in the server's words. Pure. */
export function bootstrapFailures(log: string): readonly string[] {
  const found = [...log.matchAll(/bootstrap check failure \[(\d+)\] of \[\d+\]: ([^;\n]+)/g)];
  const from = found.findLastIndex((match) => match[1] === "1");
  // Console and log may both say it.
  return [...new Set(found.slice(Math.max(0, from)).map((match) => (match[2] ?? "").trim()))];
}

/** One message that names the machine, each limit with its value, and what to do. Pure. */
export function explainBootstrapFailures(host: string, failures: readonly string[]): string {
  if (failures.length === 0) return `Elasticsearch's bootstrap checks failed on ${host}; its log says which`;
  const each = failures.map((text) => {
    const remedy = REMEDIES.find(([pattern]) => pattern.test(text))?.[1];
    return remedy === undefined ? text : `${text}; ${remedy}`;
  });
  return `Elasticsearch refuses to run on ${host}: ${each.join(". ")}`;
}

/** A limit of this machine that is too low. */
export interface LowLimit {
  readonly text: string;
  readonly remedy: string;
  /** False where Elasticsearch runs all the same, only slower. */
  readonly fatal: boolean;
}

/**
 * What of `/proc/self/limits` and `vm.max_map_count` Elasticsearch would mind. The soft limit of open files does not matter: Java
 * raises its own to the hard one. Pure.
 * @source java(1) -XX:MaxFDLimit, proc(5)
 */
export function lowLimits(limits: string, maxMapCount: number): readonly LowLimit[] {
  const hard = /^Max open files +\S+ +(\S+)/m.exec(limits)?.[1];
  const files = hard === undefined || hard === "unlimited" ? Number.POSITIVE_INFINITY : Number(hard);
  const low: LowLimit[] = [];
  if (files < LEAST_FILES) {
    const text = `the hard limit of open files (nofile) is ${String(files)}, Elasticsearch wants ${String(LEAST_FILES)}`;
    low.push({ text, remedy: FILES_REMEDY, fatal: true });
  }
  if (maxMapCount < LEAST_MAPS) {
    const text = `vm.max_map_count is ${String(maxMapCount)}, below ${String(LEAST_MAPS)}: Elasticsearch does without mapped files (node.store.allow_mmap: false), which is slower`;
    low.push({ text, remedy: MAPS_REMEDY, fatal: false });
  }
  return low;
}

/** The limits of this process and of what it starts. */
export function lowLimitsHere(): readonly LowLimit[] {
  return lowLimits(readFileSync("/proc/self/limits", "utf8"), maxMapCount());
}

/** Whether mapped files are allowed as Elasticsearch wants them. @source Elasticsearch reference, "Virtual memory" */
export function mayMapFiles(): boolean {
  return maxMapCount() >= LEAST_MAPS;
}

function maxMapCount(): number {
  const file = "/proc/sys/vm/max_map_count";
  return existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** Whether Elasticsearch only warns at this address. */
export function isLoopback(address: string): boolean {
  const version = isIP(address);
  return version !== 0 && LOOPBACK.check(address, version === 4 ? "ipv4" : "ipv6");
}
