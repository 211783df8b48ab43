import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * The freezer hierarchy of control groups v1, by which Slurm holds together what belongs to a job, also what left its session.
 * Its plugin for v2 wants systemd; where there is no v1, jobs are tracked by their processes' parents.
 */
export interface Freezer {
  /** Where the hierarchies are mounted, each in a directory with its name. */
  readonly mountPoint: string;
  /** The bed's own part of it. */
  readonly dir: string;
}

const NAME = "freezer";

/** Makes the bed's part of the hierarchy; undefined when there is none or we may not. @source cgroups(7), proc(5) mounts */
export function makeFreezer(prefix: string): Freezer | undefined {
  const mount = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .find(
      ([, dir = "", type, options = ""]) =>
        type === "cgroup" && options.split(",").includes(NAME) && dir.endsWith(`/${NAME}`),
    );
  if (mount?.[1] === undefined) return undefined;
  const dir = join(mount[1], prefix);
  try {
    mkdirSync(dir, { recursive: true });
  } catch {
    return undefined;
  }
  return { mountPoint: dirname(mount[1]), dir };
}

/** Where a machine's groups stand; it sees this as the whole hierarchy. */
export function machineGroup(freezer: Freezer, machine: string): string {
  const dir = join(freezer.dir, machine);
  mkdirSync(dir, { recursive: true });
  return dir;
}

const PATIENCE_MS = 10_000;

/** Removes a part of a hierarchy once its processes are dead. A group is busy for a moment after its last process. */
export async function removeGroups(dir: string): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      removeTree(dir);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBUSY" || Date.now() > until) throw error;
      await sleep(20);
    }
  }
}

/** The files of a group cannot be removed and need not be. */
function removeTree(dir: string): void {
  if (!existsSync(dir)) return;
  for (const entry of readdirSync(dir, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(dir, entry.name));
  rmdirSync(dir);
}
