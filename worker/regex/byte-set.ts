import { has, ranges, type CharSet } from "./char-set.ts";
import type { Node } from "./syntax.ts";

/** For each byte 1 or 0: a table that generated code looks bytes up in. Not to be changed: equal ones are one. */
export type ByteSet = Uint8Array;

const UTF8 = new TextEncoder();
const FIRST_NON_ASCII = 0x80;
/** Where the encoded length of a character changes. */
const LENGTH_BORDERS = [0x80, 0x800, 0x10000, 0x110000];

/** How the members of a set above ASCII are told from their bytes. */
export type NonAscii =
  /** There are none. */
  | "none"
  /** All are members, so that any byte from 0x80 on belongs to one. */
  | "all"
  /** The character must be decoded. */
  | "some";

export function nonAsciiOf(set: CharSet): NonAscii {
  const above = ranges(set).filter(([, to]) => to >= FIRST_NON_ASCII);
  if (above.length === 0) return "none";
  const [[from, to] = [0, 0]] = above;
  return above.length === 1 && from <= FIRST_NON_ASCII && to === 0x10ffff ? "all" : "some";
}

const KNOWN = new Map<string, ByteSet>();

/** The one set that holds these bytes: expressions have tens of thousands of places and a few hundred sets. */
function shared(bytes: Uint8Array): ByteSet {
  let key = "";
  for (let at = 0; at < 256; at += 16) {
    let bits = 0;
    for (let bit = 0; bit < 16; bit++) bits |= bytes[at + bit]! << bit;
    key += String.fromCharCode(bits);
  }
  const known = KNOWN.get(key);
  if (!known) KNOWN.set(key, bytes);
  return known ?? bytes;
}

const BYTES = new WeakMap<CharSet, ByteSet>();

/** The bytes that members begin with; with `all` above ASCII also those that they go on with. */
export function bytesOf(set: CharSet): ByteSet {
  let bytes = BYTES.get(set);
  if (!bytes) BYTES.set(set, (bytes = shared(makeBytes(set))));
  return bytes;
}

function makeBytes(set: CharSet): Uint8Array {
  const bytes = new Uint8Array(256);
  for (let code = 0; code < FIRST_NON_ASCII; code++) bytes[code] = has(set, code) ? 1 : 0;
  if (nonAsciiOf(set) === "all") return bytes.fill(1, FIRST_NON_ASCII);
  for (const [from, to] of ranges(set)) {
    let start = Math.max(from, FIRST_NON_ASCII);
    for (const border of LENGTH_BORDERS) {
      const last = Math.min(to, border - 1);
      if (start > last) continue;
      // The first bytes of characters of one length ascend with them.
      bytes.fill(1, firstByte(start), firstByte(last) + 1);
      start = last + 1;
    }
  }
  return bytes;
}

function firstByte(code: number): number {
  if (code < 0x800) return 0xc0 | (code >> 6);
  return code < 0x10000 ? 0xe0 | (code >> 12) : 0xf0 | (code >> 18);
}

/** The bytes of the character that a set consists of, if it is one. */
export function literalOf(set: CharSet): readonly number[] | undefined {
  return set.length === 2 && set[0] === set[1] ? [...UTF8.encode(String.fromCodePoint(set[0]!))] : undefined;
}

/** What a node, or what follows at a place, can begin with. */
export interface First {
  readonly bytes: ByteSet;
  /** Whether it can match where the text ends. */
  readonly atEnd: boolean;
  /** Whether it can also take nothing, so that whatever comes behind it decides. */
  readonly empty: boolean;
}

export const NOTHING_FIRST: First = { bytes: new Uint8Array(256), atEnd: false, empty: true };
export const ANYTHING_FIRST: First = { bytes: new Uint8Array(256).fill(1), atEnd: true, empty: true };
const END_FIRST: First = { bytes: new Uint8Array(256), atEnd: true, empty: false };
const LINE_END_FIRST: First = { bytes: new Uint8Array(256).fill(1, 10, 11), atEnd: true, empty: false };

const FIRSTS = new WeakMap<Node, First>();

export function firstOf(node: Node): First {
  let first = FIRSTS.get(node);
  if (!first) FIRSTS.set(node, (first = makeFirst(node)));
  return first;
}

function makeFirst(node: Node): First {
  switch (node.kind) {
    case "set":
      // No character begins with a byte that others go on with.
      return { bytes: shared(bytesOf(node.set).slice().fill(0, 0x80, 0xc0)), atEnd: false, empty: false };
    case "sequence":
      return node.nodes.reduceRight((after, before) => inOrder(firstOf(before), after), NOTHING_FIRST);
    case "choice":
      return node.nodes.map(firstOf).reduce(either);
    case "repeat": {
      const first = firstOf(node.node);
      return node.max === 0 ? NOTHING_FIRST : { ...first, empty: first.empty || node.min === 0 };
    }
    case "capture":
    case "atomic":
    case "element":
      return firstOf(node.node);
    case "look":
      return NOTHING_FIRST;
    case "assert":
      if (node.what === "text-end") return END_FIRST;
      return node.what === "line-end" || node.what === "last-line-end" ? LINE_END_FIRST : NOTHING_FIRST;
    case "backreference":
      return ANYTHING_FIRST;
  }
}

/** One, then the other. */
export function inOrder(before: First, after: First): First {
  return before.empty ? { ...either(before, after), empty: after.empty } : before;
}

export function either(a: First, b: First): First {
  return {
    bytes: a.bytes === b.bytes ? a.bytes : shared(a.bytes.map((member, byte) => member | b.bytes[byte]!)),
    atEnd: a.atEnd || b.atEnd,
    empty: a.empty || b.empty,
  };
}

/** Whether at any one place only one of the two can match. */
export function exclude(a: First, b: First): boolean {
  return !a.empty && !b.empty && !(a.atEnd && b.atEnd) && disjoint(a.bytes, b.bytes);
}

export function disjoint(a: ByteSet, b: ByteSet): boolean {
  return a.every((member, byte) => member === 0 || b[byte] === 0);
}

/** The only byte of a set, if it has one. */
export function onlyByte(bytes: ByteSet): number | undefined {
  const first = bytes.indexOf(1);
  return first >= 0 && bytes.indexOf(1, first + 1) < 0 ? first : undefined;
}
