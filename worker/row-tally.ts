import type { Origin } from "./contract/chunk.ts";
import type { LedgerRow } from "./contract/ledger.ts";
import { GroupSums, ParseSums, ROW_LIMITS, type LineGroup } from "./contract/parse-counts.ts";
import type { EncodedBatch } from "./contract/pipeline.ts";
import type { RejectedCount } from "./rejects.ts";

/** Adds up the ledger row of one attempt. */
export class RowTally {
  #first: number;
  #last: number;
  #covered = false;
  #read = 0;
  #bytes = 0;
  #dropped = 0;
  #unparsed = 0;
  #written = 0;
  #duplicate = 0;
  #rejected = 0;
  #cpuMicros = 0;
  readonly #perIndex = new Map<string, number>();
  readonly #droppedBy = new Map<string, number>();
  readonly #unparsedBy = new Map<string, number>();
  readonly #rejectedBy = new Map<string, number>();
  readonly #parses = new ParseSums();
  readonly #rejects = new GroupSums();

  /** @param begin where the chunk covers nothing, if it covers nothing */
  constructor(begin: number) {
    this.#first = begin;
    this.#last = begin;
  }

  /** Blocks come in order. */
  cover(base: number, bytes: number): void {
    if (!this.#covered) this.#first = base;
    this.#covered = true;
    this.#last = base + bytes;
    this.#bytes += bytes;
  }

  parsed(batch: EncodedBatch, cpuMicros: number): void {
    const { tallies } = batch;
    this.#read += tallies.read;
    this.#dropped += tallies.dropped;
    this.#unparsed += tallies.unparsed;
    this.#cpuMicros += cpuMicros;
    addAll(this.#perIndex, tallies.perIndex);
    addAll(this.#droppedBy, tallies.droppedBy);
    addAll(this.#unparsedBy, tallies.unparsedBy);
    this.#parses.add(tallies.parses);
  }

  settled(written: number, duplicate: number, rejected: readonly RejectedCount[]): void {
    this.#written += written;
    this.#duplicate += duplicate;
    this.#rejected += rejected.length;
    for (const { index, type, group } of rejected) {
      this.#rejects.add(group);
      addAll(this.#perIndex, { [index]: -1 });
      addAll(this.#rejectedBy, { [type]: 1 });
    }
  }

  /** Documents that stay rejected and were not sent again. */
  kept(type: string, groups: readonly LineGroup[]): void {
    this.#read += groups.length;
    this.#rejected += groups.length;
    addAll(this.#rejectedBy, { [type]: groups.length });
    for (const group of groups) this.#rejects.add(group);
  }

  row(
    { id, origin }: { readonly id: string; readonly origin: Origin },
    { attempt, tag }: { readonly attempt: number; readonly tag: string | undefined },
    worker: string,
    millis: number,
  ): LedgerRow {
    return {
      chunk: id,
      fileId: origin.fileId,
      attempt,
      ...(tag === undefined ? {} : { tag }),
      worker,
      counts: {
        read: this.#read,
        written: this.#written,
        duplicate: this.#duplicate,
        dropped: this.#dropped,
        rejected: this.#rejected,
        unparsed: this.#unparsed,
        bytes: this.#bytes,
      },
      perIndex: Object.fromEntries([...this.#perIndex].filter(([, count]) => count > 0)),
      droppedBy: Object.fromEntries(this.#droppedBy),
      rejectedBy: Object.fromEntries(this.#rejectedBy),
      unparsedBy: Object.fromEntries(this.#unparsedBy),
      parses: this.#parses.counts(ROW_LIMITS),
      ...(this.#rejected === 0 ? {} : { rejects: this.#rejects.top(ROW_LIMITS.groups) }),
      covered: [this.#first, this.#last],
      millis: Math.round(millis),
      parseCpuMicros: Math.round(this.#cpuMicros),
    };
  }
}

function addAll(to: Map<string, number>, from: Readonly<Record<string, number>>): void {
  for (const [key, count] of Object.entries(from)) to.set(key, (to.get(key) ?? 0) + count);
}
