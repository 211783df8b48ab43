import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

import { isAlive, type ProcessIdentity } from "../../worker/contract/process.ts";

/** The variable that carries a job's cookie; Torque's own name for it. */
export const COOKIE_VARIABLE = "PBS_JOBCOOKIE";

/** Marks a mom, which is no part of the job whose script called qsub. */
export const MOM_VARIABLE = "GRIDHARVEST_BATCH_MOM";

interface Entry extends ProcessIdentity {
  readonly parent: number;
  readonly session: number;
  readonly cpuTicks: number;
}

/** Clock ticks per second of /proc's times: 100 on every Linux that Node runs on. @source sysconf(3) _SC_CLK_TCK */
const TICKS_PER_SECOND = 100;

/** Every process but zombies. @source proc(5), /proc/PID/stat */
function processTable(): readonly Entry[] {
  const entries: Entry[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`)?.toString("latin1");
    if (stat === undefined) continue;
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") continue;
    const number = (index: number): number => Number(fields[index]);
    entries.push({
      pid: Number(name),
      parent: number(1),
      session: number(3),
      cpuTicks: number(11) + number(12) + number(13) + number(14),
      startTicks: number(19),
    });
  }
  return entries;
}

function read(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/**
 * Memory that only this process keeps from being used otherwise: anonymous and shared, but
 * not mapped files. Those the kernel takes back when it needs room; Elasticsearch maps
 * its whole index, and counting it would kill a data node for the size of its disk.
 */
function memoryOf(pid: number): number {
  const status = read(`/proc/${String(pid)}/status`)?.toString("latin1") ?? "";
  let kib = 0;
  for (const match of status.matchAll(/^Rss(?:Anon|Shmem):\s*(\d+) kB/gm)) kib += Number(match[1]);
  return kib * 1024;
}

function isMom(entry: Entry): boolean {
  return read(`/proc/${String(entry.pid)}/environ`)?.includes(`${MOM_VARIABLE}=`) ?? false;
}

/** The number of file locks that a process may hold, by its own limits. */
function lockLimit(pid: number | "self"): number {
  const limits = read(`/proc/${String(pid)}/limits`)?.toString("latin1") ?? "";
  const hard = /^Max file locks\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  return hard === undefined || hard === "unlimited" ? Infinity : Number(hard);
}

const MARK_SPACE = 2 ** 40;

/**
 * A number for the hard limit of file locks, by which a job's processes are known. The kernel
 * keeps that limit but has not enforced it since Linux 2.4: it is a mark that every child inherits, that survives setsid, a cleared
 * environment and another user, and that everybody can read.
 * Without privileges a limit can only be lowered, so a job inside a job gets a smaller one.
 * @source getrlimit(2), RLIMIT_LOCKS
 */
export function newMark(): number {
  const limit = lockLimit("self");
  const top = Number.isSafeInteger(limit) ? limit : 2 ** 50;
  return top - 1 - (randomBytes(5).readUIntBE(0, 5) % MARK_SPACE);
}

/**
 * Finds the processes of one job, also those that left its session, their parent and their
 * environment behind. A process belongs to the job when it carries the job's mark or its
 * cookie, is in a session of the job, descends from one of the job, or did so when it was
 * looked at before. Each of them alone has a gap: a mark is not there where /proc lacks it,
 * a cookie goes with the environment, a session with setsid.
 */
export class JobProcesses {
  readonly #mark: number | undefined;
  readonly #cookie: Buffer;
  /** Members by pid; the start time tells a later process of the same number apart. */
  #members = new Map<number, ProcessIdentity>();
  /** Strangers that were asked for the marks: nobody gets them later. */
  #strangers = new Map<number, number>();
  #cpuTicks = 0;
  #memoryBytes = 0;

  constructor(job: { readonly cookie: string; readonly mark?: number }, known: readonly ProcessIdentity[] = []) {
    this.#mark = job.mark;
    this.#cookie = Buffer.from(`${COOKIE_VARIABLE}=${job.cookie}`);
    for (const identity of known) this.#members.set(identity.pid, identity);
  }

  add(identity: ProcessIdentity): void {
    this.#members.set(identity.pid, identity);
  }

  /** Looks through all processes of the machine: about 5 ms for 300. */
  look(): readonly ProcessIdentity[] {
    const table = processTable();
    const found = new Map<number, Entry>();
    const strangers = new Map<number, number>();
    const rest: Entry[] = [];
    for (const entry of table) {
      const member = this.#members.get(entry.pid)?.startTicks === entry.startTicks || this.#isMarked(entry, strangers);
      if (!member) rest.push(entry);
      // A mom looked like its qsub between fork and exec, so earlier members are asked again.
      else if (!isMom(entry)) found.set(entry.pid, entry);
    }
    for (let grew = found.size > 0; grew;) {
      grew = false;
      const sessions = new Set([...found.values()].map((entry) => entry.session));
      for (const entry of rest) {
        if (found.has(entry.pid) || !(found.has(entry.parent) || sessions.has(entry.session))) continue;
        if (isMom(entry)) continue;
        found.set(entry.pid, entry);
        strangers.delete(entry.pid);
        grew = true;
      }
    }
    this.#strangers = strangers;
    this.#members = new Map([...found].map(([pid, { startTicks }]) => [pid, { pid, startTicks }]));
    // The time of a process that ended is in its parent's, unless it had lost that.
    const ticks = [...found.values()].reduce((sum, entry) => sum + entry.cpuTicks, 0);
    this.#cpuTicks = Math.max(this.#cpuTicks, ticks);
    this.#memoryBytes = [...found.keys()].reduce((sum, pid) => sum + memoryOf(pid), 0);
    return [...this.#members.values()];
  }

  /** At the last look. */
  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  /** The most that was seen. */
  get cpuSeconds(): number {
    return this.#cpuTicks / TICKS_PER_SECOND;
  }

  /** Sends the signal to every process that a fresh look finds. Returns how many there are. */
  signal(signal: NodeJS.Signals): number {
    const members = this.look();
    for (const member of members) {
      if (!isAlive(member)) continue;
      try {
        process.kill(member.pid, signal);
      } catch {
        // Gone in between, or of another user whom we cannot signal: the next look tells.
      }
    }
    return members.length;
  }

  #isMarked(entry: Entry, strangers: Map<number, number>): boolean {
    if (this.#strangers.get(entry.pid) === entry.startTicks) {
      strangers.set(entry.pid, entry.startTicks);
      return false;
    }
    if (this.#mark !== undefined && lockLimit(entry.pid) === this.#mark) return true;
    if (read(`/proc/${String(entry.pid)}/environ`)?.includes(this.#cookie)) return true;
    strangers.set(entry.pid, entry.startTicks);
    return false;
  }
}
