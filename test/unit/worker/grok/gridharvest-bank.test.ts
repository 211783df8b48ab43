import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { definitionsOf, patternFiles, rowsOf, wholePatternsOf } from "../../../support/pattern-files.ts";

const bank = new Map(patternFiles().flatMap((file) => [...definitionsOf(file)]));
const CORPUS = new URL("../../../../../shared/conformance/", import.meta.url);

/** An expression with all its definitions in it. */
function expanded(text: string): string {
  return text.replaceAll(/%\{(\w+)(?::[^}]*)?\}/g, (reference, name: string) => {
    const definition = bank.get(name);
    if (definition === undefined) throw new Error(`${reference} has no definition in our bank`);
    return expanded(definition);
  });
}

describe("our pattern bank", () => {
  it("defines no name twice", () => {
    const names = patternFiles().flatMap((file) => [...definitionsOf(file).keys()]);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  it("has rows for each file, and no others", () => {
    const files = readdirSync(new URL("../../../fixtures/bank/", import.meta.url));
    expect(files.sort()).toEqual(patternFiles().map((file) => `${file}.ndjson`));
  });

  for (const file of patternFiles()) {
    describe(file, () => {
      const rows = rowsOf(file);
      const patterns = wholePatternsOf(file);

      it("takes whole messages: what begins at their beginning goes to their end", () => {
        for (const name of patterns) expect(expanded(bank.get(name) ?? ""), name).toMatch(/\\z\)*$/);
      });

      it("has nothing that no whole pattern of the bank uses", () => {
        const all = [...bank.values()].join("\n");
        for (const name of definitionsOf(file).keys()) {
          if (!patterns.includes(name)) expect(all, name).toMatch(new RegExp(String.raw`%\{${name}[:}]`));
        }
      });

      it("shows each pattern by a message that it takes, and some by what they do not", () => {
        const taken = new Set(rows.filter(({ fields }) => fields !== null).map(({ pattern }) => pattern));
        expect(patterns.filter((name) => !taken.has(name))).toEqual([]);
        expect(rows.map(({ pattern }) => pattern).filter((name) => !patterns.includes(name))).toEqual([]);
        expect(rows.filter(({ fields }) => fields === null).length).toBeGreaterThanOrEqual(4);
        expect(rows.length).toBeGreaterThanOrEqual(file === "sshd" ? 150 : 15);
      });

      it.skipIf(!existsSync(CORPUS))("shows no message of the conformance files", () => {
        const corpus = readdirSync(CORPUS).map((name) => readFileSync(new URL(name, CORPUS), "utf8"));
        // Words that every such program says are in both: a message of some length is not.
        const long = rows.filter(({ message }) => message.length > 30).map(({ message }) => message);
        const escaped = long.map((message) => JSON.stringify(message).slice(1, -1));
        expect([...long, ...escaped].filter((message) => corpus.some((text) => text.includes(message)))).toEqual([]);
      });
    });
  }
});
