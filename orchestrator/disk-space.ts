import { stat, statfs } from "node:fs/promises";
import { ConfigError } from "../worker/contract/errors.ts";
import { formatBytes } from "./cli/io.ts";
import type { Config } from "./config-schema.ts";
import { nearestExisting } from "./doctor/places.ts";
import { statePaths } from "./paths.ts";
import type { Plan } from "./plan.ts";

/** Room on disks: what a campaign will take, and what there is. */

const GiB = 2 ** 30;

/**
 * Where less than this is free Elasticsearch puts no new index: `watermark.low` of `elasticsearch.yml.tmpl`, to which a test
 * compares it.
 */
export const LOW_WATERMARK_BYTES = 3 * GiB;
/** Journal, ledger and logs, where data nodes keep nothing. */
const RECORDS_BYTES = GiB;

/** What goes below one directory. */
interface Need {
  readonly dir: string;
  readonly bytes: number;
  readonly what: string;
}

/** One file system that a campaign writes to. */
export interface DiskRoom {
  /** Directories of the campaign on it. */
  readonly dirs: readonly string[];
  readonly freeBytes: number;
  readonly neededBytes: number;
  /** What needs how much, in words. */
  readonly what: string;
}

type Site = Config & { readonly stateDir: string };

/** What a campaign writes where; without a plan, what it takes to begin at all. Pure. */
function needsOf(config: Site, plan: Pick<Plan, "unpacks" | "estimate"> | undefined): readonly Need[] {
  const { stateDir } = config;
  // Other batch systems give a node a disk of its own.
  const nodesAreHere = config.batch.system === "local";
  const index = plan?.estimate?.indexBytes ?? 0;
  const staged = plan && plan.unpacks.length > 0 ? Math.min(config.staging.limit, plan.estimate?.bytes ?? 0) : 0;
  return [
    nodesAreHere
      ? { dir: stateDir, bytes: LOW_WATERMARK_BYTES, what: "that Elasticsearch wants left free" }
      : { dir: stateDir, bytes: RECORDS_BYTES, what: "of records" },
    { dir: stateDir, bytes: nodesAreHere ? index * (1 + config.dataNodes.replicas) : 0, what: "of indices" },
    { dir: config.staging.dir ?? stateDir, bytes: staged, what: "of unpacked blocks" },
    { dir: config.snapshot.repository ?? statePaths(stateDir).snapshots, bytes: index, what: "of snapshot" },
  ];
}

/** Looks at the file systems that a campaign writes to, each once, however many of its directories stand there. */
export async function lookAtDisks(
  config: Site,
  plan?: Pick<Plan, "unpacks" | "estimate">,
): Promise<readonly DiskRoom[]> {
  const needs = needsOf(config, plan).filter(({ bytes }) => bytes > 0);
  const placed = await Promise.all(
    needs.map(async (need) => {
      const existing = nearestExisting(need.dir);
      return { need, existing, device: (await stat(existing)).dev };
    }),
  );
  const disks = [...Map.groupBy(placed, ({ device }) => device).values()];
  return Promise.all(
    disks.map(async (on): Promise<DiskRoom> => {
      const { bavail, bsize } = await statfs(on[0]?.existing ?? "/");
      return {
        dirs: [...new Set(on.map(({ need }) => need.dir))],
        freeBytes: bavail * bsize,
        neededBytes: on.reduce((sum, { need }) => sum + need.bytes, 0),
        what: on.map(({ need }) => `${formatBytes(need.bytes)} ${need.what}`).join(", "),
      };
    }),
  );
}

/** For people: what is needed where, and whether it is there. */
export function roomText({ dirs, freeBytes, neededBytes, what }: DiskRoom): string {
  const verdict = freeBytes < neededBytes ? ": NOT ENOUGH" : "";
  return `${formatBytes(freeBytes)} free, about ${formatBytes(neededBytes)} needed below ${dirs.join(" and ")} (${what})${verdict}`;
}

/**
 * Before anything is submitted: a disk that fills up in mid-campaign costs the campaign.
 * @throws ConfigError `DISK_TOO_SMALL`
 */
export async function refuseSmallDisks(config: Site, plan: Plan): Promise<void> {
  const small = (await lookAtDisks(config, plan)).filter((disk) => disk.freeBytes < disk.neededBytes);
  if (small.length === 0) return;
  throw new ConfigError(
    "DISK_TOO_SMALL",
    `the plan does not fit: ${small.map(roomText).join("; ")}; make room, load less, or set stateDir, staging.dir or snapshot.repository to larger disks`,
  );
}
