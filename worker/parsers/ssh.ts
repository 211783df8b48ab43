import { lastIndexOf, startsWith, wordEnd } from "./byte-search.ts";
import { piece } from "./json-writer.ts";

const COLON = 58;

/** What an sshd message is about, by the names that the seed's patterns give it. */
export const SSH_EVENTS = ["AUTHN", "AUTHZ", "SCAN", "INVALID", "DISCONNECT", "WRONGKEY", "REFUSED"] as const;

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const SSHD = bytes("sshd");
const ACCEPTED = bytes("Accepted ");
const FAILED = bytes("Failed ");
const FOR = bytes("for ");
const INVALID_USER = bytes("invalid user ");
const FROM = bytes(" from ");
const PORT = bytes(" port ");
const PREAUTH = bytes(" [");
const AUTHORIZED = bytes("Authorized to ");
const PRINCIPAL = bytes(", krb5 principal ");
const PARENTHESIS = bytes(" (");
const SCAN = bytes("Did not receive identification string from ");
const INVALID = bytes("Invalid user ");
const DISCONNECT = bytes("Received disconnect from ");
const BY_USER = bytes("11: disconnected by user");
const WRONGKEY = bytes("Authentication tried for ");
const NOT_FROM = bytes(" but not from ");
const WITH = bytes(" with ");
const CORRECT_KEY = bytes("correct key");
const ADDRESS = bytes(", ip=");
const REFUSED = bytes("refused connect from ");

/** The beginning of the `ssh` object of a document by event. */
const OPENING = {
  accepted: piece(',"ssh":{"event":"AUTHN","result":"Accepted"'),
  failed: piece(',"ssh":{"event":"AUTHN","result":"Failed"'),
  authorized: piece(',"ssh":{"event":"AUTHZ","result":"Authorized"'),
  scan: piece(',"ssh":{"event":"SCAN","result":"identification"'),
  invalid: piece(',"ssh":{"event":"INVALID","result":"Invalid"'),
  disconnect: piece(',"ssh":{"event":"DISCONNECT","result":"disconnect"'),
  wrongKey: piece(',"ssh":{"event":"WRONGKEY","result":"tried"'),
  refused: piece(',"ssh":{"event":"REFUSED","result":"refused"'),
};

/** True for `sshd` and its relatives (`sshd-session`, `sshd(pam_unix)`). */
export function isSshd(src: Buffer, start: number, end: number): boolean {
  return startsWith(src, start, end, SSHD);
}

/**
 * Recognises the messages of sshd that tell who came, from where, and what became of it, by their literal text:
 *
 *     AUTHN       (Accepted|Failed) METHOD for [invalid user ]USER from REMOTE …
 *     AUTHZ       Authorized to USER, krb5 principal PRINCIPAL (krb5_kuserok)
 *     SCAN        Did not receive identification string from REMOTE …
 *     INVALID     Invalid user USER from REMOTE …
 *     DISCONNECT  Received disconnect from REMOTE[ port N]:[ ]11: disconnected by user …
 *     WRONGKEY    Authentication tried for USER with METHOD but not from a permitted host (host=…, ip=REMOTE)
 *     REFUSED     refused connect from HOST[ (REMOTE)]
 *
 * USER is whatever the other side sent: empty, with blanks, or with a ` from ` of its own. So the *last* ` from ` counts
 * behind whose word the message ends or ` port ` or ` [` follows: what sshd itself writes comes last.
 *
 * The result stands in the fields until the next call; equal positions mean an empty text, a start of -1 an absent one.
 * @source the seed's patterns (SSHATTEMPT); OpenSSH's auth.c, sshd.c and gss-serv-krb5.c for the texts around them
 */
export class SshScanner {
  opening: Uint8Array = OPENING.failed;
  methodStart = -1;
  methodEnd = -1;
  userStart = -1;
  userEnd = -1;
  remoteStart = -1;
  remoteEnd = -1;
  principalStart = -1;
  principalEnd = -1;

  /** @returns whether the message `[start, end)` is one of them */
  scan(src: Buffer, start: number, end: number): boolean {
    this.methodStart = this.userStart = this.remoteStart = this.principalStart = -1;
    switch (src[start]) {
      case 65: // A
        if (startsWith(src, start, end, ACCEPTED)) {
          this.opening = OPENING.accepted;
          return this.#authentication(src, start + ACCEPTED.length, end);
        }
        if (startsWith(src, start, end, AUTHORIZED)) return this.#authorized(src, start + AUTHORIZED.length, end);
        return startsWith(src, start, end, WRONGKEY) && this.#wrongKey(src, start + WRONGKEY.length, end);
      case 70: // F
        this.opening = OPENING.failed;
        return startsWith(src, start, end, FAILED) && this.#authentication(src, start + FAILED.length, end);
      case 73: // I
        this.opening = OPENING.invalid;
        return startsWith(src, start, end, INVALID) && this.#userFrom(src, start + INVALID.length, end);
      case 68: // D
        this.opening = OPENING.scan;
        return startsWith(src, start, end, SCAN) && this.#remoteWord(src, start + SCAN.length, end);
      case 82: // R
        return startsWith(src, start, end, DISCONNECT) && this.#disconnect(src, start + DISCONNECT.length, end);
      case 114: // r
        return startsWith(src, start, end, REFUSED) && this.#refused(src, start + REFUSED.length, end);
      default:
        return false;
    }
  }

