import type { Origin } from "../../worker/contract/chunk.ts";
import type { LedgerRow } from "../../worker/contract/ledger.ts";
import { replayId, type Replay } from "../../worker/contract/replay.ts";
import type { Rules } from "../../worker/contract/rules.ts";
import { lastWords } from "./sums.ts";

/** What is to be loaded again, and how. */
export interface ReplayWish {
  /** Hash. */
  readonly pipeline: string;
  /** Of files that the pipeline of this service reads; absent: of all. */
  readonly service?: string | undefined;
}

/**
 * A replay for each row that has the last word on rejected documents: of a chunk what it had rejected, or what its last replay has rejected again. In the order of
 * their ids. Pure.
 * @param origins by file id
 */
export function replaysWanted(
  rows: readonly LedgerRow[],
  origins: ReadonlyMap<string, Origin>,
  rules: Pick<Rules, "pipelines" | "otherwise">,
  { pipeline, service }: ReplayWish,
): readonly Replay[] {
  const before = new Map<string, number>();
  for (const { replay } of rows) if (replay) before.set(replay.chunk, (before.get(replay.chunk) ?? 0) + 1);
  const replays = lastWords(rows).flatMap((row): Replay[] => {
    const origin = origins.get(row.fileId);
    if (row.counts.rejected === 0 || !origin) return [];
    if (service !== undefined && service !== origin.service && service !== readBy(rules, origin.service)) return [];
    const chunk = row.replay?.chunk ?? row.chunk;
    return [{ id: replayId(chunk, 1 + (before.get(chunk) ?? 0)), of: row.chunk, chunk, origin, pipeline }];
  });
  return replays.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The service whose pipeline reads the files of another one that has none. */
function readBy({ pipelines, otherwise }: Pick<Rules, "pipelines" | "otherwise">, service: string): string {
  return pipelines.some(({ services }) => services.includes(service)) ? service : otherwise;
}
