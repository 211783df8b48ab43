import { beforeAll, describe, expect, it, vi } from "vitest";
import type { Origin } from "../../../../worker/contract/chunk.ts";
import type { Rules } from "../../../../worker/contract/rules.ts";
import { DocumentPieces } from "../../../../worker/parsers/document-pieces.ts";
import { OrdinaryLines } from "../../../../worker/parsers/ordinary-lines.ts";
import { Output } from "../../../../worker/parsers/output.ts";
import { runReference } from "../../../../worker/parsers/reference.ts";
import { SPECIMEN_ORIGINS } from "../../../../worker/parsers/specimens.ts";
import { SyslogEncoder } from "../../../../worker/parsers/syslog-encoder.ts";
import { createPipeline } from "../../../../worker/pipeline.ts";
import { compileRules } from "../../../../worker/pipeline/rules.ts";
import { Calendars } from "../../../../worker/time/calendars.ts";
import { plainPipelines } from "../../../support/rules.ts";

vi.setConfig({ testTimeout: 60_000 });

/** Lines of `spoken` get a field, and those of `noisy` are dropped; others have nothing but their header. */
const RULES: Rules = {
  otherwise: "syslog",
  patterns: [],
  databases: [],
  pipelines: [
    {
      services: ["syslog"],
      file: "own.yaml",
      text: `name: own
filters:
  - if: '[program] == "spoken"'
    then:
      - grok: { match: { message: '^says (?<words>.+)' } }
  - if: '[program] == "noisy"'
    then:
      - drop: { reason: noise }
`,
    },
  ],
};
const prague = SPECIMEN_ORIGINS[0]!;
const lines = new OrdinaryLines();
const calendars = new Calendars();
let rules: ReturnType<typeof compileRules>;
let pipeline: ReturnType<typeof createPipeline>;
let plain: ReturnType<ReturnType<typeof plainPipelines>>;

beforeAll(() => {
  rules = compileRules(RULES);
  pipeline = createPipeline(RULES);
  plain = plainPipelines(RULES)("syslog");
});

/** How far the program comes in a text without leaving a line to others. */
function goneUntil(text: string, origin: Origin = prague): number {
  const src = Buffer.from(text);
  const calendar = calendars.of(origin);
  const pieces = new DocumentPieces(origin, calendar.indexNames, undefined);
  const output = new Output(lines.window);
  output.begin(new ArrayBuffer(1024));
  const hostCalendars = calendars.byHost(origin);
  const own = rules(origin.service);
  const encoder = new SyslogEncoder(calendar, origin, own, output.writer, pieces, hostCalendars);
  output.writer.readFrom(src);
  expect(lines.begin({ src, base: 0, encoder, output, pieces, calendar, rules: own, hostCalendars })).toBe(true);
  const at = lines.go(0, src.length);
  expect(lines.end()).toBe(src.subarray(0, at).filter((byte) => byte === 10).length);
  return at;
}

/** The whole pipeline, with this program in it, and the plainest form of it agree in every byte and figure. */
function expectEqualToReference(text: string, base = 0, origin: Origin = prague): void {
  const block = new Uint8Array(Buffer.from(text));
  for (const attempt of [undefined, "0a1b2c3d4e"]) {
    const compiled = pipeline.run(block, base, origin, { attempt });
    const reference = runReference(block, base, origin, plain, block.length, 0, attempt);
    expect(Buffer.from(compiled.body).toString()).toBe(Buffer.from(reference.body).toString());
    expect({ ...compiled, body: undefined }).toEqual({ ...reference, body: undefined });
  }
}

const ORDINARY = [
  "Jan 14 23:20:01 hildor23-1 crond[3849]: session closed",
  "Jan 14 23:20:02 hildor23-1 crond[3849]: ",
  "Jan 14 23:20:59 hildor23-1   crond[1]   and no colon",
  "Jan 14 23:20:59 hildor23-1 crond[1]",
  "jAN  4 03:44:59  h p[0]:",
  "Jan 04 03:59:00 x.y-z postfix/smtpd[999999999]: at night",
  'Jan 31 00:00:00 h sshd(pam_unix)[12]: a "quoted" \\ and a\ttab',
  'Jan 31 00:00:00 h"o\\st pro"gram: "',
  "Jan 31 00:00:00 h Foo::Bar: žluťoučký kůň 🐎",
  "Jan 31 00:00:00 h p:[brackets] behind the colon",
  "Jan 31 00:00:00 h spoken[7]: says so much",
  "Jan 31 00:00:00 h spoken: is silent",
  "Jan 31 00:00:00 h noisy: nobody wants that",
  "Jan 31 00:00:00 h p: exactly sixteen.",
  "Jan 31 00:00:00 h p: seventeen bytes..",
  "Jan 31 00:00:00 h p: messages",
  "Jun 31 00:00:00 mailer p: there is no such day, and others say so",
];
const NOT_A_DAY = ORDINARY.length - 1;

