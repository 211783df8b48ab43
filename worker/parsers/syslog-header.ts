import { isIpAddress } from "./ip-address.ts";
import { IMPOSSIBLE, type TimestampScanner } from "./timestamp.ts";

const SPACE = 32;
const COLON = 58;
const OPEN = 91;
const CLOSE = 93;

/** What `scan` made of a line. */
export const HEADER_READ = 0;
export const HEADER_MISSING = 1;
export const HEADER_IMPOSSIBLE_DATE = 2;
export type HeaderVerdict = typeof HEADER_READ | typeof HEADER_MISSING | typeof HEADER_IMPOSSIBLE_DATE;

/** Elasticsearch's `integer`. */
const LARGEST_PID = 0x7fffffff;

/**
 * Reads the header of a syslog line (RFC 3164, or as rsyslog writes it with an RFC 3339 timestamp) from its bytes.
 * The result stands in the fields until the next call; the timestamp's in the scanner that it was given.
 *
 *     [<PRI>[ ]] TIMESTAMP {SP} HOST [SP [TAG] MESSAGE]
 *     [<PRI>[ ]] TIMESTAMP {SP} TAG MESSAGE                                         without a host
 *     TIMESTAMP {SP} COLLECTOR SP [HOST SP] TIMESTAMP {SP} [HOST SP] …              relayed: the second timestamp counts
 *     TIMESTAMP {SP} COLLECTOR SP HOST SP TAG …                                     relayed, one timestamp
 *
 * - PRI is 0 to 191.
 * - A TAG is `program:` or `program[pid]`, the latter before a colon, a blank or the end; one blank behind it is not part
 *   of the message. The program ends at the first `[`, or at the first colon that a blank, a `[` or the end follows,
 *   so `sshd(pam_unix)`, `postfix/smtpd` and `Foo::Bar` are programs and `http://x` is none. A tag holds no blanks.
 * - `[…]` that is not an integer of Elasticsearch's range stays at the beginning of the message when a colon follows it.
 * - Text without a tag is the message, as in `-- MARK --` and `last message repeated 3 times`.
 * - A first word with a `[` or a colon at its end is no host but the tag's beginning.
 * - COLLECTOR is an address. The forms are the seed's SSHBASE3; nothing is taken for a collector unless a second
 *   timestamp, or a host and a tag, stand behind it.
 */
export class HeaderScanner {
  readonly #timestamp: TimestampScanner;

  /** -1 when absent. */
  pri = -1;
  /** Equal positions: absent. */
  collectorStart = 0;
  collectorEnd = 0;
  hostStart = 0;
  hostEnd = 0;
  programStart = 0;
  programEnd = 0;
  /** -1 when absent. */
  pid = -1;
  messageStart = 0;

  constructor(timestamp: TimestampScanner) {
    this.#timestamp = timestamp;
  }

  scan(src: Buffer, start: number, end: number): HeaderVerdict {
    let timestampAt = start;
    this.pri = -1;
    this.collectorStart = this.collectorEnd = 0;
    this.hostStart = this.hostEnd = 0;
    if (src[start] === 60 && start < end) {
      timestampAt = this.#scanPri(src, start + 1, end);
      if (timestampAt < 0) return HEADER_MISSING;
    }
    const timestampEnd = this.#timestamp.scan(src, timestampAt, end);
    if (timestampEnd < 0) return timestampEnd === IMPOSSIBLE ? HEADER_IMPOSSIBLE_DATE : HEADER_MISSING;
    const at = afterBlanks(src, timestampEnd, end);
    if (at === end) return HEADER_MISSING;
    this.#scanHostAndTag(src, at, end);
    // Hardly a host ends like an address, so this costs the others a comparison.
    if (this.hostEnd > 0 && this.hostEnd < end && src[this.hostEnd - 1]! < 103) {
      if (isIpAddress(src, this.hostStart, this.hostEnd)) this.#scanRelayed(src, timestampAt, end);
    }
    return HEADER_READ;
  }

