import { isUtf8 } from "node:buffer";
import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { Origin } from "../../../worker/contract/chunk.ts";
import type { EncodedBatch } from "../../../worker/contract/pipeline.ts";
import type { Rules } from "../../../worker/contract/rules.ts";
import { runReference } from "../../../worker/parsers/reference.ts";
import { SPECIMEN_ORIGINS, SPECIMENS } from "../../../worker/parsers/specimens.ts";
import { KEPT_RAW_LINE_BYTES, KEPT_TEXT_BYTES } from "../../../worker/parsers/unparsed.ts";
import { createPipeline, pipelineHash } from "../../../worker/pipeline.ts";
import { DEFAULT_RULES, plainPipelines } from "../../support/rules.ts";

// Thousands of lines, or threads to start: seconds, and more on a machine that is busy.
vi.setConfig({ testTimeout: 60_000 });

const pipeline = createPipeline(DEFAULT_RULES);
const plainOf = plainPipelines(DEFAULT_RULES);
const [prague, stJohns, third] = SPECIMEN_ORIGINS as [Origin, Origin, Origin];
const latin1 = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

interface Action {
  readonly create: { readonly _index: string; readonly _id: string };
}
type Document = Readonly<Record<string, unknown>>;

function read(batch: EncodedBatch): { actions: Action[]; documents: Document[] } {
  const lines = Buffer.from(batch.body).toString().split("\n").slice(0, -1);
  const parsed = lines.map((line) => JSON.parse(line) as unknown);
  return {
    actions: parsed.filter((_, i) => i % 2 === 0) as Action[],
    documents: parsed.filter((_, i) => i % 2 === 1) as Document[],
  };
}

/** The document of one line, without what every document of a file has. */
function documentOf(line: string | Uint8Array, origin: Origin = prague): Document {
  const batch = pipeline.run(typeof line === "string" ? new Uint8Array(Buffer.from(line)) : line, 0, origin);
  expect(batch.count).toBe(1);
  const { file, offset, service, collector, ...all } = read(batch).documents[0]!;
  expect({ file, offset, service }).toEqual({ file: origin.path, offset: 0, service: origin.service });
  const { tags, ...untagged } = all;
  // That no pattern knows the message is no matter here.
  const rest = JSON.stringify(tags) === JSON.stringify(["_grokparsefailure"]) ? untagged : all;
  return collector === origin.collector ? rest : { ...rest, collector };
}

/** Both must agree in every byte and figure, whoever makes the ids; the first line that differs is shown. */
function expectEqualToReference(block: Uint8Array, base: number, origin: Origin, bytes = block.length): void {
  for (const attempt of [undefined, "0a1b2c3d4e"]) {
    const compiled = pipeline.run(block, base, origin, { bytes, attempt });
    const plain = runReference(block, base, origin, plainOf(origin.service), bytes, 0, attempt);
    if (!Buffer.from(compiled.body).equals(Buffer.from(plain.body))) {
      const linesOf = (body: Uint8Array) => Buffer.from(body).toString().split("\n");
      expect(linesOf(compiled.body)).toEqual(linesOf(plain.body));
    }
    expect({ ...compiled, body: undefined }).toEqual({ ...plain, body: undefined });
  }
}

