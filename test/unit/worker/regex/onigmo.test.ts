import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BackfillError } from "../../../../worker/contract/errors.ts";
import { codePoints, interpretRegex } from "../../../../worker/regex/interpret.ts";
import { parseRegex } from "../../../../worker/regex/parse.ts";
import type { Regex } from "../../../../worker/regex/syntax.ts";

type Span = readonly [start: number, end: number] | null;

/** See test/fixtures/onigmo/README.md. */
interface Row {
  readonly about: string;
  readonly pattern: string;
  readonly options?: string;
  readonly error?: string;
  readonly names?: readonly string[];
  readonly found?: readonly (readonly [text: string, ...spans: Span[]])[];
  readonly missed?: readonly string[];
}

const ROWS = readFileSync(new URL("../../../fixtures/onigmo/cases.ndjson", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Row);

/** What Onigmo takes and we refuse, with the construct that the message names. */
const REFUSED: readonly (readonly [pattern: string, construct: string])[] = [
  ["\\G", "`\\G`"],
  ["a\\Kb", "`\\K`"],
  ["\\X", "`\\X`"],
  ["[\\R]", "`\\R` in a character class"],
  ["\\yz?", "`\\y`"],
  ["\\Yz?", "`\\Y`"],
  ["\\Nz?", "`\\N`"],
  ["\\Oz?", "`\\O`"],
  ["\\cz?", "`\\c`"],
  ["\\cA", "`\\c`"],
  ["\\C-a", "`\\C`"],
  ["\\p", "`\\p` without its `{…}`"],
  ["\\pL", "`\\p` without its `{…}`"],
  ["(?~ab)", "the absence operator `(?~`"],
  ["(?<a>x)?(?(<a>)y|z)", "the conditional `(?(`"],
  ["(a)?(?(1)b|c)", "the conditional `(?(`"],
  ["\\k<1>(a)", "`\\k` without a name"],
  ["(a)\\g<1>", "`\\g` without a name"],
  ["(?<d>a\\g<d>?b)", "a call of a group in itself"],
  ["(?<a>x\\g<a>?)", "a call of a group in itself"],
  ["(?<a>\\k<a>x|y)", "a back reference in its own group"],
  ["(?<a>\\k<a>?x)+", "a back reference in its own group"],
  ["(?<a>x\\k<a>)", "a back reference in its own group"],
  ["(a\\1)", "a back reference in its own group"],
  ["(a)\\10", "`\\10` before the group"],
  ["\\101", "`\\101` before the group"],
  ["(?a)\\w", "the option `a`"],
  ["(?u)\\w", "the option `u`"],
  ["(?d)\\w", "the option `d`"],
  ["[[:a:b:]]", "a `[:` that begins no POSIX bracket"],
  // Onigmo's classes go wrong there: `[a[^\D]]` holds `€`.
  ["[\\n-\\r[^ b\\D]]*+", "`\\D` in a negated class in a class"],
  ["(?<n0>😀{,2}[^a-c [c[^\\D]]]{,2}){0,1}", "`\\D` in a negated class in a class"],
  ["(?i)s{2}", "the repetition of `s`"],
  ["(?i)s{1}{2}", "the repetition of `s`"],
  ["(?i)ß{2}", "the repetition of `ß`"],
  ["(?i)sß", "the text `sß`"],
  ["(?i)\\Asß\\z", "the text `sß`"],
  ["(?i)ßs", "the text `ßs`"],
  ["(?i)s{2,}", "the repetition of `s`"],
  ["(?i)(?<=ss)a", "the text `ss` in a look-behind that ignores case"],
];

/** Where we answer otherwise on purpose. */
const OTHERWISE = new Map([
  // Faults of its search: behind `\b` or `\B` alone it takes `.*` for the begin of a line and tries no other start.
  // `x|\b.*b` finds what `\b.*b` does not.
  ["\\b.*b", "it looks at the begin of lines only"],
  ["\\b.+b", "it looks at the begin of lines only"],
  ["\\b.*", "it looks at the begin of lines only"],
  ["(?:\\B){1,2}.++\\s", "it looks at the begin of lines only"],
]);

function parse({ pattern, options = "" }: Row): Regex | BackfillError {
  const inside = ["i", "x"].filter((option) => options.includes(option)).map((option) => `(?${option})`);
  try {
    return parseRegex(inside.join("") + pattern, { dotAll: options.includes("m") });
  } catch (error) {
    if (error instanceof BackfillError) return error;
    throw error;
  }
}

/** The whole, and the groups when they have names: others are remembered only when somebody asks for them. */
function spans(regex: Regex, text: string, named: boolean): Span[] | string | undefined {
  const found = interpretRegex(regex)(codePoints(text), 1_000_000);
  if (found === undefined || typeof found === "string") return found;
  const groups = named ? found.groups : [];
  return [found, ...groups].map(({ start, end }): Span => (start < 0 ? null : [start, end]));
}

/** What is not as Onigmo has it. */
function differences(row: Row): unknown[] {
  const regex = parse(row);
  if (row.error !== undefined) return regex instanceof BackfillError ? [] : [{ pattern: row.pattern, ruby: row.error }];
  if (regex instanceof BackfillError) return [{ pattern: row.pattern, ours: regex.message }];
  const named = row.names !== undefined;
  const names = named ? regex.groups.map(({ name }) => name) : undefined;
  const found = (row.found ?? []).map(([text, ...expected]) => ({ text, expected: named ? expected : [expected[0]] }));
  const missed = (row.missed ?? []).map((text) => ({ text, expected: undefined }));
  return [
    ...(JSON.stringify(names) === JSON.stringify(row.names) ? [] : [{ pattern: row.pattern, names }]),
    ...[...found, ...missed].flatMap(({ text, expected }) => {
      const ours = spans(regex, text, named);
      return JSON.stringify(ours) === JSON.stringify(expected) ? [] : [{ pattern: row.pattern, text, expected, ours }];
    }),
  ];
}

const refused = new Map(REFUSED);

describe("as Onigmo", () => {
  it.each([...new Set(ROWS.map(({ about }) => about))])("%s", (about) => {
    const rows = ROWS.filter((row) => row.about === about && !refused.has(row.pattern) && !OTHERWISE.has(row.pattern));
    expect(rows.flatMap(differences)).toEqual([]);
  });

  it.each(REFUSED)("%s is refused", (pattern, construct) => {
    const row = ROWS.find((each) => each.pattern === pattern);
    expect(row, "Onigmo takes it").toMatchObject({ pattern });
    expect(row?.error).toBeUndefined();
    expect(parse(row!)).toMatchObject({
      code: "REGEX_UNSUPPORTED",
      message: expect.stringContaining(construct) as string,
    });
  });

  it.each([...OTHERWISE])("%s finds more than Onigmo: %s", (pattern) => {
    const row = ROWS.find((each) => each.pattern === pattern)!;
    const more = differences(row);
    expect(more).not.toEqual([]);
    for (const difference of more) expect(difference).toMatchObject({ expected: undefined, ours: [expect.any(Array)] });
  });
});
