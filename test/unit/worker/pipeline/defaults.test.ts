import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { patternFiles, wholePatternsOf } from "../../../support/pattern-files.ts";

/** As much of a pipeline's YAML as is looked at here. */
interface Pipeline {
  readonly name: string;
  readonly filters: readonly { readonly stage?: string }[];
}

const PIPELINES = ["auth", "syslog", "pbs"].map((name) => {
  const text = readFileSync(new URL(`../../../../worker/pipeline/defaults/${name}.yaml`, import.meta.url), "utf8");
  return { name, text, pipeline: parse(text) as Pipeline };
});

describe("the default pipelines", () => {
  const named = PIPELINES.flatMap(({ text }) => Array.from(text.matchAll(/%\{(\w+)\}/g), ([, name = ""]) => name));
  const patterns = patternFiles().flatMap(wholePatternsOf);

  it("have the names of their files", () => {
    expect(PIPELINES.map(({ pipeline }) => pipeline.name)).toEqual(PIPELINES.map(({ name }) => name));
  });

  it("name only patterns of our bank that read whole messages", () => {
    expect(named.filter((name) => !patterns.includes(name))).toEqual([]);
  });

  it("leave no pattern of our bank unused", () => {
    // The lines of syslog daemons themselves are read with the header, as `repeated`; the pattern is there for `parse`.
    const ownLines = wholePatternsOf("syslog");
    expect(patterns.filter((name) => !named.includes(name) && !ownLines.includes(name))).toEqual([]);
  });

  it("name the patterns of a program in the bank's order", () => {
    for (const { text } of PIPELINES) {
      const order = [...new Set(Array.from(text.matchAll(/%\{(\w+)\}/g), ([, name = ""]) => name))];
      for (const file of patternFiles()) {
        const ofFile = wholePatternsOf(file);
        // What PBS's daemons have in common goes first.
        const found = order.filter((name) => ofFile.includes(name) && name !== "PBS_ERROR" && name !== "PBS_VERSION");
        expect(found).toEqual(ofFile.filter((name) => found.includes(name)));
      }
    }
  });

  it("do the same in stages of the same name", () => {
    const stages = new Map<string, unknown>();
    for (const { pipeline } of PIPELINES) {
      for (const step of pipeline.filters) {
        if (step.stage === undefined) continue;
        expect(step, `${pipeline.name}: ${step.stage}`).toEqual(stages.get(step.stage) ?? step);
        stages.set(step.stage, step);
      }
    }
    expect([...stages.keys()].length).toBeGreaterThan(10);
  });

  it("write down for each pattern of sshd the event that its name says", () => {
    const filters = PIPELINES.flatMap(({ text }) =>
      Array.from(text.matchAll(/- grok:[^]*?tag_on_failure/g), ([it]) => it),
    );
    const ofSshd = filters.filter((filter) => filter.includes("%{SSHD_"));
    expect(ofSshd.length).toBeGreaterThan(40);
    for (const filter of ofSshd) {
      const event = /\[ssh\]\[event\]": (\w+)/.exec(filter)?.[1];
      const names = Array.from(filter.matchAll(/%\{SSHD_([A-Z]+)/g), ([, name]) => name);
      expect(names).toEqual(names.map(() => event));
    }
  });
});
