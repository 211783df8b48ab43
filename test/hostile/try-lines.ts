import { isUtf8 } from "node:buffer";
import type { Origin } from "../../worker/contract/chunk.ts";
import { describeError } from "../../worker/contract/errors.ts";
import type { Rules } from "../../worker/contract/rules.ts";
import { ownedBlocks } from "../../worker/framing/lines.ts";
import { LOOK_BACK_BYTES } from "../../worker/parsers/repeat-expander.ts";
import { createPipelinePool, type MeteredBatch, type PipelinePool } from "../../worker/pipeline-pool.ts";
import { DEFAULT_RULES } from "../support/rules.ts";
import type { HostileLines } from "./hostile-lines.ts";
import { readerOf } from "../support/reader-of.ts";

/** What became of a file of hostile lines. */
export interface LinesResult {
  readonly name: string;
  readonly read: number;
  readonly stored: number;
  /**
   * Documents by what they are tagged with, by what their lines are counted as, `unparsed:kind`, and those whose time is none: filters wrote
   * it, Elasticsearch will refuse it, and it goes to the rejects.
   */
  readonly tagged: Readonly<Record<string, number>>;
  readonly bodyBytes: number;
  /** Of the pipeline's thread. */
  readonly cpuMs: number;
  /** What must not be: something lost, a document that is none, a thread that ended. */
  readonly flaws: readonly string[];
}

/** Threads with the pipelines of all hostile lines; each set of filters has a service of its own. */
export interface HostilePool {
  try(lines: HostileLines): Promise<LinesResult>;
  close(): Promise<void>;
}

const ORIGIN: Origin = {
  fileId: "0123456789ab",
  path: "hostile",
  month: "2013-01",
  firstDay: "2013-01-01",
  timeZone: "UTC",
  service: "syslog",
  index: { pattern: "logs-{day}-m{month}-r{revision}", revision: 1 },
  dropPrograms: [],
};
const ENTRY = new URL("../../worker/pipeline-thread.ts", import.meta.url);
const BLOCK_BYTES = 1 << 20;

/** Starts the threads. @param all the lines that it can be asked for */
export function createHostilePool(all: readonly HostileLines[]): HostilePool {
  const services = new Map(all.flatMap(({ name, filters }) => (filters === undefined ? [] : [[name, filters]])));
  const rules: Rules = {
    ...DEFAULT_RULES,
    pipelines: [
      ...DEFAULT_RULES.pipelines,
      ...Array.from(services, ([name, filters]) => ({
        services: [name],
        file: name,
        text: `name: hostile\nfilters:\n${filters.replaceAll(/^/gm, "  ")}\n`,
      })),
    ],
  };
  const pool = createPipelinePool({ threads: 2, entry: ENTRY, rules });
  return {
    try(lines) {
      const service = services.has(lines.name) ? lines.name : ORIGIN.service;
      return tryLines(pool, lines, { ...ORIGIN, service, ...lines.origin });
    },
    close: () => pool.close(),
  };
}

/** As a parser does with a chunk: frames the file's lines, has each block encoded; then looks at all that came of it. */
async function tryLines(
  pool: PipelinePool,
  { name, content, filters }: HostileLines,
  origin: Origin,
): Promise<LinesResult> {
  const file = Buffer.from(content());
  const options = { lookBackBytes: origin.repeated === "expand" ? LOOK_BACK_BYTES : 0 };
  const findings = new Findings(file, origin, filters !== undefined);
  try {
    const whole = { start: 0, end: file.length };
    for await (const block of ownedBlocks(readerOf(file), whole, file.length, BLOCK_BYTES, options)) {
      findings.add(await pool.run(block.block, block.base, origin, { bytes: block.bytes, lead: block.lead }));
    }
  } catch (error) {
    findings.flaws.push(describeError(error));
  }
  return { name, ...findings.result() };
}

interface StoredDocument {
  readonly "@timestamp"?: unknown;
  readonly tags?: unknown;
  readonly offset?: unknown;
  readonly unparsed?: string;
}

/** Adds up batches, and compares them with the file. */
class Findings {
  readonly flaws: string[] = [];
  readonly #starts: readonly number[];
  readonly #file: Uint8Array;
  readonly #origin: Origin;
  readonly #expanded: boolean;
  /** Filters may write what they like, where a line says, into the fields that every document has. */
  readonly #free: boolean;
  readonly #offsets: number[] = [];
  readonly #ids = new Set<string>();
  readonly #tagged: Record<string, number> = {};
  #read = 0;
  #dropped = 0;
  #bytes = 0;
  #bodyBytes = 0;
  #cpuMicros = 0;

