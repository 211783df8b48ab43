import { readdirSync, readFileSync } from "node:fs";
import type { ProcessIdentity } from "./process.ts";

/** What a process and everything below it uses. */
export interface TreeFigures {
  /** Resident bytes; pages that processes share count in each. */
  readonly rssBytes: number;
  /** CPU seconds of the living ones and of the children that they have waited for. */
  readonly cpuSeconds: number;
}

interface Row {
  readonly pid: number;
  readonly parent: number;
  readonly startTicks: number;
  readonly cpuTicks: number;
}

/** `sysconf(_SC_CLK_TCK)` of every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

function readRow(pid: number): Row | undefined {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    // utime, stime, cutime, cstime: fields 14 to 17 of proc(5).
    const cpuTicks = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
    return { pid, parent: Number(fields[1]), startTicks: Number(fields[19]), cpuTicks };
  } catch {
    return undefined;
  }
}

function rows(root: number): Row[] {
  const children = new Map<number, Row[]>();
  let top: Row | undefined;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const row = readRow(Number(name));
    if (!row) continue;
    if (row.pid === root) top = row;
    const siblings = children.get(row.parent);
    if (siblings) siblings.push(row);
    else children.set(row.parent, [row]);
  }
  if (!top) return [];
  const found = [top];
  for (const row of found) found.push(...(children.get(row.pid) ?? []));
  return found;
}

/** The process and its living descendants, parents first; empty when it is gone. */
export function processTree(root: number): readonly ProcessIdentity[] {
  return rows(root).map(({ pid, startTicks }) => ({ pid, startTicks }));
}

/** Memory and CPU of a process tree. Zeros when it is gone. @source proc(5) */
export function treeFigures(root: number): TreeFigures {
  let rssBytes = 0;
  let ticks = 0;
  for (const row of rows(root)) {
    ticks += row.cpuTicks;
    try {
      const status = readFileSync(`/proc/${String(row.pid)}/status`, "latin1");
      rssBytes += Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
    } catch {
      // It ended in between.
    }
  }
  return { rssBytes, cpuSeconds: ticks / TICKS_PER_SECOND };
}
