import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../../worker/contract/errors.ts";
import { FILTERS } from "../../../../worker/filters/index.ts";
import { parseDefinition, type PipelineDefinition, type Step } from "../../../../worker/pipeline/definition.ts";

const read = (text: string) => parseDefinition(text, "p.yaml");

/** The steps of a list of filters, each as JSON without what every filter has. */
function stepsOf(filters: string): unknown {
  const plain = (step: Step): unknown => {
    if (step.kind === "filter") return { [step.filter]: step.options };
    if (step.kind === "stage") return { stage: step.name, if: step.condition?.kind, steps: step.steps.map(plain) };
    return { if: step.condition.kind, then: step.then.map(plain), else: step.else.map(plain) };
  };
  return read(`name: p\nfilters:\n${filters}`).steps.map(plain);
}

/** What is wrong, one a line. */
function problemsOf(text: string): readonly string[] {
  try {
    read(text);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).code).toBe("PIPELINE_INVALID");
    return (error as ConfigError).message.split("\n");
  }
  return [];
}

const DROP = { drop: { reason: "r" } };

describe("a definition", () => {
  it.each<[string, unknown]>([
    ["  []", []],
    ["  - drop: { reason: r }", [DROP]],
    ["  - drop:\n      reason: r\n  - tags: { add: x }", [DROP, { tags: { add: [["x"]], remove: [] } }]],
    ["  - syslog_pri:", [{ syslog_pri: expect.objectContaining({ use_labels: true }) as unknown }]],
    [
      "  - stage: sshd\n    if: '[program] =~ /^sshd/'\n    filters:\n      - drop: { reason: r }",
      [{ stage: "sshd", if: "match", steps: [DROP] }],
    ],
    ["  - { stage: all, filters: [] }", [{ stage: "all", if: undefined, steps: [] }]],
    ["  - { if: '[a]', then: [] }", [{ if: "truthy", then: [], else: [] }]],
    ["  - { if: '[a]', then: , else: }", [{ if: "truthy", then: [], else: [] }]],
    [
      "  - if: '[a] and [b]'\n    then: [{ drop: { reason: r } }]\n    else: [{ drop: { reason: r } }]",
      [{ if: "and", then: [DROP], else: [DROP] }],
    ],
    [
      "  - if: '[a]'\n    then: []\n    else:\n      if: '![b]'\n      then: []\n      else:\n        if: '[c] == 1'\n        then: [{ drop: { reason: r } }]",
      [
        {
          if: "truthy",
          then: [],
          else: [{ if: "not", then: [], else: [{ if: "compare", then: [DROP], else: [] }] }],
        },
      ],
    ],
    [
      "  - stage: a\n    filters:\n      - stage: b\n        filters:\n          - drop: { reason: r }",
      [{ stage: "a", if: undefined, steps: [{ stage: "b", if: undefined, steps: [DROP] }] }],
    ],
    ["  - if: >-\n      [a] and\n      [b]\n    then: []", [{ if: "and", then: [], else: [] }]],
    ["  - if: |\n      [a] # first\n      and [b]\n    then: []", [{ if: "and", then: [], else: [] }]],
    ["  - &d { drop: { reason: r } }\n  - *d", [DROP, DROP]],
    ["  - drop: &o { reason: r }\n  - drop: *o", [DROP, DROP]],
    ["  - drop: { reason: 5 }", [{ drop: { reason: "5" } }]],
    [
      "  - mutate: { rename: { 10: b, 9: c } }",
      [
        {
          mutate: expect.objectContaining({
            rename: [
              [["10"], ["b"]],
              [["9"], ["c"]],
            ],
          }) as unknown,
        },
      ],
    ],
    [
      "  - mutate: { rename: { __proto__: b } }",
      [{ mutate: expect.objectContaining({ rename: [[["__proto__"], ["b"]]] }) as unknown }],
    ],
  ])("%s", (filters, steps) => {
    expect(stepsOf(filters)).toEqual(steps);
  });

  it("knows where each step stands, and keeps what every filter has apart", () => {
    const { name, steps } = read(
      "name: auth\nfilters:\n  - drop: { reason: r, add_tag: x, id: first }\n  - stage: s\n    filters: []\n",
    );
    expect(name).toBe("auth");
    expect(steps).toEqual([
      {
        kind: "filter",
        filter: "drop",
        options: { reason: "r" },
        common: { id: "first", add_field: [], remove_field: [], add_tag: [["x"]], remove_tag: [] },
        place: "p.yaml:3:5",
      },
      { kind: "stage", name: "s", condition: undefined, steps: [], place: "p.yaml:4:5" },
    ]);
  });

  it("is plain data", () => {
    const whole = `name: p
filters:
  - grok: { match: { message: ['%{A:a}', '%{B}'] }, pattern_definitions: { A: '\\d+' } }
  - dissect: { mapping: { message: '<%{a->} %{+b/2}' }, convert_datatype: { a: int } }
  - date: { match: [a, ISO8601], timezone: '%{z}' }
  - kv: { include_keys: ['%{k}'] }
  - json: { source: message }
  - mutate: { gsub: [a, b, '%{c}'], merge: { a: [b] } }
  - geoip: { source: ip, database: city }
  - if: '[a] in ["x"]'
    then: [{ syslog_pri: {} }]
`;
    const definition = read(whole);
    const copy = JSON.parse(JSON.stringify(definition)) as PipelineDefinition;
    expect(copy).toEqual(definition);
    expect(copy.steps).toHaveLength(8);
  });
});

