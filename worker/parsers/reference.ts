import { isIP } from "node:net";
import { dropReason } from "../filters/drop-programs.ts";
import type { Origin } from "../contract/chunk.ts";
import { compileHostZones } from "../contract/host-zones.ts";
import { ATTEMPT_FIELD } from "../contract/ids.ts";
import { indexName } from "../contract/index-names.ts";
import { indexedDays } from "../contract/months.ts";
import { NO_HEADER, NO_PROGRAM, NO_WORD, ParseSums, printable, ROW_LIMITS } from "../contract/parse-counts.ts";
import type { EncodedBatch } from "../contract/pipeline.ts";
import { LogEvent, type Fields } from "../pipeline/event.ts";
import type { GivenUp, Run } from "../pipeline/interpret.ts";
import type { ServiceRules } from "../pipeline/rules.ts";
import { settle } from "../pipeline/settle.ts";
import { Calendar } from "../time/calendar.ts";
import { CELL_BYTES, LONGEST_REPEATED, LOOK_BACK_BYTES, MOST_COPIES, MOST_COPIES_OF_CELL } from "./repeat-expander.ts";
import { KEPT_RAW_LINE_BYTES, KEPT_TEXT_BYTES, LONGEST_MESSAGE, TAGS, type UnparsedKind } from "./unparsed.ts";

/**
 * The definition of a document, written as plainly as it can be: decode, match, JSON.stringify. It is the oracle
 * of the pipeline, which must make the same bytes, and is not used otherwise; it is some fifty times slower.
 *
 * The names of the parts, and why they are as they are, stand at `HeaderScanner` and `TimestampScanner`. What a pipeline makes of
 * the header's fields is the plain pipeline's (`pipeline/interpret.ts`).
 * @param plain the pipeline of the origin's service, with plain matchers
 */
export function runReference(
  block: Uint8Array,
  base: number,
  origin: Origin,
  plain: ServiceRules["plain"],
  wholeBytes?: number,
  lead = 0,
  attempt?: string,
): EncodedBatch {
  const bytes = wholeBytes ?? block.length - lead;
  const src = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
  const body: string[] = [];
  const offsets: number[] = [];
  const tallies = { droppedBy: {}, unparsedBy: {}, perIndex: {} } as Record<string, Record<string, number>>;
  const parses = new ParseSums();
  let read = 0;
  // One for each zone: a calendar answers the same whatever it was asked before, and takes longer to make than a line to read.
  const calendars = new Map<string, Calendar>();
  const calendarOf = (timeZone: string): Calendar => {
    const calendar = calendars.get(timeZone) ?? new Calendar({ ...origin, timeZone });
    calendars.set(timeZone, calendar);
    return calendar;
  };
  const lines = linesOf(src, lead, base);
  for (const [i, { line, start, next }] of lines.entries()) {
    if (start < lead) continue;
    const offset = base + start - lead;
    const length = next - start + (next === src.length ? bytes - (src.length - lead) : 0);
    const repeated = origin.repeated === "expand" ? writtenOut(lines.slice(0, i + 1), base - lead, origin) : undefined;
    for (let copy = 0; copy < (repeated?.times ?? 1); copy++) {
      read++;
      const text = repeated?.text ?? line;
      const isCopy = repeated !== undefined;
      const { document, index, dropped, parse } = readLine(text, offset, length, origin, isCopy, plain, calendarOf);
      const one = (outcome: string): number => (parse.outcome === outcome ? 1 : 0);
      const { program } = parse;
      parses.addProgram({
        program,
        full: one("full"),
        failed: one("failed"),
        headerOnly: one("header-only"),
        dropped: one("dropped"),
      });
      if (parse.miss) parses.addMiss({ program, ...parse.miss, lines: 1, fileId: origin.fileId, offset });
      for (const { pattern, place } of parse.overBudget) {
        parses.addOverBudget({ pattern: printable(pattern, 200), place, lines: 1 });
      }
      if (dropped !== undefined) {
        count(tallies.droppedBy, dropped);
      } else {
        if (typeof document["unparsed"] === "string") count(tallies.unparsedBy, document["unparsed"]);
        count(tallies.perIndex, index);
        const id = origin.fileId + base32hex(offset, 8) + (copy > 0 ? base32hex(copy, 2) : "");
        const action = attempt === undefined ? { _index: index, _id: id } : { _index: index };
        body.push(JSON.stringify({ create: action }) + "\n" + written(document, attempt) + "\n");
        offsets.push(offset);
      }
    }
  }
  const { droppedBy = {}, unparsedBy = {}, perIndex = {} } = tallies;
  const unparsed = Object.values(unparsedBy).reduce((sum, n) => sum + n, 0);
  return {
    body: new Uint8Array(Buffer.from(body.join(""))),
    count: body.length,
    offsets: Float64Array.from(offsets),
    lengths: Uint32Array.from(body.map((text) => Buffer.byteLength(text))),
    ...(attempt === undefined ? {} : { attempt }),
    tallies: {
      read,
      bytes,
      dropped: read - body.length,
      unparsed,
      droppedBy,
      unparsedBy,
      perIndex,
      parses: parses.counts(ROW_LIMITS),
    },
  };
}