  constructor(file: Uint8Array, origin: Origin, free: boolean) {
    this.#file = file;
    this.#starts = lineStarts(file);
    this.#origin = origin;
    this.#expanded = origin.repeated === "expand";
    this.#free = free;
  }

  add({ body, count, offsets, lengths, tallies, cpuMicros }: MeteredBatch): void {
    this.#read += tallies.read;
    this.#dropped += tallies.dropped;
    this.#bytes += tallies.bytes;
    this.#bodyBytes += body.length;
    this.#cpuMicros += cpuMicros;
    for (const offset of offsets) this.#offsets.push(offset);
    this.#must(count + tallies.dropped === tallies.read, "lines are neither stored nor dropped");
    this.#must(offsets.length === count && lengths.length === count, "documents without a place");
    this.#must(lengths.reduce((sum, length) => sum + length, 0) === body.length, "documents that do not tile the body");
    this.#must(isUtf8(body), "a body that is not UTF-8");
    let start = 0;
    for (const [n, length] of lengths.entries()) {
      this.#document(Buffer.from(body.buffer, body.byteOffset + start, length).toString(), offsets[n]!);
      start += length;
    }
  }

  result(): Omit<LinesResult, "name"> {
    this.#must(this.#bytes === this.#file.length, "bytes that no line counts");
    if (this.#expanded) {
      const known = new Set(this.#starts);
      this.#must(this.#read >= this.#starts.length, "lines that were not read");
      this.#must(
        this.#offsets.every((offset, n) => known.has(offset) && offset >= (this.#offsets[n - 1] ?? 0)),
        "offsets that do not rise",
      );
      this.#must(
        this.#starts.every((offset) => this.#offsets.includes(offset)),
        "a line without a document",
      );
    } else {
      this.#must(this.#read === this.#starts.length, "another number of lines than the file has");
      const same =
        this.#offsets.length === this.#starts.length && this.#starts.every((at, n) => at === this.#offsets[n]);
      this.#must(this.#dropped > 0 || same, "offsets that are not those of the lines");
    }
    return {
      read: this.#read,
      stored: this.#offsets.length,
      tagged: this.#tagged,
      bodyBytes: this.#bodyBytes,
      cpuMs: Math.round(this.#cpuMicros / 1000),
      flaws: [...new Set(this.flaws)],
    };
  }

  #document(text: string, offset: number): void {
    const [action, document, nothing, ...more] = text.split("\n");
    if (nothing !== "" || more.length > 0) return this.#must(false, "a document that is not two lines");
    try {
      const { create } = JSON.parse(action!) as { create: { _index: string; _id: string } };
      const known = JSON.parse(document!) as StoredDocument;
      this.#must(/^logs-[\w.]+-m2013\.01-r1$/.test(create._index), `the index ${create._index}`);
      this.#must(create._id.startsWith(this.#origin.fileId) && !this.#ids.has(create._id), "an id that is not its own");
      this.#ids.add(create._id);
      this.#must(this.#free || known.offset === offset, "a document that says another offset");
      const time = known["@timestamp"];
      const isTime = typeof time === "string" && !Number.isNaN(Date.parse(time));
      this.#must(this.#free || isTime, "a document without a time");
      const { tags, unparsed } = known;
      this.#must(tags === undefined || Array.isArray(tags), "tags that are no list");
      const all = [
        ...(Array.isArray(tags) ? (tags as unknown[]) : []),
        ...(isTime ? [] : ["@timestamp is no time"]),
        ...(unparsed === undefined ? [] : [`unparsed:${unparsed}`]),
      ];
      for (const tag of all.map(String)) this.#tagged[tag] = (this.#tagged[tag] ?? 0) + 1;
    } catch (error) {
      this.flaws.push(`a document that is no JSON: ${describeError(error)}`);
    }
  }

  #must(holds: boolean, otherwise: string): void {
    if (!holds) this.flaws.push(otherwise);
  }
}

/** Where lines begin, found in the plainest way. */
function lineStarts(file: Uint8Array): readonly number[] {
  const starts: number[] = [];
  for (let at = 0; at < file.length;) {
    starts.push(at);
    const lf = file.indexOf(10, at);
    at = lf < 0 ? file.length : lf + 1;
  }
  return starts;
}
