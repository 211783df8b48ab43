import type { Row } from "../benchmark.ts";
import { median } from "../../../orchestrator/median.ts";

/** One load of all lines. CPU is user and system of all threads. */
export interface Load {
  readonly documents: number;
  readonly storeMicros: number;
  readonly senderMicros: number;
  readonly wallMicros: number;
  readonly storeBytes: number;
}

/** What one way to load did. */
export interface LoadRow extends Row {
  readonly note: string;
  readonly rounds: number;
  readonly documents: number;
  /** Microseconds of CPU a document. */
  readonly store: number;
  readonly sender: number;
  readonly documentsPerSecond: number;
  /** On disk, as it is when all merges are done. */
  readonly bytesPerDocument: number;
}

/** @param loads of one way, by round */
export function rowOf(way: { readonly name: string; readonly note: string }, loads: readonly Load[]): LoadRow {
  const perDocument = (of: (load: Load) => number) => median(loads.map((load) => of(load) / load.documents));
  return {
    name: way.name,
    note: way.note,
    rounds: loads.length,
    documents: median(loads.map(({ documents }) => documents)),
    store: perDocument(({ storeMicros }) => storeMicros),
    sender: perDocument(({ senderMicros }) => senderMicros),
    documentsPerSecond: 1e6 / perDocument(({ wallMicros }) => wallMicros),
    bytesPerDocument: perDocument(({ storeBytes }) => storeBytes),
  };
}
