/**
 * How far lines were understood, by program, and what the lines that no pattern reads begin with. Counted for each batch, summed
 * for the chunk's ledger row, and again for the report. Content makes up the names, so all tables are bounded; sums are exact.
 */

/** Stands for the program of lines whose header could not be read. */
export const NO_HEADER = "(no header)";
/** Stands for the program of lines whose header names none. */
export const NO_PROGRAM = "(no program)";
/** Stands for a message without a word. */
export const NO_WORD = "(none)";
/** The rest of a bounded table in one entry. */
export const OTHER = "(other)";

/**
 * What became of the lines of one program; each line counts once. A line has a *full* parse when its header was read and every stage
 * of the pipeline that it entered, one at least, did what it is there for. `failed`: a stage did not, or the header could not be read.
 * `headerOnly`: no stage is there for such a line, or its message is too long for a pipeline.
 */
export interface ProgramLines {
  readonly program: string;
  readonly full: number;
  readonly failed: number;
  readonly headerOnly: number;
  readonly dropped: number;
}

/** Lines that have program, cause and first word in common. */
export interface LineGroup {
  readonly program: string;
  /** The last stage that failed; of lines without a header their kind of `unparsed`; of rejected documents the error's type. */
  readonly cause: string;
  /** The first word of the message (`parsers/first-word.ts`); of a line without a header that of the line. */
  readonly word: string;
  readonly lines: number;
  /** The first of them. */
  readonly fileId: string;
  readonly offset: number;
}

/** Lines over which matching was given up. */
export interface OverBudgetLines {
  /** The expression as the pipeline has it. */
  readonly pattern: string;
  /** `file:line:column` of its filter or condition. */
  readonly place: string;
  readonly lines: number;
}

export interface ParseCounts {
  /** All of what was read. */
  readonly programs: readonly ProgramLines[];
  /** Those of `failed`. */
  readonly misses: readonly LineGroup[];
  readonly overBudget: readonly OverBudgetLines[];
}

export const NO_PARSES: ParseCounts = { programs: [], misses: [], overBudget: [] };

/** How many names a table has at most, `(other)` aside. */
export interface TableLimits {
  readonly programs: number;
  readonly groups: number;
  readonly patterns: number;
}

/** Of a batch and of a ledger row: what Redis keeps for each chunk. Such a row has some 50 KB if content does its worst, else 2. */
export const ROW_LIMITS: TableLimits = { programs: 100, groups: 50, patterns: 50 };
/** While counts are added up. Names that come when so many are known are `(other)`. */
export const HELD_NAMES = 4096;

/** Bytes of a name that are kept. */
export const LONGEST_NAME = 64;
/** A pattern is the user's own, and may be longer. */
export const LONGEST_PATTERN = 200;

/** Characters that a terminal would obey or not show. */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]/u;

/** The beginning of a text, fit to be shown: whole characters of at most so many bytes, `?` for what is none to look at. */
export function printable(text: string, bytes = LONGEST_NAME): string {
  let shown = "";
  let room = bytes;
  for (const character of text.slice(0, bytes)) {
    const one = HIDDEN.test(character) ? "?" : character;
    room -= Buffer.byteLength(one);
    if (room < 0) break;
    shown += one;
  }
  return shown;
}

/** What a table holds. */
interface Kind<T> {
  readonly key: (item: T) => string;
  readonly lines: (item: T) => number;
  readonly sum: (a: T, b: T) => T;
  /** The item without its name. */
  readonly nameless: (item: T) => T;
}

/** All lines of a program. */
export const linesOf = ({ full, failed, headerOnly, dropped }: ProgramLines): number =>
  full + failed + headerOnly + dropped;

const PROGRAMS: Kind<ProgramLines> = {
  key: ({ program }) => program,
  lines: linesOf,
  sum: (a, b) => ({
    program: a.program,
    full: a.full + b.full,
    failed: a.failed + b.failed,
    headerOnly: a.headerOnly + b.headerOnly,
    dropped: a.dropped + b.dropped,
  }),
  nameless: (item) => ({ ...item, program: OTHER }),
};

