import { isDeepStrictEqual } from "node:util";
import type { ProgramRules } from "../pipeline/program-rules.ts";
import type { ServiceRules } from "../pipeline/rules.ts";
import type { Calendar } from "../time/calendar.ts";
import type { HostCalendars } from "../time/calendars.ts";
import { DocumentOpening, MILLISECONDS } from "./document-opening.ts";
import { hostField, ID_BYTES, type DocumentPieces } from "./document-pieces.ts";
import { isIpAddress } from "./ip-address.ts";
import {
  BACK,
  BUCKETS,
  ENTRY,
  KIND,
  MOST_DOCUMENTS,
  MOST_INDICES,
  MOST_NAMES,
  OPENING,
  PAGES,
  PLACES,
  SIZES,
  STATE,
  writeConstants,
} from "./ordinary-layout.ts";
import { LONGEST_LINE, ordinaryProgram } from "./ordinary-program.ts";
import type { Output, Window } from "./output.ts";
import { compileModule, instantiate, type Module } from "../wasm/instantiate.ts";
import { decide, type SyslogEncoder } from "./syslog-encoder.ts";

let moduleOfAll: Module | undefined;
const AT = STATE.at >> 2;
const OUT = STATE.out >> 2;
const PROGRAMS = STATE.programs >> 2;
const NOTHING = new Uint8Array(0);
const LF = 10;
/** Copies read and write whole vectors. */
const VECTOR = 16;
/** What host, program and process id take at most in a document, and what time and offset do; rounded up. */
const LARGEST_NAMES = 4096;
const OPENING_BYTES = 1024;

/** What the lines of a block have in common. */
export interface BlockOfLines {
  readonly src: Buffer;
  /** Byte offset of `src[0]` in the file, if all of `src` stood there. */
  readonly base: number;
  readonly encoder: SyslogEncoder;
  readonly output: Output;
  readonly pieces: DocumentPieces;
  readonly calendar: Calendar;
  readonly rules: ServiceRules;
  readonly hostCalendars: HostCalendars | undefined;
}

/**
 * Runs `ordinaryProgram`: gives it lines, tells it hosts, programs and times when they come for the first time, adds the pipeline's fields to its
 * documents. Lines that are not ordinary, and those that the plain pipeline must do, are left to the caller; so nothing about a document depends on
 * who has written it. One instance serves one thread, and keeps what it knows from block to block.
 */
export class OrdinaryLines {
  /** Where documents are written, by the program and by others. */
  readonly window: Window;
  readonly #run: () => number;
  readonly #bytes: Buffer<ArrayBuffer>;
  readonly #words: Int32Array;
  readonly #base: BigInt64Array;
  readonly #hosts: Names;
  readonly #programs: Names;
  /** By their numbers. */
  #rules: ProgramRules[] = [];
  /** Keys of the quarters that are known, and where the next one's opening goes. */
  readonly #keys: number[] = [];
  #openingsEnd: number = PLACES.openings;

  #block!: BlockOfLines;
  #opening!: DocumentOpening;
  /** What of the block the program can read: `[from, until)`. */
  #from = 0;
  #until = 0;
  #read = 0;
  /** Of the programs that the program has seen so many have their place in the tally. */
  #placed = 0;

