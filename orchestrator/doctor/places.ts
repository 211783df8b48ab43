import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Check, DoctorContext, Finding } from "../doctor.ts";
import { firstUntraversable } from "../runtimes/traverse.ts";

/** Directories: the archive, and those that are written to. */
export const placeChecks: readonly Check[] = [
  { name: "archive", run: checkArchive },
  { name: "state directory", run: checkStateDir },
  { name: "staging", run: checkStaging },
  { name: "snapshots", run: checkSnapshots },
];

/** The directory itself, or the nearest one above it that exists. */
export function nearestExisting(dir: string): string {
  return existsSync(dir) || dirname(dir) === dir ? dir : nearestExisting(dirname(dir));
}

async function checkArchive({ resolved }: DoctorContext): Promise<Finding> {
  const { root } = resolved.config.archive;
  const remedy = "set archive.root; to try things, `gridharvest sample` makes an archive";
  if (!existsSync(root)) {
    // Nobody has named one yet: that is the next step, not a fault of the machine.
    const named = resolved.origins.get("archive.root") !== "default";
    return { level: named ? "missing" : "warning", text: `there is no archive at ${root}`, remedy };
  }
  if (!statSync(root).isDirectory()) return { level: "missing", text: `${root} is not a directory`, remedy };
  try {
    accessSync(root, constants.R_OK | constants.X_OK);
    const entries = readdirSync(root).length;
    if (entries === 0) return { level: "warning", text: `${root} is empty`, remedy };
    return { level: "ok", text: root };
  } catch (error) {
    return {
      level: "missing",
      text: `${root} cannot be read: ${(error as Error).message}`,
      remedy: `give the user that runs gridharvest read access to it`,
    };
  }
}

async function checkStateDir({ resolved, paths }: DoctorContext): Promise<Finding> {
  const problem = writeProblem(paths.stateDir);
  if (problem !== undefined)
    return { level: "missing", text: problem, remedy: "give write access to it, or set stateDir" };
  const uid = serverUid(resolved);
  const blocked = uid === undefined ? undefined : firstUntraversable(paths.stateDir, uid, uid);
  if (blocked !== undefined) {
    return {
      level: "missing",
      text: `user id ${uid}, which Elasticsearch runs as, cannot pass through ${blocked}`,
      remedy: `chmod o+x ${blocked}, or set stateDir to a place where everybody may pass`,
    };
  }
  return {
    level: "ok",
    text: existsSync(paths.stateDir) ? paths.stateDir : `${paths.stateDir} (made when it is needed)`,
  };
}

async function checkStaging({ resolved }: DoctorContext): Promise<Finding> {
  const { dir } = resolved.config.staging;
  if (dir === undefined) return { level: "ok", text: "in the campaign's directory" };
  const problem = writeProblem(dir);
  if (problem === undefined) return { level: "ok", text: dir };
  return { level: "missing", text: problem, remedy: "give write access to it, or set staging.dir" };
}

async function checkSnapshots({ resolved, paths }: DoctorContext): Promise<Finding> {
  const { repository } = resolved.config.snapshot;
  const problem = writeProblem(repository);
  if (problem !== undefined) {
    return { level: "missing", text: problem, remedy: "give write access to it, or set snapshot.repository" };
  }
  const uid = serverUid(resolved);
  const existing = nearestExisting(repository);
  const blocked = uid === undefined ? undefined : firstUntraversable(existing, uid, uid);
  if (blocked !== undefined) {
    return {
      level: "missing",
      text: `user id ${uid}, which Elasticsearch runs as, cannot pass through ${blocked}`,
      remedy: `chmod o+x ${blocked}, or set snapshot.repository to a place where everybody may pass`,
    };
  }
  // One of our own is given to the server's user when it is made.
  if (
    uid !== undefined &&
    existing === repository &&
    !repository.startsWith(paths.stateDir) &&
    !mayWriteAs(uid, repository)
  ) {
    return {
      level: "missing",
      text: `user id ${uid}, which Elasticsearch runs as, cannot write to ${repository}`,
      remedy: `chown ${uid}:${uid} ${repository}`,
    };
  }
  return { level: "ok", text: existing === repository ? repository : `${repository} (made when it is needed)` };
}

/** The user id that Elasticsearch runs as; undefined when it runs as ourselves. */
function serverUid(resolved: DoctorContext["resolved"]): number | undefined {
  return process.getuid?.() === 0 ? resolved.config.elasticsearch.runAsUid : undefined;
}

/** Tries it in the nearest directory that exists: permission bits do not know of read-only file systems and full disks. */
function writeProblem(dir: string): string | undefined {
  const existing = nearestExisting(dir);
  try {
    rmSync(mkdtempSync(join(existing, ".gridharvest-doctor-")), { recursive: true });
    return undefined;
  } catch (error) {
    return `cannot write to ${existing}: ${(error as Error).message}`;
  }
}

/** Asks the kernel, as that user. */
function mayWriteAs(uid: number, dir: string): boolean {
  return spawnSync("test", ["-w", dir], { uid, gid: uid }).status === 0;
}
