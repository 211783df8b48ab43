import {
  HELD_NAMES,
  LONGEST_PATTERN,
  NO_HEADER,
  NO_PROGRAM,
  NO_WORD,
  OTHER,
  ParseSums,
  printable,
  ROW_LIMITS,
  type ParseCounts,
} from "../contract/parse-counts.ts";
import type { LogEvent } from "../pipeline/event.ts";
import type { Run } from "../pipeline/interpret.ts";
import { DROPPED, FAILED, failedStage, FULL, HEADER_ONLY, OUTCOMES, outcomeOf } from "../pipeline/outcome.ts";
import type { ProgramRules } from "../pipeline/program-rules.ts";
import { FirstWord } from "./first-word.ts";
import { isHeaderRead } from "./unparsed.ts";

const BUCKETS = 1024;
/** Counts the programs that find no place any more. */
const REST = 0;

/** Lines of one program that a stage failed on, by first word. */
interface Miss {
  readonly slot: number;
  readonly stage: string;
  readonly word: Uint8Array;
  readonly offset: number;
  readonly next: Miss | undefined;
  lines: number;
}

/** The message of a line: `[start, end)` of `src`, and where the line stands in the file. */
export interface MessagePlace {
  readonly src: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly offset: number;
}

/** Numbers the tallies of this thread, so that a program knows whether its place is in this one. */
let tallies = 0;

/**
 * Counts what became of the lines of one block, by program. A line that the pipeline's code has read costs one addition; one that a
 * stage failed on a look for its first word, and neither makes an object. Names become texts at the end.
 */
export class LineTally {
  readonly #id = ++tallies;
  readonly #fileId: string;
  /** By slot and outcome. Slots are given to programs as they come; a block rarely has many. */
  #counts = new Float64Array(64 * OUTCOMES);
  readonly #programs: (string | undefined)[] = [OTHER];
  readonly #slots = new Map<string | undefined, number>();
  readonly #buckets: (Miss | undefined)[] = new Array<undefined>(BUCKETS).fill(undefined);
  readonly #misses: Miss[] = [];
  #moreMisses: Miss | undefined;
  readonly #word = new FirstWord();
  /** What the plain pipeline did. */
  readonly #plain = new ParseSums();

  constructor(fileId: string) {
    this.#fileId = fileId;
  }

  /** A line, or so many, came to an end of the pipeline's code. */
  count(program: ProgramRules, outcome: number, lines = 1): void {
    const slot = this.place(program);
    this.#counts[slot * OUTCOMES + outcome]! += lines;
  }

  /** The same when a stage failed. */
  missed(program: ProgramRules, stage: string, src: Uint8Array, start: number, end: number, offset: number): void {
    this.count(program, FAILED);
    const { slot } = program;
    const word = this.#word;
    word.find(src, start, end);
    const { bytes, length } = word;
    let hash = slot * 31 + length;
    for (let i = 0; i < length; i++) hash = (hash * 33 + bytes[i]!) | 0;
    const bucket = (hash ^ (hash >>> 10)) & (BUCKETS - 1);
    for (let miss = this.#buckets[bucket]; miss; miss = miss.next) {
      if (miss.slot !== slot || miss.stage !== stage || miss.word.length !== length) continue;
      let i = 0;
      while (i < length && miss.word[i] === bytes[i]) i++;
      if (i === length) {
        miss.lines++;
        return;
      }
    }
    if (this.#misses.length >= HELD_NAMES) {
      this.#moreMisses ??= { slot: REST, stage: OTHER, word: Buffer.from(OTHER), offset, next: undefined, lines: 0 };
      this.#moreMisses.lines++;
      return;
    }
    const miss: Miss = {
      slot,
      stage,
      word: Uint8Array.prototype.slice.call(bytes, 0, length),
      offset,
      next: this.#buckets[bucket],
      lines: 1,
    };
    this.#buckets[bucket] = miss;
    this.#misses.push(miss);
  }

  /**
   * A line went through the plain pipeline.
   * @param event as that left it
   * @param run undefined when none looked at the line
   */
  plainly(event: LogEvent, run: Run | undefined, message: MessagePlace): void {
    const isRead = isHeaderRead(event.get(["tags"]));
    const named = event.get(["program"]);
    const program = !isRead ? NO_HEADER : named === undefined || named === null ? NO_PROGRAM : shown(named);
    const stages = run?.stages ?? [];
    const outcome = run?.verdict ? DROPPED : isRead ? outcomeOf(stages) : FAILED;
    this.#plain.addProgram(programLines(program, (at) => (at === outcome ? 1 : 0)));
    for (const { pattern, place } of run?.overBudget ?? []) {
      this.#plain.addOverBudget({ pattern: printable(pattern, LONGEST_PATTERN), place, lines: 1 });
    }
    if (outcome !== FAILED) return;
    const cause = shown(isRead ? failedStage(stages)! : (event.get(["unparsed"]) ?? NO_HEADER));
    this.#word.find(message.src, message.start, message.end);
    const word = this.#word.length === 0 ? NO_WORD : printable(this.#word.text);
    this.#plain.addMiss({ program, cause, word, lines: 1, fileId: this.#fileId, offset: message.offset });
  }

  counts(): ParseCounts {
    const names = this.#programs.map((name) => (name === undefined ? NO_PROGRAM : printable(name)));
    for (const [slot, name] of names.entries()) {
      const lines = programLines(name, (outcome) => this.#counts[slot * OUTCOMES + outcome]!);
      if (slot !== REST || this.#counts.subarray(0, OUTCOMES).some((n) => n > 0)) this.#plain.addProgram(lines);
    }
    for (const { slot, stage, word, lines, offset } of [
      ...this.#misses,
      ...(this.#moreMisses ? [this.#moreMisses] : []),
    ]) {
      this.#plain.addMiss({
        program: names[slot]!,
        cause: printable(stage),
        word: word.length === 0 ? NO_WORD : printable(Buffer.from(word).toString()),
        lines,
        fileId: this.#fileId,
        offset,
      });
    }
    return this.#plain.counts(ROW_LIMITS);
  }

  /** Where the lines of a program are counted: the first so many that come have a place of their own. */
  place(program: ProgramRules): number {
    return program.talliedBy === this.#id ? program.slot : this.#newPlace(program);
  }

  #newPlace(program: ProgramRules): number {
    program.talliedBy = this.#id;
    // The rules of a program may have been forgotten, and made again.
    let slot = this.#slots.get(program.name);
    if (slot === undefined) {
      slot = this.#programs.length > HELD_NAMES ? REST : this.#programs.push(program.name) - 1;
      if (slot !== REST) this.#slots.set(program.name, slot);
    }
    program.slot = slot;
    if (this.#programs.length * OUTCOMES > this.#counts.length) {
      const larger = new Float64Array(this.#counts.length * 2);
      larger.set(this.#counts);
      this.#counts = larger;
    }
    return program.slot;
  }
}

function shown(value: unknown): string {
  return printable(typeof value === "string" ? value : JSON.stringify(value));
}

function programLines(program: string, of: (outcome: number) => number) {
  return { program, full: of(FULL), failed: of(FAILED), headerOnly: of(HEADER_ONLY), dropped: of(DROPPED) };
}