/** As JSON, behind the tag of the attempt if there is one; then it is not the line's to say what stands there. */
function written(document: Fields, attempt: string | undefined): string {
  if (attempt === undefined) return JSON.stringify(document);
  const { [ATTEMPT_FIELD]: _, ...others } = document;
  const fields = JSON.stringify(others).slice(1, -1);
  const tag = `"${ATTEMPT_FIELD}":${JSON.stringify(attempt)}`;
  return `{${fields === "" ? tag : `${tag},${fields}`}}`;
}

interface Line {
  /** Without its end. */
  readonly line: Buffer;
  readonly start: number;
  readonly next: number;
}

/** The lines of a block and, as far as they are whole, those of its lead. */
function linesOf(src: Buffer, lead: number, base: number): Line[] {
  const lines: Line[] = [];
  // Bytes that stand before a block begin in the middle of a line, unless the file begins there.
  for (let start = lead < base && lead > 0 ? src.indexOf("\n") + 1 || lead : 0; start < src.length;) {
    const lf = src.indexOf("\n", start);
    const next = lf < 0 ? src.length : lf + 1;
    let line = src.subarray(start, lf < 0 ? next : lf);
    if (lf >= 0 && line.at(-1) === 13) line = line.subarray(0, -1);
    lines.push({ line, start, next });
    start = next;
  }
  return lines;
}

/** What the last of some lines stands for when it says how often the message before it came; see `RepeatExpander`. Bytes are characters here. */
function writtenOut(lines: readonly Line[], base: number, origin: Origin): { text: Buffer; times: number } | undefined {
  const heads = lines.map(({ line, start }) => {
    const text = line.toString("latin1");
    const header = readHeader(text, origin);
    const parsed = typeof header === "string" ? undefined : header;
    return { text, start, parsed, times: (parsed && readRepeated(parsed)) ?? 0 };
  });
  const { text, start, parsed, times } = heads.at(-1)!;
  if (!parsed || times === 0) return undefined;
  const cell = (at: number) => Math.floor((base + at) / CELL_BYTES);
  let copies = 0;
  for (const other of heads.filter((head) => cell(head.start) === cell(start))) {
    const fits = other.times <= MOST_COPIES && copies + other.times <= MOST_COPIES_OF_CELL;
    if (fits) copies += other.times;
    else if (other.start === start) return undefined;
  }
  const quoted = /: \[ ?(.*)\]$/s.exec(parsed.message)?.[1];
  const last = heads.findLast((head) => head.parsed && head.times === 0 && head.parsed.host === parsed.host);
  const before = last && start - last.start < LOOK_BACK_BYTES ? last.parsed?.content : undefined;
  const message = parsed.program === undefined ? before : quoted;
  if (message === undefined || message.length > LONGEST_REPEATED) return undefined;
  const whole = Buffer.from(text.slice(0, text.length - parsed.message.length) + message, "latin1");
  return Buffer.from(whole.toString()).equals(whole) ? { text: whole, times } : undefined;
}

// What is absent is undefined, since JSON.stringify leaves that out.

