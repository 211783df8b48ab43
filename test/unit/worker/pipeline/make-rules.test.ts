import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../../../worker/contract/errors.ts";
import type { RulesSource } from "../../../../worker/contract/rules.ts";
import { createPipeline, pipelineHash } from "../../../../worker/pipeline.ts";
import { readDatabases } from "../../../../worker/databases.ts";
import { makeRules } from "../../../../worker/pipeline/make-rules.ts";
import { originOf } from "../../../support/parser-campaign.ts";
import { writeMmdb } from "../filters/mmdb-writer.ts";

const standard = [{ name: "grok-patterns", text: "WORD \\b\\w+\\b\nINT [0-9]+\nUNUSED x\n" }];

function source(filters: string, options: Partial<RulesSource> = {}): RulesSource {
  return {
    pipelines: [{ services: ["gate"], file: "gate.yaml", text: `name: gate\nfilters:\n${filters}`, own: true }],
    otherwise: "gate",
    shipped: [{ name: "banks/ours", text: "OURS ours %{INNER}\nINNER [a-z]+\nALONE alone\n" }],
    files: [],
    definitions: [],
    bank: "legacy",
    standard: () => Promise.resolve(standard),
    databases: [],
    ...options,
  };
}

const grok = (pattern: string) => `  - grok: { match: { message: ${JSON.stringify(pattern)} } }\n`;

async function problemsOf(rules: Promise<unknown>): Promise<readonly string[]> {
  const error: unknown = await rules.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).message.split("\n");
}

describe("what rules hold", () => {
  const namesOf = async (from: RulesSource) => (await makeRules(from)).rules.patterns.map(({ name }) => name).sort();

  it("is the definitions that patterns lead to, and no other", async () => {
    expect(await namesOf(source(grok("%{OURS} %{WORD:a}")))).toEqual(["INNER", "OURS", "WORD"]);
    expect(await namesOf(source(grok("plain")))).toEqual([]);
    const own =
      "  - grok: { match: { message: '%{MINE}' }, pattern_definitions: { MINE: '%{INT} %{MINE_TOO}', MINE_TOO: x } }\n";
    expect(await namesOf(source(own))).toEqual(["INT"]);
  });

  it("asks for the standard bank only when nobody else knows a name", async () => {
    const unasked = { standard: () => Promise.reject(new Error("asked")) };
    expect(await namesOf(source(grok("%{OURS} %{HERE=[0-9]+}"), unasked))).toEqual(["INNER", "OURS"]);
    await expect(makeRules(source(grok("%{WORD}"), unasked))).rejects.toThrow("asked");
  });

  it("says which names the standard bank is wanted for when it cannot be had", async () => {
    const none = { standard: () => Promise.reject(new ConfigError("GROK_BANK_MISSING", "there is none")) };
    await expect(makeRules(source(grok("%{OURS} %{WORD}"), none))).rejects.toMatchObject({
      code: "GROK_BANK_MISSING",
      message: "%{WORD}: not defined here, so the bank legacy is asked; there is none",
    });
  });

  it("takes the operator's definition before ours, and ours before the standard one", async () => {
    const textOf = async (options: Partial<RulesSource>) =>
      (await makeRules(source(grok("%{WORD} %{INT}"), options))).rules.patterns.find(({ name }) => name === "WORD")
        ?.text;
    const file = (text: string) => ({ name: "mine", text });
    expect(await textOf({})).toBe("\\b\\w+\\b");
    expect(await textOf({ shipped: [file("WORD ours")] })).toBe("ours");
    expect(await textOf({ shipped: [file("WORD ours")], files: [file("WORD a"), file("WORD b")] })).toBe("b");
    const definitions = [{ name: "WORD", text: "inline", where: "site.yaml:3:1" }];
    expect(await textOf({ files: [file("WORD a")], definitions })).toBe("inline");
  });

  it("decides the hash; names of files do not", async () => {
    const hashOf = async (from: RulesSource) => pipelineHash((await makeRules(from)).rules);
    const first = source(grok("%{WORD}"));
    const hash = await hashOf(first);
    const moved = { ...first, pipelines: [{ ...first.pipelines[0]!, file: "elsewhere.yaml" }] };
    expect(await hashOf(moved)).toBe(hash);
    expect(await hashOf(source(grok("%{WORD} ")))).not.toBe(hash);
    expect(await hashOf(source(grok("%{WORD}"), { files: [{ name: "f", text: "WORD x" }] }))).not.toBe(hash);
  });
});

