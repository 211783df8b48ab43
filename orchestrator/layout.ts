/** Path patterns of an archive: which month, day, host and service a path names. Pure. */

/** Whether a file holds one host's lines or one service's. */
export type FileKind = "per-host" | "per-service";

/** A pattern as the configuration gives it (`archive.layout.patterns`). */
export interface LayoutPattern {
  readonly path: string;
  readonly service?: string | undefined;
  readonly kind: FileKind;
  /** Of lines that are not UTF-8. */
  readonly encoding?: string | undefined;
}

/** What a path says of its file. */
export interface LayoutMatch {
  /** What it names of a date, digits as they stand there; which year and month they mean is `dateFile`'s. */
  readonly named: { readonly year?: string; readonly month?: string; readonly day?: string };
  readonly host?: string;
  readonly service: string;
  readonly kind: FileKind;
  readonly encoding?: string;
}

/** What a directory on the way to matching files already says. */
export interface PrefixMatch {
  readonly year?: string;
  readonly month?: string;
}

/** Compiled patterns; the first that matches counts. */
export interface Layout {
  /** @param path below the root, without its compression suffix */
  match(path: string): LayoutMatch | undefined;
  /**
   * What the patterns make of a directory: one entry for each pattern that may still match below it, none when nothing
   * below it can. The root is the empty path.
   */
  enter(directory: string): readonly PrefixMatch[];
}

/** Suffixes of compressed files. Which format it really is, the content says. */
const COMPRESSION_SUFFIX = /\.(?:gz|tgz|Z|bz2|xz|lzma|zst|lz4|7z|zip)$/i;

/**
 * A path as the patterns see it, and as it counts for a file's identity: without its compression suffix
 * (`a/syslog.gz` → `a/syslog`). A name that is nothing but a suffix stays.
 */
export function layoutPath(path: string): string {
  const bare = path.replace(COMPRESSION_SUFFIX, "");
  return bare === "" || bare.endsWith("/") ? path : bare;
}

/** The service that a file name stands for: `auth.log` → `auth`, `kern.log.1` → `kern`, `syslog` → `syslog`. */
export function serviceOf(fileName: string): string {
  const service = fileName.replace(/[.-]\d+$/, "").replace(/\.log$/, "");
  return service === "" ? fileName : service;
}

const PLACEHOLDERS: Readonly<Record<string, string>> = {
  year: "\\d{4}",
  month: "0[1-9]|1[0-2]",
  day: "0[1-9]|[12]\\d|3[01]",
  host: "[^/]+",
  service: "[^/]+",
};

/** What is wrong with a pattern and what to write instead, or undefined. */
export function patternProblem(path: string): string | undefined {
  const unknown = [...path.matchAll(/\{([^}]*)\}/g)].map((m) => m[1] ?? "").find((name) => !(name in PLACEHOLDERS));
  if (unknown !== undefined) {
    return `{${unknown}} is not a placeholder; use ${Object.keys(PLACEHOLDERS)
      .map((name) => `{${name}}`)
      .join(" ")}`;
  }
  if (/[{}]/.test(path.replaceAll(/\{[a-z]+\}/g, ""))) return "a brace without its partner; write {year}, {month}, …";
  if (!path.includes("{month}")) {
    const other = ["{year}", "{day}"].find((name) => path.includes(name));
    if (other !== undefined)
      return `has ${other} and does not contain {month}, so a file's month would be unknown; add it`;
  }
  if (path.includes("**")) return "`**` is not supported; `*` matches within one folder, write one pattern per depth";
  if (path.startsWith("/")) return "must be a path below the root; take the leading `/` off";
  if (path.split("/").some((part) => part === "" || part === "." || part === "..")) {
    return "must not have empty, `.` or `..` parts; write the path as it is listed below the root";
  }
  return undefined;
}

function source(path: string): string {
  const seen = new Set<string>();
  return path.replaceAll(/\{([a-z]+)\}|\*|[\\^$.|?+()[\]{}]/g, (token, name: string | undefined) => {
    if (token === "*") return "[^/]*";
    if (name === undefined) return `\\${token}`;
    if (seen.has(name)) return `\\k<${name}>`;
    seen.add(name);
    return `(?<${name}>${PLACEHOLDERS[name] ?? ""})`;
  });
}

/** Days that the month of a path can have: of a February without a year, 29. */
function mostDays(year: string | undefined, month: string | undefined): number {
  return new Date(Date.UTC(Number(year ?? 2000), Number(month ?? 1), 0)).getUTCDate();
}

/**
 * Compiles the patterns of a layout.
 * @throws RangeError for a pattern that `patternProblem` finds fault with: the configuration has been checked before
 */
export function compileLayout(patterns: readonly LayoutPattern[]): Layout {
  const compiled = patterns.map((pattern) => {
    const problem = patternProblem(pattern.path);
    if (problem !== undefined) throw new RangeError(`${pattern.path}: ${problem}`);
    const parts = pattern.path.split("/");
    return {
      pattern,
      whole: new RegExp(`^${source(pattern.path)}$`, "s"),
      // prefixes[n]: the first n folders; the last part is a file's.
      prefixes: parts.map((_, n) => new RegExp(`^${source(parts.slice(0, n).join("/"))}$`, "s")),
    };
  });
  return {
    match(path) {
      for (const { pattern, whole } of compiled) {
        const found = whole.exec(path);
        if (!found) continue;
        const groups: Record<string, string | undefined> = found.groups ?? {};
        const { year, month, day, host } = groups;
        if (Number(day ?? 1) > mostDays(year, month)) continue;
        const named = groups.service ?? path.slice(path.lastIndexOf("/") + 1);
        return {
          named: {
            ...(year === undefined ? {} : { year }),
            ...(month === undefined ? {} : { month }),
            ...(day === undefined ? {} : { day }),
          },
          ...(host === undefined ? {} : { host }),
          service: pattern.service ?? serviceOf(named),
          kind: pattern.kind,
          ...(pattern.encoding === undefined ? {} : { encoding: pattern.encoding }),
        };
      }
      return undefined;
    },
    enter(directory) {
      const depth = directory === "" ? 0 : directory.split("/").length;
      const matches: PrefixMatch[] = [];
      for (const { prefixes } of compiled) {
        const found = prefixes[depth]?.exec(directory);
        if (!found) continue;
        const { year, month } = found.groups ?? {};
        matches.push({ ...(year === undefined ? {} : { year }), ...(month === undefined ? {} : { month }) });
      }
      return matches;
    },
  };
}