/** A document; its fields stand in this order. */
interface LogDocument {
  readonly "@timestamp": string;
  readonly host: string | undefined;
  readonly program: string | undefined;
  readonly pid: number | undefined;
  readonly message: string;
  readonly file: string;
  readonly offset: number;
  readonly service: string;
  readonly collector: string | undefined;
  readonly pri: number | undefined;
  /** How many more times the message before came. */
  readonly repeated: number | undefined;
  readonly tags: readonly string[] | undefined;
  readonly unparsed: UnparsedKind | undefined;
  readonly length: number | undefined;
  readonly raw: string | undefined;
}

interface Header {
  readonly stamp: Stamp;
  readonly host: string | undefined;
  readonly program: string | undefined;
  readonly pid: number | undefined;
  readonly message: string;
  /** The message with its tag. */
  readonly content: string;
  readonly collector: string | undefined;
  readonly pri: number | undefined;
}

/** A timestamp as it stands in the line. */
interface Stamp {
  /** What the wall clock showed, in seconds as if it showed UTC. */
  readonly wall: number;
  /** Seconds that it was ahead of UTC; undefined: that is the zone's. */
  readonly ahead: number | undefined;
  /** What stands behind the second in a document, `.000` if nothing else. */
  readonly fraction: string;
}

/** What becomes of one line, its end taken off; `length` counts it. */
export function readLine(
  line: Buffer,
  offset: number,
  length: number,
  origin: Origin,
  isCopy: boolean,
  plain: ServiceRules["plain"],
  calendarOf: (timeZone: string) => Calendar,
): {
  readonly document: Fields;
  readonly index: string;
  readonly dropped: string | undefined;
  readonly parse: Parse;
} {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  const head = line.subarray(0, boundary(line, KEPT_TEXT_BYTES));
  const badUtf8 = !Buffer.from(utf8.decode(head)).equals(head);
  const kept = head.subarray(0, badUtf8 ? KEPT_RAW_LINE_BYTES : lengthWithin(utf8.decode(head), KEPT_TEXT_BYTES));
  const truncated = kept.length < line.length;
  const decoded = badUtf8 ? decodeLegacy(kept, origin.encoding, truncated) : undefined;
  const undecodable = badUtf8 && decoded === undefined;
  const text = decoded ?? utf8.decode(kept);
  const nul = text.includes("\0");

  const header = readHeader(text, origin);
  const parsed = typeof header === "string" ? undefined : header;
  const dropped = origin.dropPrograms.find((prefix) => parsed?.program?.startsWith(prefix));
  const tooLong = Buffer.byteLength(parsed?.message ?? text) > LONGEST_MESSAGE;
  const unparsed: UnparsedKind | undefined =
    text === "" ? "empty" : nul ? "nul" : undecodable ? "bad-utf8" : typeof header === "string" ? header : undefined;
  const tags = [
    parsed ? [] : [TAGS.unparsed],
    nul ? [TAGS.nul] : [],
    undecodable ? [TAGS.badUtf8] : [],
    decoded === undefined ? [] : [TAGS.decoded],
    truncated ? [TAGS.truncated] : [],
    isCopy ? [TAGS.repeated] : [],
    tooLong ? [TAGS.tooLong] : [],
  ].flat();
  const beginning: Stamp = {
    wall: Date.parse(`${origin.firstDay}T00:00:00Z`) / 1000,
    ahead: undefined,
    fraction: ".000",
  };
  const zone = compileHostZones(origin.hostZones ?? [])(parsed?.host) ?? origin.timeZone;
  const { wall, ahead, fraction } = parsed?.stamp ?? beginning;
  const second = parsed && origin.secondFolds?.some((fold) => isSecond(wall, offset, zone, fold));
  const seconds = ahead === undefined ? toUtc(wall, zone, second) : wall - ahead;
  const document: LogDocument = {
    "@timestamp": new Date(seconds * 1000).toISOString().slice(0, 19) + fraction + "Z",
    host: parsed?.host,
    program: parsed?.program,
    pid: parsed?.pid,
    message: parsed?.message ?? text,
    file: origin.path,
    offset,
    service: origin.service,
    collector: parsed?.collector ?? origin.collector,
    pri: parsed?.pri,
    repeated: parsed && readRepeated(parsed),
    tags: tags.length > 0 ? tags : undefined,
    unparsed,
    length: truncated ? length : undefined,
    raw: undecodable ? kept.toString("base64") : undefined,
  };
  const event = new LogEvent(JSON.parse(JSON.stringify(document)) as Fields);
  const context = { origin, calendar: calendarOf(zone), offset };
  const run = tooLong || dropped !== undefined ? undefined : plain(event, context);
  const verdict = run?.verdict;
  const parse = parseOf(event, run, dropped !== undefined, parsed?.message ?? text);
  settle(event);
  const timestamp = event.get(["@timestamp"]);
  const time = typeof timestamp === "string" ? Date.parse(timestamp) : NaN;
  const day = wallClock(Number.isNaN(time) ? seconds : Math.floor(time / 1000), zone).slice(0, 10);
  const indexed = indexedDays(origin.month).includes(day) ? day : "outside";
  return {
    document: event.fields,
    index: indexName(origin.index, origin.month, indexed),
    dropped: dropped === undefined ? verdict?.drop : dropReason(dropped),
    parse,
  };
}

