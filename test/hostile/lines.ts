import { FILTERED_LINES } from "./filtered-lines.ts";
import { each, HEADER, type HostileLines } from "./hostile-lines.ts";

const MB = 1_000_000;
const SSHD = "Jan 14 10:00:00 h sshd[1]: ";
const bytes = (...values: readonly number[]): string => String.fromCharCode(...values);
/** One byte for each character. */
const raw = (text: string): Uint8Array => Buffer.from(text, "latin1");

const SIZES: readonly HostileLines[] = [
  { name: "a line of 1 MB", content: () => `${HEADER}${"x".repeat(MB)}\n` },
  { name: "a line of 64 MB", content: () => Buffer.alloc(64 * MB, HEADER + "x".repeat(64)) },
  { name: "a line of 64 MB between two others", content: () => `${HEADER}a\n${"y".repeat(64 * MB)}\n${HEADER}b\n` },
  { name: "a login by a name of 1 MB", content: () => `${SSHD}Invalid user ${"x".repeat(MB)} from 10.0.0.1\n` },
  { name: "a login by a name of 60 kB", content: () => `${SSHD}Invalid user ${"x ".repeat(30_000)} from 10.0.0.1\n` },
  { name: "a host of 1 MB", content: () => `Jan 14 10:00:00 ${"h".repeat(MB)} p[1]: x\n` },
  { name: "a program of 1 MB", content: () => `Jan 14 10:00:00 h ${"p".repeat(MB)}[1]: x\n` },
  { name: "100,000 empty lines", content: () => "\n".repeat(100_000) },
  { name: "100,000 lines of one blank", content: () => " \n".repeat(100_000) },
  { name: "10,000 programs", content: () => each(10_000, (n) => `Jan 14 10:00:00 h prog${String(n)}[1]: x`) },
  { name: "10,000 hosts", content: () => each(10_000, (n) => `Jan 14 10:00:00 host${String(n)} p[1]: x`) },
  {
    name: "10,000 programs that say what sshd does",
    content: () =>
      each(10_000, (n) => `Jan 14 10:00:00 h sshd-${String(n)}[1]: Failed password for a from b port 1 ssh2`),
  },
];

const BYTES: readonly HostileLines[] = [
  { name: "1 MB of NUL", content: () => new Uint8Array(MB) },
  { name: "a header, 1 MB of NUL", content: () => `${HEADER}${"\0".repeat(MB)}\n` },
  { name: "1 MB of quotes", content: () => `${HEADER}${'"'.repeat(MB)}\n` },
  { name: "1 MB of backslashes", content: () => `${HEADER}${"\\".repeat(MB)}\n` },
  { name: "60 kB of quotes and backslashes to sshd's patterns", content: () => `${SSHD}${'\\"'.repeat(30_000)}\n` },
  { name: "1 MB of 0xff", content: () => new Uint8Array(MB).fill(0xff) },
  { name: "every byte, each in a line", content: () => raw(each(256, (n) => `${HEADER}a${bytes(n)}b`)) },
  {
    name: "every byte in the place of the program",
    content: () => raw(each(256, (n) => `Jan 14 10:00:00 h ${bytes(n)}[1]: x`)),
  },
  {
    name: "lone surrogates",
    content: () => raw(`${HEADER}\xed\xa0\x80\n${HEADER}\xed\xbf\xbf\n${HEADER}\xed\xb0\x80\xed\xa0\x80\n`),
  },
  {
    name: "overlong UTF-8",
    content: () => raw(`${HEADER}\xc0\x80\n${HEADER}\xe0\x80\xaf\n${HEADER}\xf0\x80\x80\xaf\n${HEADER}\xc1\xbf\n`),
  },
  { name: "characters that are cut", content: () => raw(`${HEADER}\xe2\x82\n${HEADER}\xf0\x9f\x98\n${HEADER}\xc3\n`) },
  {
    name: "characters behind the last one",
    content: () => raw(`${HEADER}\xf4\x90\x80\x80\n${HEADER}\xf8\x88\x80\x80\x80\n`),
  },
  { name: "1 MB of continuations", content: () => Buffer.concat([raw(HEADER), new Uint8Array(MB).fill(0x80)]) },
  { name: "a byte order mark", content: () => `\ufeff${HEADER}x\n\ufeff\n` },
  { name: "UTF-16 with its mark", content: () => Buffer.from(`\ufeff${HEADER}x\n${HEADER}y\n`, "utf16le") },
  { name: "no line end but CR", content: () => `${HEADER}x\r`.repeat(10_000) },
  { name: "CR CR LF, and CR within", content: () => `${HEADER}a\r\r\n${HEADER}b\rc\r\n\r\n\r` },
  { name: "line separators of Unicode", content: () => `${HEADER}a\u2028b\u2029c\u0085d\x0b\x0ce\n` },
  { name: "terminal escapes", content: () => `${HEADER}\x1b[2J\x1b]0;title\x07\x1b[31mred\x9b31m\x7f\b\b\n` },
  {
    name: "text from right to left",
    content: () => `${SSHD}Invalid user \u202egnp.exe\u202c\u200b\u2066x from 10.0.0.1\n`,
  },
  {
    name: "10,000 marks on one letter",
    content: () => `${SSHD}Invalid user a${"\u0301".repeat(10_000)} from 10.0.0.1\n`,
  },
  {
    name: "a legacy encoding, and no text in it",
    content: () => raw(each(256, (n) => `${HEADER}${bytes(n, 255 - n)}`)),
    origin: { encoding: "windows-1250" },
  },
];

