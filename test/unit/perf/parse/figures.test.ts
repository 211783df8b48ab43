import { expect, test } from "vitest";
import { COMPILED, ELASTICSEARCH, INTERPRETER, LIBLOGNORM, UNBOUND } from "../../../perf/parse/contenders.ts";
import { evenly } from "../../../perf/parse/corpora.ts";
import { measuredRow, missingRow, parseGoals, withRatios, type ParseRow } from "../../../perf/parse/figures.ts";
import { readOptions } from "../../../perf/parse/options.ts";
import type { Work } from "../../../perf/parse/rules.ts";

function row(name: string, work: Work, cpu: number, digest = "d", corpus = "sample"): ParseRow {
  const runs = [cpu, cpu * 3, cpu / 2].map((micros) => ({
    lines: 1000,
    cpuMicros: micros * 1000,
    wallMicros: micros * 2000,
  }));
  return measuredRow({ name, work, corpus, note: "", digest, sshEvents: 0 }, runs, 100e6);
}

test("a row's figures are medians over its rounds, a line's CPU time the basis of lines a second", () => {
  expect(row(COMPILED, "ssh", 2)).toMatchObject({
    rounds: 3,
    lines: 1000,
    cpuMicrosPerLine: 2,
    linesPerSecondPerCore: 500_000,
    linesPerSecond: 250_000,
    peakBytes: 100e6,
  });
});

test("rows are compared with liblognorm on the same work and lines only", () => {
  const rows = withRatios([
    row(COMPILED, "ssh", 1),
    row(COMPILED, "header", 1),
    row(COMPILED, "all", 1),
    row(COMPILED, "ssh", 1, "d", "linux"),
    row(LIBLOGNORM, "ssh", 3),
    row(LIBLOGNORM, "header", 2),
  ]);
  expect(rows.map(({ timesLiblognorm }) => timesLiblognorm)).toEqual([3, 2, null, null, 1, 1]);
});

const met = (rows: readonly ParseRow[], peakBytes?: number, speedUp?: number) =>
  Object.fromEntries(parseGoals(rows, { peakBytes, speedUp }).map(({ name, met: isMet }) => [name, isMet]));

test("goals are met by the sample's figures", () => {
  const rows = [
    row(COMPILED, "header", 0.5),
    row(COMPILED, "ssh", 0.9),
    row(UNBOUND, "ssh", 0.95),
    row(INTERPRETER, "ssh", 500),
    row(LIBLOGNORM, "header", 0.75),
    row(LIBLOGNORM, "ssh", 1.2),
    row(ELASTICSEARCH, "header", 2),
    row(ELASTICSEARCH, "ssh", 3),
  ];
  expect(met(rows, 199e6, 1.8)).toEqual({
    "header and message, lines/s a core": true,
    "full ssh classification, lines/s a core": true,
    "times liblognorm, header and message": true,
    "times liblognorm, ssh": false,
    "times Elasticsearch's grok, header and message": true,
    "times Elasticsearch's grok, ssh": false,
    "memory of a parser, MB": true,
    "times one thread with two, on 2 cores": true,
    "CPU of a line on any core over that on one": true,
    "outputs equal to the interpreter's, as a share": true,
  });
});

test("what was not measured is not met: other lines, a missing peer, an output that differs", () => {
  const rows = [
    row(COMPILED, "header", 0.5, "d", "linux"),
    row(COMPILED, "ssh", 0.5, "one"),
    row(INTERPRETER, "ssh", 500, "other"),
    missingRow({ name: LIBLOGNORM, work: "ssh", corpus: "sample", note: "" }, "install it"),
  ];
  const goals = parseGoals(rows, { peakBytes: undefined, speedUp: undefined });
  expect(goals.filter((goal) => goal.met).map(({ name }) => name)).toEqual(["full ssh classification, lines/s a core"]);
  expect(goals.find(({ name }) => name === "times liblognorm, ssh")?.measured).toBeNull();
  expect(goals.find(({ name }) => name.startsWith("outputs equal"))?.measured).toBe(0);
});

test("lines are taken from the whole", () => {
  expect(evenly([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 4)).toEqual([0, 2, 5, 7]);
  expect(evenly(["a", "b"], 2)).toEqual(["a", "b"]);
});

test("options have defaults that are what is asked for, and say what they may be", () => {
  expect(readOptions([])).toEqual({
    rounds: 5,
    lines: 500_000,
    linuxLines: 200_000,
    only: [],
    pin: "0",
    memoryBytes: 2e9,
  });
  expect(readOptions(["--only", "a", "--only", "b", "--pin", "none", "--rounds", "7"])).toMatchObject({
    only: ["a", "b"],
    pin: undefined,
    rounds: 7,
  });
  expect(() => readOptions(["--rounds", "0"])).toThrow(/--rounds 0: write a whole number of at least 1/);
  expect(() => readOptions(["--lines", "many"])).toThrow(/--lines many/);
  expect(() => readOptions(["--pin", "x"])).toThrow(/--pin x/);
  expect(() => readOptions(["--unknown"])).toThrow(/--unknown/);
});