  /** The rest of the line from `start`, where a host or a tag begins. Leaves the host alone when there is none. */
  #scanHostAndTag(src: Buffer, start: number, end: number): void {
    const hostEnd = hostEndAt(src, start, end);
    if (hostEnd <= start) {
      this.#scanTag(src, start, end);
      return;
    }
    this.hostStart = start;
    this.hostEnd = hostEnd;
    this.#scanTag(src, Math.min(hostEnd + 1, end), end);
  }

  /** The host is an address: the sender itself, which has been read already, or one that relayed the line. */
  #scanRelayed(src: Buffer, timestampAt: number, end: number): void {
    const addressStart = this.hostStart;
    const addressEnd = this.hostEnd;
    const start = addressEnd + 1;
    const hostEnd = hostEndAt(src, start, end);
    const hasHost = hostEnd > start && hostEnd < end;

    let second = this.#timestamp.scan(src, start, end);
    const behindHost = second < 0 && hasHost;
    if (behindHost) second = this.#timestamp.scan(src, hostEnd + 1, end);
    if (second < 0) {
      // The attempts have overwritten the line's own timestamp.
      this.#timestamp.scan(src, timestampAt, end);
      if (!hasHost) return;
      if (!this.#scanTag(src, hostEnd + 1, end)) {
        this.#scanTag(src, start, end);
        return;
      }
    }
    this.collectorStart = addressStart;
    this.collectorEnd = addressEnd;
    this.hostStart = second < 0 || behindHost ? start : 0;
    this.hostEnd = second < 0 || behindHost ? hostEnd : 0;
    if (second >= 0) this.#scanHostAndTag(src, afterBlanks(src, second, end), end);
  }

  /** @returns the position behind `>` and one blank, or -1 */
  #scanPri(src: Buffer, start: number, end: number): number {
    let at = start;
    let value = 0;
    while (at < end && at - start < 3 && src[at]! >= 48 && src[at]! <= 57) value = value * 10 + src[at++]! - 48;
    if (at === start || at >= end || src[at] !== 62 || value > 191) return -1;
    this.pri = value;
    at++;
    return src[at] === SPACE && at < end ? at + 1 : at;
  }

  /** @returns whether there is a tag at `start`; without one all from `start` on is the message */
  #scanTag(src: Buffer, start: number, end: number): boolean {
    const programStart = afterBlanks(src, start, end);
    let at = programStart;
    for (; at < end; at++) {
      const byte = src[at]!;
      if (byte === OPEN || byte === SPACE) break;
      if (byte === COLON && (at + 1 === end || src[at + 1] === SPACE || src[at + 1] === OPEN)) break;
    }
    this.pid = -1;
    this.programStart = programStart;
    this.programEnd = at;
    if (at > programStart && at < end) {
      if (src[at] === COLON) {
        this.messageStart = at + 1 < end && src[at + 1] === SPACE ? at + 2 : at + 1;
        return true;
      }
      if (src[at] === OPEN && this.#scanBrackets(src, at, end)) return true;
    }
    this.programEnd = programStart;
    this.messageStart = start;
    return false;
  }

  /** `[…]` behind a program. */
  #scanBrackets(src: Buffer, open: number, end: number): boolean {
    let at = open + 1;
    let pid = 0;
    for (; at < end && src[at] !== CLOSE && src[at] !== SPACE; at++) {
      const digit = src[at]! - 48;
      pid = digit < 0 || digit > 9 ? Infinity : pid * 10 + digit;
    }
    if (at >= end || src[at] !== CLOSE) return false;
    const behind = at + 1;
    const colon = behind < end && src[behind] === COLON;
    if (at === open + 1 || pid > LARGEST_PID) {
      this.messageStart = open;
      return colon;
    }
    if (!colon && behind < end && src[behind] !== SPACE) return false;
    this.pid = pid;
    at = colon ? behind + 1 : behind;
    this.messageStart = at < end && src[at] === SPACE ? at + 1 : at;
    return true;
  }
}

/** @returns the end of the host at `start`, or -1 when what stands there begins a tag */
function hostEndAt(src: Buffer, start: number, end: number): number {
  let at = start;
  for (; at < end && src[at] !== SPACE; at++) {
    if (src[at] === OPEN) return -1;
  }
  return src[at - 1] === COLON ? -1 : at;
}

function afterBlanks(src: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && src[at] === SPACE) at++;
  return at;
}