describe("what is wrong is said at once, by place", () => {
  const cases: readonly (readonly [string, string, readonly RegExp[]])[] = [
    ["an unknown filter", "  - grook: {}\n", [/^gate\.yaml:3:5: grook: unknown filter; did you mean grok\?$/]],
    ["a pattern that is missing", grok("%{OURZ}"), [/^gate\.yaml:3:5: grok: there is no definition of %\{OURZ\}/]],
    [
      "one that is missing in a definition",
      grok("%{DEEP}"),
      [/%\{DEEP\} → %\{DEEPER\} → %\{NOWHERE\}.*\(%\{DEEPER\} is defined in mine:2\)$/],
    ],
    ["a cycle", grok("%{A}"), [/%\{A\} is defined by itself: A → B → A.*mine:3/]],
    [
      "a database that nobody names",
      "  - geoip: { source: a, target: b, database: city }\n",
      [/no database city.*pipelines\.databases/],
    ],
    ["two of them", grok("%{NO1}") + grok("%{NO2}"), [/^gate\.yaml:3:5: .*NO1/, /^gate\.yaml:4:5: .*NO2/]],
  ];
  const files = [{ name: "mine", text: "DEEP %{DEEPER}\nDEEPER %{NOWHERE}\nA %{B}\nB %{A}\n" }];
  it.each(cases)("%s", async (_, filters, expected) => {
    const problems = await problemsOf(makeRules(source(filters, { files })));
    expect(problems).toHaveLength(expected.length);
    problems.forEach((problem, i) => expect(problem).toMatch(expected[i]!));
  });

  it("a pattern file by its line", async () => {
    expect(
      await problemsOf(makeRules(source(grok("x"), { files: [{ name: "mine", text: "OK x\nALONE\n" }] }))),
    ).toEqual([expect.stringMatching(/^mine:2: ALONE has no expression/)]);
  });

  it("a pipeline inside another file by that file's lines", async () => {
    const text = "      name: gate\n      filters:\n        - grook: {}\n";
    const pipelines = [{ services: ["gate"], file: "site.yaml", text, own: true, begins: { line: 11, column: 7 } }];
    expect(await problemsOf(makeRules(source("", { pipelines })))).toEqual([
      expect.stringMatching(/^site\.yaml:13:11: grook/),
    ]);
  });

  it("a shipped pipeline that the operator's definitions break", async () => {
    const broken = { files: [{ name: "mine", text: "INNER (\n" }] };
    expect(await problemsOf(makeRules(source(grok("%{OURS}"), broken)))).toHaveLength(1);
  });
});

// Each is found by exhausting the steps of a matcher some ten times.
describe("dangerous expressions", { timeout: 120_000 }, () => {
  const dangersOf = async (filters: string, options: Partial<RulesSource> = {}) =>
    (await makeRules(source(filters, options))).dangers;

  it("are named with their place and a text that shows it, once", async () => {
    const files = [{ name: "mine", text: "FINE x\nEVIL (?:a|a)+\n" }];
    const [danger, ...others] = await dangersOf(grok("x %{EVIL} y") + grok("x %{EVIL} y"), { files });
    expect(others).toEqual([]);
    expect(danger).toMatchObject({
      place: "gate.yaml:3:5",
      pattern: "x %{EVIL} y",
      element: "%{EVIL}",
      definedIn: "mine:2",
      prefix: "x ",
      pump: "a",
    });
  });

  it("are looked for in conditions and gsub too", async () => {
    const filters =
      "  - if: '[message] =~ /^(b|b)*c$/'\n    then:\n      - mutate: { gsub: [message, '(?:d|d)*e', f] }\n";
    expect((await dangersOf(filters)).map(({ place, pattern }) => [place, pattern])).toEqual([
      ["gate.yaml:3:5", "^(b|b)*c$"],
      ["gate.yaml:5:9", "(?:d|d)*e"],
    ]);
  });

  it("are none of the operator's when they ship with the program", async () => {
    const evil = [{ name: "banks/ours", text: "EVIL (?:a|a)+!\n" }];
    expect(await dangersOf(grok("%{EVIL}"), { shipped: evil })).toEqual([]);
    expect(await dangersOf(grok("%{EVIL}"), { shipped: [], files: evil })).toHaveLength(1);
  });
});

describe("a database", () => {
  let dir: string;
  let file: string;
  let city: RulesSource["databases"][number];
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "gridharvest-test-rules-"));
    file = join(dir, "city.mmdb");
    const bytes = writeMmdb("GeoLite2-City", 4, {
      "192.0.2.0/24": { location: { latitude: 49.2, longitude: 16.6 }, city: { names: { en: "Brno" } } },
    });
    writeFileSync(file, bytes);
    city = { name: "city", file, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  const GEOIP =
    grok("from (?<ip>\\S+)") + "  - geoip: { source: ip, target: geo, database: city, ecs_compatibility: disabled }\n";

  it("is pinned when a pipeline names it, and read by whoever parses", async () => {
    const { rules } = await makeRules(source(GEOIP, { databases: [city, { ...city, name: "unused" }] }));
    expect(rules.databases).toEqual([city]);
    const pipeline = createPipeline(rules, { databases: await readDatabases(rules.databases) });
    const line = Buffer.from("Jan 10 00:00:00 h gate: from 192.0.2.7\n");
    const { body } = pipeline.run(line, 0, { ...originOf("gate", "x-{day}-m{month}-r{revision}"), service: "gate" });
    const document = JSON.parse(Buffer.from(body).toString().split("\n")[1]!) as Record<string, unknown>;
    expect(document).toMatchObject({ ip: "192.0.2.7", geo: { city_name: "Brno" } });
  });

  it("is refused when it is another one, or away", async () => {
    await expect(readDatabases([{ ...city, sha256: "0".repeat(64) }])).rejects.toMatchObject({
      code: "DATABASE_UNFIT",
      message: expect.stringContaining("another content") as string,
    });
    await expect(readDatabases([{ ...city, bytes: city.bytes + 1 }])).rejects.toThrow(/another size/);
    await expect(readDatabases([{ ...city, file: join(dir, "gone") }])).rejects.toThrow(/cannot be read from .*gone/);
  });
});

it("services that share a pipeline each have it compiled for them", async () => {
  const filters = "  - if: '[service] == \"a\"'\n    then: [{ drop: { reason: of-a } }]\n";
  const pipelines = [{ ...source(filters).pipelines[0]!, services: ["a", "b"] }];
  const { rules } = await makeRules(source("", { pipelines, otherwise: "b" }));
  const pipeline = createPipeline(rules);
  const line = Buffer.from("Jan 10 00:00:00 h p: x\n");
  const dropped = ["a", "b", "a"].map(
    (service) => pipeline.run(line, 0, { ...originOf("f", "x-{day}-m{month}-r{revision}"), service }).tallies.dropped,
  );
  expect(dropped).toEqual([1, 0, 1]);
});
