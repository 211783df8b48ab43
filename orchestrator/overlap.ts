import { ConfigError } from "../worker/contract/errors.ts";
import { daysInMonth, type YearMonth } from "../worker/contract/months.ts";
import type { FileKind } from "./layout.ts";
import type { InventoryFile } from "./inventory.ts";
import { listedFiles } from "./listed-files.ts";

/** Which copy is loaded where lines stand twice: compressed beside plain, per host beside per service. Pure. */

/** Files of one month, kind and service. */
export interface InventoryGroup {
  readonly month: YearMonth;
  readonly kind: FileKind;
  readonly service: string;
  readonly files: number;
  /** On disk; of 7z members, after decompression. */
  readonly bytes: number;
  readonly loadedFiles: number;
  readonly loadedBytes: number;
  /** Files that are compressed. */
  readonly compressed: number;
  /** Files of no bytes. */
  readonly empty: number;
  /** Why files are not loaded, with how many. */
  readonly skipped: readonly { readonly reason: string; readonly files: number }[];
  /** Programs whose lines are dropped, since they are loaded from other files. */
  readonly dropPrograms: readonly string[];
}

/** Lines that stand in a month both per host and per service. */
export interface Overlap {
  readonly month: YearMonth;
  readonly perService: { readonly service: string; readonly files: number; readonly bytes: number };
  readonly perHost: { readonly service: string; readonly files: number; readonly bytes: number };
  /** Only the lines of these programs stand in both; all lines when absent. */
  readonly programs?: readonly string[];
  /** What is done about it, in words. */
  readonly resolution: string;
  /** Days of the month that no per-service file names, where the per-service copy is the one that is loaded. */
  readonly missingDays: readonly string[];
}

/**
 * Where the seed's rsyslog wrote lines twice: auth messages to `hosts/auth` beside each host's `auth.log`, those of
 * the PBS moms to `hosts/pbs` beside each host's `syslog`. Services of equal name overlap in any layout.
 */
const KNOWN_OVERLAPS: readonly {
  readonly perService: string;
  readonly perHost: string;
  readonly programs: readonly string[];
}[] = [{ perService: "pbs", perHost: "syslog", programs: ["pbs_mom", "pbs mom"] }];

type Clash = "refuse" | "plain" | "compressed";
type Prefer = "both" | "per-host" | "per-service";

/**
 * Settles files that stand in one place, or would have one identity, several times.
 * @throws ConfigError `ARCHIVE_CLASH` when the rule is `refuse`, or leaves more than one
 */
export function resolveClashes(files: readonly InventoryFile[], rule: Clash): readonly InventoryFile[] {
  let settled = files;
  const fileOf = listedFiles();
  for (const key of ["place", "identity"] as const) {
    const wanted = settled.filter((file) => file.skipped === undefined);
    const repeated = repeatedOf(wanted, key);
    if (repeated.size === 0) continue;
    const groups = Map.groupBy(
      wanted.filter((file) => repeated.has(file[key])),
      (file) => file[key],
    );
    const losers = new Map<InventoryFile, string>();
    const open: InventoryFile[][] = [];
    for (const group of groups.values()) {
      const kept = group.filter((file) => rule !== "refuse" && (file.format === "plain") === (rule === "plain"));
      const [winner] = kept;
      if (kept.length !== 1 || winner === undefined) open.push(group);
      else for (const file of group) if (file !== winner) losers.set(file, `clash: ${shown(winner)} is loaded`);
    }
    if (open.length > 0) throw clashError(open, rule);
    if (losers.size > 0) {
      settled = settled.map((file) => {
        const skipped = losers.get(file);
        return skipped === undefined ? file : fileOf(file, { skipped });
      });
    }
  }
  return settled;
}

/**
 * The values that several files have. Most files are where their paths say, and those are unique: only what others have is kept, and no list
 * for each of a million files, as grouping all of them would make.
 */
function repeatedOf(files: readonly InventoryFile[], key: "place" | "identity"): ReadonlySet<string> {
  const isItself = (file: InventoryFile): boolean => file.member === undefined && file[key] === file.path;
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const file of files) {
    if (isItself(file)) continue;
    const value = file[key];
    if (seen.has(value)) repeated.add(value);
    seen.add(value);
  }
  if (seen.size === 0) return repeated;
  for (const file of files) if (isItself(file) && seen.has(file.path)) repeated.add(file.path);
  return repeated;
}

function shown(file: InventoryFile): string {
  return file.member === undefined ? file.path : `${file.path}: ${file.member}`;
}

function clashError(open: readonly (readonly InventoryFile[])[], rule: Clash): ConfigError {
  const listed = open.slice(0, 10).map((group) => group.map(shown).join(" beside "));
  const more = open.length > listed.length ? ` and ${open.length - listed.length} more` : "";
  const remedy =
    rule === "refuse"
      ? "remove one of each, or set archive.layout.clash to `plain` or `compressed`"
      : `archive.layout.clash: ${rule} does not settle this; remove all but one of each`;
  return new ConfigError(
    "ARCHIVE_CLASH",
    `the same file stands in the archive more than once: ${listed.join(", ")}${more}; ${remedy}`,
    { context: { clashes: open.length, first: listed[0] ?? "" } },
  );
}

