import { describe, expect, it } from "vitest";
import { OTHER, type ParseCounts } from "../../../worker/contract/parse-counts.ts";
import type { Rules } from "../../../worker/contract/rules.ts";
import { runReference } from "../../../worker/parsers/reference.ts";
import { SPECIMEN_ORIGINS } from "../../../worker/parsers/specimens.ts";
import { createPipeline } from "../../../worker/pipeline.ts";
import { DEFAULT_RULES, plainPipelines } from "../../support/rules.ts";

const [origin] = SPECIMEN_ORIGINS;
const AT = "Jan 14 23:20:01 h";

/** What both the compiled pipeline and its reference count, which must be the same. */
function parsesOf(lines: readonly string[], rules: Rules, service = "syslog"): ParseCounts {
  const block = Buffer.from(lines.map((line) => `${line}\n`).join(""));
  const of = { ...origin!, service };
  const { parses, read } = createPipeline(rules).run(block, 0, of).tallies;
  const plain = plainPipelines(rules, "generated")(service);
  expect(runReference(block, 0, of, plain).tallies.parses).toEqual(parses);
  const counted = parses.programs.reduce((sum, p) => sum + p.full + p.failed + p.headerOnly + p.dropped, 0);
  expect(counted).toBe(read);
  expect(read).toBe(lines.length);
  return parses;
}

const RULES: Rules = {
  otherwise: "syslog",
  patterns: [],
  databases: [],
  pipelines: [
    {
      services: ["syslog"],
      file: "test.yaml",
      text: `name: test
filters:
  - if: '[program] == "noise"'
    then: [{ drop: { reason: noise } }]
  - stage: outer
    if: '[program] == "a"'
    filters:
      - grok: { match: { message: "^first" }, tag_on_failure: [] }
      - stage: inner
        filters:
          - grok: { match: { message: "^(?<x>done|first)" } }
  - stage: slow
    if: '[program] == "slow"'
    filters:
      - grok: { match: { message: "^(?<y>(a+)+)$" } }
  - stage: plain
    if: '[program] == "plain"'
    filters:
      - json: { source: message }
`,
    },
  ],
};

describe("what is counted of lines", () => {
  it("is what stages made of them, by program", () => {
    const { programs, misses } = parsesOf(
      [
        `${AT} a[1]: done`,
        `${AT} a[1]: job 17 is lost`,
        `${AT} a[1]: job 18 is lost`,
        `${AT} b: no stage`,
        `${AT} noise: x`,
        `${AT} plain: {"x":1}`,
        `${AT} plain: {x`,
        `${AT} no tag here`,
        "at java.lang.Thread",
        "",
      ],
      RULES,
    );
    expect(programs).toEqual([
      { program: "a", full: 1, failed: 2, headerOnly: 0, dropped: 0 },
      { program: "(no header)", full: 0, failed: 2, headerOnly: 0, dropped: 0 },
      { program: "plain", full: 1, failed: 1, headerOnly: 0, dropped: 0 },
      { program: "(no program)", full: 0, failed: 0, headerOnly: 1, dropped: 0 },
      { program: "b", full: 0, failed: 0, headerOnly: 1, dropped: 0 },
      { program: "noise", full: 0, failed: 0, headerOnly: 0, dropped: 1 },
    ]);
    const { fileId } = origin!;
    const line = `${AT} a[1]: done\n`.length;
    expect(misses).toMatchObject([
      { program: "a", cause: "inner", word: "job", lines: 2, fileId, offset: line },
      { program: "(no header)", cause: "empty", word: "(none)", lines: 1 },
      { program: "(no header)", cause: "no-header", word: "at", lines: 1 },
      { program: "plain", cause: "plain", word: "x", lines: 1 },
    ]);
  });

  it("names the pattern over whose budget a line goes, and the line counts as failed", () => {
    const endless = `${AT} slow: ${"a".repeat(60)}!`;
    const { programs, misses, overBudget } = parsesOf([endless, `${AT} slow: aaa`, endless], RULES);
    expect(overBudget).toEqual([
      { pattern: "^(?<y>(a+)+)$", place: expect.stringMatching(/^test\.yaml:\d+:\d+$/) as string, lines: 2 },
    ]);
    expect(programs).toEqual([{ program: "slow", full: 1, failed: 2, headerOnly: 0, dropped: 0 }]);
    expect(misses).toMatchObject([{ program: "slow", cause: "slow", lines: 2, offset: 0 }]);
  });

  it("is bounded, and no line is lost, whatever programs and words are made up", () => {
    const lines = Array.from({ length: 300 }, (_, i) => {
      const name = [i % 26, Math.floor(i / 26)].map((n) => String.fromCharCode(97 + n)).join("");
      return i % 2 === 0 ? `${AT} ${name}: x` : `${AT} a: ${name} is unknown`;
    });
    const { programs, misses } = parsesOf(lines, RULES);
    expect(programs.map(({ program }) => program)).toContain(OTHER);
    expect(programs.length).toBe(101);
    expect(misses.length).toBe(51);
    expect(misses.at(-1)).toMatchObject({ program: OTHER, word: OTHER, lines: 100 });
  });

  it.each(["auth", "syslog", "pbs"])("is the reference's under the default pipeline %s", (service) => {
    const { programs } = parsesOf(
      [
        `${AT} sshd[1]: Accepted password for root from 10.0.0.1 port 2201 ssh2`,
        `${AT} sshd[1]: Server listening on :: port 22.`,
        `${AT} sshd[1]: words that sshd never said`,
        `${AT} sudo: words that sudo never said`,
        `${AT} pbs_server: words that pbs_server never said`,
        "01/14/2013 23:20:01;E;12.server;user=u1 Exit_status=0",
        "01/14/2013 23:20:01;0008;PBS_Server;Job;12.server;Job Queued at request of u1",
        `${AT} unheard-of: x`,
      ],
      DEFAULT_RULES,
      service,
    );
    expect(programs.length).toBeGreaterThan(3);
  });
});
