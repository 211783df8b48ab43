import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A group of processes that may use so much of something together. */
export interface ControlGroup {
  /** Puts processes and all that they will start into it. */
  add(pids: readonly number[]): void;
  /** Removes it; its processes must have ended, or go back to where everybody is. */
  remove(): void;
}

/** The kernel takes periods of up to a second and quotas from a millisecond on. @source Documentation/scheduler/sched-bwc.rst */
const PERIOD_MICROS = 100_000;
const LONGEST_PERIOD_MICROS = 1_000_000;
const SMALLEST_QUOTA_MICROS = 1000;

const MOST_TRIES = 100;

const ROOT = "/sys/fs/cgroup";

/** What is limited: its controller in version 2, the hierarchy and a file of it in version 1. */
const CPU = { controller: "cpu", hierarchy: "cpu", file: "cpu.cfs_quota_us" };
const READS = { controller: "io", hierarchy: "blkio", file: "blkio.throttle.read_bps_device" };

/** Where groups can be made: the root of version 2, or version 1's hierarchy of the controller. */
function hierarchyOf(of: typeof CPU): { readonly root: string; readonly version: 1 | 2 } | undefined {
  const controllers = join(ROOT, "cgroup.controllers");
  if (existsSync(controllers)) {
    return readFileSync(controllers, "utf8").split(/\s+/).includes(of.controller)
      ? { root: ROOT, version: 2 }
      : undefined;
  }
  const root = join(ROOT, of.hierarchy);
  return existsSync(join(root, of.file)) ? { root, version: 1 } : undefined;
}

/**
 * Its processes may use so many cores together.
 * @param name below which everything of one benchmark or test stands
 * @param cores from 0.001 on
 * @returns undefined where this machine lets nobody make control groups
 */
export function cpuGroup(name: string, cores: number): ControlGroup | undefined {
  return groupOf(CPU, name, (version) => quotaOf(cores, version));
}

/**
 * Its processes get their CPU before everybody who is in no such group: a limit alone is no share where others use the machine.
 * @param cores as of `cpuGroup`; absent: as many as they want
 * @returns undefined where this machine lets nobody make control groups
 */
export function cpuShare(name: string, cores?: number): ControlGroup | undefined {
  return groupOf(CPU, name, (version) => [
    version === 2 ? ["cpu.weight", "10000"] : ["cpu.shares", "262144"],
    ...(cores === undefined ? [] : quotaOf(cores, version)),
  ]);
}

function quotaOf(cores: number, version: 1 | 2): readonly (readonly [file: string, text: string])[] {
  const period = cores * PERIOD_MICROS < SMALLEST_QUOTA_MICROS ? LONGEST_PERIOD_MICROS : PERIOD_MICROS;
  const quota = Math.round(cores * period);
  return version === 2
    ? [["cpu.max", `${String(quota)} ${String(period)}`]]
    : [
        ["cpu.cfs_period_us", String(period)],
        ["cpu.cfs_quota_us", String(quota)],
      ];
}

/**
 * Its processes together may read so many bytes a second from a block device. What the page cache has is read as fast as ever.
 * @param device its numbers: `7:0`
 * @returns undefined where this machine lets nobody make control groups
 */
export function readGroup(name: string, device: string, bytesPerSecond: number): ControlGroup | undefined {
  return groupOf(READS, name, (version) =>
    version === 2
      ? [["io.max", `${device} rbps=${String(bytesPerSecond)}`]]
      : [["blkio.throttle.read_bps_device", `${device} ${String(bytesPerSecond)}`]],
  );
}

function groupOf(
  of: typeof CPU,
  name: string,
  limits: (version: 1 | 2) => readonly (readonly [file: string, text: string])[],
): ControlGroup | undefined {
  const found = hierarchyOf(of);
  if (!found) return undefined;
  const { root, version } = found;
  const dir = join(root, name);
  try {
    if (version === 2) writeFileSync(join(root, "cgroup.subtree_control"), `+${of.controller}`);
    mkdirSync(dir);
    for (const [file, text] of limits(version)) writeFileSync(join(dir, file), text);
  } catch {
    if (existsSync(dir)) rmdirSync(dir);
    return undefined;
  }
  return {
    add(pids) {
      for (const pid of pids) {
        try {
          writeFileSync(join(dir, "cgroup.procs"), String(pid));
        } catch {
          // It has ended meanwhile.
        }
      }
    },
    remove() {
      for (let tries = 1; ; tries++) {
        const members = readFileSync(join(dir, "cgroup.procs"), "utf8").split("\n");
        for (const pid of members.filter((one) => one !== "")) {
          try {
            writeFileSync(join(root, "cgroup.procs"), pid);
          } catch {
            // It has ended meanwhile.
          }
        }
        try {
          rmdirSync(dir);
          return;
        } catch (error) {
          // One of them has started another meanwhile.
          if ((error as NodeJS.ErrnoException).code !== "EBUSY" || tries === MOST_TRIES) throw error;
        }
      }
    },
  };
}

/** Removes groups that a run that was cut short has left. */
export function removeGroups(prefix: string): void {
  for (const root of new Set([hierarchyOf(CPU)?.root, hierarchyOf(READS)?.root])) {
    if (root === undefined) continue;
    for (const name of readdirSync(root)) {
      if (!name.startsWith(prefix)) continue;
      try {
        rmdirSync(join(root, name));
      } catch {
        // Its processes still end.
      }
    }
  }
}