/** How far a line was understood; the words are those of `ProgramLines`. */
interface Parse {
  readonly program: string;
  readonly outcome: "full" | "failed" | "header-only" | "dropped";
  readonly miss: { readonly cause: string; readonly word: string } | undefined;
  readonly overBudget: readonly GivenUp[];
}

function parseOf(event: LogEvent, run: Run | undefined, isDropped: boolean, message: string): Parse {
  const { tags, program, unparsed } = event.fields as Record<string, unknown>;
  const isRead = !(Array.isArray(tags) && tags.includes(TAGS.unparsed));
  const name = isRead ? (program ?? NO_PROGRAM) : NO_HEADER;
  const stages = run?.stages ?? [];
  const failed = stages.filter((stage) => stage.failed).at(-1)?.name;
  const cause = isRead ? failed : (unparsed ?? NO_HEADER);
  const isMissed = !isDropped && run?.verdict === undefined && cause !== undefined;
  const shown = (value: unknown) => printable(typeof value === "string" ? value : JSON.stringify(value));
  return {
    program: shown(name),
    outcome: isDropped || run?.verdict ? "dropped" : isMissed ? "failed" : stages.length > 0 ? "full" : "header-only",
    miss: isMissed ? { cause: shown(cause), word: printable(firstWord(message) ?? NO_WORD) } : undefined,
    overBudget: run?.overBudget ?? [],
  };
}

/** See `first-word.ts`. */
function firstWord(message: string): string | undefined {
  const searched = beginning(message, 256);
  for (const [run] of searched.matchAll(/[\w\-./\u{80}-\u{10ffff}]+/gu)) {
    const word = run.replace(/^[-./]+/, "");
    if (/^\D/.test(word)) return beginning(word.replaceAll(/\d+/g, "#"), 32).replace(/[-./]+$/, "");
  }
  return undefined;
}

/** As many whole characters as are in so many bytes. */
function beginning(text: string, bytes: number): string {
  const head = Buffer.from(text);
  return head.subarray(0, boundary(head, bytes)).toString();
}

/** The text of bytes in a legacy encoding; undefined when there is none, or the bytes are not of it. */
function decodeLegacy(bytes: Buffer, encoding: string | undefined, cut: boolean): string | undefined {
  if (encoding === undefined) return undefined;
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: cut });
  } catch {
    return undefined;
  }
}