const GROUPS: Kind<LineGroup> = {
  key: ({ program, cause, word }) => `${program}\n${cause}\n${word}`,
  lines: ({ lines }) => lines,
  sum: (a, b) => {
    const first = b.fileId < a.fileId || (b.fileId === a.fileId && b.offset < a.offset) ? b : a;
    return { ...first, lines: a.lines + b.lines };
  },
  nameless: (item) => ({ ...item, program: OTHER, cause: OTHER, word: OTHER }),
};

const PATTERNS: Kind<OverBudgetLines> = {
  key: ({ pattern, place }) => `${place}\n${pattern}`,
  lines: ({ lines }) => lines,
  sum: (a, b) => ({ ...a, lines: a.lines + b.lines }),
  nameless: (item) => ({ ...item, pattern: OTHER, place: OTHER }),
};

/** Adds up a bounded number of names. */
class Table<T> {
  readonly #kind: Kind<T>;
  readonly #held: number;
  readonly #items = new Map<string, T>();
  #rest: T | undefined;

  constructor(kind: Kind<T>, held: number) {
    this.#kind = kind;
    this.#held = held;
  }

  add(item: T): void {
    const key = this.#kind.key(item);
    const known = this.#items.get(key);
    if (known !== undefined) this.#items.set(key, this.#kind.sum(known, item));
    else if (key === this.#kind.key(this.#kind.nameless(item)) || this.#items.size >= this.#held) this.#addRest(item);
    else this.#items.set(key, item);
  }

  /** Most lines first, then by name; behind them, as one, what is more than `most`. */
  top(most: number): readonly T[] {
    const { lines, sum, nameless } = this.#kind;
    const sorted = [...this.#items]
      .sort(([a, x], [b, y]) => lines(y) - lines(x) || (a < b ? -1 : 1))
      .map(([, item]) => item);
    const rest = sorted.slice(most).map(nameless);
    if (this.#rest !== undefined) rest.push(this.#rest);
    const [first, ...others] = rest;
    return first === undefined ? sorted : [...sorted.slice(0, most), others.reduce(sum, first)];
  }

  #addRest(item: T): void {
    const nameless = this.#kind.nameless(item);
    this.#rest = this.#rest === undefined ? nameless : this.#kind.sum(this.#rest, nameless);
  }
}

/** Adds up groups of lines. */
export class GroupSums {
  readonly #table: Table<LineGroup>;

  constructor(held = HELD_NAMES) {
    this.#table = new Table(GROUPS, held);
  }

  add(group: LineGroup): void {
    this.#table.add(group);
  }

  addAll(groups: readonly LineGroup[]): void {
    for (const group of groups) this.#table.add(group);
  }

  /** Most lines first. */
  top(most: number): readonly LineGroup[] {
    return this.#table.top(most);
  }
}

/**
 * Adds up parse counts. The order in which they come decides nothing until more than `held` names are known: then those that came
 * first have theirs.
 */
export class ParseSums {
  readonly #programs: Table<ProgramLines>;
  readonly #misses: GroupSums;
  readonly #overBudget: Table<OverBudgetLines>;

  constructor(held = HELD_NAMES) {
    this.#programs = new Table(PROGRAMS, held);
    this.#misses = new GroupSums(held);
    this.#overBudget = new Table(PATTERNS, held);
  }

  add(counts: ParseCounts): void {
    for (const program of counts.programs) this.#programs.add(program);
    this.#misses.addAll(counts.misses);
    for (const lines of counts.overBudget) this.#overBudget.add(lines);
  }

  addProgram(lines: ProgramLines): void {
    this.#programs.add(lines);
  }

  addMiss(group: LineGroup): void {
    this.#misses.add(group);
  }

  addOverBudget(lines: OverBudgetLines): void {
    this.#overBudget.add(lines);
  }

  counts(limits: TableLimits): ParseCounts {
    return {
      programs: this.#programs.top(limits.programs),
      misses: this.#misses.top(limits.groups),
      overBudget: this.#overBudget.top(limits.patterns),
    };
  }
}
