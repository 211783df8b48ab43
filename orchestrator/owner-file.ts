import { readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { bootId, identifyProcess, isAlive, type ProcessIdentity } from "../worker/contract/process.ts";
import { writeFileAtomic } from "./campaign-store.ts";

/**
 * `orchestrator.pid`: which process, on which host and in which of its boots, owns a campaign. The state directory may be shared by several
 * hosts, and a process id means something only where it was given.
 */
export interface Owner extends ProcessIdentity {
  readonly host: string;
  readonly bootId: string;
}

/** This process. */
export function ownerOfThisProcess(): Owner {
  const identity = identifyProcess(process.pid);
  if (!identity) throw new Error("cannot read /proc; gridharvest needs Linux");
  return { ...identity, host: hostname(), bootId: bootId() };
}

/** Undefined when no orchestrator runs, or the file is damaged. */
export async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    const owner = JSON.parse(await readFile(file, "utf8")) as Partial<Owner> | null;
    return typeof owner?.pid === "number" ? (owner as Owner) : undefined;
  } catch {
    return undefined;
  }
}

export async function writeOwner(file: string, owner: Owner): Promise<void> {
  await writeFileAtomic(file, JSON.stringify(owner));
}

/** Removes the file unless it names somebody else by now. */
export async function removeOwner(file: string, owner: Owner): Promise<void> {
  const found = await readOwner(file);
  if (found && isSame(found, owner)) await rm(file, { force: true });
}

/** What can be said here of an owner's process. `elsewhere`: it was on another host or in another boot, so nothing can. */
export function judgeOwner(owner: Owner): "alive" | "dead" | "elsewhere" {
  // Another boot is this host before it started anew, or a second host of its name.
  if (owner.host !== hostname() || owner.bootId !== bootId()) return "elsewhere";
  return isAlive(owner) ? "alive" : "dead";
}

function isSame(a: Owner, b: Owner): boolean {
  return a.pid === b.pid && a.startTicks === b.startTicks && a.host === b.host && a.bootId === b.bootId;
}
