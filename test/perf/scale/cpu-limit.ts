import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A group of processes that may use so much CPU together. */
export interface CpuGroup {
  /** Puts processes and all that they will start into it. */
  add(pids: readonly number[]): void;
  /** Removes it; its processes must have ended, or go back to where everybody is. */
  remove(): void;
}

const PERIOD_MICROS = 100_000;

/** Where groups can be made: the root of version 2, or version 1's hierarchy of the controller `cpu`. */
function hierarchy(): { readonly root: string; readonly version: 1 | 2 } | undefined {
  const controllers = "/sys/fs/cgroup/cgroup.controllers";
  if (existsSync(controllers)) {
    const can = readFileSync(controllers, "utf8").split(/\s+/).includes("cpu");
    return can ? { root: "/sys/fs/cgroup", version: 2 } : undefined;
  }
  return existsSync("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") ? { root: "/sys/fs/cgroup/cpu", version: 1 } : undefined;
}

/**
 * @param name below which everything of one benchmark stands
 * @returns undefined where this machine lets nobody make control groups
 */
export function cpuGroup(name: string, cores: number): CpuGroup | undefined {
  const found = hierarchy();
  if (!found) return undefined;
  const { root, version } = found;
  const dir = join(root, name);
  try {
    if (version === 2) writeFileSync(join(root, "cgroup.subtree_control"), "+cpu");
    mkdirSync(dir);
    const quota = Math.round(cores * PERIOD_MICROS);
    if (version === 2) writeFileSync(join(dir, "cpu.max"), `${String(quota)} ${String(PERIOD_MICROS)}`);
    else {
      writeFileSync(join(dir, "cpu.cfs_period_us"), String(PERIOD_MICROS));
      writeFileSync(join(dir, "cpu.cfs_quota_us"), String(quota));
    }
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
      const members = readFileSync(join(dir, "cgroup.procs"), "utf8")
        .split("\n")
        .filter((pid) => pid !== "");
      for (const pid of members) {
        try {
          writeFileSync(join(root, "cgroup.procs"), pid);
        } catch {
          // It has ended meanwhile.
        }
      }
      rmdirSync(dir);
    },
  };
}

/** Removes groups that a run that was cut short has left. */
export function removeGroups(prefix: string): void {
  const root = hierarchy()?.root;
  if (root === undefined) return;
  for (const name of readdirSync(root)) {
    if (!name.startsWith(prefix)) continue;
    try {
      rmdirSync(join(root, name));
    } catch {
      // Its processes still end.
    }
  }
}
