import { describe, expect, it } from "vitest";
import { askElasticsearchGrok } from "../support/grok-oracle.ts";
import { definitionsOf, patternFiles, rowsOf, wholePatternsOf } from "../support/pattern-files.ts";

/** Our own patterns under an engine that is not ours. */
describe.skipIf(process.env["ES_HOME"] === undefined)("our patterns under Elasticsearch's grok", () => {
  const bank = new Map(patternFiles().flatMap((file) => [...definitionsOf(file)]));

  for (const file of patternFiles()) {
    const rows = rowsOf(file);

    it(`${file}: each row captures what it says`, () => {
      const found = askElasticsearchGrok(
        rows.map(({ pattern, message }) => ({ pattern: `%{${pattern}}`, message })),
        bank,
      );
      expect(rows.map((row, i) => ({ ...row, fields: found[i] }))).toEqual(rows);
    });

    // Order decides among the patterns of a program, so a row must not be another's prey.
    it(`${file}: the first pattern that takes a row's message is the row's`, () => {
      const shown = rows.filter(({ fields }) => fields !== null);
      const patterns = wholePatternsOf(file);
      const found = askElasticsearchGrok(
        shown.flatMap(({ message }) => patterns.map((pattern) => ({ pattern: `%{${pattern}}`, message }))),
        bank,
      );
      const first = shown.map((_, i) => patterns.find((_, j) => found[i * patterns.length + j] !== null));
      expect(first).toEqual(shown.map(({ pattern }) => pattern));
    });
  }

  // The pipeline's filters for events stand side by side and would each take it.
  it("sshd: no message belongs to two events, but for what the last resorts know of it", () => {
    const shown = rowsOf("sshd").filter(({ fields }) => fields !== null);
    const patterns = wholePatternsOf("sshd").filter((pattern) => !/^SSHD_(?:NOTE|ERROR|FATAL)/.test(pattern));
    const found = askElasticsearchGrok(
      shown.flatMap(({ message }) => patterns.map((pattern) => ({ pattern: `%{${pattern}}`, message }))),
      bank,
    );
    for (const [i, { message }] of shown.entries()) {
      const events = patterns
        .filter((_, j) => found[i * patterns.length + j] !== null)
        .map((pattern) => pattern.split("_")[1]);
      expect(new Set(events).size, message).toBeLessThanOrEqual(1);
    }
  });
});