const HEADERS: readonly HostileLines[] = [
  {
    name: "pids of 100 digits",
    content: () => each(100, (n) => `Jan 14 10:00:00 h p[${String((n % 9) + 1).repeat(100)}]: x`),
  },
  {
    name: "pids below and beyond",
    content: () =>
      each(
        6,
        (n) => `Jan 14 10:00:00 h p[${["-1", "0", "00", "2147483647", "2147483648", "9007199254740993"][n]!}]: x`,
      ),
  },
  {
    name: "Feb 30, day 0, hour 24, minute 60",
    content: () =>
      "Feb 30 10:00:00 h p: x\nJan  0 10:00:00 h p: x\nJan 14 24:00:00 h p: x\nJan 14 10:60:00 h p: x\nJan 14 10:00:61 h p: x\n",
  },
  {
    name: "leap seconds",
    content: () => "Jun 30 23:59:60 h p: x\n2016-12-31T23:59:60Z h p: x\nJan 14 10:00:60 h p: x\n",
  },
  {
    name: "years 0, 1, 9999 and more",
    content: () =>
      "0000-01-01T00:00:00Z h p: x\n0001-01-01T00:00:00Z h p: x\n9999-12-31T23:59:59.999999999Z h p: x\n10000-01-01T00:00:00Z h p: x\n+275760-09-13T00:00:00Z h p: x\nJan 14 0000 10:00:00 h p: x\nJan 14 9999 10:00:00 h p: x\n",
  },
  {
    name: "offsets of a day and more",
    content: () =>
      "2013-01-14T10:00:00+24:00 h p: x\n2013-01-14T10:00:00-99:99 h p: x\n2013-01-14T10:00:00+14:00 h p: x\n",
  },
  { name: "a fraction of 100,000 digits", content: () => `2013-01-14T10:00:00.${"9".repeat(100_000)}Z h p: x\n` },
  {
    name: "priorities of 100,000 digits and less",
    content: () => `<${"1".repeat(100_000)}>${HEADER}x\n<>${HEADER}x\n<999>${HEADER}x\n${"<".repeat(100_000)}\n`,
  },
  { name: "10,000 headers in each other", content: () => `${HEADER.repeat(10_000)}\n` },
  {
    name: "message repeated 999999999 times",
    content: () =>
      `${HEADER}x\nJan 14 10:00:01 h last message repeated 999999999 times\nJan 14 10:00:01 h p[1]: message repeated 999999999 times: [ x]\n`,
  },
  {
    name: "message repeated 999999999 times, written out",
    content: () =>
      each(1000, (n) => (n % 2 === 0 ? `${HEADER}x` : "Jan 14 10:00:01 h last message repeated 999999999 times")),
    origin: { repeated: "expand" },
  },
  {
    name: "message repeated 1000 times, 1000 times, written out",
    content: () =>
      each(1000, (n) => (n % 2 === 0 ? `${HEADER}x` : "Jan 14 10:00:01 h last message repeated 1000 times")),
    origin: { repeated: "expand" },
  },
];

