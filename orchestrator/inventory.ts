import { open, realpath, stat } from "node:fs/promises";
import {
  breaksOffAtOnce,
  FORMAT_HEAD_BYTES,
  isReadable,
  recogniseFormat,
  unsupportedFormat,
} from "../worker/contract/archive-format.ts";
import { ConfigError, DataError } from "../worker/contract/errors.ts";
import type { YearMonth } from "../worker/contract/months.ts";
import type { Config } from "./config-schema.ts";
import { dateFile, localDay, type FileDating } from "./dating.ts";
import { absolute, prefixOf, unreadable, walkArchive, type WalkEntry } from "./archive-walk.ts";
import { compareFiles, listedFiles } from "./listed-files.ts";
import { compileLayout, layoutPath, type FileKind, type Layout, type LayoutMatch, type PrefixMatch } from "./layout.ts";
import { resolveClashes, resolveOverlap, type InventoryGroup, type Overlap } from "./overlap.ts";
import { listSevenZip } from "./seven-zip.ts";

export type { InventoryGroup, Overlap } from "./overlap.ts";

/** A file of the wanted months: on disk, or a member of a 7z archive. Paths are below the root. */
export interface InventoryFile {
  /** The file on disk; of a member, its archive. */
  readonly path: string;
  /** Path inside the archive; absent outside one. */
  readonly member?: string | undefined;
  /** What makes the file's id: its path without compression suffix, with the member's path inside an archive. */
  readonly identity: string;
  /** The path that a pattern matched. Two files of one place hold the same lines. */
  readonly place: string;
  readonly format: "plain" | "gzip" | "7z";
  /** Bytes on disk; of a member, after decompression. */
  readonly size: number;
  readonly mtimeMs: number;
  readonly month: YearMonth;
  readonly day?: string | undefined;
  /** No line is of a later day; see `dateFile`. */
  readonly lastDay?: string | undefined;
  readonly service: string;
  /** The host that the path names. */
  readonly collector?: string | undefined;
  readonly kind: FileKind;
  /** Of lines that are not UTF-8, where the layout states it. */
  readonly encoding?: string | undefined;
  /** Why it is not loaded; absent for a file that is. */
  readonly skipped?: string | undefined;
  readonly dropPrograms: readonly string[];
}

/** A 7z archive that holds files of the wanted months. */
export interface InventoryArchive {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** Every member in stream order. */
  readonly stream: readonly { readonly member: string; readonly size: number }[];
}

/** A file or directory that is not loaded because something is wrong with it. */
export interface InventoryProblem {
  readonly path: string;
  readonly code: string;
  readonly problem: string;
  readonly remedy: string;
}

/** The files of some months. In no particular order: `makePlan` sorts. */
export interface Inventory {
  /** Absolute. */
  readonly root: string;
  readonly months: readonly YearMonth[];
  readonly files: readonly InventoryFile[];
  readonly archives: readonly InventoryArchive[];
  readonly groups: readonly InventoryGroup[];
  readonly overlaps: readonly Overlap[];
  readonly problems: readonly InventoryProblem[];
  /** What is to be known of files and costs nothing: symbolic links to files that are listed themselves. */
  readonly notes: readonly InventoryProblem[];
  readonly unmatched: readonly string[];
  /** Files of no bytes: counted, nothing to load. */
  readonly empty: number;
}

/** Files looked at at once: enough to hide a file server's latency. */
const WIDTH = 16;

/**
 * Lists what stands in the archive for the months.
 *
 * @throws ConfigError `ARCHIVE_MISSING` without a readable root, `ARCHIVE_EMPTY` when a month has no file,
 *   `ARCHIVE_CLASH` for `syslog` beside `syslog.gz` unless the configuration says which counts.
 *   A file that cannot be read is a problem of the listing and costs itself.
 */
export async function listArchive(
  archive: Config["archive"],
  months: readonly YearMonth[],
  signal: AbortSignal,
): Promise<Inventory> {
  const root = await openRoot(archive.root);
  const layout = compileLayout(
    archive.layout.patterns.map((pattern) => ({ ...pattern, encoding: pattern.encoding ?? archive.encoding })),
  );
  const dateOf: DateOf = (match, mtimeMs) =>
    dateFile(match, localDay(mtimeMs, archive.timeZone), archive.year) ?? "no such day";
  const yearIs = archive.year === "file-date" ? "that of their modification" : `${String(archive.year)}, as configured`;
  const listing = new Listing({ root, layout, dateOf, yearIs, months: new Set(months), signal });
  await forEachOf(listing.walk(), WIDTH, (entry) => listing.take(entry));
  const found = listing.result();

  const unclashed = resolveClashes(found.files, archive.layout.clash);
  const { files, groups, overlaps } = resolveOverlap(unclashed, archive.layout.prefer);
  const holdsLines = (file: InventoryFile): boolean =>
    file.skipped === undefined && (file.format !== "plain" || file.size > 0);
  const absent = months.filter((month) => !files.some((file) => file.month === month && holdsLines(file)));
  if (absent.length > 0) throw await emptyMonths(archive, root, layout, dateOf, absent, found.problems, signal);
  return {
    root,
    months,
    files,
    archives: found.archives,
    groups,
    overlaps,
    problems: found.problems,
    notes: found.notes,
    unmatched: found.unmatched,
    empty: files.filter((file) => file.format === "plain" && file.size === 0).length,
  };
}