  #authentication(src: Buffer, start: number, end: number): boolean {
    const methodEnd = wordEnd(src, start, end);
    const at = methodEnd + 1;
    if (methodEnd === start || !startsWith(src, at, end, FOR)) return false;
    this.methodStart = start;
    this.methodEnd = methodEnd;
    const userAt = at + FOR.length;
    const invalid = startsWith(src, userAt, end, INVALID_USER);
    return (invalid && this.#userFrom(src, userAt + INVALID_USER.length, end)) || this.#userFrom(src, userAt, end);
  }

  /** `USER from REMOTE …` */
  #userFrom(src: Buffer, start: number, end: number): boolean {
    for (let at = lastIndexOf(src, start, end, FROM); at >= 0; at = lastIndexOf(src, start, at + 5, FROM)) {
      const remoteStart = at + FROM.length;
      const remoteEnd = wordEnd(src, remoteStart, end);
      if (remoteEnd === remoteStart) continue;
      if (remoteEnd < end && !startsWith(src, remoteEnd, end, PORT) && !startsWith(src, remoteEnd, end, PREAUTH)) {
        continue;
      }
      this.userStart = start;
      this.userEnd = at;
      this.remoteStart = remoteStart;
      this.remoteEnd = remoteEnd;
      return true;
    }
    return false;
  }

  #remoteWord(src: Buffer, start: number, end: number): boolean {
    this.remoteStart = start;
    this.remoteEnd = wordEnd(src, start, end);
    return this.remoteEnd > start;
  }

  #authorized(src: Buffer, start: number, end: number): boolean {
    const at = lastIndexOf(src, start, end, PRINCIPAL);
    if (at < 0) return false;
    this.opening = OPENING.authorized;
    this.userStart = start;
    this.userEnd = at;
    this.principalStart = at + PRINCIPAL.length;
    this.principalEnd = wordEnd(src, this.principalStart, end);
    return this.principalEnd > this.principalStart && startsWith(src, this.principalEnd, end, PARENTHESIS);
  }

  #disconnect(src: Buffer, start: number, end: number): boolean {
    this.opening = OPENING.disconnect;
    if (!this.#remoteWord(src, start, end)) return false;
    let at = this.remoteEnd;
    if (src[at - 1] === COLON) {
      // Up to OpenSSH 7.2: `from 2001:db8::1: 11: …`
      this.remoteEnd--;
      return this.remoteEnd > start && startsWith(src, at + 1, end, BY_USER);
    }
    if (!startsWith(src, at, end, PORT)) return false;
    at += PORT.length;
    const portStart = at;
    while (at < end && src[at]! >= 48 && src[at]! <= 57) at++;
    return at > portStart && at < end && src[at] === COLON && startsWith(src, at + 1, end, BY_USER);
  }

  #wrongKey(src: Buffer, start: number, end: number): boolean {
    const notFrom = lastIndexOf(src, start, end, NOT_FROM);
    const withAt = notFrom < 0 ? -1 : lastIndexOf(src, start, notFrom, WITH);
    if (withAt < 0) return false;
    this.opening = OPENING.wrongKey;
    this.userStart = start;
    this.userEnd = withAt;
    this.methodStart = withAt + WITH.length;
    this.methodEnd = notFrom;
    if (!isMethod(src, this.methodStart, this.methodEnd)) return false;
    const address = lastIndexOf(src, notFrom, end, ADDRESS);
    if (address >= 0) {
      this.remoteStart = address + ADDRESS.length;
      this.remoteEnd = this.remoteStart;
      while (this.remoteEnd < end && src[this.remoteEnd] !== 41) this.remoteEnd++;
      if (this.remoteEnd === this.remoteStart) this.remoteStart = -1;
    }
    return true;
  }

  #refused(src: Buffer, start: number, end: number): boolean {
    this.opening = OPENING.refused;
    if (!this.#remoteWord(src, start, end)) return false;
    if (!startsWith(src, this.remoteEnd, end, PARENTHESIS)) return true;
    // libwrap writes the name and then the address: `host (10.0.0.1)`; the seed's pattern has a quote before it.
    let from = this.remoteEnd + PARENTHESIS.length;
    if (from < end && src[from] === 39) from++;
    let to = from;
    while (to < end && src[to] !== 41) to++;
    if (to > from && to < end) {
      this.remoteStart = from;
      this.remoteEnd = to;
    }
    return true;
  }
}

/** `correct key`, or a method's name. */
function isMethod(src: Buffer, start: number, end: number): boolean {
  if (end - start === CORRECT_KEY.length && startsWith(src, start, end, CORRECT_KEY)) return true;
  for (let at = start; at < end; at++) {
    const byte = src[at]!;
    if ((byte < 97 || byte > 122) && byte !== 45) return false;
  }
  return end > start;
}
