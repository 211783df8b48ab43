import { statSync, type Stats } from "node:fs";
import { dirname, resolve } from "node:path";
import { ConfigError } from "../../worker/contract/errors.ts";

/** The first directory on the way to `path`, itself included, that the user cannot pass through; undefined when all is well. */
export function firstUntraversable(path: string, uid: number, gid: number): string | undefined {
  const way: string[] = [];
  for (let dir = resolve(path); ; dir = dirname(dir)) {
    way.unshift(dir);
    if (dir === dirname(dir)) break;
  }
  return way.find((dir) => {
    const stat = statSync(dir, { throwIfNoEntry: false });
    return stat?.isDirectory() === true && !mayPass(stat, uid, gid);
  });
}

/** The kernel looks at one class only: the owner's bits for the owner, even where others may do more. @source path_resolution(7) */
function mayPass(stat: Stats, uid: number, gid: number): boolean {
  if (stat.uid === uid) return (stat.mode & 0o100) !== 0;
  if (stat.gid === gid) return (stat.mode & 0o010) !== 0;
  return (stat.mode & 0o001) !== 0;
}

/**
 * Checks that the unprivileged user that Elasticsearch runs as gets to `path`. Nothing to check unless we are root:
 * otherwise it runs as ourselves.
 * @throws ConfigError `NOT_TRAVERSABLE` naming the directory and the remedy
 */
export function checkTraversable(path: string, uid: number, what: string): void {
  if (process.getuid?.() !== 0) return;
  const blocked = firstUntraversable(path, uid, uid);
  if (blocked === undefined) return;
  throw new ConfigError(
    "NOT_TRAVERSABLE",
    `user id ${uid}, which Elasticsearch runs as, cannot pass through ${blocked} on the way to ${what} (${path}); ` +
      `run \`chmod o+x ${blocked}\`, or put it where everybody may pass`,
    { context: { directory: blocked, uid } },
  );
}
