import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BackfillError } from "../../../../worker/contract/errors.ts";
import { parseRegex } from "../../../../worker/regex/parse.ts";
import type { Regex } from "../../../../worker/regex/syntax.ts";
import { matchersOf } from "../../../fuzz/compare-matchers.ts";

/** See test/fixtures/onigmo/README.md; what the plain matcher makes of it is compared in `onigmo.test.ts`. */
interface Row {
  readonly about: string;
  readonly pattern: string;
  readonly options?: string;
  readonly found?: readonly (readonly [text: string, ...spans: unknown[]])[];
  readonly missed?: readonly string[];
}

const ROWS = readFileSync(new URL("../../../fixtures/onigmo/cases.ndjson", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Row);

function parse({ pattern, options = "" }: Row): Regex | undefined {
  const inside = ["i", "x"].filter((option) => options.includes(option)).map((option) => `(?${option})`);
  try {
    return parseRegex(inside.join("") + pattern, { dotAll: options.includes("m"), keepNumbered: true });
  } catch (error) {
    if (error instanceof BackfillError) return undefined;
    throw error;
  }
}

describe("a generated matcher finds what the plain one finds", () => {
  it.each([...new Set(ROWS.map(({ about }) => about))])("in Onigmo's cases: %s", (about) => {
    const different: unknown[] = [];
    for (const row of ROWS.filter((one) => one.about === about)) {
      const regex = parse(row);
      if (!regex) continue;
      const { plain, generated, generatedForLines } = matchersOf(regex);
      for (const text of [...(row.found ?? []).map(([found]) => found), ...(row.missed ?? [])]) {
        const found = text.includes("\n") ? [generated(text)] : [generated(text), generatedForLines(text)];
        for (const ours of found) {
          if (JSON.stringify(ours) !== JSON.stringify(plain(text))) {
            different.push({ pattern: row.pattern, text, ours, plain: plain(text) });
          }
        }
      }
    }
    expect(different).toEqual([]);
  });

  it.each([
    ["a lazy repetition at the end takes whole characters", "(?<a>[^ ]+?)", "€x"],
    ["and in an atomic group", "(?>[^ ]+?).", "€x"],
    ["and nothing where nothing is enough", "(?<a>[^ ]*?)", "€x"],
    ["a class that holds no character leaves the other alternative", "[^\\s\\S]|$", ""],
    ["no match begins within a character", "(?<a>x)*(?<b>\\B\\k<a>?).{2}", "İı"],
  ])("%s", (_, pattern, text) => {
    const { plain, generated } = matchersOf(parseRegex(pattern));
    expect(generated(text)).toEqual(plain(text));
  });
});