describe("ordinary lines", () => {
  it.each(ORDINARY.slice(0, NOT_A_DAY).flatMap((line) => [`${line}\n`, `${line}\r\n`]))("%j is one", (text) => {
    expect(goneUntil(text)).toBe(Buffer.byteLength(text));
    expectEqualToReference(text);
  });

  it("are written one after the other, by name, time and file", () => {
    const text = ORDINARY.map((line) => `${line}\n`).join("");
    expectEqualToReference(text + text);
    const other = { ...prague, path: "hosts/2013/01/10.0.0.2/syslog", fileId: "ba9876543210", collector: "10.0.0.2" };
    expectEqualToReference(text, 77, other);
    expectEqualToReference(text, 77);
    expectEqualToReference(text, 5, { ...prague, dropPrograms: ["cron", "post"] });
    expectEqualToReference(text, 5, { ...prague, hostZones: [{ host: "hildor*", timeZone: "Asia/Kathmandu" }] });
    expectEqualToReference(text, 5, { ...prague, timeZone: "America/St_Johns" });
  });

  it.each([
    "Jan 14 23:20:60 hildor23-1 crond[3849]: leap second",
    "Jan 14 23:60:00 hildor23-1 crond[3849]: no such minute",
    "Jan 14 24:00:00 hildor23-1 crond[3849]: no such hour",
    "Jan 32 23:00:00 hildor23-1 crond[3849]: no such day",
    "Jan  0 23:00:00 hildor23-1 crond[3849]: no such day",
    "Jan 3x 23:00:00 hildor23-1 crond[3849]: no such day",
    "Jam 14 23:00:00 hildor23-1 crond[3849]: no such month",
    "Feb 30 23:00:00 hildor23-1 crond[3849]: no such day in this month",
    "Jan 14 23:20:01: hildor23-1 crond[3849]: a colon behind the time",
    "Jan 14 2013 23:20:01 hildor23-1 crond[3849]: with its year",
    "2013-01-14T23:20:01+01:00 hildor23-1 crond[3849]: the other time",
    "<38>Jan 14 23:20:01 hildor23-1 crond[3849]: with a priority",
    "Jan 14 23:20:01 10.0.0.7 crond[3849]: an address for a host",
    "Jan 14 23:20:01 fe80::1 crond[3849]: an address for a host",
    "Jan 14 23:20:01 crond[3849]: no host",
    "Jan 14 23:20:01 crond: no host",
    "Jan 14 23:20:02 hildor23-1 crond:without a blank",
    "Jan 14 23:20:01 hildor23-1 -- MARK --",
    "Jan 14 23:20:01 hildor23-1 last message repeated 2 times",
    "Jan 14 23:20:01 hildor23-1 crond: message repeated 2 times: [ again]",
    "Jan 14 23:20:01 hildor23-1 crond[007]: written with zeros",
    "Jan 14 23:20:01 hildor23-1 crond[1234567890]: a large number",
    "Jan 14 23:20:01 hildor23-1 crond[]: no number",
    "Jan 14 23:20:01 hildor23-1 crond[x]: no number",
    "Jan 14 23:20:01 hildor23-1 crond[12: not closed",
    "Jan 14 23:20:01 hildor23-1 crond[12]x: something behind it",
    "Jan 14 23:20:01 hildor23-1 cr\tond: a tab in its name",
    "Jan 14 23:20:01 hil\tdor cron: a tab in its name",
    "Jan 14 23:20:01 hildor23-1 crond: a NUL \0 in it",
    "Jan 14 23:20:01 hildor23-1 crond: a control character \x1b[0m in it",
    "Jan 14 23:20:01 hildor23-1",
    "Jan 14 23:20:01 h",
    "Jan 14 23:20:01 ",
    "",
    `Jan 14 23:20:01 hildor23-1 crond: ${"long ".repeat(1000)}`,
    `Jan 14 23:20:01 ${"h".repeat(257)} crond: a long name`,
    `Jan 14 23:20:01 h ${"c".repeat(257)}: a long name`,
  ])("%j is none, and becomes the same document", (line) => {
    const text = `${ORDINARY[0]!}\n${line}\n`;
    expect(goneUntil(text)).toBe(ORDINARY[0]!.length + 1);
    expectEqualToReference(`${text}${ORDINARY[1]!}\n`);
  });

  it("end with the last line end", () => {
    const whole = `${ORDINARY[0]!}\n`;
    expect(goneUntil(whole + ORDINARY[1]!)).toBe(whole.length);
    expectEqualToReference(whole + ORDINARY[1]!);
  });

  it.each([0, 9_950, 99_999_950, 999_999_950, 2 ** 32 - 50, 99_999_999_950, 2 ** 40 - 10_000])(
    "have their offsets, from %d on",
    (base) => {
      expectEqualToReference(
        ORDINARY.slice(0, NOT_A_DAY)
          .map((line) => `${line}\n`)
          .join(""),
        base,
      );
    },
  );

  it("may have more hosts, programs and times than are kept, and more text than is read at once", () => {
    const minute = (i: number) => `${String((i >> 6) % 24).padStart(2, "0")}:${String(i & 31).padStart(2, "0")}:07`;
    const many = Array.from(
      { length: 12_000 },
      (_, i) =>
        `Jan ${String(1 + ((i * 7) % 31)).padStart(2)} ${minute(i)} host${String((i * i) % 5000)} program${String((i * 3) % 4999)}[${String(i)}]: number ${String(i)}\n`,
    ).join("");
    const long = Array.from(
      { length: 60 },
      (_, i) => `Jan 14 23:20:01 h spoken: says ${"a lot, ".repeat(i * 9)}\n`,
    ).join("");
    expect(goneUntil(many)).toBe(many.length);
    expectEqualToReference(many + long + many);
  });

  it("leave a file alone whose pieces find no room", () => {
    expectEqualToReference(`${ORDINARY[0]!}\n`, 0, { ...prague, path: `hosts/${"deep/".repeat(20_000)}syslog` });
  });
});
