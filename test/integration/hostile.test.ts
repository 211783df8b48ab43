import { afterAll, describe, expect, it } from "vitest";
import { HOSTILE_LINES } from "../hostile/lines.ts";
import { HOSTILE_PATTERNS } from "../hostile/patterns.ts";
import { runPatterns } from "../hostile/run-patterns.ts";
import { createHostilePool } from "../hostile/try-lines.ts";

describe("hostile lines, through the threads of a parser", () => {
  const pool = createHostilePool(HOSTILE_LINES);
  afterAll(() => pool.close());

  it.each(HOSTILE_LINES.map((lines) => [lines.name, lines] as const))("%s: nothing is lost", async (_, lines) => {
    const { read, stored, flaws } = await pool.try(lines);
    expect(flaws).toEqual([]);
    expect(read).toBeGreaterThan(0);
    // No pipeline of these drops a line.
    expect(stored).toBe(read);
  });
});

/** What `npm run hostile` tries beside these takes minutes. */
const QUICK = HOSTILE_PATTERNS.filter(({ isSlow }) => isSlow !== true);
/** Long only to a machine that is busy. */
const LIMIT_SECONDS = 120;

it(
  "hostile patterns are refused by name, or give up on a line that is stored all the same",
  { timeout: 900_000 },
  async () => {
    const faults: unknown[] = [];
    const outcomes = new Map<string, string>();
    for await (const { name, outcome } of runPatterns(QUICK, LIMIT_SECONDS)) {
      if (outcome.kind === "used" ? !outcome.whole : outcome.kind !== "refused") faults.push({ name, outcome });
      const { documents = [], danger } = outcome.kind === "used" ? outcome : {};
      outcomes.set(name, outcome.kind === "refused" ? outcome.code : [danger ?? "no danger", ...documents].join("|"));
    }
    expect(faults).toEqual([]);
    expect([...outcomes.keys()]).toEqual(QUICK.map(({ name }) => name));
    // The first message is more than its budget, the second is not.
    expect(outcomes.get("(a+)+$")).toMatch(/^\(a\)×\d+!\|_groktimeout\|$/);
    expect(outcomes.get("10,000 groups in each other")).toBe("PIPELINE_INVALID");
    expect(outcomes.get("a condition by (a+)+$")).toBe("no danger|_condition_over_budget|yes");
  },
);
