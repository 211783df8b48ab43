import { has, type CharSet } from "./char-set.ts";
import { bytesOf } from "./byte-set.ts";
import { wordCharacters } from "./classes.ts";

/**
 * What generated matchers share: the stack of choices, and the parts of matching that are too rare or too large to stand
 * in each of them. Text is valid UTF-8.
 */

/** Numbers of a frame: something of its own, a position (or an old value), and where to go on (or ~slot to put it back). */
export const FRAME = 3;

/** One stack serves all matchers of a thread: none calls another. */
export const machine = { stack: new Int32Array(3 * 1024) };

/** A larger stack with the same content. */
export function grow(): Int32Array {
  const larger = new Int32Array(machine.stack.length * 2);
  larger.set(machine.stack);
  return (machine.stack = larger);
}

/** Takes the choices above `bottom` away; what must be put back when the way fails stays. @returns the new top */
export function dropChoices(stack: Int32Array, bottom: number, top: number): number {
  let to = bottom;
  for (let at = bottom; at < top; at += FRAME) {
    if (stack[at + 2]! >= 0) continue;
    stack.copyWithin(to, at, at + FRAME);
    to += FRAME;
  }
  return to;
}

/** Puts everything above `bottom` back. */
export function undo(stack: Int32Array, bottom: number, top: number, slots: Int32Array): void {
  for (let at = top - FRAME; at >= bottom; at -= FRAME) {
    const code = stack[at + 2]!;
    if (code < 0) slots[~code] = stack[at + 1]!;
  }
}

/** Bytes of the character at `at` when the set holds it, else 0. */
export function lengthIn(set: CharSet, src: Uint8Array, at: number): number {
  return has(set, characterAt(src, at)) ? lengthAt(src, at) : 0;
}

function lengthAt(src: Uint8Array, at: number): number {
  const byte = src[at]!;
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

function characterAt(src: Uint8Array, at: number): number {
  const byte = src[at]!;
  if (byte < 0x80) return byte;
  if (byte < 0xe0) return ((byte & 0x1f) << 6) | (src[at + 1]! & 0x3f);
  if (byte < 0xf0) return ((byte & 0x0f) << 12) | ((src[at + 1]! & 0x3f) << 6) | (src[at + 2]! & 0x3f);
  return ((byte & 0x07) << 18) | ((src[at + 1]! & 0x3f) << 12) | ((src[at + 2]! & 0x3f) << 6) | (src[at + 3]! & 0x3f);
}

/** The position `count` characters before `at`, or -1 when there are not as many. */
export function back(src: Uint8Array, from: number, at: number, count: number): number {
  let position = at;
  for (let n = 0; n < count; n++) {
    do {
      if (--position < from) return -1;
    } while ((src[position]! & 0xc0) === 0x80);
  }
  return position;
}

const WORD_BYTES = bytesOf(wordCharacters()).slice().fill(0, 0x80);

/** Whether a word begins or ends at `at`. */
export function isWordBorder(src: Uint8Array, from: number, at: number, end: number): boolean {
  return (at > from && isWordBefore(src, from, at)) !== (at < end && isWordAt(src, at));
}

function isWordAt(src: Uint8Array, at: number): boolean {
  const byte = src[at]!;
  return byte < 0x80 ? WORD_BYTES[byte] === 1 : has(wordCharacters(), characterAt(src, at));
}

function isWordBefore(src: Uint8Array, from: number, at: number): boolean {
  const byte = src[at - 1]!;
  return byte < 0x80 ? WORD_BYTES[byte] === 1 : isWordAt(src, back(src, from, at, 1));
}

/** Bytes at `at` that repeat those of a group, or -1; a group that took no part has none. */
export function repeatedLength(src: Uint8Array, start: number, stop: number, at: number, end: number): number {
  const length = stop - start;
  if (stop < 0 || length > end - at) return -1;
  for (let i = 0; i < length; i++) if (src[start + i] !== src[at + i]) return -1;
  return length;
}