const IN = "name: p\nfilters:\n";

describe("what is wrong is said with its place and a remedy", () => {
  it.each<[string, readonly string[]]>([
    ["", ["p.yaml:1:1: the pipeline: is no mapping; write `name:` and `filters:`"]],
    ["[]", ["p.yaml:1:1: the pipeline: is no mapping; write `name:` and `filters:`"]],
    ["name: p", ["p.yaml:1:1: filters: is missing; add it"]],
    ["filters: []", ["p.yaml:1:1: name: is missing; add it"]],
    ["name: ''\nfilters: []", ["p.yaml:1:7: name: is no text; write a name"]],
    ["name: [x]\nfilters: []", ["p.yaml:1:7: name: is no text; write a name"]],
    ["name: p\nfilter: []\nfilters: []", ["p.yaml:2:1: filter: unknown key of the pipeline; did you mean filters?"]],
    ["name: p\nfilters: {}", ["p.yaml:2:10: filters: is no list; begin each step below it with `- `"]],
    [
      "name: p\nname: q\nfilters: []",
      ["p.yaml:2:1: Map keys must be unique; correct the YAML (a text with [ % : or # in it needs quotes)"],
    ],
    [
      `${IN}  - if: [a] == "x"\n    then: []`,
      [expect.stringMatching(/^p\.yaml:3:13: .*; correct the YAML \(a text with \[/) as string],
    ],
    [`${IN}  - *nowhere`, [expect.stringMatching(/^p\.yaml:1:1: .*nowhere.*; correct the YAML/) as string]],
    [`${IN}  - text`, ["p.yaml:3:5: a step: is no mapping; write for example `- grok: { match: … }`"]],
    [`${IN}  - gork: {}`, ["p.yaml:3:5: gork: unknown filter; did you mean grok?"]],
    [`${IN}  - cidr: {}`, [`p.yaml:3:5: cidr: unknown filter; known: ${[...FILTERS.keys()].sort().join(", ")}`]],
    [
      `${IN}  - constructor: {}`,
      [expect.stringContaining("p.yaml:3:5: constructor: unknown filter; known: ") as string],
    ],
    [
      `${IN}  - stag: x\n    filters: []`,
      ["p.yaml:4:5: filters: a step is one filter; begin this one with `- `, or indent it as an option"],
    ],
    [`${IN}  - stag: x`, ["p.yaml:3:5: stag: unknown filter; did you mean stage?"]],
    [
      `${IN}  - drop: { reson: r }`,
      ["p.yaml:3:13: drop.reson: unknown option; did you mean reason?", "p.yaml:3:5: drop.reason: is missing; add it"],
    ],
    [
      `${IN}  - drop: { reason: r, zzzzzz: r }`,
      ["p.yaml:3:24: drop.zzzzzz: unknown option; known: add_field, add_tag, id, reason, remove_field, remove_tag"],
    ],
    [
      `${IN}  - drop: { reason: r, __proto__: x }`,
      [expect.stringContaining("p.yaml:3:24: drop.__proto__: unknown option") as string],
    ],
    [
      `${IN}  - drop: { reason: r, percentage: 40 }`,
      [
        "p.yaml:3:24: drop.percentage: is not taken: it is not deterministic: a line read twice must have one fate; drop by a condition instead",
      ],
    ],
    [
      `${IN}  - drop: r`,
      [
        "p.yaml:3:11: drop: has no options; write them below it: reason, id, add_field, remove_field, add_tag, remove_tag",
      ],
    ],
    [`${IN}  - drop: { reason: }`, ["p.yaml:3:21: drop.reason: has no value; write one, or take it away"]],
    [`${IN}  - drop: { reason: '' }`, ["p.yaml:3:21: drop.reason: is empty; write what the lines are"]],
    [`${IN}  - tags: {}`, ["p.yaml:3:5: tags: names no tag; write add: or remove:"]],
    [
      `${IN}  - grok: { match: { message: ['%{A}', { x: y }] } }`,
      ["p.yaml:3:40: grok.match.message.1: must be a text"],
    ],
    [
      `${IN}  - mutate:\n      rename:\n        a: b\n        'c[': d`,
      [
        'p.yaml:6:15: mutate.rename.c[: "c[" is no field reference; write a name, or [name][name below it], at most 100 deep',
      ],
    ],
    [
      `${IN}  - mutate: { uppercase: '[x' }`,
      [
        'p.yaml:3:26: mutate.uppercase.0: "[x" is no field reference; write a name, or [name][name below it], at most 100 deep',
      ],
    ],
    [
      `${IN}  - mutate: { replace: { a: '%{+bb}' } }`,
      [
        expect.stringContaining(
          "p.yaml:3:29: mutate.replace.a: in the date pattern %{+bb} the letter b is not written here; known: ",
        ) as string,
      ],
    ],
    [
      `${IN}  - drop: { reason: r, add_tag: '%{[}' }`,
      [
        'p.yaml:3:33: drop.add_tag.0: "[" is no field reference; write a name, or [name][name below it], at most 100 deep',
      ],
    ],
    [
      `${IN}  - { stage: s, filters: [] }\n  - { stage: s, filters: [] }`,
      ["p.yaml:4:14: stage s: is there twice; give each stage its own name"],
    ],
    [
      `${IN}  - { stage: a b, filters: [] }`,
      ["p.yaml:3:14: stage a b: is no name for a stage; write letters, digits, - and _"],
    ],
    [`${IN}  - { stage: , filters: [] }`, ["p.yaml:3:14: stage: is no text; write a name"]],
    [`${IN}  - { stage: s }`, ["p.yaml:3:5: filters: is missing; add it"]],
    [
      `${IN}  - { stage: s, filters: [], then: [] }`,
      ["p.yaml:3:30: then: unknown key of a stage; known: filters, if, stage"],
    ],
    [`${IN}  - { if: '[a]' }`, ["p.yaml:3:5: then: is missing; add it"]],
    [`${IN}  - { if: '[a]', then: [], esle: [] }`, ["p.yaml:3:28: esle: unknown key of if; did you mean else?"]],
    [
      `${IN}  - { if: [a], then: [] }`,
      [`p.yaml:3:11: if: is no text; put the condition in quotes: '[program] == "sshd"'`],
    ],
    [`${IN}  - { if: , then: [] }`, [expect.stringMatching(/^p\.yaml:3:\d+: if: is no text; /) as string]],
    [
      `${IN}  - { if: '[a]', then: [], else: x }`,
      ["p.yaml:3:34: else: is no list; begin each step below it with `- `"],
    ],
    // The place inside the condition.
    [
      `${IN}  - { if: '[a] = 5', then: [] }`,
      [expect.stringMatching(/^p\.yaml:3:16: if: condition at character 5, "= 5": /) as string],
    ],
    [
      `${IN}  - if: abc == 5\n    then: []`,
      [
        expect.stringMatching(
          /^p\.yaml:3:9: if: condition at character 1, "abc == 5": abc is neither a field, \[abc\], nor a text/,
        ) as string,
      ],
    ],
    [
      `${IN}  - if: |\n      [a] and\n      [b] = 5\n    then: []`,
      [expect.stringMatching(/^p\.yaml:5:11: if: condition at character 13/) as string],
    ],
    [
      `${IN}  - if: "[a] \\x3d 5"\n    then: []`,
      [expect.stringMatching(/^p\.yaml:3:9: if: condition at character 5/) as string],
    ],
    [
      `${IN}  - if: ''\n    then: []`,
      [expect.stringMatching(/^p\.yaml:3:9: if: condition at the end: the condition is empty/) as string],
    ],
    // Several at once.
    [
      `${IN}  - gork: {}\n  - if: 'x'\n    then:\n      - drop: {}\n    else:\n      - { stage: s }`,
      [
        "p.yaml:3:5: gork: unknown filter; did you mean grok?",
        expect.stringMatching(/^p\.yaml:4:10: if: /) as string,
        "p.yaml:6:9: drop.reason: is missing; add it",
        "p.yaml:8:9: filters: is missing; add it",
      ],
    ],
  ])("%s", (text, problems) => {
    expect(problemsOf(text)).toEqual(problems);
  });
});

describe("a trap is no trap", () => {
  it("nesting", () => {
    const nested = `${IN}  - ${"{ if: '[a]', then: [".repeat(200)}${"] }".repeat(200)}`;
    expect(problemsOf(nested)).toEqual([
      expect.stringContaining("nested deeper than 50; write stages one after another"),
    ]);
  });

  it("aliases that multiply", () => {
    const lists = Array.from({ length: 30 }, (_, i) => `  - { if: '[a]', then: &l${i + 1} [*l${i}, *l${i}] }`);
    const text = `${IN}  - { if: '[a]', then: &l0 [{ drop: { reason: r } }] }\n${lists.join("\n").replaceAll(/\[\*l(\d+), \*l\d+\]/g, "[{ if: '[a]', then: *l$1 }, { if: '[b]', then: *l$1 }]")}`;
    const problems = problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/alias|steps/i);
  });

  it("an alias in itself", () => {
    const problems = problemsOf(`${IN}  - &x { if: '[a]', then: [*x] }`);
    expect(problems.length).toBeGreaterThan(0);
  });
});
