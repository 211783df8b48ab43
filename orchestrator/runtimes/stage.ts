import { randomBytes } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Exec, FileStore } from "../../pbs/access/index.ts";
import { GridError } from "../../worker/contract/errors.ts";
import type { Log } from "../log.ts";
import { describeTree, packTree, type Tree } from "./tree.ts";

/**
 * Puts what nodes run where nodes see it, once: each tree under a name made of its content, which is there whole or not at all. What is there is
 * checked by its sums, since scratch file systems remove files that nobody has touched for long.
 */
export interface StagingPlace {
  /** Absolute path, on the machine that `exec` runs commands on. */
  readonly dir: string;
  readonly files: FileStore;
  readonly exec: Exec;
}

/** Half a gigabyte over a slow line. */
const UNPACK_TIMEOUT_SECONDS = 3 * 3600;
const CHECK_TIMEOUT_SECONDS = 1800;
const PARTIAL = ".partial-";

/** $1 directory. `-p`: the modes of the archive, whatever the umask is. */
const UNPACK = 'chmod 755 -- "$1" && exec tar -x -p --no-same-owner -f - -C "$1"';
const CHECK = 'cd -- "$1" && exec sha256sum -c --quiet -';
/** What was left half done a day ago is nobody's any more. */
const SWEEP = `exec find "$1" -maxdepth 1 -name '${PARTIAL}*' -mtime +0 -exec rm -rf -- {} +`;

/**
 * @param name what it is, for people: `elasticsearch`
 * @returns the directory that holds it
 * @throws GridError `STAGE_FAILED`; what the place throws; the abort reason, with nothing left under the final name
 */
export async function stageTree(
  place: StagingPlace,
  name: string,
  tree: Tree,
  log: Log,
  signal: AbortSignal,
): Promise<string> {
  const { dir, files, exec } = place;
  const target = `${dir}/${name}-${tree.digest.slice(0, 16)}`;
  const run = (script: string, path: string, timeoutSeconds: number, stdin?: string | ReturnType<typeof packTree>) =>
    exec(["sh", "-c", script, "sh", path], { timeoutSeconds, signal, ...(stdin === undefined ? {} : { stdin }) });
  const faultOf = async (path: string): Promise<string | undefined> => {
    const { code, stdout, stderr } = await run(CHECK, path, CHECK_TIMEOUT_SECONDS, tree.sums);
    if (code === 0) return undefined;
    return `${stdout.toString("utf8")}${stderr}`.trim().split("\n").slice(0, 5).join("; ") || `exit ${String(code)}`;
  };

  if (await files.stat(target)) {
    const fault = await faultOf(target);
    if (fault === undefined) return target;
    log.warn("what is staged is not whole any more; it is staged again", { dir: target, fault });
    const aside = partialOf(dir, name);
    if (await files.publish(target, aside)) await files.remove(aside);
  }
  log.info("staging for the nodes", { what: name, to: target, MiB: Math.ceil(tree.bytes / 2 ** 20) });
  await files.makeDir(dir);
  await run(SWEEP, dir, CHECK_TIMEOUT_SECONDS);
  const partial = partialOf(dir, name);
  try {
    // By itself, so that unpacking that is given up while it starts makes no directory behind our back.
    await files.makeDir(partial);
    const { code, stderr } = await run(UNPACK, partial, UNPACK_TIMEOUT_SECONDS, packTree(tree));
    const fault = code === 0 ? await faultOf(partial) : stderr.trim() || `exit ${String(code)}`;
    if (fault !== undefined) {
      throw new GridError(
        "STAGE_FAILED",
        `${name} did not arrive whole in ${dir}: ${fault}; see that its disk is not full and that tar and sha256sum are there`,
        { retryable: true, context: { dir, what: name } },
      );
    }
    // Somebody else was quicker: theirs is as good.
    if (!(await files.publish(partial, target))) await files.remove(partial);
    return target;
  } catch (error) {
    await removeWhileWritten(files, partial);
    throw error;
  }
}

/** Unpacking that was given up may write for a moment yet; what stays nevertheless is swept a day later. */
async function removeWhileWritten(files: FileStore, dir: string): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const gone = await files.remove(dir).then(
      async () => (await files.stat(dir).catch(() => undefined)) === undefined,
      () => false,
    );
    if (gone) return;
    await sleep(200);
  }
}

function partialOf(dir: string, name: string): string {
  return `${dir}/${PARTIAL}${name}-${randomBytes(6).toString("hex")}`;
}

/** What nodes run, by absolute path on this machine or on theirs. */
export interface RunPrograms {
  readonly node: string;
  readonly agent: string;
  readonly parser: string;
  readonly elasticsearchHome: string;
  readonly javaHome: string;
}

/** What a used Elasticsearch directory may hold of others. */
const NOT_STAGED = new Set(["data", "logs"]);

/**
 * Stages all that nodes run: the bundles, Node, the Elasticsearch runtime and its Java.
 * @param programs where they stand on this machine; the bundles in one directory
 * @returns where they stand on the nodes
 * @throws as `stageTree`
 */
export async function stageForNodes(
  place: StagingPlace,
  programs: RunPrograms,
  log: Log,
  signal: AbortSignal,
): Promise<RunPrograms> {
  const stage = async (name: string, source: string, take?: (name: string) => boolean): Promise<string> =>
    await stageTree(place, name, await describeTree(source, take), log, signal);
  const { node, agent, parser, elasticsearchHome, javaHome } = programs;
  const bundles = await stage("programs", dirname(agent));
  const nodeDir = await stage("node", dirname(node), (name) => name === basename(node));
  const elasticsearch = await stage("elasticsearch", elasticsearchHome, (name) => !NOT_STAGED.has(name));
  const bundled = javaHome.startsWith(`${elasticsearchHome}/`);
  return {
    node: join(nodeDir, basename(node)),
    agent: join(bundles, basename(agent)),
    parser: join(bundles, basename(parser)),
    elasticsearchHome: elasticsearch,
    javaHome: bundled ? join(elasticsearch, javaHome.slice(elasticsearchHome.length)) : await stage("java", javaHome),
  };
}