async function openRoot(root: string): Promise<string> {
  const missing = (problem: string, cause?: unknown): ConfigError =>
    new ConfigError(
      "ARCHIVE_MISSING",
      `the archive ${root} ${problem}; set archive.root to the directory that holds the logs`,
      { context: { root }, cause },
    );
  try {
    const real = await realpath(root);
    if (!(await stat(real)).isDirectory()) throw missing("is not a directory");
    return real;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw missing(
      error instanceof Error && "code" in error && error.code === "ENOENT" ? "does not exist" : "cannot be read",
      error,
    );
  }
}

/** Which month and day a file is of. */
type DateOf = (match: LayoutMatch, mtimeMs: number) => FileDating | "no such day";

interface ListingOptions {
  readonly root: string;
  readonly layout: Layout;
  readonly dateOf: DateOf;
  /** Where years come from that no path names, for people. */
  readonly yearIs: string;
  readonly months: ReadonlySet<YearMonth>;
  readonly signal: AbortSignal;
}

/** Gathers the entries of a walk. */
class Listing {
  readonly #root: string;
  readonly #layout: Layout;
  readonly #dateOf: DateOf;
  readonly #yearIs: string;
  readonly #months: ReadonlySet<YearMonth>;
  readonly #signal: AbortSignal;
  readonly #fileOf = listedFiles();
  readonly #files: InventoryFile[] = [];
  /** Where symbolic links to files lead. */
  readonly #links = new Map<InventoryFile, string>();
  readonly #archives: InventoryArchive[] = [];
  readonly #problems: InventoryProblem[] = [];
  readonly #notes: InventoryProblem[] = [];
  readonly #unmatched: string[] = [];
  /** Files whose paths name no year. */
  readonly #undated: string[] = [];

  constructor({ root, layout, dateOf, yearIs, months, signal }: ListingOptions) {
    this.#root = root;
    this.#layout = layout;
    this.#dateOf = dateOf;
    this.#yearIs = yearIs;
    this.#months = months;
    this.#signal = signal;
  }

