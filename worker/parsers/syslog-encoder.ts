import type { Origin } from "../contract/chunk.ts";
import { ATTEMPT_FIELD } from "../contract/ids.ts";
import { compileDropPrograms, type DropPrograms } from "../filters/drop-programs.ts";
import { LogEvent, type Fields } from "../pipeline/event.ts";
import { DO_PLAINLY, type CompiledTree, type Ending } from "../pipeline/generate-tree.ts";
import { DROPPED } from "../pipeline/outcome.ts";
import type { ProgramRules } from "../pipeline/program-rules.ts";
import type { ServiceRules } from "../pipeline/rules.ts";
import { settle } from "../pipeline/settle.ts";
import { type Calendar, type Quarter } from "../time/calendar.ts";
import type { HostCalendars } from "../time/calendars.ts";
import { FRACTION_DIGITS } from "../time/instant.ts";
import { indexOf } from "./byte-search.ts";
import { DocumentOpening } from "./document-opening.ts";
import { BASE32HEX, hostField, ID_BYTES, MESSAGE, type DocumentPieces } from "./document-pieces.ts";
import { ESCAPED_LENGTH, LARGEST_ESCAPE, piece, type JsonWriter } from "./json-writer.ts";
import { LineTally, type MessagePlace } from "./line-tally.ts";
import { NameTable } from "./name-table.ts";
import { repeatedTimes } from "./repeated.ts";
import { HEADER_IMPOSSIBLE_DATE, HEADER_READ, HeaderScanner } from "./syslog-header.ts";
import { TimestampScanner } from "./timestamp.ts";
import { LONGEST_MESSAGE, TAGS, UNPARSED_KINDS, type UnparsedKind } from "./unparsed.ts";

/** Lines up to this length get the most room that they could need; longer ones what they do need. */
const ROOMY_LINE_BYTES = 65_536;
/** Everything in a document that does not depend on the line's text, but the pieces made from the origin; rounded up. */
const FIXED_BYTES = 1024;
/** Characters of an `_id` that tell which copy of a repeated line it is. */
const COPY_BYTES = 2;
/** Offsets have 40 bits of the `_id`. */
export const LARGEST_OFFSET = 2 ** 40;

const NUL_BYTE = new Uint8Array(1);
const HOST = piece(',"host":"');
/** Hosts come again in every line, as they are in every file. */
const HOSTS = new NameTable((name) => ({
  field: hostField(name),
  hasNul: name.includes("\0"),
}));
const COLLECTOR = piece(',"collector":"');
const PRI = piece(',"pri":');
const REPEATED = piece(',"repeated":');
const TAGS_OPENING = piece(',"tags":[');
const TAG = {
  unparsed: piece(`"${TAGS.unparsed}"`),
  nul: piece(`"${TAGS.nul}"`),
  badUtf8: piece(`"${TAGS.badUtf8}"`),
  decoded: piece(`"${TAGS.decoded}"`),
  truncated: piece(`"${TAGS.truncated}"`),
  repeated: piece(`"${TAGS.repeated}"`),
  tooLong: piece(`"${TAGS.tooLong}"`),
};
const KIND = UNPARSED_KINDS.map((kind) => piece(`,"unparsed":"${kind}"`));
const EMPTY = UNPARSED_KINDS.indexOf("empty");
const NUL = UNPARSED_KINDS.indexOf("nul");
const BAD_UTF8 = UNPARSED_KINDS.indexOf("bad-utf8");
const BAD_DATE = UNPARSED_KINDS.indexOf("bad-date");
const NO_HEADER = UNPARSED_KINDS.indexOf("no-header");
const LENGTH = piece(',"length":');
const RAW = piece(',"raw":"');
const QUOTE = 34;
const COMMA = 44;
const CLOSE_BRACKET = 93;
const CLOSE_BRACE = 125;

/** A line that needs more than its text: absent for nearly all. */
export interface LineFlaws {
  /** The line's bytes when nothing could decode them; the text then holds U+FFFD for what is none. */
  readonly raw: Buffer | undefined;
  /** Whether the text was decoded from the file's legacy encoding. */
  readonly decoded: boolean;
  readonly truncated: boolean;
  /** Set when the line is one of several that a repeated one stands for: which, from 0. */
  readonly copy?: number;
}

