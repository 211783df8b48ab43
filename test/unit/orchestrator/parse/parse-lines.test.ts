import { once } from "node:events";
import { PassThrough, Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { createIo } from "../../../../orchestrator/cli/io.ts";
import { formatSummary } from "../../../../orchestrator/parse/summary.ts";
import { parseLines, type ParseOptions } from "../../../../orchestrator/parse/parse-lines.ts";
import { jsonField } from "../../../../worker/framing/json-field.ts";
import { parseBank } from "../../../../worker/grok/bank.ts";
import { createGrokParser } from "../../../../worker/grok/line-parser.ts";

const SOURCES = ["%{INT:n:int}", "%{WORD:w}", "(?:-|-|--)+$"];
const BANK = parseBank("INT [0-9]+\nWORD \\w+\n", "bank");

async function* stream(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text, "latin1");
}

async function parse(
  input: AsyncIterable<Uint8Array>,
  options: Partial<ParseOptions> & { readonly json?: boolean } = {},
) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const io = createIo({ stdout, stderr }, { json: options.json === true, level: "info" });
  const parser = createGrokParser(SOURCES, BANK);
  const all = { parser, explain: false, ...options };
  const summary = await parseLines(input, all, io, new AbortController().signal);
  return { summary, out: String(stdout.read() ?? ""), err: String(stderr.read() ?? "") };
}

describe("lines", () => {
  it("become documents in their order, and are counted", async () => {
    const { out, err, summary } = await parse(stream("a 1\nb", "c\n\n?\ncaf\xe9\n7"));
    expect(out.split("\n")).toEqual([
      '{"message":"a 1","n":1}',
      '{"message":"bc","w":"bc"}',
      '{"message":"","tags":["_grokparsefailure"]}',
      '{"message":"?","tags":["_grokparsefailure"]}',
      '{"message":"caf�","tags":["_bad_utf8"],"w":"caf"}',
      '{"message":"7","n":7}',
      "",
    ]);
    expect(err).toBe("");
    expect(formatSummary(summary, SOURCES)).toBe(
      [
        "6 lines: 4 matched, 2 missed; 1 not UTF-8",
        "matched  pattern",
        "      2  %{INT:n:int}",
        "      2  %{WORD:w}",
        "      0  (?:-|-|--)+$",
        "",
      ].join("\n"),
    );
  });

  it("that are given up are counted by the pattern", async () => {
    const { out, summary } = await parse(stream(`1\n${"-".repeat(64)}?\n`));
    expect(out).toContain('"tags":["_groktimeout"]');
    expect(formatSummary(summary, SOURCES)).toBe(
      [
        "2 lines: 1 matched, 0 missed, 1 given up",
        "matched  given up  pattern",
        "      1         0  %{INT:n:int}",
        "      0         0  %{WORD:w}",
        "      0         1  (?:-|-|--)+$",
        "",
      ].join("\n"),
    );
  });

  it("of JSON give the text of a field; what gives none is printed as it stands, in its place", async () => {
    const input = stream('{"m":"a\\nb 1"}\n', "\n", "no JSON\n", '{"x":1}\n', '{"m":"2"}\n');
    const { out, err, summary } = await parse(input, { field: jsonField("m") });
    expect(out.split("\n")).toEqual([
      '{"message":"a\\nb 1","n":1}',
      '{"message":"no JSON","tags":["_jsonparsefailure"]}',
      '{"message":"{\\"x\\":1}","tags":["_jsonparsefailure"]}',
      '{"message":"2","n":2}',
      "",
    ]);
    expect(err).toMatch(/warn {2}line 3 is no JSON \(.*\); it is printed as it stands, tagged _jsonparsefailure\n/);
    expect(err).toMatch(/warn {2}line 4 has no field m; there are: x; it is printed/);
    expect(formatSummary(summary, SOURCES)).toMatch(/^4 lines: 2 matched, 0 missed, 2 without a message\n/);
  });

  it("without a message are reported three times, not a million times", async () => {
    const { err, summary } = await parse(stream("x\n".repeat(50)), { field: jsonField("m") });
    expect(err.match(/ warn /g)).toHaveLength(3);
    expect(summary.unreadable).toBe(50);
  });
});

