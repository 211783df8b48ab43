import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Origin } from "../../worker/contract/chunk.ts";
import { createPipeline } from "../../worker/pipeline.ts";
import { isMissingGroundFatal } from "../support/ground-rule.ts";
import { DEFAULT_RULES } from "../support/rules.ts";

/** What rsyslog's own tests make of malformed and odd messages; the data are no part of the repository. */
const CORPUS = new URL("../../../shared/conformance/", import.meta.url);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Reason → the records that are read otherwise on purpose, as `file number`. */
const DIFFERENCES = new URL("../fixtures/rsyslog/differences.json", import.meta.url);

/** A test of rsyslog: what it writes of some messages by a template. */
interface Suite {
  readonly file: string;
  readonly template: string;
  readonly inputs: readonly string[];
  readonly expected: readonly string[];
}

const isThere = existsSync(CORPUS) || isMissingGroundFatal();
if (!isThere) console.warn(`skipped: syslog headers as rsyslog has them; ${CORPUS.pathname} is not on this machine`);

const ORIGIN: Origin = {
  fileId: "0123456789ab",
  path: "syslog",
  month: "2010-06",
  firstDay: "2010-06-01",
  timeZone: "UTC",
  service: "syslog",
  index: { pattern: "logs-{day}-m{month}-r{revision}", revision: 1 },
  dropPrograms: [],
};
const FACILITIES =
  "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock " +
  "local0 local1 local2 local3 local4 local5 local6 local7";
const SEVERITIES = "emerg alert crit err warning notice info debug";
/** What rsyslog takes for a message without a priority: user.notice. */
const DEFAULT_PRIORITY = 13;

interface Document {
  readonly "@timestamp": string;
  readonly host?: string;
  readonly program?: string;
  readonly pid?: number;
  readonly message: string;
  readonly pri?: number;
  readonly unparsed?: string;
}

describe.skipIf(!isThere)("syslog headers as rsyslog has them (skipped without the corpus)", () => {
  const pipeline = createPipeline(DEFAULT_RULES);
  const read = (line: string): Document => {
    const { body, tallies } = pipeline.run(new Uint8Array(Buffer.from(line)), 0, ORIGIN);
    expect(tallies).toMatchObject({ read: 1, dropped: 0 });
    return JSON.parse(Buffer.from(body).toString().split("\n")[1]!) as Document;
  };

  it("each record is read alike, or is listed with the reason", () => {
    const reasons = JSON.parse(readFileSync(DIFFERENCES, "utf8")) as Readonly<Record<string, readonly string[]>>;
    const records = suites().flatMap(recordsOf);
    const differing = records.filter(({ input, template, expected }) => {
      const document = read(input);
      return document.unparsed !== undefined || !printed(template, document, input).test(expected);
    });
    expect(records).toHaveLength(80);
    expect(differing.map(({ name }) => name).toSorted()).toEqual(Object.values(reasons).flat().toSorted());
  });
});

function suites(): readonly Suite[] {
  return ndjson<Suite>("rsyslog-parser.ndjson");
}

/** The messages of a test one by one; a test that drops messages says nothing of a single one, so it agrees with none. */
function recordsOf({ file, template, inputs, expected }: Suite) {
  return inputs.map((input, i) => ({
    name: `${file} ${String(i)}`,
    template: template.replace(/\\n$/, ""),
    input,
    expected: inputs.length === expected.length ? expected[i]! : "",
  }));
}

/** What rsyslog prints of our reading. The colon of a tag and blanks before a message are no part of ours. */
function printed(template: string, document: Document, input: string): RegExp {
  const pri = document.pri ?? DEFAULT_PRIORITY;
  const { program, pid } = document;
  const tag = program === undefined ? "" : program + (pid === undefined ? "" : `[${String(pid)}]`);
  const values: Readonly<Record<string, string>> = {
    PRI: String(pri),
    "syslogfacility-text": FACILITIES.split(" ")[pri >> 3]!,
    "syslogseverity-text": SEVERITIES.split(" ")[pri & 7]!,
    timestamp: wallClock(document["@timestamp"], input),
    hostname: document.host ?? "$RS_HOSTNAME",
    programname: program ?? "",
    msg: document.message.trimStart(),
  };
  const parts = template.split("%").map((part, i) => {
    if (i % 2 === 0) return literally(part);
    // `-` is what rsyslog writes when there is none but one is demanded.
    if (part === "syslogtag") return program === undefined ? "-?" : `${literally(tag)}:?`;
    const value = values[part];
    // A property of a rulebase or a format of SQL: nothing that a header has.
    return value === undefined ? "(?!)" : (part === "msg" ? " *" : "") + literally(value);
  });
  return new RegExp(`^${parts.join("")}$`, "s");
}

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** `Mmm dd hh:mm:ss`, as the sender's clock showed it. */
function wallClock(timestamp: string, input: string): string {
  const [, sign, hours, minutes] = /T\S+([+-])(\d\d):(\d\d) /.exec(input) ?? [];
  const ahead = hours === undefined ? 0 : Number(`${sign!}1`) * (Number(hours) * 60 + Number(minutes));
  const [, month, day, , time] = /(\w+) (\d+) (\d+) (\S+)/.exec(
    new Date(Date.parse(timestamp) + ahead * 60_000).toUTCString().replace(/^\w+, (\d+) (\w+)/, "$2 $1"),
  )!;
  return `${month!} ${String(Number(day)).padStart(2)} ${time!}`;
}

/** Shorter ones are words that anybody writes: `example.org`, `127.0.0.1`. */
const SHORTEST = 12;

describe.skipIf(!isThere)("the messages of the conformance data (skipped without the corpus)", () => {
  it("stand nowhere in the sources, whole or as a line of theirs", () => {
    const messages = [
      ...ndjson<{ message: string }>("grok-patterns.ndjson").map(({ message }) => message),
      ...suites().flatMap(({ inputs }) => inputs),
      readFileSync(new URL("linux_2k.log", CORPUS), "utf8"),
    ];
    const lines = messages.flatMap((message) => message.split(/\r?\n/)).filter((line) => line.length >= SHORTEST);
    expect(lines.length).toBeGreaterThan(2200);
    // Also as it would stand in a literal.
    const forms = lines.flatMap((line) => [line, JSON.stringify(line).slice(1, -1)]);
    expect(grep(forms)).toEqual([]);
    // That the search can find anything.
    expect(grep([...forms, "stand nowhere in the sources"])).not.toEqual([]);
  });
});

/** The places of any of some texts in tracked files. */
function grep(texts: readonly string[]): readonly string[] {
  const args = ["grep", "--line-number", "--only-matching", "-I", "--fixed-strings", "-f", "-", "--", "."];
  try {
    const found = execFileSync("git", args, { cwd: ROOT, input: `${[...new Set(texts)].join("\n")}\n` });
    return found.toString().trimEnd().split("\n");
  } catch (error) {
    if ((error as { status?: number }).status === 1) return [];
    throw error;
  }
}

function ndjson<T>(name: string): readonly T[] {
  const text = readFileSync(new URL(name, CORPUS), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as T);
}