describe("the pipeline's documents", () => {
  it("have the fields of the header, the file and the place in it", () => {
    const batch = pipeline.run(latin1("<38>Jan 14 23:20:01 hildor23-1 crond2[3849]: session closed\n"), 5, prague);
    expect(Buffer.from(batch.body).toString()).toBe(
      '{"create":{"_index":"logs-2013.01.14-m2013.01-r1","_id":"0123456789ab00000005"}}\n' +
        '{"@timestamp":"2013-01-14T22:20:01.000Z","host":"hildor23-1","program":"crond2","pid":3849,' +
        '"message":"session closed","file":"hosts/2013/01/10.0.0.1/syslog","offset":5,' +
        '"service":"syslog","collector":"10.0.0.1","pri":38}\n',
    );
    expect([...batch.offsets]).toEqual([5]);
    expect([...batch.lengths]).toEqual([batch.body.length]);
  });

  it("carry the tag of their attempt in place of an id", () => {
    const line = latin1("Jan 14 23:20:01 hildor23-1 crond2[3849]: session closed\nno header\n");
    const batch = pipeline.run(line, 5, prague, { attempt: "0a1b2c3d4e" });
    const lines = Buffer.from(batch.body).toString().split("\n");
    expect(lines.filter((_, i) => i % 2 === 0)).toEqual([
      '{"create":{"_index":"logs-2013.01.14-m2013.01-r1"}}',
      '{"create":{"_index":"logs-2013.01.01-m2013.01-r1"}}',
      "",
    ]);
    const { body: _, ...plain } = pipeline.run(line, 5, prague);
    const documents = lines.filter((_, i) => i % 2 === 1);
    for (const [i, text] of documents.entries()) {
      expect(text.startsWith('{"@attempt":"0a1b2c3d4e","@timestamp":"201')).toBe(true);
      const { "@attempt": tag, ...rest } = JSON.parse(text) as Document;
      expect(tag).toBe("0a1b2c3d4e");
      expect(rest).toEqual(read(pipeline.run(line, 5, prague)).documents[i]);
    }
    expect(batch).toMatchObject({ attempt: "0a1b2c3d4e", count: plain.count, tallies: plain.tallies });
  });

  const emptied = ["@timestamp", "host", "program", "message", "file", "offset", "service", "collector", "tags"];
  it.each([
    ["a capture", "grok: { match: { message: '^(?<@attempt>a)' } }"],
    ["a field that is added", "mutate: { add_field: { '@attempt': other } }"],
    ["the line's own keys", "json: { source: message }"],
    ["nothing left", `mutate: { remove_field: ${JSON.stringify(emptied)} }`],
  ])("keep their tag whatever a pipeline makes of the line: %s", (_, filter) => {
    const rules: Rules = {
      pipelines: [{ services: ["syslog"], file: "own.yaml", text: `name: own\nfilters:\n  - ${filter}\n` }],
      otherwise: "syslog",
      patterns: [],
      databases: [],
    };
    const line = latin1('Jan 14 23:20:01 h p: a b\nJan 14 23:20:01 h p: {"@attempt":"forged","x":1}\n');
    const batch = createPipeline(rules).run(line, 0, prague, { attempt: "0a1b2c3d4e" });
    const reference = runReference(line, 0, prague, plainPipelines(rules)("syslog"), undefined, 0, "0a1b2c3d4e");
    const text = Buffer.from(batch.body).toString();
    expect(text).toBe(Buffer.from(reference.body).toString());
    expect(read(batch).documents.map((document) => document["@attempt"])).toEqual(["0a1b2c3d4e", "0a1b2c3d4e"]);
    for (const document of text.split("\n").filter((__, i) => i % 2 === 1)) {
      expect(document.split('"@attempt":').length).toBe(2);
    }
  });

  it.each([
    ["December in January's file is last year's", "Dec 31 23:59:59", "2012-12-31T22:59:59.000Z"],
    ["half a year either way is the past", "Jul  1 00:00:00", "2012-06-30T22:00:00.000Z"],
    ["less than half a year ahead is this year", "Jun 30 12:00:00", "2013-06-30T10:00:00.000Z"],
    ["a leap second stays within its minute", "Jan 14 23:59:60", "2013-01-14T22:59:59.999Z"],
    ["one digit of a day", "Jan 4 03:02:01", "2013-01-04T02:02:01.000Z"],
    ["two blanks before it", "Jan  4 03:02:01", "2013-01-04T02:02:01.000Z"],
    ["a network device's year", "Jan 14 2012 23:20:01", "2012-01-14T22:20:01.000Z"],
    ["a network device's colon", "Jan 14 23:20:01:", "2013-01-14T22:20:01.000Z"],
    ["a leap second with its year and a colon", "Jan 14 2012 23:59:60:", "2012-01-14T22:59:59.999Z"],
    ["an offset", "2013-01-14T23:20:01-03:30", "2013-01-15T02:50:01.000Z"],
    ["microseconds", "2013-01-14T23:20:01.123456Z", "2013-01-14T23:20:01.123456Z"],
    ["tenths", "2013-01-14T23:20:01.5Z", "2013-01-14T23:20:01.500Z"],
    ["more digits than are kept", "2013-01-14T23:20:01.1234567891Z", "2013-01-14T23:20:01.123456789Z"],
    ["no offset is local time", "2013-07-14T23:20:01", "2013-07-14T21:20:01.000Z"],
    ["skipped by the wall clock", "Mar 31 02:30:00", "2013-03-31T01:30:00.000Z"],
    ["shown twice by it", "2013-10-27T02:30:00", "2013-10-27T00:30:00.000Z"],
  ])("time: %s", (_, timestamp, expected) => {
    expect(documentOf(`${timestamp} host a: b`)).toEqual({
      "@timestamp": expected,
      host: "host",
      program: "a",
      message: "b",
    });
  });

  it.each([
    ["on the last day of its file", "Oct 28 23:59:59", "2013-10-28T22:59:59.000Z"],
    ["behind it, so of the year before", "Oct 29 00:00:00", "2012-10-28T23:00:00.000Z"],
    ["nearly a year old", "Nov  1 00:00:00", "2012-10-31T23:00:00.000Z"],
    ["29 February when the year before has it", "Feb 29 12:00:00", undefined],
    ["a year that is said", "2014-01-01T00:00:00Z", "2014-01-01T00:00:00.000Z"],
  ])("take the year from the file's last day: %s", (_, timestamp, expected) => {
    const document = documentOf(`${timestamp} h a: b`, third);
    if (expected === undefined) expect(document).toMatchObject({ unparsed: "bad-date", tags: ["_unparsed"] });
    else expect(document["@timestamp"]).toBe(expected);
  });

  it("know which of two equal local times the file has come to", () => {
    const { offset } = third.secondFolds![0]!;
    const at = (base: number, text: string, origin = third) =>
      read(pipeline.run(latin1(`${text} h a: b\n`), base, origin)).documents[0]!["@timestamp"];
    expect(at(offset - 1, "Oct 27 02:30:00")).toBe("2013-10-27T00:30:00.000Z");
    expect(at(offset, "Oct 27 02:30:00")).toBe("2013-10-27T01:30:00.000Z");
    expect(at(offset, "2013-10-27T02:00:00.5")).toBe("2013-10-27T01:00:00.500Z");
    expect(at(offset, "2013-10-27T02:00:00+02:00")).toBe("2013-10-27T00:00:00.000Z");
    expect(at(offset, "Oct 27 01:59:59")).toBe("2013-10-26T23:59:59.000Z");
    expect(at(offset, "Oct 27 03:00:00")).toBe("2013-10-27T02:00:00.000Z");
    expect(at(offset, "Oct 27 02:30:00", { ...third, timeZone: "Europe/Vienna" })).toBe("2013-10-27T00:30:00.000Z");
  });

  it("take 29 February when the year has it", () => {
    const leap = { ...prague, month: "2012-02", firstDay: "2012-02-01" };
    expect(documentOf("Feb 29 12:00:00 h a: b", leap)["@timestamp"]).toBe("2012-02-29T11:00:00.000Z");
    expect(documentOf("Feb 29 12:00:00 h a: b", { ...leap, month: "2013-02" })).toMatchObject({ unparsed: "bad-date" });
    // A line of the year before in January's file.
    expect(documentOf("Feb 29 12:00:00 h a: b", { ...leap, month: "2012-08" })["@timestamp"]).toBe(
      "2012-02-29T11:00:00.000Z",
    );
  });

  it.each([
    [
      "program and pid",
      "host sshd(pam_unix)[19939]: text",
      { host: "host", program: "sshd(pam_unix)", pid: 19939, message: "text" },
    ],
    [
      "a path in the program",
      "host postfix/smtpd[1]: text",
      { host: "host", program: "postfix/smtpd", pid: 1, message: "text" },
    ],
    ["no pid", "host pbs_mom: text", { host: "host", program: "pbs_mom", message: "text" }],
    [
      "no program",
      "host last message repeated 3 times",
      { host: "host", message: "last message repeated 3 times", repeated: 3 },
    ],
    ["blanks before the colon", "host syslogd 1.4.1: restart.", { host: "host", message: "syslogd 1.4.1: restart." }],
    [
      "a pid that no integer holds",
      "host a[2147483648]: x",
      { host: "host", program: "a", message: "[2147483648]: x" },
    ],
    ["no host", "kernel: text", { program: "kernel", message: "text" }],
    ["nothing behind the host", "host", { host: "host", message: "" }],
    [
      "relayed",
      "10.1.2.3 node1 CRON[1]: x",
      { collector: "10.1.2.3", host: "node1", program: "CRON", pid: 1, message: "x" },
    ],
    [
      "relayed with its first timestamp",
      "10.1.2.3 node1 Jan 14 10:00:00 node1.domain CRON[1]: x",
      { collector: "10.1.2.3", host: "node1.domain", program: "CRON", pid: 1, message: "x" },
    ],
    ["sent by an address", "10.1.2.3 CRON[1]: x", { host: "10.1.2.3", program: "CRON", pid: 1, message: "x" }],
  ])("header: %s", (_, rest, expected) => {
    expect(documentOf(`Jan 14 10:00:00 ${rest}`)).toEqual({ "@timestamp": "2013-01-14T09:00:00.000Z", ...expected });
  });

  it.each([
    [
      "Accepted gssapi-with-mic for u from 10.0.0.1 port 22 ssh2",
      {
        event: "AUTHN",
        result: "Accepted",
        method: "gssapi-with-mic",
        user: "u",
        remote: "10.0.0.1",
        remote_ip: "10.0.0.1",
        port: 22,
        protocol: "ssh2",
      },
    ],
    [
      "Failed password for invalid user  from host.example.org port 22 ssh2",
      {
        event: "AUTHN",
        result: "Failed",
        method: "password",
        account: "invalid",
        user: "",
        remote: "host.example.org",
        port: 22,
        protocol: "ssh2",
      },
    ],
    [
      "Failed password for invalid user x from 6.6.6.6 port 1 ssh2 from 10.0.0.1 port 22 ssh2",
      {
        event: "AUTHN",
        result: "Failed",
        method: "password",
        account: "invalid",
        user: "x from 6.6.6.6 port 1 ssh2",
        remote: "10.0.0.1",
        remote_ip: "10.0.0.1",
        port: 22,
        protocol: "ssh2",
      },
    ],
    [
      "Authorized to u, krb5 principal u@META (krb5_kuserok)",
      { event: "AUTHZ", result: "Authorized", user: "u", principal: "u@META" },
    ],
    [
      "Did not receive identification string from 10.0.0.1",
      { event: "SCAN", result: "identification", remote: "10.0.0.1", remote_ip: "10.0.0.1" },
    ],
    [
      "Invalid user two words from 10.0.0.1",
      { event: "INVALID", result: "Invalid", user: "two words", remote: "10.0.0.1", remote_ip: "10.0.0.1" },
    ],
    [
      "Received disconnect from 2001:db8::1: 11: disconnected by user",
      {
        event: "DISCONNECT",
        result: "disconnect",
        remote: "2001:db8::1",
        remote_ip: "2001:db8::1",
        code: 11,
        reason: "disconnected by user",
      },
    ],
    [
      "Authentication tried for root with correct key but not from a permitted host (host=h, ip=10.0.0.1).",
      {
        event: "WRONGKEY",
        result: "tried",
        method: "correct key",
        user: "root",
        remote: "10.0.0.1",
        remote_ip: "10.0.0.1",
      },
    ],
    [
      "refused connect from h.example.org (10.0.0.1)",
      { event: "REFUSED", result: "refused", host: "h.example.org", remote: "10.0.0.1", remote_ip: "10.0.0.1" },
    ],
    [
      "Received disconnect from 10.0.0.1: 11: Bye Bye",
      { event: "HANGUP", result: "disconnect", remote: "10.0.0.1", remote_ip: "10.0.0.1", code: 11, reason: "Bye Bye" },
    ],
    ["Failed password for nobody", undefined],
  ])("sshd: %s", (message, ssh) => {
    const { "@timestamp": _, ...document } = documentOf(`Jan 14 10:00:00 h sshd[1]: ${message}`);
    expect(document).toEqual({ host: "h", program: "sshd", pid: 1, message, ...(ssh && { ssh }) });
    expect(documentOf(`Jan 14 10:00:00 h cron[1]: ${message}`).ssh).toBeUndefined();
  });

  it.each([
    ["nothing", "\n", "empty", ["_unparsed"], ""],
    ["no header", "\tat java.lang.Thread.run\n", "no-header", ["_unparsed"], "\tat java.lang.Thread.run"],
    ["a date without anything", "Jan 14 10:00:00\n", "no-header", ["_unparsed"], "Jan 14 10:00:00"],
    ["a date that there is not", "Feb 30 10:00:00 h a: b\n", "bad-date", ["_unparsed"], "Feb 30 10:00:00 h a: b"],
    [
      "a day that its year has not",
      "Feb 29 2013 10:00:00 h a: b\n",
      "bad-date",
      ["_unparsed"],
      "Feb 29 2013 10:00:00 h a: b",
    ],
    ["a month that there is not", "Foo 77 10:00:00 h a: b\n", "bad-date", ["_unparsed"], "Foo 77 10:00:00 h a: b"],
    ["NUL bytes", "\0\0\n", "nul", ["_unparsed", "_nul"], "\0\0"],
  ])("unparsed: %s", (_, line, unparsed, tags, message) => {
    expect(documentOf(latin1(line))).toEqual({ "@timestamp": "2012-12-31T23:00:00.000Z", message, tags, unparsed });
  });

  it("keep the header and the bytes of a line that is not UTF-8", () => {
    const line = latin1("Jan 14 10:00:00 h a[1]: Dvo\xf8\xe1k");
    expect(documentOf(line)).toEqual({
      "@timestamp": "2013-01-14T09:00:00.000Z",
      host: "h",
      program: "a",
      pid: 1,
      message: "Dvo\ufffd\ufffdk",
      tags: ["_bad_utf8"],
      unparsed: "bad-utf8",
      raw: Buffer.from(line).toString("base64"),
    });
  });

  it.each([
    ["iso-8859-2", "Dvo\xf8\xe1k", "Dvořák"],
    ["windows-1250", "\x8akoda \x80", "Škoda €"],
    ["latin1", "\x80 caf\xe9", "€ café"],
    ["koi8-r", "\xd0\xd2", "пр"],
    ["euc-jp", "\xc6\xfc\xcb\xdc", "日本"],
  ])("decode a line that is not UTF-8 from %s, and say so", (encoding, bytes, text) => {
    const origin = { ...prague, encoding };
    expect(documentOf(latin1(`Jan 14 10:00:00 h a[1]: ${bytes}`), origin)).toEqual({
      "@timestamp": "2013-01-14T09:00:00.000Z",
      host: "h",
      program: "a",
      pid: 1,
      message: text,
      tags: ["_decoded"],
    });
    // UTF-8 comes first, line by line.
    expect(documentOf("Jan 14 10:00:00 h a[1]: Dvořák", origin)).toMatchObject({ message: "Dvořák" });
    expect(documentOf("Jan 14 10:00:00 h a[1]: Dvořák", origin)).not.toHaveProperty("tags");
  });

  it("keep the bytes of a line that is not of its file's encoding either", () => {
    const line = latin1("Jan 14 10:00:00 h a[1]: \xc6\xff");
    expect(documentOf(line, { ...prague, encoding: "euc-jp" })).toMatchObject({
      message: "\ufffd\ufffd",
      tags: ["_bad_utf8"],
      unparsed: "bad-utf8",
      raw: Buffer.from(line).toString("base64"),
    });
  });

  it("never replace a character that the limit cuts in two", () => {
    const line = latin1("x".repeat(KEPT_RAW_LINE_BYTES - 1) + "\xc6\xfc\xcb\xdc");
    const origin = { ...prague, encoding: "euc-jp" };
    const document = documentOf(line, origin);
    expect(document).toMatchObject({
      tags: ["_unparsed", "_decoded", "_truncated", "_too_long"],
      length: KEPT_RAW_LINE_BYTES + 3,
    });
    expect((document.message as string).length).toBe(KEPT_RAW_LINE_BYTES - 1);
    expectEqualToReference(line, 0, origin);
  });

  it.each([
    ["the file's", "Jan 14 12:00:00 other a: b", "2013-01-14T11:00:00.000Z"],
    ["the host's", "Jan 14 12:00:00 node7.example.ca a: b", "2013-01-14T15:30:00.000Z"],
    ["in summer", "Jul 14 12:00:00 NODE7.example.ca a: b", "2012-07-14T14:30:00.000Z"],
    [
      "of a relayed line the sender's",
      "Jan 14 12:00:00 10.1.2.3 node7.example.ca Jan 14 12:00:00 x.jp a: b",
      "2013-01-14T03:00:00.000Z",
    ],
    ["of a line without an offset", "2013-01-14T12:00:00.000001 x.jp a: b", "2013-01-14T03:00:00.000001Z"],
    ["not of one with an offset", "2013-01-14T12:00:00Z x.jp a: b", "2013-01-14T12:00:00.000Z"],
    ["no host, no zone but the file's", "Jan 14 12:00:00 cron[1]: b", "2013-01-14T11:00:00.000Z"],
  ])("time: a zone is %s", (_, line, expected) => {
    const hostZones = [
      { host: "node*.ca", timeZone: "America/St_Johns" },
      { host: "*.jp", timeZone: "Asia/Tokyo" },
    ];
    expect(documentOf(line, { ...prague, hostZones })["@timestamp"]).toBe(expected);
  });

  it("go to the index of the day in their own zone", () => {
    const origin = { ...prague, hostZones: [{ host: "*.jp", timeZone: "Asia/Tokyo" }] };
    const { actions } = read(
      pipeline.run(latin1("2013-01-14T23:30:00Z x.jp a: b\n2013-01-14T22:30:00Z x a: b\n"), 0, origin),
    );
    expect(actions.map(({ create }) => create._index)).toEqual([
      "logs-2013.01.15-m2013.01-r1",
      "logs-2013.01.14-m2013.01-r1",
    ]);
  });

  it.each([
    ["last message repeated 3 times", 3],
    ["last message repeated 1 time", 1],
    ["last message repeated 1 time ---", 1],
    ["last message repeated 999999999 times", 999_999_999],
    ["last message repeated 1000000000 times", undefined],
    ["last message repeated 0 times", undefined],
    ["last message repeated 03 times", undefined],
    ["last message repeated -3 times", undefined],
    ["last message repeated  times", undefined],
    ["last message repeated 3 times.", undefined],
    ["last message repeated 3 times --", undefined],
    ["last message repeated 3", undefined],
    ["Last message repeated 3 times", undefined],
    ["a: last message repeated 3 times", undefined],
    ["a[1]: message repeated 3 times: [ x]", 3],
    ["a: message repeated 3 times: []", 3],
    ["a: message repeated 3 times: [ x", undefined],
    ["a: message repeated 3 times: x", undefined],
    ["a: message repeated 3 times", undefined],
    ["message repeated 3 times: [ x]", undefined],
  ])("count repetitions: %s", (rest, repeated) => {
    const line = `Jan 14 10:00:00 h ${rest}`;
    const document = documentOf(line);
    expect(document.repeated).toBe(repeated);
    expect(line.endsWith(document.message as string)).toBe(true);
    expectEqualToReference(latin1(`${line}\n`), 0, prague);
  });

  it("drop the programs of the origin, and count them", () => {
    const lines = "Jan 14 10:00:00 h sshd[1]: a\nJan 14 10:00:00 h cron[1]: b\n\xffJan 14 10:00:00 h sshd: c\n";
    const batch = pipeline.run(latin1(lines), 0, { ...prague, dropPrograms: ["ss", "c"] });
    expect(batch.tallies).toEqual({
      read: 3,
      bytes: lines.length,
      dropped: 2,
      unparsed: 1,
      droppedBy: { "program ss": 1, "program c": 1 },
      unparsedBy: { "bad-utf8": 1 },
      perIndex: { "logs-2013.01.01-m2013.01-r1": 1 },
      parses: {
        programs: [
          { program: "(no header)", full: 0, failed: 1, headerOnly: 0, dropped: 0 },
          { program: "cron", full: 0, failed: 0, headerOnly: 0, dropped: 1 },
          { program: "sshd", full: 0, failed: 0, headerOnly: 0, dropped: 1 },
        ],
        misses: [
          {
            program: "(no header)",
            cause: "bad-utf8",
            word: "\u{fffd}Jan",
            lines: 1,
            fileId: prague.fileId,
            offset: 58,
          },
        ],
        overBudget: [],
      },
    });
    expect([...batch.offsets]).toEqual([58]);
  });

  it("go to the day's index, or to the one for what is outside", () => {
    const batch = pipeline.run(
      latin1("Dec 31 00:00:00 h a: b\nFeb  1 23:59:59 h a: b\nFeb  2 00:00:00 h a: b\nDec 30 23:59:59 h a: b\n"),
      0,
      prague,
    );
    expect(read(batch).actions.map((action) => action.create._index)).toEqual([
      "logs-2012.12.31-m2013.01-r1",
      "logs-2013.02.01-m2013.01-r1",
      "logs-outside-m2013.01-r1",
      "logs-outside-m2013.01-r1",
    ]);
  });

  it("have ids that sort as the lines stand in the file", () => {
    const offsets = [0, 1, 31, 32, 2 ** 20 - 1, 2 ** 20, 2 ** 32, 2 ** 40 - 2];
    const ids = offsets.map((offset) => read(pipeline.run(latin1("\n"), offset, prague)).actions[0]!.create._id);
    expect(ids.toSorted()).toEqual(ids);
    expect(ids.map((id) => Number.parseInt(id.slice(12), 32))).toEqual(offsets);
    expect(() => pipeline.run(latin1("\n"), 2 ** 40, prague)).toThrow(
      expect.objectContaining({ code: "OFFSET_TOO_LARGE" }),
    );
  });
});

