import { startsWith } from "./byte-search.ts";

const SPACE = 32;
const OPEN = 91;
const CLOSE = 93;
const LAST = Buffer.from("last message repeated ");
const MESSAGE = Buffer.from("message repeated ");
const TIMES = Buffer.from(" times");
const TIME = Buffer.from(" time");
/** As macOS writes it. */
const DASHES = Buffer.from(" ---");
const QUOTED = Buffer.from(" times: [");
/** Digits of a number that Elasticsearch's `integer` holds in any case. */
const MOST_DIGITS = 9;

/**
 * How many more times the message before it came, as a line says that syslogd wrote in its stead; 0 for every other line.
 *
 *     last message repeated 3 times                      without a program: sysklogd, BSD, Solaris
 *     last message repeated 1 time ---                   macOS, behind `---` for the host
 *     message repeated 3 times: [ the message]           with the program: rsyslog
 *
 * A program of its own may write the first form, and then means what it likes; so may a host the second one without a program.
 * @param start of the message, `end` of the line
 */
export function repeatedTimes(src: Uint8Array, start: number, end: number, hasProgram: boolean): number {
  const opening = hasProgram ? MESSAGE : LAST;
  if (src[start] !== opening[0] || !startsWith(src, start, end, opening)) return 0;
  let at = start + opening.length;
  const digits = at;
  let times = 0;
  while (at < end && src[at]! >= 48 && src[at]! <= 57) times = times * 10 + src[at++]! - 48;
  if (at - digits > MOST_DIGITS || src[digits] === 48) return 0;
  const closed = hasProgram
    ? startsWith(src, at, end, QUOTED) && src[end - 1] === CLOSE
    : isEnd(src, at, end, TIMES) || isEnd(src, at, end, TIME);
  return closed ? times : 0;
}

/** Where the message stands in a line of the third form, between its brackets and without the blank behind the first. */
export function textOfRepeated(src: Uint8Array, start: number, end: number): readonly [start: number, end: number] {
  let at = start;
  while (src[at] !== OPEN) at++;
  at++;
  return [src[at] === SPACE && at < end - 1 ? at + 1 : at, end - 1];
}

/** Whether nothing but the word, and perhaps dashes, stands before the end. */
function isEnd(src: Uint8Array, at: number, end: number, word: Uint8Array): boolean {
  if (!startsWith(src, at, end, word)) return false;
  const behind = at + word.length;
  return behind === end || (end - behind === DASHES.length && startsWith(src, behind, end, DASHES));
}
