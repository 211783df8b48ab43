import { describe, expect, it } from "vitest";
import { figuresOf, fuzz } from "../fuzz/fuzz.ts";
import { PARTS } from "../fuzz/parts.ts";

/**
 * Half a minute of `npm run fuzz`, from one seed, so that what fails here fails because of a change; other seeds are for `npm run fuzz`. What
 * differs says how to see it again. `GRIDHARVEST_FUZZ_SECONDS` and `GRIDHARVEST_FUZZ_SEED` make it longer, or another.
 */
const SECONDS = Number(process.env["GRIDHARVEST_FUZZ_SECONDS"] ?? 30);
const SEED = Number(process.env["GRIDHARVEST_FUZZ_SEED"] ?? 20130114);

describe("the engine and its references", () => {
  it(
    "agree on random lines, pipelines and expressions, byte for byte",
    async () => {
      const parts = Object.values(PARTS).map((make) => make());
      const result = await fuzz(parts, { seed: SEED, seconds: SECONDS });
      console.log(`seed ${String(SEED)}\n${figuresOf(result)}`);
      expect(result.parts.flatMap(({ failure }) => failure ?? []).join("\n\n")).toBe("");
      for (const { name, lines } of result.parts) expect(lines, name).toBeGreaterThan(0);
    },
    (SECONDS + 120) * 1000,
  );

  it("meet each kind of decision that a pipeline can become", () => {
    const met = new Set<string>();
    const part = PARTS.definitions();
    for (let seed = 0; seed < 8; seed++) {
      for (const kind of Object.keys(part.batch(seed, 0).met)) met.add(kind);
    }
    expect([...met].sort()).toEqual(expect.arrayContaining(["document", "drop", "match", "plain", "present", "test"]));
  });
});