describe("an explanation", () => {
  it("is text for people", async () => {
    const { out } = await parse(stream("-x\n-\u007f\u001b[1m\n"), {
      explain: true,
      parser: createGrokParser(["-%{INT}", "%{WORD:w}$"], BANK),
    });
    expect(out).toBe(
      [
        "line 1: -x",
        "  ✗ -%{INT}",
        '      got to column 2, in %{INT}; there stands "x"',
        "  ✓ %{WORD:w}$",
        '  {"message":"-x","w":"x"}',
        String.raw`line 2: "-\u007f\u001b[1m"`,
        "  ✗ -%{INT}",
        String.raw`      got to column 2, in %{INT}; there stands "\u007f\u001b[1m"`,
        "  ✓ %{WORD:w}$",
        String.raw`  {"message":"-\u007f\u001b[1m","w":"1m"}`,
        "",
      ].join("\n"),
    );
  });

  it("says where the message ends, where an attempt began, and that a line was given up", async () => {
    const parser = createGrokParser(["ab%{INT}", "%{WORD}-(?:-|-|--)+$"], BANK);
    const { out } = await parse(stream(`xx ab\n${"x".repeat(200)}-${"-".repeat(64)}?\n`), { explain: true, parser });
    expect(out).toContain("\n      got to column 6 (begun at column 4), in %{INT}; there the message ends\n");
    expect(out).toContain(`line 2: ${"x".repeat(120)}…\n`);
    expect(out).toContain("  ! %{WORD}-(?:-|-|--)+$\n      given up: it takes too many steps on this line\n");
  });

  it("is an object for programs", async () => {
    const { out } = await parse(stream("?\n1\n"), {
      explain: true,
      json: true,
      parser: createGrokParser(["%{INT:n}"], BANK),
    });
    const [missed, matched] = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    const reached = { from: 1, column: 1, element: "%{INT:n}", within: [] };
    expect(missed).toEqual({
      line: 1,
      document: { message: "?", tags: ["_grokparsefailure"] },
      candidates: [{ pattern: "%{INT:n}", outcome: "missed", reached }],
    });
    expect(matched).toMatchObject({ line: 2, document: { n: "1" }, candidates: [{ outcome: "matched" }] });
  });

  it("has the place of a line without a message", async () => {
    const options = { explain: true, field: jsonField("m") } as const;
    expect((await parse(stream("x\n"), options)).out).toBe(
      'line 1: no message\n  {"message":"x","tags":["_jsonparsefailure"]}\n',
    );
    expect(JSON.parse((await parse(stream("x\n"), { ...options, json: true })).out)).toEqual({
      line: 1,
      document: { message: "x", tags: ["_jsonparsefailure"] },
      candidates: [],
    });
  });
});

describe("the output", () => {
  /** Counts what is asked for. */
  async function* endless(asked: { pieces: number }): AsyncGenerator<Uint8Array> {
    for (;;) {
      asked.pieces++;
      yield Buffer.from("some words of a line\n".repeat(200));
    }
  }
  const options: ParseOptions = { parser: createGrokParser(["%{WORD:w}"], BANK), explain: false };
  const io = (stdout: NodeJS.WritableStream) =>
    createIo({ stdout, stderr: new PassThrough() }, { json: false, level: "info" });

  it("is no faster than its reader, and ends with the signal", async () => {
    const stdout = new PassThrough({ highWaterMark: 1024 });
    const controller = new AbortController();
    const asked = { pieces: 0 };
    const parsing = parseLines(endless(asked), options, io(stdout), controller.signal);
    for (let round = 1; round <= 3; round++) {
      await once(stdout, "readable");
      expect(asked.pieces).toBe(round);
      stdout.read();
    }
    controller.abort();
    await expect(parsing).rejects.toMatchObject({ name: "AbortError" });
  });

  it("may be closed: then nobody wants the rest", async () => {
    const closed = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
    const stdout = new Writable({ highWaterMark: 16, write: (_piece, _encoding, done) => done(closed) });
    const asked = { pieces: 0 };
    const { lines } = await parseLines(endless(asked), options, io(stdout), new AbortController().signal);
    expect(lines).toBe(200);
    expect(asked.pieces).toBe(1);
  });

  it("that fails otherwise is a fault", async () => {
    const full = Object.assign(new Error("write ENOSPC"), { code: "ENOSPC" });
    const stdout = new Writable({ highWaterMark: 16, write: (_piece, _encoding, done) => done(full) });
    await expect(parseLines(endless({ pieces: 0 }), options, io(stdout), new AbortController().signal)).rejects.toBe(
      full,
    );
  });
});