/**
 * Turns the lines of one block into bulk actions and documents, bytes to bytes. One object per block; a line
 * makes none. What a document holds is written down in `reference.ts`, which must agree byte for byte.
 */
export class SyslogEncoder {
  readonly writer: JsonWriter;
  readonly perIndex: Float64Array;
  readonly unparsedBy = new Float64Array(UNPARSED_KINDS.length);
  readonly droppedBy: Float64Array;
  readonly drop: DropPrograms;
  readonly indexNames: readonly string[];
  readonly #calendar: Calendar;
  readonly #timestamp: TimestampScanner;
  readonly #header: HeaderScanner;
  readonly #pieces: DocumentPieces;
  readonly #opening: DocumentOpening;
  readonly #fixedBytes: number;
  readonly #hostCalendars: HostCalendars | undefined;

  readonly #origin: Origin;
  readonly #rules: ServiceRules;
  /** Documents that the pipeline dropped, by its reasons. */
  readonly droppedByPipeline = new Map<string, number>();
  /** How far the lines were understood. */
  readonly tally: LineTally;

  /**
   * @param writer where documents are written
   * @param hostCalendars absent when no host has a zone of its own
   */
  constructor(
    calendar: Calendar,
    origin: Origin,
    rules: ServiceRules,
    writer: JsonWriter,
    pieces: DocumentPieces,
    hostCalendars: HostCalendars | undefined,
  ) {
    this.#hostCalendars = hostCalendars;
    this.#origin = origin;
    this.#rules = rules;
    this.tally = new LineTally(origin.fileId);
    this.writer = writer;
    this.#pieces = pieces;
    this.#calendar = calendar;
    this.indexNames = calendar.indexNames;
    this.#timestamp = new TimestampScanner(calendar);
    this.#header = new HeaderScanner(this.#timestamp);
    this.drop = compileDropPrograms(origin.dropPrograms);
    this.droppedBy = new Float64Array(origin.dropPrograms.length);
    this.perIndex = new Float64Array(calendar.indexNames.length);
    this.#opening = new DocumentOpening(pieces.actions, pieces.beforeEvent);
    this.#fixedBytes = FIXED_BYTES + pieces.bytes;
  }