  async *walk(): AsyncGenerator<WalkEntry> {
    const months = [...this.#months];
    const wants = ({ year, month }: PrefixMatch): boolean =>
      months.some((m) => (year ?? m.slice(0, 4)) === m.slice(0, 4) && (month ?? m.slice(5)) === m.slice(5));
    try {
      yield* walkArchive({ root: this.#root, layout: this.#layout, wants, signal: this.#signal });
    } catch (error) {
      this.#signal.throwIfAborted();
      throw new ConfigError("ARCHIVE_MISSING", `the archive ${this.#root} cannot be read; check its permissions`, {
        context: { root: this.#root },
        cause: error,
      });
    }
  }

  async take(entry: WalkEntry): Promise<void> {
    this.#signal.throwIfAborted();
    if (entry.kind === "unmatched") this.#unmatched.push(entry.path);
    else if (entry.kind === "problem") this.#problems.push(entry.problem);
    else {
      try {
        await this.#takeFile(entry);
      } catch (error) {
        if (error instanceof ConfigError || this.#signal.aborted) throw error;
        this.#problems.push(error instanceof DataError ? costs(entry.path, error) : unreadable(entry.path, error));
      }
    }
  }

  async #takeFile({ path, match, real }: Extract<WalkEntry, { kind: "file" }>): Promise<void> {
    const { size, mtimeMs, head } = await readHead(absolute(this.#root, path));
    const format = recogniseFormat(head);
    if (format === "7z") return this.#takeMembers(path, size, mtimeMs, match);
    // Named .7z and something else: the name alone brought it here.
    if (!match) return;
    const dating = this.#wanted(path, match, mtimeMs);
    if (!dating) return;
    if (!isReadable(format)) throw unsupportedFormat(path, format);
    if (breaksOffAtOnce(path, head)) {
      throw new DataError("ARCHIVE_TRUNCATED", `${path} breaks off after ${String(size)} bytes; fetch it again`);
    }
    const place = layoutPath(path);
    const file = { path, identity: place, place, format, size, mtimeMs, ...dating, ...ofMatch(match) };
    const listed = this.#fileOf(file);
    this.#files.push(listed);
    if (real !== undefined) this.#links.set(listed, real);
  }

  /** When the file's lines were written, if that is a wanted month. */
  #wanted(path: string, match: LayoutMatch, mtimeMs: number): FileDating | undefined {
    const dating = this.#dateOf(match, mtimeMs);
    if (dating === "no such day" || !this.#months.has(dating.month)) return undefined;
    if (match.named.year === undefined) this.#undated.push(path);
    return dating;
  }

  async #takeMembers(path: string, size: number, mtimeMs: number, match: LayoutMatch | undefined): Promise<void> {
    const members = await listSevenZip(absolute(this.#root, path), this.#signal);
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    const ofMonth = match !== undefined || this.#standsInMonth(folder);
    const seen = new Set<string>();
    let wanted = 0;
    for (const { member, size: memberSize, encrypted, modifiedMs } of members) {
      const identity = `${layoutPath(path)}/${member}`;
      // As if it were unpacked beside its archive, at the root, or in a folder of the archive's name.
      const place = [`${folder}${member}`, member, identity].find((p) => this.#layout.match(layoutPath(p)));
      const found = place === undefined ? undefined : this.#layout.match(layoutPath(place));
      const shown = `${path}: ${member}`;
      if (place === undefined || found === undefined) {
        if (ofMonth) this.#unmatched.push(shown);
        continue;
      }
      const dating = this.#wanted(shown, found, modifiedMs ?? mtimeMs);
      if (!dating) continue;
      const wrong = memberProblem(member, encrypted, seen.has(member));
      seen.add(member);
      if (wrong) {
        this.#problems.push({ path: shown, ...wrong });
        continue;
      }
      wanted++;
      const file = { path, member, identity, place, format: "7z", size: memberSize, mtimeMs } as const;
      this.#files.push(this.#fileOf({ ...file, ...dating, ...ofMatch(found) }));
    }
    if (wanted > 0) {
      const stream = members.map((m) => ({ member: m.member, size: m.size }));
      this.#archives.push({ path, size, mtimeMs, stream });
    }
  }

  #standsInMonth(folder: string): boolean {
    return this.#layout
      .enter(folder.replace(/\/$/, ""))
      .some(({ year, month }) => year !== undefined && month !== undefined && this.#months.has(`${year}-${month}`));
  }

  /** The files, without symbolic links to files that are listed themselves. */
  result(): Pick<Inventory, "files" | "archives" | "problems" | "notes" | "unmatched"> {
    const byPath = (a: { readonly path: string }, b: { readonly path: string }): number => (a.path < b.path ? -1 : 1);
    const targets = new Set(this.#links.values());
    const listed = new Map<string, string>();
    for (const file of targets.size > 0 ? this.#files : []) {
      if (!this.#links.has(file) && targets.has(file.path)) listed.set(file.path, file.path);
    }
    const files = this.#files.sort(compareFiles).filter((file) => {
      const real = this.#links.get(file);
      if (real === undefined) return true;
      const other = listed.get(real);
      if (other === undefined) {
        listed.set(real, file.path);
        return true;
      }
      this.#notes.push({
        path: file.path,
        code: "LINK_TO_LISTED",
        problem: `a symbolic link to ${other}, which is listed itself; its lines are loaded once`,
        remedy: "nothing to do, or remove the link",
      });
      return false;
    });
    const undated = this.#undated.sort();
    if (undated[0] !== undefined) {
      this.#notes.push({
        path: undated[0],
        code: "YEAR_NOT_IN_PATH",
        problem: `${undated.length > 1 ? `and ${String(undated.length - 1)} more files name` : "names"} no year; it is ${this.#yearIs}`,
        remedy: "look whether it is right, or set archive.year",
      });
    }
    const problems = this.#problems.sort(byPath);
    const notes = this.#notes.sort(byPath);
    return { files, archives: this.#archives.sort(byPath), problems, notes, unmatched: this.#unmatched.sort() };
  }
}

function ofMatch(
  match: LayoutMatch,
): Pick<InventoryFile, "service" | "kind" | "dropPrograms" | "collector" | "encoding"> {
  const { host, service, kind, encoding } = match;
  return {
    service,
    kind,
    dropPrograms: [],
    ...(host === undefined ? {} : { collector: host }),
    ...(encoding === undefined ? {} : { encoding }),
  };
}

function memberProblem(
  member: string,
  encrypted: boolean,
  repeated: boolean,
): Omit<InventoryProblem, "path"> | undefined {
  if (encrypted) return { code: "MEMBER_ENCRYPTED", problem: "is encrypted", remedy: "repack it without a password" };
  if (repeated) {
    const problem = "the archive holds a second member of this name; the first one is loaded";
    return { code: "MEMBER_REPEATED", problem, remedy: "repack the archive" };
  }
  if (layoutPath(member) !== member) {
    const problem = "is a compressed file inside an archive, which is not read";
    return { code: "MEMBER_COMPRESSED", problem, remedy: "repack the archive with the files themselves" };
  }
  return undefined;
}

/** The parts of an error's message; the path stands before them already. */
function costs(path: string, error: DataError): InventoryProblem {
  const [problem = "", ...remedy] = error.message.split("; ");
  const bare = problem.startsWith(`${path} `) ? problem.slice(path.length + 1) : problem;
  return { path, code: error.code, problem: bare, remedy: remedy.join("; ") || "replace it" };
}

async function readHead(file: string): Promise<{ size: number; mtimeMs: number; head: Uint8Array }> {
  await using handle = await open(file, "r");
  const { size, mtimeMs } = await handle.stat();
  if (size === 0) return { size, mtimeMs, head: new Uint8Array() };
  const { buffer, bytesRead } = await handle.read(new Uint8Array(FORMAT_HEAD_BYTES), 0, FORMAT_HEAD_BYTES, 0);
  return { size, mtimeMs, head: buffer.subarray(0, bytesRead) };
}

/** Calls `work` for every item, at most `width` at once. The first failure ends it. */
async function forEachOf<T>(items: AsyncGenerator<T>, width: number, work: (item: T) => Promise<void>): Promise<void> {
  let failed = false;
  const lane = async (): Promise<void> => {
    for (;;) {
      const next = await items.next();
      if (next.done === true || failed) return;
      try {
        await work(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: width }, lane));
  await items.return(undefined);
  for (const result of lanes) if (result.status === "rejected") throw result.reason;
}

async function emptyMonths(
  archive: Config["archive"],
  root: string,
  layout: Layout,
  dateOf: DateOf,
  absent: readonly YearMonth[],
  problems: readonly InventoryProblem[],
  signal: AbortSignal,
): Promise<ConfigError> {
  const present = [...(await monthsPresent(root, layout, dateOf, signal))].sort();
  const patterns = archive.layout.patterns.map((pattern) => pattern.path).join(", ");
  const broken = problems[0]
    ? `; first of ${problems.length} problems: ${problems[0].path} ${problems[0].problem}`
    : "";
  const there =
    present.length === 0
      ? "No month at all matches; correct archive.root or archive.layout.patterns"
      : `Months that are there: ${spans(present)}`;
  return new ConfigError(
    "ARCHIVE_EMPTY",
    `the archive ${root} has no file to load for ${absent.join(", ")} (patterns: ${patterns})${broken}. ${there}`,
    { context: { root, months: absent.join(","), present: present.join(",") } },
  );
}

/** Every month that some file on disk is of. Looks at names, and at dates where these say too little; no further into a month that is known. */
async function monthsPresent(
  root: string,
  layout: Layout,
  dateOf: DateOf,
  signal: AbortSignal,
): Promise<ReadonlySet<YearMonth>> {
  const months = new Set<YearMonth>();
  const wants = ({ year, month }: PrefixMatch): boolean =>
    year === undefined || month === undefined || !months.has(`${year}-${month}`);
  for await (const entry of walkArchive({ root, layout, wants, signal })) {
    if (entry.kind !== "file" || !entry.match || !wants(prefixOf(entry.match))) continue;
    const dated = entry.match.named.year !== undefined;
    const mtimeMs = dated
      ? 0
      : await stat(absolute(root, entry.path)).then(
          ({ mtimeMs: ms }) => ms,
          () => undefined,
        );
    const dating = mtimeMs === undefined ? "no such day" : dateOf(entry.match, mtimeMs);
    if (dating !== "no such day") months.add(dating.month);
  }
  return months;
}

/** Sorted months with runs drawn together: `2012-11 to 2013-02, 2013-05`. */
function spans(months: readonly YearMonth[]): string {
  const runs: [YearMonth, YearMonth][] = [];
  const index = (month: YearMonth): number => Number(month.slice(0, 4)) * 12 + Number(month.slice(5));
  for (const month of months) {
    const last = runs.at(-1);
    if (last && index(month) === index(last[1]) + 1) last[1] = month;
    else runs.push([month, month]);
  }
  return runs.map(([first, last]) => (first === last ? first : `${first} to ${last}`)).join(", ");
}
