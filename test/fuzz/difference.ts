import type { EncodedBatch } from "../../worker/contract/pipeline.ts";
import { CONDITION_OVER_BUDGET } from "../../worker/pipeline/interpret.ts";

/** Where two batches that should be equal are not. */
export interface Difference {
  /** What differs: a document, an action, a figure. */
  readonly what: string;
  readonly engine: string;
  readonly reference: string;
}

/**
 * The first difference of two batches in bytes, offsets, lengths and tallies; undefined when they are equal.
 * @returns `"over-budget"` when they differ and a matcher gave up in one of them: the plain one has other steps than the generated one
 */
export function differenceOf(engine: EncodedBatch, reference: EncodedBatch): Difference | "over-budget" | undefined {
  const found = inBytes(engine, reference) ?? inFigures(engine, reference);
  const gaveUp = (text: string) => text.includes('"_groktimeout"') || text.includes(`"${CONDITION_OVER_BUDGET}"`);
  return found && (gaveUp(found.engine) || gaveUp(found.reference)) ? "over-budget" : found;
}

function inBytes(engine: EncodedBatch, reference: EncodedBatch): Difference | undefined {
  if (Buffer.from(engine.body).equals(reference.body)) return undefined;
  const [ours, theirs] = [linesOf(engine.body), linesOf(reference.body)];
  const at = ours.findIndex((line, i) => line !== theirs[i]);
  const first = at < 0 ? ours.length : at;
  return {
    what: `${first % 2 === 0 ? "the action" : "the document"} ${String(first >> 1)}`,
    engine: ours[first] ?? "nothing",
    reference: theirs[first] ?? "nothing",
  };
}

/** Bytes as latin1, so that no two of them look the same. */
function linesOf(body: Uint8Array): readonly string[] {
  return Buffer.from(body).toString("latin1").split("\n");
}

function inFigures(engine: EncodedBatch, reference: EncodedBatch): Difference | undefined {
  for (const what of ["count", "offsets", "lengths", "tallies"] as const) {
    const [ours, theirs] = [shown(engine[what]), shown(reference[what])];
    if (ours !== theirs) return { what, engine: ours, reference: theirs };
  }
  return undefined;
}

/** As JSON, keys in their order by name: what counts first is no matter. */
function shown(figure: EncodedBatch["count" | "offsets" | "lengths" | "tallies"]): string {
  if (typeof figure === "number") return String(figure);
  if (ArrayBuffer.isView(figure)) return JSON.stringify([...figure]);
  return JSON.stringify(figure, (_, value: unknown) =>
    typeof value === "object" && value !== null
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
