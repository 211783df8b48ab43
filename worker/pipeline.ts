import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { DataError } from "./contract/errors.ts";
import type { EncodedBatch, Pipeline } from "./contract/pipeline.ts";
import { DocumentPieces } from "./parsers/document-pieces.ts";
import { ESCAPED_LENGTH } from "./parsers/json-writer.ts";
import { legacyDecoder } from "./parsers/legacy-text.ts";
import { OrdinaryLines } from "./parsers/ordinary-lines.ts";
import { Output } from "./parsers/output.ts";
import { RepeatExpander } from "./parsers/repeat-expander.ts";
import { SPECIMEN_ORIGINS, SPECIMENS } from "./parsers/specimens.ts";
import { LARGEST_OFFSET, SyslogEncoder, type LineFlaws } from "./parsers/syslog-encoder.ts";
import { SPECIMEN_RULES } from "./pipeline/specimen-rules.ts";
import { compileRules, type RulesOptions, type ServiceRules } from "./pipeline/rules.ts";
import type { Rules } from "./contract/rules.ts";
import { Calendars } from "./time/calendars.ts";
import { KEPT_RAW_LINE_BYTES, KEPT_TEXT_BYTES, UNPARSED_KINDS } from "./parsers/unparsed.ts";
import { roomFor } from "./spare-memory.ts";

const LF = 10;
const CR = 13;
/** So many bytes of a block that is not UTF-8 are looked at together. */
const UTF8_STRETCH = 4096;

/**
 * The pipeline: syslog lines to bulk actions and documents. It keeps nothing from line to line or block to block but
 * calendars, which are functions of an origin's times and zone. One instance serves one thread.
 *
 * Lines end with LF or CR LF; a missing last one changes nothing. What the documents hold is written down, in the
 * plainest form, in `parsers/reference.ts`. Cost: see `npm run bench -- parse`.
 *
 * `run` throws a RangeError for a time zone that ICU does not know, and DataError `OFFSET_TOO_LARGE` behind 1 TiB;
 * content never makes it throw.
 */
export function createPipeline(rules: Rules, options?: RulesOptions): Pipeline {
  return {
    // What asks for it makes code of the specimens, which a thread that only runs has no use for.
    get hash() {
      return pipelineHash(rules);
    },
    run: createRun(compileRules(rules, options)),
  };
}

function createRun(rules: (service: string) => ServiceRules): Pipeline["run"] {
  const calendars = new Calendars();
  const ordinary = new OrdinaryLines();
  const output = new Output(ordinary.window);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  return function run(block, base, origin, options = {}): EncodedBatch {
    const { lead = 0, attempt, memory } = options;
    const bytes = options.bytes ?? block.length - lead;
    if (base + bytes > LARGEST_OFFSET) {
      throw new DataError(
        "OFFSET_TOO_LARGE",
        `${origin.path} is longer than 1 TiB after decompression, more than a document's id can number. Split the file.`,
        { context: { path: origin.path, base, bytes } },
      );
    }
    const src = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
    const room = roomFor(src.length);
    const calendar = calendars.of(origin);
    const hostCalendars = calendars.byHost(origin);
    const serviceRules = rules(origin.service);
    const pieces = new DocumentPieces(origin, calendar.indexNames, attempt);
    const body = memory !== undefined && memory.byteLength >= room ? memory : new ArrayBuffer(room);
    output.begin(body);
    const { writer } = output;
    const encoder = new SyslogEncoder(calendar, origin, serviceRules, writer, pieces, hostCalendars);
    const legacy = origin.encoding === undefined ? undefined : legacyDecoder(origin.encoding);
    writer.readFrom(src);
    // Up to there all lines are UTF-8.
    let utf8Until = isUtf8(src.subarray(lead)) ? src.length : lead;
    let lookedUntil = utf8Until;
    const expander = origin.repeated === "expand" ? new RepeatExpander(calendar) : undefined;
    expander?.lookBack(src, lead, base - lead);
    const lines = {
      src,
      base: base - lead,
      encoder,
      output,
      pieces,
      calendar,
      rules: serviceRules,
      hostCalendars,
    };
    // What comes again is written out by looking back from each line.
    const isOrdinary = expander === undefined && ordinary.begin(lines);
    let read = 0;

    for (let start = lead, next: number; start < src.length; start = next) {
      output.settle();
      if (start >= lookedUntil) {
        // Lines are looked at many at a time: one that is not UTF-8 must not make those of its whole block slow.
        lookedUntil = lineEndBehind(src, start + UTF8_STRETCH);
        utf8Until = isUtf8(src.subarray(start, lookedUntil)) ? lookedUntil : start;
      }
      if (isOrdinary && start < utf8Until) {
        start = ordinary.go(start, utf8Until);
        if (start === utf8Until) {
          next = start;
          continue;
        }
      }
      const lf = src.indexOf(LF, start);
      next = lf < 0 ? src.length : lf + 1;
      const end = lf < 0 ? src.length : lf > start && src[lf - 1] === CR ? lf - 1 : lf;
      // The rest of a line that is too long to be held belongs to it.
      const length = next - start + (next === src.length ? bytes - (src.length - lead) : 0);
      const offset = base + start - lead;
      const documentStart = writer.at;
      const repeated = expander?.take(src, start, end, offset);
      let written: boolean;
      if (repeated) {
        const { text, times } = repeated;
        read += times;
        writer.readFrom(text);
        for (let copy = 0; copy < times; copy++) {
          const begin = writer.at;
          const flaws = { raw: undefined, decoded: false, truncated: false, copy };
          if (encoder.encode(text, 0, text.length, offset, length, flaws)) output.add(offset, writer.at - begin);
        }
        writer.readFrom(src);
        continue;
      }
      read++;
      if (start < utf8Until && end - start <= KEPT_RAW_LINE_BYTES) {
        written = encoder.encode(src, start, end, offset, length, undefined);
      } else {
        const line = src.subarray(start, end);
        const head = line.subarray(0, characterBoundary(line, KEPT_TEXT_BYTES));
        if (isUtf8(head)) {
          const kept = lengthWithin(head, KEPT_TEXT_BYTES);
          const flaws = kept < line.length ? { raw: undefined, decoded: false, truncated: true } : undefined;
          written = encoder.encode(src, start, start + kept, offset, length, flaws);
        } else {
          const kept = head.subarray(0, KEPT_RAW_LINE_BYTES);
          const truncated = kept.length < line.length;
          const decoded = legacy?.(kept, truncated);
          const flaws: LineFlaws = {
            raw: decoded === undefined ? kept : undefined,
            decoded: decoded !== undefined,
            truncated,
          };
          const text = Buffer.from(decoded ?? decoder.decode(kept));
          writer.readFrom(text);
          written = encoder.encode(text, 0, text.length, offset, length, flaws);
          writer.readFrom(src);
        }
      }
      if (written) output.add(offset, writer.at - documentStart);
    }

    if (isOrdinary) read += ordinary.end();
    const documents = output.end();
    return {
      ...documents,
      ...(attempt === undefined ? {} : { attempt }),
      tallies: {
        read,
        bytes,
        dropped: read - documents.count,
        unparsed: encoder.unparsedBy.reduce((sum, n) => sum + n, 0),
        droppedBy: {
          ...nonZero(encoder.drop.reasons, encoder.droppedBy),
          ...Object.fromEntries(encoder.droppedByPipeline),
        },
        unparsedBy: nonZero(UNPARSED_KINDS, encoder.unparsedBy),
        perIndex: nonZero(encoder.indexNames, encoder.perIndex),
        parses: encoder.tally.counts(),
      },
    };
  };
}