  /**
   * Encodes the line `[start, end)` of `src`, which is valid UTF-8 and the source that the writer reads from.
   * @param offset of the line in the file
   * @param length of the line in the file, with its line end
   * @returns false when the line is dropped
   */
  encode(
    src: Buffer,
    start: number,
    end: number,
    offset: number,
    length: number,
    flaws: LineFlaws | undefined,
  ): boolean {
    const header = this.#header;
    const writer = this.writer;
    this.#timestamp.lineOffset = offset;
    const verdict = header.scan(src, start, end);
    const parsed = verdict === HEADER_READ;
    const hasProgram = parsed && header.programEnd > header.programStart;
    const program = hasProgram
      ? this.#rules.ofProgram(src, header.programStart, header.programEnd)
      : this.#rules.withoutProgram;
    if (hasProgram && this.droppedBy.length > 0) {
      const reason = this.drop.match(src, header.programStart, header.programEnd);
      if (reason >= 0) {
        this.droppedBy[reason]!++;
        this.tally.count(program, DROPPED);
        return false;
      }
    }

    const messageStart = parsed ? header.messageStart : start;
    const tooLong = end - messageStart > LONGEST_MESSAGE;
    const tree = parsed && flaws === undefined && !tooLong ? program.tree : undefined;
    const ending = tree && decide(tree, src, start, messageStart, end);
    if (ending?.drop !== undefined) {
      this.dropped(program, ending.drop);
      return false;
    }

    let calendar = this.#calendar;
    if (parsed && this.#hostCalendars && header.hostEnd > header.hostStart) {
      const own = this.#hostCalendars(src, header.hostStart, header.hostEnd);
      if (own) {
        this.#timestamp.rescan(own, src, end);
        calendar = own;
      }
    }

    writer.reserve(this.#room(src, start, end, flaws));
    writer.sawNul = false;
    const lineStart = writer.at;
    const quarter = parsed ? this.#timestamp.quarter : this.#calendar.firstDay.quarter;
    this.#open(quarter, src, offset, parsed, flaws?.copy ?? 0);
    const { idEnd, eventAt } = this.#opening;

    if (parsed && header.hostEnd > header.hostStart) this.#host(src, header.hostStart, header.hostEnd);
    if (hasProgram) {
      writer.sawNul ||= program.hasNul;
      if (header.pid >= 0) {
        writer.raw(program.fieldWithPid);
        writer.integer(header.pid);
      } else writer.raw(program.field);
    }
    writer.raw(MESSAGE);
    writer.text(messageStart, end);
    writer.raw(this.#pieces.file);
    writer.integer(offset);

    const repeated = parsed ? repeatedTimes(src, messageStart, end, hasProgram) : 0;
    if (ending && !writer.sawNul && header.pri < 0 && header.collectorEnd === 0 && repeated === 0) {
      writer.raw(this.#pieces.ending);
      this.finish(program, ending, src, quarter.index, messageStart, end, offset);
      return true;
    }

    writer.raw(this.#pieces.service);
    if (parsed && header.collectorEnd > 0) {
      // The name of a relay is read over, but not what stands in it.
      writer.sawNul ||= indexOf(src, start, end, NUL_BYTE) >= 0;
      writer.raw(COLLECTOR);
      this.#string(header.collectorStart, header.collectorEnd);
    } else {
      writer.raw(this.#pieces.collector);
    }
    if (parsed && header.pri >= 0) {
      writer.raw(PRI);
      writer.integer(header.pri);
    }
    if (repeated > 0) {
      writer.raw(REPEATED);
      writer.integer(repeated);
    }
    // A relay's name may hold a NUL too.
    if (ending !== undefined && !writer.sawNul) {
      this.finish(program, ending, src, quarter.index, messageStart, end, offset);
      return true;
    }
    if (!parsed || writer.sawNul || tooLong || flaws !== undefined) {
      const kind = start === end ? EMPTY : verdict === HEADER_IMPOSSIBLE_DATE ? BAD_DATE : parsed ? -1 : NO_HEADER;
      this.#flaws(kind, length, flaws, tooLong);
    }
    writer.buffer[writer.at++] = CLOSE_BRACE;
    return this.#plainly(lineStart, lineStart + idEnd, lineStart + eventAt, {
      calendar,
      quarter,
      src,
      start: messageStart,
      end,
      offset,
      tooLong,
    });
  }

  /** Behind the fields of the header: those of the pipeline, and the end. The message is `[messageStart, end)`, `offset` the line's. */
  finish(
    program: ProgramRules,
    ending: Ending,
    src: Buffer,
    index: number,
    messageStart: number,
    end: number,
    offset: number,
  ): void {
    if (ending.failedStage === undefined) this.tally.count(program, ending.outcome);
    else this.tally.missed(program, ending.failedStage, src, messageStart, end, offset);
    const writer = this.writer;
    ending.write(writer, src);
    writer.reserve(2);
    writer.buffer[writer.at++] = CLOSE_BRACE;
    writer.buffer[writer.at++] = 10;
    this.perIndex[index]!++;
  }

  /** The pipeline's code has dropped a line of the program. */
  dropped(program: ProgramRules, reason: string): void {
    this.#dropped(reason);
    this.tally.count(program, DROPPED);
  }

  #dropped(reason: string): void {
    this.droppedByPipeline.set(reason, (this.droppedByPipeline.get(reason) ?? 0) + 1);
  }

  /**
   * Takes the document that was written without the pipeline's part, runs the plain pipeline on it, and writes what comes of it.
   * @param lineStart where the action begins, `idEnd` where its id ends, `eventAt` where the event's fields begin
   */
  #plainly(
    lineStart: number,
    idEnd: number,
    eventAt: number,
    line: MessagePlace & {
      readonly calendar: Calendar;
      readonly quarter: Quarter;
      readonly tooLong: boolean;
    },
  ): boolean {
    const writer = this.writer;
    const document = `{${writer.buffer.toString("utf8", eventAt, writer.at)}`;
    const event = new LogEvent(JSON.parse(document) as Fields);
    let { index } = line.quarter;
    let text = document;
    const run = line.tooLong
      ? undefined
      : this.#rules.plain(event, { origin: this.#origin, calendar: line.calendar, offset: line.offset });
    this.tally.plainly(event, run, line);
    if (run) {
      if (run.verdict) {
        writer.at = lineStart;
        this.#dropped(run.verdict.drop);
        return false;
      }
      settle(event);
      if (!this.#pieces.hasIds) event.remove([ATTEMPT_FIELD]);
      text = JSON.stringify(event.fields);
      index = indexAt(event, line.calendar) ?? index;
    }
    const id = writer.buffer.toString("latin1", lineStart + this.#pieces.actions[line.quarter.index]!.length, idEnd);
    const unparsed = UNPARSED_KINDS.indexOf(event.get(["unparsed"]) as UnparsedKind);
    if (unparsed >= 0) this.unparsedBy[unparsed]!++;
    this.perIndex[index]!++;
    writer.at = lineStart;
    writer.reserve(this.#fixedBytes + Buffer.byteLength(text));
    writer.raw(this.#pieces.actions[index]!);
    writer.json(id);
    writer.raw(this.#pieces.beforeEvent);
    // No comma where nothing follows.
    if (!this.#pieces.hasIds && text === "{}") writer.at--;
    writer.json(`${text.slice(1)}\n`);
    return true;
  }

  /** The most bytes that the line's document can have without the pipeline's fields: the text, the bytes in base64. */
  #room(src: Buffer, start: number, end: number, flaws: LineFlaws | undefined): number {
    let text = (end - start) * LARGEST_ESCAPE;
    if (end - start > ROOMY_LINE_BYTES) {
      text = 0;
      for (let at = start; at < end; at++) text += ESCAPED_LENGTH[src[at]!]!;
    }
    return this.#fixedBytes + text + (flaws?.raw ? Math.ceil(flaws.raw.length / 3) * 4 : 0);
  }

  #host(src: Buffer, start: number, end: number): void {
    const writer = this.writer;
    if (end - start > NameTable.longest) {
      writer.raw(HOST);
      this.#string(start, end);
      return;
    }
    const host = HOSTS.of(src, start, end);
    writer.raw(host.field);
    writer.sawNul ||= host.hasNul;
  }

  /** Index, id and time. @param copy which of the lines that a repeated one stands for */
  #open(quarter: Quarter, src: Buffer, offset: number, parsed: boolean, copy: number): void {
    const { buffer, at } = this.writer;
    const opening = this.#opening;
    const timestamp = this.#timestamp;
    const fraction = parsed && !timestamp.leap ? timestamp.fractionEnd - timestamp.fractionStart : 0;
    const digits = fraction <= 3 ? 3 : Math.min(fraction, FRACTION_DIGITS);
    opening.take(quarter, this.#pieces.hasIds ? (copy > 0 ? ID_BYTES + COPY_BYTES : ID_BYTES) : 0, digits);
    this.writer.raw(opening.bytes);
    if (this.#pieces.hasIds) writeId(buffer, at + opening.idAt, offset);
    // Of the first copy the id is the line's. The others sort behind it.
    if (this.#pieces.hasIds && copy > 0) {
      buffer[at + opening.idAt + ID_BYTES] = BASE32HEX[copy >> 5]!;
      buffer[at + opening.idAt + ID_BYTES + 1] = BASE32HEX[copy & 31]!;
    }
    const { firstDay } = this.#calendar;
    twoDigits(buffer, at + opening.minuteAt, parsed ? timestamp.minute : firstDay.minute);
    twoDigits(buffer, at + opening.secondAt, parsed ? timestamp.second : firstDay.second);
    if (!parsed) return;
    const fractionAt = at + opening.fractionAt;
    if (timestamp.leap) buffer[fractionAt] = buffer[fractionAt + 1] = buffer[fractionAt + 2] = 57;
    else if (fraction > 0) {
      for (let i = 0; i < fraction && i < digits; i++) buffer[fractionAt + i] = src[timestamp.fractionStart + i]!;
    }
  }

  /** The rest of a string whose opening quote is written. */
  #string(start: number, end: number): void {
    const writer = this.writer;
    writer.text(start, end);
    writer.buffer[writer.at++] = QUOTE;
  }

  /** @param kind why the header could not be read, or -1 */
  #flaws(kind: number, length: number, flaws: LineFlaws | undefined, tooLong: boolean): void {
    const writer = this.writer;
    const unparsed = writer.sawNul ? NUL : flaws?.raw ? BAD_UTF8 : kind;
    writer.raw(TAGS_OPENING);
    if (kind >= 0) this.#tag(TAG.unparsed);
    if (writer.sawNul) this.#tag(TAG.nul);
    if (flaws?.raw) this.#tag(TAG.badUtf8);
    if (flaws?.decoded) this.#tag(TAG.decoded);
    if (flaws?.truncated) this.#tag(TAG.truncated);
    if (flaws?.copy !== undefined) this.#tag(TAG.repeated);
    if (tooLong) this.#tag(TAG.tooLong);
    writer.buffer[writer.at - 1] = CLOSE_BRACKET;
    if (unparsed >= 0) writer.raw(KIND[unparsed]!);
    if (flaws?.truncated) {
      writer.raw(LENGTH);
      writer.integer(length);
    }
    if (flaws?.raw) {
      writer.raw(RAW);
      writer.base64(flaws.raw);
      writer.buffer[writer.at++] = QUOTE;
    }
  }

  #tag(tag: Uint8Array): void {
    const writer = this.writer;
    writer.raw(tag);
    writer.buffer[writer.at++] = COMMA;
  }
}

/** The index of an event's time; undefined when the pipeline has left none that can be read. */
function indexAt(event: LogEvent, calendar: Calendar): number | undefined {
  const timestamp = event.get(["@timestamp"]);
  const milliseconds = typeof timestamp === "string" ? Date.parse(timestamp) : NaN;
  return Number.isNaN(milliseconds) ? undefined : calendar.quarterAt(Math.floor(milliseconds / 1000)).index;
}

/** What the pipeline's code makes of the message; undefined: the plain pipeline must look. */
export function decide(
  tree: CompiledTree,
  src: Buffer,
  start: number,
  messageStart: number,
  end: number,
): Ending | undefined {
  const number = tree.decide(src, messageStart, end);
  if (number === DO_PLAINLY) return undefined;
  const ending = tree.endings[number];
  // A NUL is a tag, which the code does not know of; where something is written it is found by writing.
  return ending?.drop !== undefined && indexOf(src, start, end, NUL_BYTE) >= 0 ? undefined : ending;
}

/** The line's part of the `_id`: 40 bits of its offset, big-endian. */
function writeId(buffer: Buffer, at: number, offset: number): void {
  const high = Math.floor(offset / 0x100000);
  const low = offset % 0x100000;
  buffer[at] = BASE32HEX[high >> 15]!;
  buffer[at + 1] = BASE32HEX[(high >> 10) & 31]!;
  buffer[at + 2] = BASE32HEX[(high >> 5) & 31]!;
  buffer[at + 3] = BASE32HEX[high & 31]!;
  buffer[at + 4] = BASE32HEX[low >> 15]!;
  buffer[at + 5] = BASE32HEX[(low >> 10) & 31]!;
  buffer[at + 6] = BASE32HEX[(low >> 5) & 31]!;
  buffer[at + 7] = BASE32HEX[low & 31]!;
}

function twoDigits(buffer: Buffer, at: number, value: number): void {
  const tens = (value / 10) | 0;
  buffer[at] = 48 + tens;
  buffer[at + 1] = 48 + value - tens * 10;
}
