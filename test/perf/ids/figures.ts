import { atMost, median, type Goal, type Row } from "../benchmark.ts";
import { DERIVED, STORE, UNTAGGED } from "./ways.ts";

/** One load of all lines. CPU is user and system of all threads. */
export interface Load {
  readonly documents: number;
  readonly storeMicros: number;
  readonly senderMicros: number;
  readonly wallMicros: number;
  readonly storeBytes: number;
}

/** What one way did. */
export interface IdsRow extends Row {
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
export function rowOf(way: { readonly name: string; readonly note: string }, loads: readonly Load[]): IdsRow {
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

/** What is hoped of ids by the store, and what they may cost. Loads of one round are compared with each other. */
export function idsGoals(loads: ReadonlyMap<string, readonly Load[]>): Goal[] {
  const ratio = (name: string, base: string, of: (load: Load) => number): number | undefined => {
    const [mine, other] = [loads.get(name), loads.get(base)];
    if (!mine || !other || mine.length === 0) return undefined;
    return median(mine.map((load, round) => of(load) / of(other[round]!)));
  };
  const store = ({ storeMicros }: Load) => storeMicros;
  const sender = ({ senderMicros }: Load) => senderMicros;
  return [
    atMost("CPU of the store, ids by the store over derived ones", 0.85, ratio(STORE, DERIVED, store)),
    atMost("CPU of the sender, ids by the store over derived ones", 1.05, ratio(STORE, DERIVED, sender)),
    atMost(
      "CPU of both",
      0.9,
      ratio(STORE, DERIVED, (load) => store(load) + sender(load)),
    ),
    atMost("CPU of the store, with the tag over without", 1.05, ratio(STORE, UNTAGGED, store)),
  ];
}
