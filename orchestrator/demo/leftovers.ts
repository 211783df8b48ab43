import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identifyProcess } from "../../worker/contract/process.ts";
import { withBatchAccess } from "../batch-access.ts";
import { openBatchSystem } from "../batch-system.ts";
import { loadCampaign } from "../campaign-store.ts";
import type { SiteConfig } from "../launch.ts";
import { campaignPaths, statePaths, type StatePaths } from "../paths.ts";
import { ensureBundles } from "../runtimes/index.ts";
import type { Log } from "../log.ts";

/** What a campaign left behind though it is over. Each is a text for people. */
export interface Leftovers {
  readonly jobs: readonly string[];
  readonly processes: readonly string[];
  readonly files: readonly string[];
}

/** What was there before, and so is not left over: processes as `pid:startTicks`, files by path. */
export interface Before {
  readonly processes: ReadonlySet<string>;
  readonly files: ReadonlySet<string>;
}

/** Directories outside the state directory in which programs leave things. */
const OUTSIDE = [tmpdir(), "/dev/shm", "/var/tmp"];
/** Names by which Java, Elasticsearch, haproxy, Redis, Maven and ours would leave files there. */
const OURS =
  /gridharvest(?!-test-)|elasticsearch|hsperfdata|^jna|libzstd|haproxy|redis|carbon|graphite|gunicorn|maven/i;

export function lookBefore(config: SiteConfig): Before {
  return {
    processes: new Set(processesOf(config.stateDir).map(({ key }) => key)),
    files: new Set([...outsideFiles(config), ...scratchOf(statePaths(config.stateDir))]),
  };
}

/** Looks at the batch system, at /proc and at the places where a campaign keeps what it must remove. */
export async function findLeftovers(
  config: SiteConfig,
  campaign: string,
  before: Before,
  log: Log,
  signal: AbortSignal,
): Promise<Leftovers> {
  const state = statePaths(config.stateDir);
  const paths = campaignPaths(state.campaigns, campaign);
  const processes = processesOf(config.stateDir).filter(({ key }) => !before.processes.has(key));
  const outside = outsideFiles(config).filter((file) => !before.files.has(file));
  return {
    jobs: await liveJobs(config, campaign, log, signal),
    processes: processes.map(({ pid, command }) => `${pid} ${command.slice(0, 200)}`),
    files: [
      ...filesBelow(paths.secrets),
      ...filesBelow(paths.staging).filter((file) => !file.startsWith(paths.rejects)),
      ...scratchOf(state).filter((file) => !before.files.has(file)),
      ...outside,
    ],
  };
}

/** What nodes keep while they live, of all campaigns. */
function scratchOf(state: StatePaths): string[] {
  return existsSync(state.scratch) ? readdirSync(state.scratch).map((name) => join(state.scratch, name)) : [];
}

/** Jobs of the campaign that the batch system has not ended, whether the campaign knows of them or not. */
async function liveJobs(config: SiteConfig, campaign: string, log: Log, signal: AbortSignal): Promise<string[]> {
  const { record, state } = await loadCampaign(config.stateDir, campaign);
  // An embedded one that nobody used need not be made for this.
  if (config.batch.system === "local" && !existsSync(state.batch)) return [];
  const { batch: entry } = await ensureBundles(log);
  const jobs = await withBatchAccess(config, log, async ({ runner }) =>
    (await openBatchSystem(config, { batchDir: state.batch, entry }, signal, runner)).list(signal),
  );
  return jobs
    .filter(({ name, state }) => name.includes(record.tag) && state !== "finished")
    .map(({ id, name, state }) => `${id} ${name} ${state}`);
}

interface Found {
  readonly key: string;
  readonly pid: number;
  readonly command: string;
}

/**
 * Processes that name the directory on their command line or in their environment, or work in it; not this process
 * and those that started it.
 * @source proc(5): cmdline, environ, cwd
 */
function processesOf(dir: string): Found[] {
  const own = new Set<number>();
  for (let pid = process.pid; pid > 1 && !own.has(pid); pid = parentOf(pid)) own.add(pid);
  const found: Found[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || own.has(pid)) continue;
    if (!belongsTo(pid, dir)) continue;
    const command = readProc(pid, "cmdline").replaceAll("\0", " ").trim();
    const identity = identifyProcess(pid);
    if (identity) found.push({ key: `${pid}:${identity.startTicks}`, pid, command });
  }
  return found;
}

function belongsTo(pid: number, dir: string): boolean {
  return [readProc(pid, "cmdline").replaceAll("\0", " "), readProc(pid, "environ"), workingDirOf(pid)].some((text) =>
    names(text, dir),
  );
}

/**
 * Whether the text names the directory itself or something in it, and not one whose name only begins like it. The runtimes do not
 * count: others use them too, and whatever belongs to a campaign names more than them.
 */
function names(text: string, dir: string): boolean {
  for (let at = text.indexOf(dir); at >= 0; at = text.indexOf(dir, at + 1)) {
    const rest = text.slice(at + dir.length);
    if (!/^(?:[A-Za-z0-9._-]|\/runtimes\b)/.test(rest)) return true;
  }
  return false;
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)/m.exec(readProc(pid, "status"))?.[1] ?? 0);
}

function workingDirOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

/** Files of the kind that our programs could leave outside the state directory: by their name, or by their owner. */
function outsideFiles(config: SiteConfig): string[] {
  const found: string[] = [];
  for (const dir of new Set(OUTSIDE)) {
    for (const name of existsSync(dir) ? readdirSync(dir) : []) {
      const file = join(dir, name);
      if (config.stateDir === file || config.stateDir.startsWith(`${file}/`)) continue;
      const owner = lstatSync(file, { throwIfNoEntry: false })?.uid;
      if (OURS.test(name) || owner === config.elasticsearch.runAsUid) {
        if (!isOthersSocket(name, config.stateDir)) found.push(file);
      }
    }
  }
  return found;
}

/**
 * Java virtual machines that work have a socket `.java_pid<n>` in /tmp, whatever their temporary directory is. One whose
 * process lives and has nothing to do with the state directory belongs to somebody else's Elasticsearch.
 */
function isOthersSocket(name: string, stateDir: string): boolean {
  const pid = Number(/^\.java_pid(\d+)$/.exec(name)?.[1] ?? 0);
  return pid > 0 && identifyProcess(pid) !== undefined && !belongsTo(pid, stateDir);
}

function filesBelow(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
}