const CONTENTS: readonly HostileLines[] = [
  {
    name: "JSON injection",
    content: () =>
      `${HEADER}","@timestamp":"2000-01-01T00:00:00Z","x":"\nJan 14 10:00:00 h","a":" p"}]: x\n${HEADER}\\","_id":"1\n{"create":{"_index":"other"}}\n{"delete":{"_index":"logs-*"}}\n`,
  },
  {
    name: "names of an object's own",
    content: () =>
      "Jan 14 10:00:00 __proto__ __proto__[1]: __proto__\nJan 14 10:00:00 constructor constructor: x\nJan 14 10:00:00 h toString: valueOf\nJan 14 10:00:00 h hasOwnProperty[1]: x\n",
  },
  {
    name: "references and templates in a message",
    content: () => `${HEADER}%{message} %{[a][b]} \${jndi:ldap://x/y} %{+YYYY} #{x} \`x\` $& \\1\n`,
  },
  {
    name: "nearly a login, in every length",
    content: () => {
      const line = `${SSHD}Failed password for invalid user a from 2001:db8::1 port 4000 ssh2`;
      return each(line.length, (n) => line.slice(0, n + 1));
    },
  },
  {
    name: "nearly a login, one character wrong",
    content: () => {
      const line = `${SSHD}Accepted publickey for root from 10.0.0.1 port 4000 ssh2: RSA SHA256:abc`;
      return each(line.length, (n) => `${line.slice(0, n)}\u00fc${line.slice(n + 1)}`);
    },
  },
  {
    name: "a login within a login, 500 times",
    content: () =>
      `${SSHD}${"Failed password for invalid user ".repeat(500)}a from 10.0.0.1 port 1 ssh2\n${SSHD}Failed password for ${"from 10.0.0.1 port 1 ".repeat(2000)}\n`,
  },
  {
    name: "60 kB of digits, dots and colons as an address",
    content: () => each(3, (n) => `${SSHD}Invalid user a from ${["1.", "1:", "f"][n]!.repeat(30_000)}`),
  },
  {
    name: "PAM, sudo, cron and kernel, cut and repeated",
    content: () =>
      each(
        4,
        (n) =>
          `${["Jan 14 10:00:00 h su: pam_unix(su:session): session opened for user ", "Jan 14 10:00:00 h sudo: a : TTY=", "Jan 14 10:00:00 h CRON[1]: (root) CMD (", "Jan 14 10:00:00 h kernel: ["][n]!}${"a ; b=c ( [ ".repeat(5000)}`,
      ),
  },
  {
    name: "accounting of PBS, 60 kB of resources",
    content: () =>
      each(2, (n) => `01/14/2013 10:00:00;E;1.s;user=a ${"Resource_List.x=1 ".repeat(n === 0 ? 3000 : 30_000)}`),
    origin: { service: "pbs" },
  },
  {
    name: "postfix, 60 kB of its queue",
    content: () => `Jan 14 10:00:00 h postfix/smtp[1]: ABCDEF: to=<${"a@b>, relay=c, ".repeat(4000)}\n`,
  },
];

/** Each is a file of its own. */
export const HOSTILE_LINES: readonly HostileLines[] = [...SIZES, ...BYTES, ...HEADERS, ...CONTENTS, ...FILTERED_LINES];