  constructor() {
    moduleOfAll ??= compileModule(ordinaryProgram());
    const { exports, buffer } = instantiate(moduleOfAll, PAGES);
    this.#run = exports["run"]!;
    this.#bytes = Buffer.from(buffer);
    const words = new Int32Array(buffer);
    this.#words = words;
    this.#base = new BigInt64Array(buffer, STATE.base, 1);
    writeConstants(this.#bytes);
    this.#hosts = new Names(this.#bytes, words, PLACES.hostBuckets, PLACES.hosts, SIZES.hosts);
    this.#programs = new Names(this.#bytes, words, PLACES.programBuckets, PLACES.programs, SIZES.programs);
    this.window = {
      bytes: Buffer.from(buffer, PLACES.output, SIZES.output),
      offsets: new Float64Array(buffer, PLACES.offsets, MOST_DOCUMENTS),
      lengths: new Uint32Array(buffer, PLACES.lengths, MOST_DOCUMENTS),
      count: new Int32Array(buffer, STATE.count, 1),
    };
  }

  /**
   * Begins a block; `end` ends it.
   * @returns whether its documents can be written here at all: their pieces find room
   */
  begin(block: BlockOfLines): boolean {
    const { pieces, calendar } = block;
    const largest = LARGEST_NAMES + pieces.bytes + OPENING_BYTES + 2 * LONGEST_LINE;
    if (pieces.file.length + pieces.ending.length + 4 * VECTOR > SIZES.pieces) return false;
    if (calendar.indexNames.length > MOST_INDICES || 2 * largest > SIZES.output) return false;
    const last = this.#block as BlockOfLines | undefined;
    if (last?.rules !== block.rules || !isDeepStrictEqual(dropsOf(last), dropsOf(block))) this.#forgetPrograms();
    if (last?.hostCalendars !== block.hostCalendars) this.#hosts.forget();
    this.#block = block;
    this.#read = 0;
    this.#opening = new DocumentOpening(pieces.actions, pieces.beforeEvent);
    this.#from = this.#until = 0;
    this.#forgetQuarters();

    const words = this.#words;
    this.#bytes.set(pieces.file, PLACES.pieces);
    const endingAt = PLACES.pieces + pieces.file.length;
    this.#bytes.set(pieces.ending, endingAt);
    words[STATE.fileAt >> 2] = PLACES.pieces;
    words[STATE.fileLength >> 2] = pieces.file.length;
    words[STATE.endingAt >> 2] = endingAt;
    words[STATE.endingLength >> 2] = pieces.ending.length;
    words[STATE.hasIds >> 2] = pieces.hasIds ? 1 : 0;
    words[STATE.outLimit >> 2] = PLACES.output + SIZES.output - largest;
    return true;
  }

  /**
   * Writes the documents of the lines from `start` on, which are valid UTF-8.
   * @param until where a line ends
   * @returns the beginning of the first line that is left to the caller, or `until`
   */
  go(start: number, until: number): number {
    const { output, src } = this.#block;
    const words = this.#words;
    const { writer } = output;
    let at = start;
    for (;;) {
      if (at >= this.#until && !this.#load(at, until)) return at;
      const delta = this.#from - PLACES.input;
      words[AT] = at - delta;
      words[OUT] = PLACES.output + writer.at;
      const why = this.#run();
      at = words[AT] + delta;
      writer.at = words[OUT] - PLACES.output;
      if (words[PROGRAMS]! > this.#placed) this.#place();
      switch (why) {
        case BACK.done:
          break;
        case BACK.full:
          output.empty();
          break;
        case BACK.fields: {
          const next = this.#fields(src, at, delta);
          if (next < 0) return at;
          at = next;
          output.settle();
          break;
        }
        default:
          if (!this.#learn(why)) return at;
      }
    }
  }

  /**
   * Counts what was done for the block.
   * @returns how many lines that were
   */
  end(): number {
    this.#count();
    return this.#read;
  }

  #count(): void {
    const { encoder } = this.#block;
    const words = this.#words;
    for (let index = 0; index < encoder.perIndex.length; index++) {
      const at = (PLACES.perIndex >> 2) + index;
      encoder.perIndex[index]! += words[at]!;
      words[at] = 0;
    }
    for (let i = 0; i < words[PROGRAMS]!; i++) {
      const entry = words[(PLACES.seen >> 2) + i]!;
      const at = (entry + ENTRY.lines) >> 2;
      const lines = words[at]!;
      const program = this.#rules[words[(entry + ENTRY.number) >> 2]!]!;
      encoder.tally.count(program, program.ready!.only!.outcome, lines);
      this.#read += lines;
      words[at] = 0;
    }
    words[PROGRAMS] = this.#placed = 0;
  }

  /** Programs are told apart in the order in which they come, as far as there is room. */
  #place(): void {
    const words = this.#words;
    const { tally } = this.#block.encoder;
    for (; this.#placed < words[PROGRAMS]!; this.#placed++) {
      const entry = words[(PLACES.seen >> 2) + this.#placed]!;
      tally.place(this.#rules[words[(entry + ENTRY.number) >> 2]!]!);
    }
  }

  /** The lines from `at` on, as many as there is room for. @returns whether there is one */
  #load(at: number, until: number): boolean {
    const { src, base } = this.#block;
    const end = Math.min(at + SIZES.input, until);
    const behind = end <= at ? at : src.lastIndexOf(LF, end - 1) + 1;
    if (behind <= at) return false;
    src.copy(this.#bytes, PLACES.input, at, behind);
    this.#from = at;
    this.#until = behind;
    this.#words[STATE.limit >> 2] = PLACES.input + behind - at;
    this.#base[0] = BigInt(base + at - PLACES.input);
    return true;
  }

  /**
   * Adds the fields of the pipeline to the document that the program has begun.
   * @returns where the next line begins; negative: the line is left to the caller
   */
  #fields(src: Buffer, start: number, delta: number): number {
    const { encoder, output, base } = this.#block;
    const words = this.#words;
    const { writer } = output;
    const program = this.#rules[words[STATE.program >> 2]!]!;
    const end = words[STATE.end >> 2]! + delta;
    const messageStart = words[STATE.messageStart >> 2]! + delta;
    const document = words[STATE.document >> 2]! - PLACES.output;
    const ending = decide(program.ready!, src, start, messageStart, end);
    if (ending === undefined || ending.drop !== undefined) {
      writer.at = document;
      if (ending?.drop === undefined) return -1;
      encoder.dropped(program, ending.drop);
    } else {
      const offset = base + start;
      encoder.finish(program, ending, src, words[STATE.index >> 2]!, messageStart, end, offset);
      output.add(offset, writer.at - document);
    }
    this.#read++;
    return words[STATE.next >> 2]! + delta;
  }

  /** What the program has met for the first time. @returns false when it cannot be told about it */
  #learn(why: number): boolean {
    const words = this.#words;
    if (why === BACK.newQuarter) return this.#learnQuarter(words[STATE.key >> 2]!);
    if (why !== BACK.newHost && why !== BACK.newProgram) return false;
    const start = words[STATE.nameStart >> 2]!;
    const name = this.#bytes.subarray(start, words[STATE.nameEnd >> 2]);
    const hash = words[STATE.nameHash >> 2]!;
    return why === BACK.newHost ? this.#learnHost(name, hash) : this.#learnProgram(name, hash);
  }

  #learnHost(name: Buffer, hash: number): boolean {
    const { hostCalendars } = this.#block;
    const isOrdinary = !isIpAddress(name, 0, name.length) && hostCalendars?.(name, 0, name.length) === undefined;
    if (!this.#hosts.hasRoom(name)) this.#hosts.forget();
    const value = hostField(name.toString());
    this.#hosts.add({ name, hash, kind: isOrdinary ? KIND.plain : KIND.unusual, number: 0, value, withPid: NOTHING });
    return true;
  }

  #learnProgram(name: Buffer, hash: number): boolean {
    const { rules, encoder } = this.#block;
    const program = rules.ofProgram(name, 0, name.length);
    const tree = program.ready;
    // Its code is not made yet.
    if (tree === undefined && !program.isPlain) return false;
    if (!this.#programs.hasRoom(name)) this.#forgetPrograms();
    const number = this.#rules.push(program) - 1;
    const kind =
      !tree || encoder.drop.match(name, 0, name.length) >= 0 ? KIND.unusual : tree.only ? KIND.plain : KIND.fields;
    this.#programs.add({ name, hash, kind, number, value: program.field, withPid: program.fieldWithPid });
    return true;
  }

  /** Programs that are begun anew are counted before. */
  #forgetPrograms(): void {
    if (this.#programs.entries.length === 0) return;
    this.#count();
    this.#programs.forget();
    this.#rules = [];
  }

  #learnQuarter(key: number): boolean {
    const quarterOfHour = key & 3;
    const hours = key >> 2;
    const hour = hours % 24;
    const days = (hours - hour) / 24;
    const { calendar, pieces } = this.#block;
    const quarter = calendar.localQuarter(days >> 5, days & 31, hour, quarterOfHour);
    if (quarter === null || quarter === "irregular") return false;
    const opening = this.#opening;
    opening.take(quarter, pieces.hasIds ? ID_BYTES : 0, MILLISECONDS);
    const { bytes } = opening;
    const size = OPENING.bytes + bytes.length + 2 * VECTOR;
    if (this.#openingsEnd + size > PLACES.openings + SIZES.openings) this.#forgetQuarters();
    const at = this.#openingsEnd;
    this.#openingsEnd += Math.ceil(size / VECTOR) * VECTOR;
    const words = this.#words;
    words[(at + OPENING.length) >> 2] = bytes.length;
    words[(at + OPENING.idAt) >> 2] = opening.idAt;
    words[(at + OPENING.minuteAt) >> 2] = opening.minuteAt;
    words[(at + OPENING.secondAt) >> 2] = opening.secondAt;
    words[(at + OPENING.minute) >> 2] = quarter.minute;
    words[(at + OPENING.index) >> 2] = quarter.index;
    this.#bytes.set(bytes, at + OPENING.bytes);
    words[(PLACES.quarters >> 2) + key] = at;
    this.#keys.push(key);
    return true;
  }

  #forgetQuarters(): void {
    for (const key of this.#keys) this.#words[(PLACES.quarters >> 2) + key] = 0;
    this.#keys.length = 0;
    this.#openingsEnd = PLACES.openings;
    // No line begins like this.
    this.#bytes.fill(0, STATE.memo, STATE.memo + VECTOR);
  }
}

/** What lines of which programs are dropped. */
function dropsOf({ encoder }: BlockOfLines): readonly string[] {
  return encoder.drop.reasons;
}

interface NewName {
  readonly name: Uint8Array;
  readonly hash: number;
  readonly kind: (typeof KIND)[keyof typeof KIND];
  /** Of the program's rules. */
  readonly number: number;
  /** What stands in a document, without and with a process id behind it. */
  readonly value: Uint8Array;
  readonly withPid: Uint8Array;
}

/** A table of names in the program's memory. */
class Names {
  /** Addresses. */
  readonly entries: number[] = [];
  readonly #bytes: Buffer;
  readonly #words: Int32Array;
  readonly #buckets: number;
  readonly #begin: number;
  readonly #limit: number;
  #end: number;

  constructor(bytes: Buffer, words: Int32Array, buckets: number, begin: number, size: number) {
    this.#bytes = bytes;
    this.#words = words;
    this.#buckets = buckets >> 2;
    this.#begin = this.#end = begin;
    this.#limit = begin + size;
  }

  /** Whether an entry of such a name finds room; an empty table has room for any. */
  hasRoom(name: Uint8Array): boolean {
    return this.entries.length < MOST_NAMES && this.#end + entryBytes(name.length) <= this.#limit;
  }

  add({ name, hash, kind, number, value, withPid }: NewName): void {
    const bytes = this.#bytes;
    const words = this.#words;
    const at = this.#end;
    const valueAt = at + ENTRY.name + name.length + VECTOR;
    const pidAt = valueAt + value.length + VECTOR;
    this.#end = Math.ceil((pidAt + withPid.length + VECTOR) / 8) * 8;
    const bucket = this.#buckets + (hash & (BUCKETS - 1));
    words[(at + ENTRY.next) >> 2] = words[bucket]!;
    words[(at + ENTRY.hash) >> 2] = hash;
    words[(at + ENTRY.length) >> 2] = name.length;
    words[(at + ENTRY.kind) >> 2] = kind;
    words[(at + ENTRY.number) >> 2] = number;
    words[(at + ENTRY.lines) >> 2] = 0;
    words[(at + ENTRY.valueAt) >> 2] = valueAt;
    words[(at + ENTRY.valueLength) >> 2] = value.length;
    words[(at + ENTRY.pidAt) >> 2] = pidAt;
    words[(at + ENTRY.pidLength) >> 2] = withPid.length;
    bytes.set(name, at + ENTRY.name);
    bytes.set(value, valueAt);
    bytes.set(withPid, pidAt);
    words[bucket] = at;
    this.entries.push(at);
  }

  forget(): void {
    if (this.entries.length === 0) return;
    this.#words.fill(0, this.#buckets, this.#buckets + BUCKETS);
    this.entries.length = 0;
    this.#end = this.#begin;
  }
}

/** The most that an entry takes: each byte of a name becomes at most six of JSON, in two values. */
function entryBytes(nameLength: number): number {
  return ENTRY.name + 14 * nameLength + 128;
}