/** Applies `archive.layout.prefer`, and says what overlaps. */
export function resolveOverlap(
  files: readonly InventoryFile[],
  prefer: Prefer,
): {
  readonly files: readonly InventoryFile[];
  readonly groups: readonly InventoryGroup[];
  readonly overlaps: readonly Overlap[];
} {
  const byKey = Map.groupBy(files, (file) => keyOf(file.month, file.kind, file.service));
  const loadable = (month: YearMonth, kind: FileKind, service: string): readonly InventoryFile[] =>
    (byKey.get(keyOf(month, kind, service)) ?? []).filter((file) => file.skipped === undefined && file.size > 0);

  const overlaps: Overlap[] = [];
  const skip = new Map<string, string>();
  const drop = new Map<string, readonly string[]>();
  const pairs = new Set<string>();
  for (const file of files) {
    const { month, service } = file;
    if (file.kind !== "per-service" || pairs.has(keyOf(month, "per-service", service))) continue;
    pairs.add(keyOf(month, "per-service", service));
    const known = KNOWN_OVERLAPS.find((overlap) => overlap.perService === service);
    const candidates: { perHost: string; programs?: readonly string[] }[] = [
      { perHost: service },
      ...(known ? [known] : []),
    ];
    for (const { perHost, programs } of candidates) {
      const ofService = loadable(month, "per-service", service);
      const ofHosts = loadable(month, "per-host", perHost);
      if (ofService.length === 0 || ofHosts.length === 0) continue;
      const which = programs ? `lines of ${programs[0] ?? ""}` : "the lines";
      let resolution = `${which} are loaded twice, from both; set archive.layout.prefer to load them once`;
      if (prefer === "per-host") {
        resolution = `${which} are loaded per host only`;
        skip.set(
          keyOf(month, "per-service", service),
          `prefer per-host: the per-host ${perHost} files hold the same lines`,
        );
      } else if (prefer === "per-service" && programs) {
        resolution = `${which} are loaded per service only, and dropped from the per-host files`;
        drop.set(keyOf(month, "per-host", perHost), programs);
      } else if (prefer === "per-service") {
        resolution = `${which} are loaded per service only`;
        skip.set(
          keyOf(month, "per-host", perHost),
          `prefer per-service: the per-service ${service} files hold the same lines`,
        );
      }
      overlaps.push({
        month,
        perService: { service, files: ofService.length, bytes: bytesOf(ofService) },
        perHost: { service: perHost, files: ofHosts.length, bytes: bytesOf(ofHosts) },
        ...(programs ? { programs } : {}),
        resolution,
        missingDays: prefer === "per-service" ? missingDays(month, ofService) : [],
      });
    }
  }

  const fileOf = listedFiles();
  const settled = files.map((file) => {
    const key = keyOf(file.month, file.kind, file.service);
    const skipped = file.skipped ?? skip.get(key);
    const programs = drop.get(key);
    if (skipped !== undefined) return fileOf(file, { skipped });
    return programs ? fileOf(file, { dropPrograms: programs }) : file;
  });
  const byMonth = (a: { month: string }, b: { month: string }): number =>
    a.month < b.month ? -1 : a.month > b.month ? 1 : 0;
  return { files: settled, groups: groupsOf(settled), overlaps: overlaps.sort(byMonth) };
}

/** The separator cannot stand in a month or kind, so a hostile service name cannot imitate another key. */
function keyOf(month: YearMonth, kind: FileKind, service: string): string {
  return `${month}/${kind}/${service}`;
}

function bytesOf(files: readonly InventoryFile[]): number {
  return files.reduce((sum, file) => sum + file.size, 0);
}

/** Days that no file names; none when some file holds the whole month. */
function missingDays(month: YearMonth, files: readonly InventoryFile[]): readonly string[] {
  const named = new Set(files.map((file) => file.day));
  if (named.has(undefined)) return [];
  return Array.from({ length: daysInMonth(month) }, (_, i) => `${month}-${String(i + 1).padStart(2, "0")}`).filter(
    (day) => !named.has(day),
  );
}

function groupsOf(files: readonly InventoryFile[]): readonly InventoryGroup[] {
  const groups = Map.groupBy(files, (file) => keyOf(file.month, file.kind, file.service));
  return [...groups.keys()].sort().flatMap((key) => {
    const group = groups.get(key) ?? [];
    const [first] = group;
    if (!first) return [];
    const loaded = group.filter((file) => file.skipped === undefined);
    const reasons = Map.groupBy(
      group.filter((file) => file.skipped !== undefined),
      (file) => (file.skipped ?? "").replace(/^clash: .*/s, "clash: another copy is loaded"),
    );
    return [
      {
        month: first.month,
        kind: first.kind,
        service: first.service,
        files: group.length,
        bytes: bytesOf(group),
        loadedFiles: loaded.length,
        loadedBytes: bytesOf(loaded),
        compressed: group.filter((file) => file.format !== "plain").length,
        empty: group.filter((file) => file.format === "plain" && file.size === 0).length,
        skipped: [...reasons].map(([reason, list]) => ({ reason, files: list.length })),
        dropPrograms: loaded[0]?.dropPrograms ?? [],
      },
    ];
  });
}
