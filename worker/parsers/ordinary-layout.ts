import { BASE32HEX } from "./document-pieces.ts";
import { MONTH_NAMES } from "./timestamp.ts";

/** What `ordinary-program.ts` and `OrdinaryLines` say to each other, and where in the program's memory it stands. */

/** Why the program came back. */
export const BACK = {
  /** All lines are done. */
  done: 0,
  /** There is no room for another document. */
  full: 1,
  /** The line that begins at `at` is not one of those that the program can do. */
  unusual: 2,
  /** Its quarter of an hour, its host or its program is not known yet: `key`, or `[nameStart, nameEnd)` with `nameHash`. */
  newQuarter: 3,
  newHost: 4,
  newProgram: 5,
  /** The document is written up to where the pipeline's fields begin. */
  fields: 6,
} as const;

/** What a name that is known means for its lines. */
export const KIND = { unusual: 0, plain: 1, fields: 2 } as const;

const PAGE = 65_536;
/** Bytes that a copy may write too many, and a search may read. */
const SLACK = 64;

/** Addresses of 32-bit words that both sides read and write. `base` has 64 bits. */
export const STATE = {
  at: 0,
  limit: 4,
  out: 8,
  outLimit: 12,
  /** Documents so far. */
  count: 16,
  /** Where the line ends, without its line end, and where the next one begins. */
  end: 20,
  next: 24,
  messageStart: 28,
  /** Number of the program's rules. */
  program: 32,
  /** The document's index. */
  index: 36,
  /** Where the document begins. */
  document: 40,
  key: 44,
  nameStart: 48,
  nameEnd: 52,
  nameHash: 56,
  /** Offset in the file of address 0. */
  base: 64,
  hasIds: 72,
  /** The beginnings of documents of a quarter of an hour whose minute was read last, and its two digits. */
  opening: 76,
  minute: 80,
  /** Twelve bytes of a line that had it. */
  memo: 88,
  fileAt: 104,
  fileLength: 108,
  endingAt: 112,
  endingLength: 116,
  /** Programs that have had lines in this block, and no fields. */
  programs: 120,
} as const;

/** Words of an entry of a table of names; its name stands behind them. */
export const ENTRY = {
  next: 0,
  hash: 4,
  length: 8,
  kind: 12,
  /** Number of the program's rules. */
  number: 16,
  /** Lines that had it, where nothing else counts them. */
  lines: 20,
  valueAt: 24,
  valueLength: 28,
  /** What stands there when a process id follows. */
  pidAt: 32,
  pidLength: 36,
  name: 40,
} as const;

/** Words of what the documents of a quarter of an hour begin with; its bytes stand behind them. */
export const OPENING = { length: 0, idAt: 4, minuteAt: 8, secondAt: 12, minute: 16, index: 20, bytes: 32 } as const;

/** Numbers of `((month * 32 + day) * 24 + hour) * 4 + quarter`. */
const KEYS = 13 * 32 * 24 * 4;
export const BUCKETS = 8192;
/** Indices of a month, and some. */
export const MOST_INDICES = 64;
/** Names that a table holds before it is begun anew. */
export const MOST_NAMES = 4096;
/** Documents between two times that they are taken over. */
export const MOST_DOCUMENTS = 8192;

/** How large everything is. */
export const SIZES = {
  state: 1024,
  /** `0000` to `9999`, pairs of digits of an id, months as three small letters. */
  digits: 40_000,
  pairs: 2048,
  months: 64,
  perIndex: 4 * MOST_INDICES,
  /** Addresses of openings by key. */
  quarters: 4 * KEYS,
  hostBuckets: 4 * BUCKETS,
  programBuckets: 4 * BUCKETS,
  openings: 256 * 1024,
  hosts: 512 * 1024,
  programs: 256 * 1024,
  /** Pieces of the file. */
  pieces: 64 * 1024,
  /** Entries of programs that have had lines in this block, in the order of their first ones. */
  seen: 4 * MOST_NAMES,
  offsets: 8 * MOST_DOCUMENTS,
  lengths: 4 * MOST_DOCUMENTS,
  input: 256 * 1024,
  output: 1024 * 1024,
} as const;
/** Where it stands in memory. */
export const PLACES = layOut(SIZES);
export const PAGES = Math.ceil(PLACES.end / PAGE);

function layOut<T extends Readonly<Record<string, number>>>(sizes: T): { readonly [name in keyof T | "end"]: number } {
  let at = 0;
  const places = Object.entries(sizes).map(([name, size]) => {
    const place = at;
    at += Math.ceil((size + SLACK) / 64) * 64;
    return [name, place];
  });
  return Object.fromEntries([...places, ["end", at]]) as { readonly [name in keyof T | "end"]: number };
}

/** Bytes of what the program reads and nobody writes. */
export function writeConstants(memory: Buffer): void {
  for (let i = 0; i < 10_000; i++) memory.write(String(i).padStart(4, "0"), PLACES.digits + 4 * i, "latin1");
  for (let i = 0; i < 1024; i++)
    memory.write(String.fromCharCode(BASE32HEX[i >> 5]!, BASE32HEX[i & 31]!), PLACES.pairs + 2 * i, "latin1");
  for (const [i, name] of MONTH_NAMES.entries()) memory.write(`${name}\0`, PLACES.months + 4 * i, "latin1");
}
