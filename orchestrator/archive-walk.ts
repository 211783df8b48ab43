import { opendir, realpath, stat } from "node:fs/promises";
import { relative, sep } from "node:path";
import { isAscii, isUtf8 } from "node:buffer";
import { layoutPath, type Layout, type LayoutMatch, type PrefixMatch } from "./layout.ts";
import type { InventoryProblem } from "./inventory.ts";

/** What a walk comes upon. Paths are below the root, with `/`. */
export type WalkEntry =
  /**
   * A file that a pattern places in a month that may be a wanted one, or (`match` absent) one named `.7z`, whose members may be.
   * `real` is the path of the file itself when a symbolic link led to it.
   */
  | { readonly kind: "file"; readonly path: string; readonly match?: LayoutMatch; readonly real?: string }
  /** Stands in a directory of a wanted month and matches no pattern; a directory ends with `/`. */
  | { readonly kind: "unmatched"; readonly path: string }
  | { readonly kind: "problem"; readonly problem: InventoryProblem };

export interface WalkOptions {
  /** Absolute, and real: no symbolic link in it. */
  readonly root: string;
  readonly layout: Layout;
  /** Whether a directory that names this much of a month may hold files of a wanted one. */
  readonly wants: (prefix: PrefixMatch) => boolean;
  readonly signal: AbortSignal;
}

interface Folder {
  readonly path: string;
  /** Its path without symbolic links. */
  readonly real: string;
  readonly viaLink: boolean;
}

/**
 * Walks only where the patterns can match, one directory open at a time, in the file system's order.
 * Symbolic links are followed as long as they stay inside the root.
 *
 * @throws the file system's error when the root itself cannot be read; anything below it is a `problem`
 */
export async function* walkArchive(options: WalkOptions): AsyncGenerator<WalkEntry> {
  yield* walkFolder({ path: "", real: "", viaLink: false }, options);
}

async function* walkFolder(folder: Folder, options: WalkOptions): AsyncGenerator<WalkEntry> {
  const { root, layout, wants, signal } = options;
  const ofMonth = layout.enter(folder.path).some((p) => p.year !== undefined && p.month !== undefined && wants(p));
  const folders: Folder[] = [];
  try {
    // latin1 keeps each byte of a name as one character, so that names in other encodings can be told.
    for await (const entry of await opendir(absolute(root, folder.path), { encoding: "latin1", bufferSize: 256 })) {
      signal.throwIfAborted();
      const bytes = Buffer.from(entry.name, "latin1");
      if (!isUtf8(bytes)) {
        yield { kind: "problem", problem: strangeName(folder.path, bytes) };
        continue;
      }
      const name = isAscii(bytes) ? entry.name : bytes.toString("utf8");
      const child = { path: below(folder.path, name), real: below(folder.real, name), viaLink: folder.viaLink };
      const seen = yield* look(child, entry, ofMonth, options);
      if (seen) folders.push(seen);
    }
  } catch (error) {
    if (folder.path === "" || signal.aborted) throw error;
    yield { kind: "problem", problem: unreadable(folder.path, error) };
  }
  for (const next of folders) yield* walkFolder(next, options);
}

interface EntryType {
  isDirectory(): boolean;
  isFile(): boolean;
  isSymbolicLink(): boolean;
}

/** Yields what one entry is; returns it when it is a directory to walk. */
async function* look(
  child: Folder,
  type: EntryType,
  ofMonth: boolean,
  options: WalkOptions,
): AsyncGenerator<WalkEntry, Folder | undefined> {
  const { root, layout, wants } = options;
  const { path } = child;
  const prefixes = layout.enter(path);
  const inside = prefixes.some(wants);
  const match = layout.match(layoutPath(path));
  const wanted = match !== undefined && wants(prefixOf(match));

  if (type.isSymbolicLink()) {
    // A link that cannot matter is not worth a look at where it leads.
    if (!inside && !wanted && !(match === undefined && isSevenZipName(path))) {
      if (ofMonth && match === undefined && prefixes.length === 0) yield { kind: "unmatched", path };
      return undefined;
    }
    const target = await followLink(root, path);
    if ("problem" in target) {
      yield { kind: "problem", problem: target.problem };
      return undefined;
    }
    return yield* look({ path, real: target.real, viaLink: true }, target.type, ofMonth, options);
  }
  if (type.isDirectory()) {
    if (inside) return child;
    if (ofMonth && prefixes.length === 0) yield { kind: "unmatched", path: `${path}/` };
    return undefined;
  }
  const real = child.viaLink ? { real: child.real } : {};
  if (!type.isFile()) {
    if (wanted) yield { kind: "problem", problem: notAFile(path) };
    else if (ofMonth && match === undefined) yield { kind: "unmatched", path };
  } else if (wanted) yield { kind: "file", path, match, ...real };
  else if (match === undefined && isSevenZipName(path)) yield { kind: "file", path, ...real };
  else if (match === undefined && ofMonth) yield { kind: "unmatched", path };
  return undefined;
}

/** What a path says of its month, in the shape in which directories say it. */
export function prefixOf({ named: { year, month } }: LayoutMatch): PrefixMatch {
  return { ...(year === undefined ? {} : { year }), ...(month === undefined ? {} : { month }) };
}

function isSevenZipName(path: string): boolean {
  return /\.7z$/i.test(path);
}

async function followLink(
  root: string,
  path: string,
): Promise<{ readonly real: string; readonly type: EntryType } | { readonly problem: InventoryProblem }> {
  try {
    const target = await realpath(absolute(root, path));
    const real = relative(root, target);
    if (real === ".." || real.startsWith(`..${sep}`)) {
      return {
        problem: {
          path,
          code: "LINK_LEAVES_ARCHIVE",
          problem: `a symbolic link out of the archive, to ${target}; not followed`,
          remedy: "put the file itself there, or name a root that holds both",
        },
      };
    }
    return { real, type: await stat(target) };
  } catch (error) {
    return { problem: unreadable(path, error) };
  }
}

function below(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** The absolute path; plain joining, since `join` would tidy names up. */
export function absolute(root: string, path: string): string {
  return path === "" ? root : `${root === "/" ? "" : root}/${path}`;
}

/** A problem for a file or directory that the system would not let us read. */
export function unreadable(path: string, error: unknown): InventoryProblem {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const known: Readonly<Record<string, readonly [string, string]>> = {
    EACCES: ["may not be read by this user", "give the user of the campaign read access"],
    EPERM: ["may not be read by this user", "give the user of the campaign read access"],
    ENOENT: ["is gone, or a symbolic link that leads nowhere", "put it back, or remove the link"],
    ELOOP: ["is a symbolic link that leads back to itself", "remove the link"],
    EIO: ["cannot be read: input/output error", "check the disk or the file server"],
  };
  const [problem, remedy] = known[code] ?? [
    `cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    "check the file system",
  ];
  return { path, code: "FILE_UNREADABLE", problem, remedy };
}

function notAFile(path: string): InventoryProblem {
  return {
    path,
    code: "NOT_A_FILE",
    problem: "is neither a file nor a directory (a pipe, socket or device)",
    remedy: "remove it, or put a regular file there",
  };
}

function strangeName(folder: string, bytes: Buffer): InventoryProblem {
  const shown = [...bytes]
    .map((byte) =>
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`,
    )
    .join("");
  return {
    path: below(folder, shown),
    code: "NAME_NOT_UTF8",
    problem: "its name is not valid UTF-8, so no document could name it; not read",
    remedy: "rename it",
  };
}