describe("lines", () => {
  const documents = (text: string) => read(pipeline.run(latin1(text), 0, prague)).documents;

  it("end with LF or CR LF, the last one also with the file", () => {
    expect(documents("a\nb\r\nc\r").map(({ message, offset }) => [message, offset])).toEqual([
      ["a", 0],
      ["b", 2],
      ["c\r", 5],
    ]);
  });

  it("are counted without an object for the empty block", () => {
    expect(pipeline.run(new Uint8Array(0), 0, prague)).toMatchObject({ count: 0, tallies: { read: 0, bytes: 0 } });
  });

  it("mean the same alone as among others", () => {
    const whole = read(pipeline.run(latin1(SPECIMENS), 0, prague)).documents;
    const lines = SPECIMENS.split("\n");
    let offset = 0;
    for (const [i, line] of lines.entries()) {
      const bytes = latin1(i < lines.length - 1 ? `${line}\n` : line);
      expect(read(pipeline.run(bytes, offset, prague)).documents).toEqual([whole[i]]);
      offset += bytes.length;
    }
  });

  it("of many megabytes are stored up to a limit, with their length", () => {
    const header = "Jan 14 10:00:00 h a[1]: ";
    const whole = Buffer.alloc(KEPT_TEXT_BYTES, "x");
    whole.write(header);
    const beginning = pipeline.run(whole, 0, prague, { bytes: 3_000_000_000 });
    expect(Buffer.from(beginning.body.subarray(-200)).toString()).toMatch(
      /xxx","file":.*"collector":"10.0.0.1","tags":\["_too_long"\]}\n$/,
    );
    // What framing did not hold counts, too.
    expect(beginning.tallies.bytes).toBe(3_000_000_000);

    const longer = pipeline.run(Buffer.concat([whole, Buffer.from("x\n")]), 0, prague);
    expect(longer.body.length - beginning.body.length).toBe('"_truncated",,"length":16777218'.length);
    expect(Buffer.from(longer.body.subarray(-200)).toString()).toMatch(
      /,"tags":\["_truncated","_too_long"\],"length":16777218}\n$/,
    );
    expect(longer.tallies.unparsed).toBe(0);
  });

  it.each([
    ["NUL bytes", Buffer.alloc(3 << 20)],
    ["bytes that are not UTF-8", Buffer.alloc(3 << 20, 0xff)],
    ["characters that the limit would cut", Buffer.alloc(15 << 18, "\x01\x02\x03\x04\x05é")],
  ])("of many megabytes never make a larger document: %s", (_, line) => {
    const batch = pipeline.run(line, 0, prague);
    expect(batch.body.length).toBeLessThan(KEPT_TEXT_BYTES + 1000);
    expect(batch.body.length).toBeGreaterThan(KEPT_RAW_LINE_BYTES);
    expect(isUtf8(batch.body)).toBe(true);
    expectEqualToReference(line, 0, prague);
  });
});