/** The header's parts, or why there are none. */
function readHeader(line: string, origin: Origin): Header | "no-header" | "bad-date" {
  let rest = line;
  let pri: number | undefined;
  if (line.startsWith("<")) {
    const match = /^<(\d{1,3})> ?/.exec(line);
    if (!match || Number(match[1]) > 191) return "no-header";
    pri = Number(match[1]);
    rest = line.slice(match[0].length);
  }
  const first = readTimestamp(rest, origin);
  if (typeof first === "string") return first;
  if (first.rest === "") return "no-header";
  const plain = { ...readHostAndTag(first.rest), stamp: first.stamp, pri, collector: undefined };
  if (plain.host === undefined || !isAddress(plain.host) || plain.host.length === first.rest.length) return plain;

  // Relayed, perhaps.
  const collector = plain.host;
  const behind = first.rest.slice(collector.length + 1);
  const relay = /^([^ []*[^ [:]) /.exec(behind);
  const afterRelay = relay ? behind.slice(relay[0].length) : "";
  const direct = readTimestamp(behind, origin);
  const second = typeof direct === "string" && relay ? readTimestamp(afterRelay, origin) : direct;
  if (typeof second === "string") {
    if (!relay || readTag(afterRelay).program === undefined) return plain;
    return { ...plain, host: relay[1], ...readTag(afterRelay), collector };
  }
  const inner = readHostAndTag(second.rest);
  const relayHost = second === direct ? undefined : relay?.[1];
  return { ...inner, host: inner.host ?? relayHost, stamp: second.stamp, pri, collector };
}

const TRADITIONAL = /^([A-Za-z]{3}) {1,2}(\d{1,2})(?: (\d{4}))? (\d\d):(\d\d):(\d\d):?(?: +|$)/;
const ISO = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|([+-])(\d\d):?(\d\d))?(?: +|$)/;
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

function readTimestamp(text: string, origin: Origin): { stamp: Stamp; rest: string } | "no-header" | "bad-date" {
  let match = TRADITIONAL.exec(text);
  if (match) {
    const month = MONTHS.indexOf(match[1]!.toLowerCase()) + 1;
    const [, , dayText, written] = match;
    const day = Number(dayText);
    const [hour, minute, second] = match.slice(4, 7).map(Number) as [number, number, number];
    const year = written === undefined ? yearOf(month, day, origin) : Number(written);
    const wall = wallSeconds(year, month, day, hour, minute, second);
    if (month === 0 || wall === undefined) return "bad-date";
    if (written !== undefined && (year < 1970 || year > 9998)) return "bad-date";
    return {
      stamp: { wall, ahead: undefined, fraction: second === 60 ? ".999" : ".000" },
      rest: text.slice(match[0].length),
    };
  }
  match = ISO.exec(text);
  if (!match) return "no-header";
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const wall = wallSeconds(year, month, day, hour, minute, second);
  const [, , , , , , , digits = "", zone, sign, hours, minutes] = match;
  if (wall === undefined || year < 1970 || year > 9998) return "bad-date";
  if (Number(hours ?? 0) > 23 || Number(minutes ?? 0) > 59) return "bad-date";
  const offset = (Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60) * (sign === "-" ? -1 : 1);
  const stamp = {
    wall,
    ahead: zone === undefined ? undefined : offset,
    fraction: second === 60 ? ".999" : "." + digits.slice(0, 9).padEnd(3, "0"),
  };
  return { stamp, rest: text.slice(match[0].length) };
}

/** The last year that does not put the date behind the file's last day; else the one that brings its month nearest to the path's. */
function yearOf(month: number, day: number, origin: Origin): number {
  if (origin.lastDay !== undefined) {
    const last = Number(origin.lastDay.slice(0, 4));
    const date = `${String(last)}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
    return date <= origin.lastDay ? last : last - 1;
  }
  return nearestYear(month, origin.month);
}

/** The past when two are as near. */
function nearestYear(month: number, pathMonth: string): number {
  const [pathYear, inPath] = pathMonth.split("-").map(Number) as [number, number];
  const distance = (year: number) => Math.abs((year - pathYear) * 12 + month - inPath);
  return [pathYear - 1, pathYear, pathYear + 1].reduce((best, year) => (distance(year) < distance(best) ? year : best));
}

/** A wall clock's time as if it showed UTC; undefined when there is none. A leap second counts as the one before it. */
function wallSeconds(year: number, month: number, day: number, hour: number, minute: number, second: number) {
  if (month < 1 || month > 12 || day < 1 || day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return undefined;
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  return Date.UTC(year, month - 1, day, hour, minute, Math.min(second, 59)) / 1000;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** What the zone's wall clock shows at an instant: `2013-01-14 23:20:01`. */
function wallClock(utc: number, timeZone: string): string {
  let clock = clocks.get(timeZone);
  if (!clock) {
    // Sweden writes dates as ISO does.
    clock = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
    clocks.set(timeZone, clock);
  }
  return clock.format(utc * 1000);
}

/** The first or second instant at which the wall clock shows `local`; skipped times keep the offset of the day before. */
function toUtc(local: number, timeZone: string, second = false): number {
  const offsetAt = (utc: number) => Date.parse(wallClock(utc, timeZone).replace(" ", "T") + "Z") / 1000 - utc;
  const offsets = [offsetAt(local - 86_400), offsetAt(local + 86_400)];
  const instants = offsets.map((offset) => local - offset).sort((a, b) => a - b);
  const shown = instants.filter((utc) => utc + offsetAt(utc) === local);
  return shown.at(second ? -1 : 0) ?? local - offsets[0]!;
}

/** Whether the file has come to the second time that its zone's clock shows this. */
function isSecond(
  wall: number,
  offset: number,
  zone: string,
  fold: { readonly timeZone: string; readonly from: number; readonly offset: number },
): boolean {
  return zone === fold.timeZone && offset >= fold.offset && Math.abs(wall - fold.from) < 86_400;
}

interface HostAndTag {
  readonly host: string | undefined;
  readonly program: string | undefined;
  readonly pid: number | undefined;
  readonly message: string;
  readonly content: string;
}

function readHostAndTag(text: string): HostAndTag {
  const host = /^[^ ]+/.exec(text)?.[0];
  if (host === undefined || host.includes("[") || host.endsWith(":")) return { host: undefined, ...readTag(text) };
  return { host, ...readTag(text.slice(host.length + 1)) };
}

function readTag(text: string): Omit<HostAndTag, "host"> {
  const none = { program: undefined, pid: undefined, message: text, content: text };
  const word = /^ *((?:[^ [:]|:(?![ [])(?!$))+)/.exec(text);
  if (!word) return none;
  const program = word[1];
  const rest = text.slice(word[0].length);
  const content = text.replace(/^ +/, "");
  if (rest.startsWith(":")) return { program, pid: undefined, message: rest.replace(/^: ?/, ""), content };
  const pid = /^\[(\d+)\](?:: ?| |$)/.exec(rest);
  if (pid && Number(pid[1]) < 2 ** 31)
    return { program, pid: Number(pid[1]), message: rest.slice(pid[0].length), content };
  const number = /^\[\d+\]/.test(rest) && Number(/\d+/.exec(rest)?.[0]) < 2 ** 31;
  if (!number && /^\[[^\] ]*\]:/.test(rest)) return { program, pid: undefined, message: rest, content };
  return none;
}

/** See `repeatedTimes`. */
function readRepeated({ program, message }: Header): number | undefined {
  const match =
    program === undefined
      ? /^last message repeated ([1-9]\d{0,8}) times?(?: ---)?$/.exec(message)
      : /^message repeated ([1-9]\d{0,8}) times: \[.*\]$/s.exec(message);
  return match ? Number(match[1]) : undefined;
}

/** An address that Elasticsearch's `ip` takes: no zone, no leading zero. */
function isAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes("%");
}

/** The position at or at most three before `at` where no character is cut; the end of a shorter line. */
function boundary(line: Buffer, at: number): number {
  if (line.length <= at) return line.length;
  return at - ([0, 1, 2].find((n) => (line[at - n]! & 0xc0) !== 0x80) ?? 3);
}

/** How many bytes of the text, in whole characters, take at most `limit` bytes of JSON. */
function lengthWithin(text: string, limit: number): number {
  const jsonLength = (part: string) => Buffer.byteLength(JSON.stringify(part)) - 2;
  if (jsonLength(text) <= limit) return Buffer.byteLength(text);
  let length = 0;
  let size = 0;
  for (const character of text) {
    size += jsonLength(character);
    if (size > limit) break;
    length += Buffer.byteLength(character);
  }
  return length;
}

function base32hex(n: number, length: number): string {
  return n.toString(32).padStart(length, "0");
}

function count(counts: Record<string, number> | undefined, key: string): void {
  if (counts) counts[key] = (counts[key] ?? 0) + 1;
}
