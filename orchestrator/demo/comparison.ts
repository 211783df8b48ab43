import { NO_HEADER } from "../../worker/contract/parse-counts.ts";
import type { Report } from "../report.ts";
import type { Manifest } from "../sample/index.ts";
import type { Bucket, Search } from "./search.ts";
import { SSH_EVENTS } from "../sample/scene.ts";

/** What Elasticsearch says of the month, in the manifest's terms. */
export interface Found {
  readonly documents: number;
  readonly files: Readonly<Record<string, number>>;
  readonly days: Readonly<Record<string, number>>;
  readonly programs: Readonly<Record<string, number>>;
  readonly withoutProgram: number;
  readonly unparsed: Readonly<Record<string, number>>;
  readonly results: Readonly<Record<string, number>>;
  /** `EVENT result remote` → documents. */
  readonly remotes: Readonly<Record<string, number>>;
}

/** Asks Elasticsearch for everything that the manifest tells. */
export async function findAll(search: Search, timeZone: string, signal: AbortSignal): Promise<Found> {
  const all = { match_all: {} };
  const terms = (field: string, missing = false): object => ({ terms: { field, missing_bucket: missing } });
  const [documents, files, days, programs, unparsed, ssh] = await Promise.all([
    search.count(all, signal),
    search.combinations({ value: terms("file") }, all, signal),
    search.combinations(
      {
        value: {
          date_histogram: {
            field: "@timestamp",
            calendar_interval: "day",
            time_zone: timeZone,
            format: "yyyy-MM-dd",
          },
        },
      },
      all,
      signal,
    ),
    search.combinations({ value: terms("program", true) }, all, signal),
    search.combinations({ value: terms("unparsed") }, all, signal),
    search.combinations(
      { event: terms("ssh.event"), result: terms("ssh.result"), remote: terms("ssh.remote", true) },
      { terms: { "ssh.event": SSH_EVENTS } },
      signal,
    ),
  ]);
  const results: Record<string, number> = {};
  const remotes: Record<string, number> = {};
  for (const { key, count } of ssh) {
    const result = `${key.event ?? ""} ${key.result ?? ""}`;
    results[result] = (results[result] ?? 0) + count;
    if (key.remote !== null && key.remote !== undefined) remotes[`${result} ${key.remote}`] = count;
  }
  return {
    documents,
    files: byValue(files),
    days: byValue(days),
    programs: byValue(programs),
    withoutProgram: programs.find(({ key }) => key.value === null)?.count ?? 0,
    unparsed: byValue(unparsed),
    results,
    remotes,
  };
}

function byValue(buckets: readonly Bucket[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { key, count } of buckets) if (key.value !== null && key.value !== undefined) found[key.value] = count;
  return found;
}

/** One aspect that was compared, and how many numbers of it. */
export interface Compared {
  readonly aspect: string;
  readonly numbers: number;
  /** What differs, one line each; the first few. */
  readonly differences: readonly string[];
}

/** Compares every number of the manifest with what was found. Pure. */
export function compareWithManifest(manifest: Manifest, found: Found): readonly Compared[] {
  const remotes: Record<string, number> = {};
  for (const [remote, results] of Object.entries(manifest.ssh.remotes)) {
    for (const [result, count] of Object.entries(results)) remotes[`${result} ${remote}`] = count;
  }
  const files = Object.fromEntries(manifest.files.map(({ identity, lines }) => [identity, lines]));
  return [
    compareCounts("documents", { documents: manifest.lines }, { documents: found.documents }),
    compareCounts("documents by file", files, found.files),
    compareCounts("documents by day", manifest.days, found.days),
    compareCounts("documents by program", manifest.programs, found.programs),
    compareCounts("documents without a program", { none: manifest.withoutProgram }, { none: found.withoutProgram }),
    compareCounts("unparsed lines by kind", manifest.unparsed.kinds, found.unparsed),
    compareCounts("ssh events by result", manifest.ssh.results, found.results),
    compareCounts("ssh results by remote address", remotes, found.remotes),
  ];
}

/** Compares the ledger's lines by program with the manifest's. Pure. */
export function compareParsing(manifest: Manifest, { parsing }: Pick<Report, "parsing">): readonly Compared[] {
  const programs = Object.fromEntries((parsing?.programs ?? []).map(({ program, lines }) => [program, lines]));
  const { [NO_HEADER]: withoutHeader = 0, ...named } = programs;
  return [
    compareCounts("lines by program", manifest.programs, named),
    compareCounts("lines without a header", { none: manifest.withoutProgram }, { none: withoutHeader }),
  ];
}

/** Most differences of one aspect that are named. */
const NAMED = 5;

/** Compares two tables of counts; a name that is missing counts as 0. */
export function compareCounts(
  aspect: string,
  expected: Readonly<Record<string, number>>,
  found: Readonly<Record<string, number>>,
): Compared {
  const names = new Set([...Object.keys(expected), ...Object.keys(found)]);
  const differing = [...names].filter((name) => (expected[name] ?? 0) !== (found[name] ?? 0));
  const differences = differing
    .slice(0, NAMED)
    .map((name) => `${aspect}: ${name}: ${expected[name] ?? 0} in the manifest, ${found[name] ?? 0} found`);
  if (differing.length > NAMED) differences.push(`${aspect}: ${differing.length - NAMED} more differ`);
  return { aspect, numbers: names.size, differences };
}