describe("the pipeline equals its reference, byte for byte", () => {
  it.each(SPECIMEN_ORIGINS.map((origin) => [origin.path, origin] as const))("on the specimens as %s", (_, origin) => {
    expectEqualToReference(latin1(SPECIMENS), 123_456_789_012, origin);
  });

  it("on every kind of byte at every place of a line", () => {
    const line = latin1("<13>Jan 14 10:00:00 h sshd[1]: Invalid user x from 10.0.0.1\n");
    const bytes = [...Array(128).keys(), 0x80, 0xbf, 0xc3, 0xe2, 0xf0, 0xff];
    for (let at = 0; at < line.length; at++) {
      const mutants = Buffer.concat(bytes.map((byte) => line.with(at, byte)));
      expectEqualToReference(mutants, at, prague);
    }
  });

  it("on every prefix of every specimen", () => {
    for (const line of SPECIMENS.split("\n")) {
      expectEqualToReference(
        latin1(Array.from({ length: line.length + 1 }, (_, length) => line.slice(0, length)).join("\n")),
        0,
        stJohns,
      );
    }
  });

  const fragments = fc.constantFrom(
    ...'\0|\r|\r\n| |  |:|: |[|]|"|\\|\x01|\t|\x7f|\xff|\xc3\xa9|\xe2\x82|<13>| from | port 1| [|Jan 14 23:20:01 |10.0.0.1'.split(
      "|",
    ),
    ..."::1|2013-01-14T23:20:01Z |.5|+01:00|invalid user | (|)|, ip=|, krb5 principal |[1]: |sshd|-|0|9|kern| with | but not from ".split(
      "|",
    ),
  );
  const lines = SPECIMENS.split("\n");
  const mutated = fc
    .tuple(
      fc.constantFrom(...lines),
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 12 }), fragments), { maxLength: 4 }),
      fc.constantFrom("\n", "\n", "\n", "\r\n"),
    )
    .map(([line, edits, lineEnd]) => {
      let text = line;
      for (const [position, removed, inserted] of edits) {
        const at = position % (text.length + 1);
        text = text.slice(0, at) + inserted + text.slice(at + (removed > 6 ? 0 : removed));
      }
      return text + lineEnd;
    });

  it("on mutated specimens", () => {
    fc.assert(
      fc.property(fc.array(mutated, { maxLength: 20 }), fc.constantFrom(...SPECIMEN_ORIGINS), (text, origin) => {
        expectEqualToReference(latin1(text.join("")), 0, origin);
      }),
      { numRuns: 1500 },
    );
  });

  it("where a line's fields come to the end of the room that there is, and some groups take no part", () => {
    const origin = { ...SPECIMEN_ORIGINS[0]!, service: "syslog" };
    for (let more = 8600; more < 8800; more++) {
      const escapes = "\u0001".repeat(more);
      expectEqualToReference(latin1(`t\nJan 14 10:00:00 host kernel: Buffer I/O err${escapes}`), 0, origin);
    }
  });

  it("on arbitrary bytes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(),
        fc.constantFrom(...SPECIMEN_ORIGINS),
        (bytes, base, origin) => {
          expectEqualToReference(bytes, base, origin);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("on times of every kind in zones of every kind", () => {
    const zones = fc.constantFrom(
      "Europe/Prague",
      "America/St_Johns",
      "Australia/Lord_Howe",
      "Africa/Monrovia",
      "Asia/Kathmandu",
    );
    const month = fc.tuple(fc.integer({ min: 1971, max: 2037 }), fc.integer({ min: 1, max: 12 }));
    const two = (n: number) => String(n).padStart(2, "0");
    fc.assert(
      fc.property(
        zones,
        month,
        fc.array(
          fc.tuple(
            fc.date({ min: new Date("1971-01-01"), max: new Date("2037-12-31"), noInvalidDate: true }),
            fc.boolean(),
          ),
        ),
        (timeZone, [year, m], times) => {
          const day = `${year}-${two(m)}-01`;
          const secondFolds = [{ timeZone, from: Date.parse(`${day}T02:00Z`) / 1000, offset: 100 }];
          const origin = { ...prague, timeZone, month: `${year}-${two(m)}`, firstDay: day, secondFolds };
          const text = times.map(([time, iso]) => {
            const [day = "", clock = ""] = time.toISOString().split("T");
            const name = "JanFebMarAprMayJunJulAugSepOctNovDec".slice(time.getUTCMonth() * 3).slice(0, 3);
            return iso
              ? `${day}T${clock.slice(0, 8)} h a: b\n`
              : `${name} ${day.slice(8)} ${clock.slice(0, 8)} h a: b\n`;
          });
          expectEqualToReference(latin1(text.join("")), 0, origin);
          expectEqualToReference(latin1(text.join("")), 0, { ...origin, lastDay: `${year}-${two(m)}-28` });
        },
      ),
      { numRuns: 300 },
    );
  });

  // Public log lines and what grok's SYSLOGLINE makes of them; not part of the repository.
  const corpus = new URL("../../../../shared/conformance/", import.meta.url);
  const log = new URL("linux_2k.log", corpus);
  it.skipIf(!existsSync(log))("on real lines, which mean what they mean to grok (skipped without the corpus)", () => {
    const origin = { ...prague, month: "2005-07", firstDay: "2005-07-01" };
    const block = new Uint8Array(readFileSync(log));
    expectEqualToReference(block, 0, origin);
    const expected = readFileSync(new URL("linux_2k.expected.ndjson", corpus), "utf8").trimEnd().split("\n");
    const documents = read(pipeline.run(block, 0, origin)).documents;
    const asGrok = documents.map(({ host, program, pid, message }) => ({
      logsource: host,
      program,
      pid: pid === undefined ? undefined : String(pid as number),
      message,
    }));
    expect(asGrok).toEqual(
      expected.map((line) => {
        const { logsource, program, pid, message } = (JSON.parse(line) as { fields: Record<string, string> }).fields;
        return { logsource, program, pid, message };
      }),
    );
  });
});

describe("the pipeline's hash", () => {
  it("is the same for the same rules, and another for others", () => {
    expect(pipeline.hash).toBe(pipelineHash(structuredClone(DEFAULT_RULES)));
    expect(pipeline.hash).toMatch(/^[0-9a-f]{16}$/);
    expect(pipelineHash({ ...DEFAULT_RULES, otherwise: "auth" })).not.toBe(pipeline.hash);
  });
});