/** Behind the first line end at or behind `at`, or the end. */
function lineEndBehind(src: Buffer, at: number): number {
  const lf = src.indexOf(LF, at);
  return lf < 0 ? src.length : lf + 1;
}

/** The position at or at most three before `at` where no character of UTF-8 is cut; the end of a shorter line. */
function characterBoundary(line: Uint8Array, at: number): number {
  if (line.length <= at) return line.length;
  let boundary = at;
  while (at - boundary < 3 && (line[boundary]! & 0xc0) === 0x80) boundary--;
  return boundary;
}

/** How much of a line, in whole characters, takes at most `limit` bytes of JSON. */
function lengthWithin(line: Uint8Array, limit: number): number {
  let at = 0;
  for (let size = 0; at < line.length; at++) {
    size += ESCAPED_LENGTH[line[at]!]!;
    if (size > limit) return characterBoundary(line, at);
  }
  return at;
}

function nonZero(names: readonly string[], counts: Float64Array): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [i, name] of names.entries()) {
    if (counts[i]) found[name] = (found[name] ?? 0) + counts[i];
  }
  return found;
}

/**
 * Names what a pipeline does: a digest of its rules, and of what the program makes of the specimens, which show every rule of its own.
 * A plan pins it, so that two attempts at a chunk never write different documents; a change that a specimen shows changes it by itself.
 */
export function pipelineHash(rules: Rules): string {
  specimenDigest ??= digestOfSpecimens();
  return createHash("sha256").update(specimenDigest).update(meaningOf(rules)).digest("hex").slice(0, 16);
}

/** Rules without the names of files, which are for messages: a configuration that is moved means the same. */
function meaningOf({ pipelines, otherwise, patterns, databases }: Rules): string {
  return JSON.stringify([
    pipelines.map(({ services, text }) => [services, text]),
    otherwise,
    patterns.map(({ name, text }) => [name, text]),
    databases.map(({ name, bytes, sha256 }) => [name, bytes, sha256]),
  ]);
}

let specimenDigest: string | undefined;

function digestOfSpecimens(): string {
  const run = createRun(compileRules(SPECIMEN_RULES));
  const hash = createHash("sha256");
  for (const origin of SPECIMEN_ORIGINS) hash.update(run(Buffer.from(SPECIMENS, "latin1"), 0, origin).body);
  return hash.digest("hex");
}
