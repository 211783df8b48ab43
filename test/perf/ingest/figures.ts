import type { Ids } from "../../../worker/contract/ids.ts";
import { atLeast, atMost, type Goal } from "../benchmark.ts";
import { rowOf, type Load, type LoadRow } from "../store/load-row.ts";
import type { Contender } from "./loading.ts";
import { median } from "../../../orchestrator/median.ts";

/** What one contender did. A round that failed has no load. */
export interface Entry {
  readonly contender: Pick<Contender, "name" | "kind" | "ids" | "note">;
  /** How to get it, when it is not there. */
  readonly missing?: string;
  readonly loads: readonly (Load | undefined)[];
  /** Why rounds failed. */
  readonly failures: readonly string[];
}

export interface IngestRow extends Partial<LoadRow> {
  readonly name: string;
  readonly ids: Ids;
  readonly missing: string | null;
  readonly failures: readonly string[];
  /** Rate, and CPU of store and sender together, against those of the ceiling with the same ids in the same round. */
  readonly ofCeiling: number | null;
  readonly ofCeilingByCpu: number | null;
}

export function ingestRow(entry: Entry, entries: readonly Entry[]): IngestRow {
  const { contender, missing, failures } = entry;
  const loads = entry.loads.filter((load) => load !== undefined);
  const ceiling = entries.find((other) => other.contender.kind === "ceiling" && other.contender.ids === contender.ids);
  return {
    ...(loads.length === 0 ? { note: contender.note } : rowOf(contender, loads)),
    name: contender.name,
    ids: contender.ids,
    missing: missing ?? null,
    failures,
    ofCeiling: against(entry, ceiling, rate) ?? null,
    ofCeilingByCpu: against(ceiling, entry, cpu) ?? null,
  };
}

/** What this project set out to reach. */
export function ingestGoals(entries: readonly Entry[]): Goal[] {
  const of = (kind: Contender["kind"], ids: Ids) =>
    entries.find(({ contender }) => contender.kind === kind && contender.ids === ids);
  const sender = (ids: Ids) => {
    const loads = of("gridharvest", ids)?.loads.filter((load) => load !== undefined) ?? [];
    return loads.length === 0 ? undefined : median(loads.map((load) => load.senderMicros / load.documents));
  };
  const peers = entries.filter(({ contender }) => contender.kind === "peer");
  const repeatable = peers.filter(({ contender }) => contender.ids === "derived");
  const ours = of("gridharvest", "store");
  return [
    atLeast("of the ceiling, ids by the store", 0.9, against(ours, of("ceiling", "store"), rate)),
    atLeast("of the ceiling, own ids", 0.95, against(of("gridharvest", "derived"), of("ceiling", "derived"), rate)),
    atMost("CPU µs of the sender a document, ids by the store", 2, sender("store")),
    atMost("CPU µs of the sender a document, own ids", 1.5, sender("derived")),
    atLeast("times the fastest peer of any kind", 1.25, against(ours, fastest(peers), rate)),
    atLeast("times the fastest peer that is repeatable", 1.6, against(ours, fastest(repeatable), rate)),
    atMost(
      "rounds that failed",
      0,
      entries.filter(isOurs).reduce((sum, { failures }) => sum + failures.length, 0),
    ),
  ];
}

/** The contents of others are theirs to answer for. */
function isOurs({ contender }: Entry): boolean {
  return contender.kind !== "peer";
}

const rate = ({ documents, wallMicros }: Load) => documents / wallMicros;
const cpu = ({ documents, storeMicros, senderMicros }: Load) => (storeMicros + senderMicros) / documents;

/** The ratio of two in each round: a busy minute is busy for both. Undefined when no round has both. */
function against(entry: Entry | undefined, other: Entry | undefined, of: (load: Load) => number): number | undefined {
  const ratios = (entry?.loads ?? []).flatMap((load, round) => {
    const base = other?.loads[round];
    return load && base ? [of(load) / of(base)] : [];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}

/** By the median of its rates. */
function fastest(entries: readonly Entry[]): Entry | undefined {
  const usual = ({ loads }: Entry) => {
    const rates = loads.flatMap((load) => (load ? [rate(load)] : []));
    return rates.length === 0 ? 0 : median(rates);
  };
  return entries.filter((entry) => usual(entry) > 0).sort((a, b) => usual(b) - usual(a))[0];
}
