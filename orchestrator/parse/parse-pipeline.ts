import { setImmediate } from "node:timers/promises";
import type { ExplainedEvent, FieldMessage, PipelineParser } from "../../worker/contract/line-parser.ts";
import type { Tallies } from "../../worker/contract/pipeline.ts";
import type { Io } from "../cli/command.ts";
import { blocksOf, linesIn, partOf, type Block, type Line } from "./blocks.ts";
import { formatSteps, stepsJson } from "./explain-steps.ts";
import { Output } from "./output.ts";
import { formatUnexplained } from "./parse-lines.ts";

/** What became of an input's lines. `lines = documents + dropped`; blank lines between JSON are none. */
export interface PipelineSummary {
  lines: number;
  documents: number;
  /** Lines that hold no message, among the documents: with a field to be read, those that are no JSON or lack it. */
  unreadable: number;
  readonly droppedBy: Map<string, number>;
  /** Documents whose header could not be read, by reason. */
  readonly unparsedBy: Map<string, number>;
}

export interface PipelineParseOptions {
  readonly parser: PipelineParser;
  /** Takes the message out of a line; absent: the line is the message. */
  readonly field?: (line: Uint8Array) => FieldMessage | undefined;
  /** Prints what was tried beside the documents. */
  readonly explain: boolean;
}

/** As many bytes are parsed at once when that is quick. Lines that are given up take a tenth of a second each: there may be many in a row. */
const MOST_BYTES = 16 * 1024;
/** A line, at least. */
const FEWEST_BYTES = 64;
/** A signal is waited for about this long, however long lines take. */
const SLICE_MS = 50;
const PIECE = 64 * 1024;
/** So many lines without a message are reported one by one. */
const REPORTED = 3;
const LF = 10;

/**
 * Prints what a pipeline makes of each line of the input, in its order, no faster than somebody reads: a document, or nothing of a line
 * that it drops. Memory does not grow with the input. Ends quietly when whoever read has gone.
 * @throws the signal's reason when it aborts
 */
export async function parsePipeline(
  input: AsyncIterable<Uint8Array>,
  options: PipelineParseOptions,
  io: Io,
  signal: AbortSignal,
): Promise<PipelineSummary> {
  const summary: PipelineSummary = {
    lines: 0,
    documents: 0,
    unreadable: 0,
    droppedBy: new Map(),
    unparsedBy: new Map(),
  };
  const output = new Output(io.stdout, signal);
  const whole = new WholeBlocks(options.parser, summary, output);
  const single = options.explain || options.field ? new SingleLines(options, summary, output, io) : undefined;
  try {
    for await (const block of blocksOf(input)) {
      await (single ?? whole).take(block, signal);
      await output.flush();
    }
  } catch (error) {
    if (!output.closed) throw error;
  } finally {
    output.end();
  }
  return summary;
}

/** Blocks at once, or, where lines take long, in parts. */
class WholeBlocks {
  readonly #parser: PipelineParser;
  readonly #summary: PipelineSummary;
  readonly #output: Output;
  #size = FEWEST_BYTES;

  constructor(parser: PipelineParser, summary: PipelineSummary, output: Output) {
    this.#parser = parser;
    this.#summary = summary;
    this.#output = output;
  }

  async take(block: Block, signal: AbortSignal): Promise<void> {
    for (let from = 0; from < block.block.length;) {
      const part = partOf(block, from, this.#size);
      const begin = performance.now();
      const { documents, tallies } = this.#parser.parse(part.block, part.base, part.bytes);
      const isSlow = performance.now() - begin > SLICE_MS;
      this.#size = isSlow ? Math.max(FEWEST_BYTES, this.#size >> 4) : Math.min(MOST_BYTES, this.#size * 2);
      add(this.#summary, tallies);
      await this.#output.write(documents);
      from += part.block.length;
      await setImmediate();
      signal.throwIfAborted();
    }
  }
}

/** Lines one by one: to be explained, or out of JSON. */
class SingleLines {
  readonly #options: PipelineParseOptions;
  readonly #summary: PipelineSummary;
  readonly #output: Output;
  readonly #io: Io;
  #number = 0;

  constructor(options: PipelineParseOptions, summary: PipelineSummary, output: Output, io: Io) {
    this.#options = options;
    this.#summary = summary;
    this.#output = output;
    this.#io = io;
  }

  async take(block: Block, signal: AbortSignal): Promise<void> {
    let breath = performance.now();
    for (const line of linesIn(block)) {
      this.#number++;
      this.#line(line);
      if (this.#output.length >= PIECE) await this.#output.flush();
      if (performance.now() - breath <= SLICE_MS) continue;
      await setImmediate();
      signal.throwIfAborted();
      breath = performance.now();
    }
  }

  #line({ line, offset, length }: Line): void {
    const { field, explain, parser } = this.#options;
    const found = field ? field(line) : { message: line };
    if (found === undefined) return;
    if (found.problem !== undefined) {
      this.#summary.lines++;
      this.#summary.documents++;
      if (++this.#summary.unreadable <= REPORTED) {
        this.#io.log.warn(
          `line ${String(this.#number)} ${found.problem}; it is printed as it stands, tagged _jsonparsefailure`,
        );
      }
      this.#output.add(explain ? formatUnexplained(this.#number, found.json, this.#io.json) : `${found.json}\n`);
      return;
    }
    const { message } = found;
    // A message of several lines would be several to the compiled pipeline, and one without a byte none.
    if (!explain && message.length > 0 && !message.includes(LF)) {
      const { documents, tallies } = parser.parse(message, offset, length);
      add(this.#summary, tallies);
      this.#output.add(Buffer.from(documents.buffer, documents.byteOffset, documents.byteLength).toString("utf8"));
      return;
    }
    const event = parser.explain(message, offset, length);
    count(this.#summary, event);
    if (explain) {
      const format = this.#io.json ? stepsJson : formatSteps;
      this.#output.add(format(this.#number, message, event));
    } else if (event.json !== undefined) this.#output.add(`${event.json}\n`);
  }
}

function count(summary: PipelineSummary, { dropped, unparsed }: ExplainedEvent): void {
  summary.lines++;
  if (dropped !== undefined) more(summary.droppedBy, dropped, 1);
  else summary.documents++;
  if (dropped === undefined && unparsed !== undefined) more(summary.unparsedBy, unparsed, 1);
}

function add(summary: PipelineSummary, { read, dropped, droppedBy, unparsedBy }: Tallies): void {
  summary.lines += read;
  summary.documents += read - dropped;
  for (const [reason, n] of Object.entries(droppedBy)) more(summary.droppedBy, reason, n);
  for (const [kind, n] of Object.entries(unparsedBy)) more(summary.unparsedBy, kind, n);
}

function more(counts: Map<string, number>, key: string, n: number): void {
  counts.set(key, (counts.get(key) ?? 0) + n);
}
