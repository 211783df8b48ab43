import { describe, expect, it } from "vitest";
import type { ExplainedStep } from "../../../worker/contract/line-parser.ts";
import type { Rules } from "../../../worker/contract/rules.ts";
import { SPECIMEN_ORIGINS, SPECIMENS } from "../../../worker/parsers/specimens.ts";
import { createPipelineParser } from "../../../worker/pipeline-parser.ts";
import { originOf } from "../../support/parser-campaign.ts";

const RULES: Rules = {
  pipelines: [
    {
      services: ["syslog", "auth"],
      file: "gate.yaml",
      text: `
name: gate
filters:
  - if: '[message] == "noise"'
    then: [{ drop: { reason: noise } }]
  - stage: outer
    filters:
      - stage: inner
        if: '[program] == "gate"'
        filters:
          - grok: { match: { message: ["out %{W:user}", "in %{W:user}"] } }
      - kv: { source: pairs }
      - mutate: { lowercase: [user] }
`,
    },
  ],
  otherwise: "syslog",
  patterns: [{ name: "W", text: "[A-Za-z]+", where: "mine:1" }],
  databases: [],
};
const ORIGIN = originOf("gate.log", "x-{day}-m{month}-r{revision}");
const HEADER = "Jan 10 00:00:00 h gate: ";

const explain = (message: string, offset = 0, rules = RULES) =>
  createPipelineParser(rules, new Map(), ORIGIN).explain(Buffer.from(message), offset, message.length + 1);

function told(step: ExplainedStep): string {
  const within = step.stages.map((stage) => `${stage}/`).join("");
  if (step.kind === "stage") return `${within}${step.name}`;
  if (step.kind === "filter") return `${within}${step.filter} ${step.outcome}`;
  return `${within}${step.candidate.pattern} ${step.candidate.outcome}`;
}

describe("a line that is explained", () => {
  it("tells stages, patterns and filters in the order in which they were taken", () => {
    const { steps, json } = explain(`${HEADER}in Bob`, 42);
    expect(steps.map(told)).toEqual([
      "outer",
      "outer/inner",
      "outer/inner/out %{W:user} missed",
      "outer/inner/in %{W:user} matched",
      "outer/inner/grok matched",
      "outer/kv unmatched",
      "outer/mutate matched",
    ]);
    expect(JSON.parse(json!)).toMatchObject({ message: "in Bob", user: "bob", file: "gate.log", offset: 42 });
  });

  it("tells how far a miss got, in the text in which it was looked for", () => {
    const [miss] = explain(`${HEADER}out 1`).steps.filter((step) => step.kind === "candidate");
    expect(miss).toMatchObject({ text: "out 1", candidate: { reached: { column: 5, element: "%{W:user}" } } });
  });

  it("tells that a filter failed whose pattern was given up", () => {
    const text = "name: gate\nfilters:\n  - grok: { match: { message: '^(?:a+)+$' } }\n";
    const rules = { ...RULES, pipelines: [{ services: ["syslog"], file: "gate.yaml", text }] };
    const { steps, dropped, json } = explain(`${HEADER}${"a".repeat(200)}!`, 0, rules);
    expect(steps.map(told)).toEqual(["^(?:a+)+$ given-up", "grok failed"]);
    expect(dropped).toBeUndefined();
    expect(JSON.parse(json!)).toMatchObject({ tags: ["_groktimeout"] });
  });

  it("tells why it is dropped, or that its header cannot be read", () => {
    expect(explain(`${HEADER}noise`)).toMatchObject({ json: undefined, dropped: "noise" });
    expect(explain("no header")).toMatchObject({ dropped: undefined, unparsed: "no-header" });
  });
});

describe("the documents", () => {
  it.each(SPECIMEN_ORIGINS.map((origin) => [origin.path, origin] as const))(
    "of blocks and of lines that are explained are the same: %s",
    (_, origin) => {
      const block = Buffer.from(SPECIMENS, "latin1");
      // What stands for several lines is one here.
      const { repeated: _repeated, ...single } = { ...origin, dropPrograms: [] };
      const { documents, tallies } = createPipelineParser(RULES, new Map(), single).parse(block, 0, block.length);
      const parser = createPipelineParser(RULES, new Map(), single);
      const explained: string[] = [];
      let lines = 0;
      for (let start = 0; start < block.length; lines++) {
        const lf = block.indexOf(10, start);
        const next = lf < 0 ? block.length : lf + 1;
        const end = lf < 0 ? next : lf > start && block[lf - 1] === 13 ? lf - 1 : lf;
        const { json } = parser.explain(block.subarray(start, end), start, next - start);
        if (json !== undefined) explained.push(json);
        start = next;
      }
      expect(Buffer.from(documents).toString().trimEnd().split("\n")).toEqual(explained);
      expect(tallies.read).toBe(lines);
    },
  );

  it("come in blocks whose offsets go on, also where a clock is set back between them", () => {
    const origin = { ...ORIGIN, month: "2013-10", firstDay: "2013-10-27", timeZone: "Europe/Prague" };
    const times = ["02:50:00", "02:55:00", "02:05:00", "02:50:00"];
    const lines = times.map((time) => `Oct 27 ${time} h gate: in bob\n`);
    const whole = createPipelineParser(RULES, new Map(), origin);
    const text = Buffer.from(lines.join(""));
    const together = Buffer.from(whole.parse(text, 0, text.length).documents).toString();
    const parser = createPipelineParser(RULES, new Map(), origin);
    let base = 0;
    const apart = lines.map((line) => {
      const { documents } = parser.parse(Buffer.from(line), base, line.length);
      base += line.length;
      return Buffer.from(documents).toString();
    });
    expect(apart.join("")).toBe(together);
    const hours = apart.map((line) => (JSON.parse(line) as { "@timestamp": string })["@timestamp"].slice(11, 16));
    expect(hours).toEqual(["00:50", "00:55", "01:05", "01:50"]);
  });
});
