import { beforeAll, describe, expect, it } from "vitest";
import { askElasticsearchGrok } from "../support/grok-oracle.ts";
import { definitionsOf, patternFiles, rowsOf, wholePatternsOf } from "../support/pattern-files.ts";

/** Every row of the bank's fixtures, with the patterns of its file that it is tried under. */
const ROWS = patternFiles().flatMap((file) =>
  rowsOf(file).map((row) => ({
    file,
    row,
    patterns: row.fields === null ? [row.pattern] : wholePatternsOf(file),
  })),
);

/** Our own patterns under an engine that is not ours. */
describe.skipIf(process.env["ES_HOME"] === undefined)("our patterns under Elasticsearch's grok", () => {
  /** What each pattern found in a row's message, in the order of `ROWS`. */
  let found: readonly ReadonlyMap<string, unknown>[] = [];

  beforeAll(() => {
    const bank = new Map(patternFiles().flatMap((file) => [...definitionsOf(file)]));
    const questions = ROWS.flatMap(({ row, patterns }) =>
      patterns.map((pattern) => ({ pattern: `%{${pattern}}`, message: row.message })),
    );
    const answers = askElasticsearchGrok(questions, bank).values();
    found = ROWS.map(({ patterns }) => new Map(patterns.map((pattern) => [pattern, answers.next().value])));
  });

  for (const file of patternFiles()) {
    const at = [...ROWS.keys()].filter((i) => ROWS[i]?.file === file);

    it(`${file}: each row captures what it says`, () => {
      const rows = at.map((i) => ROWS[i]?.row);
      expect(at.map((i, n) => ({ ...rows[n], fields: found[i]?.get(rows[n]?.pattern ?? "") }))).toEqual(rows);
    });

    // Order decides among the patterns of a program, so a row must not be another's prey.
    it(`${file}: the first pattern that takes a row's message is the row's`, () => {
      const shown = at.filter((i) => ROWS[i]?.row.fields !== null);
      expect(shown.map((i) => takenBy(i)[0])).toEqual(shown.map((i) => ROWS[i]?.row.pattern));
    });
  }

  // The pipeline's filters for events stand side by side and would each take it.
  it("sshd: no message belongs to two events, but for what the last resorts know of it", () => {
    for (const [i, { file, row }] of ROWS.entries()) {
      if (file !== "sshd" || row.fields === null) continue;
      const events = takenBy(i).map((pattern) => pattern.split("_")[1] ?? "");
      const own = new Set(events.filter((event) => !["NOTE", "ERROR", "FATAL"].includes(event)));
      expect(own.size, row.message).toBeLessThanOrEqual(1);
    }
  });

  /** The patterns that take the message of a row, in order. */
  function takenBy(i: number): readonly string[] {
    return [...(found[i] ?? [])].filter(([, fields]) => fields !== null).map(([pattern]) => pattern);
  }
});
