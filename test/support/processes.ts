import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { identifyProcess, type ProcessIdentity } from "../../worker/contract/process.ts";

export interface FoundProcess extends ProcessIdentity {
  readonly command: string;
}

/**
 * The processes that have to do with a directory: it is named on their command line or in their environment, or they work in it. This process and
 * its ancestors are not counted.
 * @source proc(5): cmdline, cwd, environ
 */
export function leftoverProcesses(dir: string): readonly FoundProcess[] {
  const own = ancestors(process.pid);
  const found: FoundProcess[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || own.has(pid)) continue;
    const identity = identifyProcess(pid);
    if (identity === undefined) continue;
    const command = read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
    if ([command, read(`/proc/${pid}/environ`), workingDir(pid)].some((text) => mentions(text, dir))) {
      found.push({ ...identity, command });
    }
  }
  return found;
}

/** Whether the text names the directory itself, and not only one whose name begins like it. */
function mentions(text: string, dir: string): boolean {
  for (let at = text.indexOf(dir); at >= 0; at = text.indexOf(dir, at + 1)) {
    if (!/[A-Za-z0-9._-]/.test(text.charAt(at + dir.length))) return true;
  }
  return false;
}

function ancestors(pid: number): ReadonlySet<number> {
  const set = new Set<number>();
  for (
    let at = pid;
    at > 0 && !set.has(at);
    at = Number(/^PPid:\s*(\d+)/m.exec(read(`/proc/${at}/status`))?.[1] ?? 0)
  ) {
    set.add(at);
  }
  return set;
}

function workingDir(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
