import fc from "fast-check";

/** Characters of one to four bytes, such as end lines, make words, and fold into others. */
const PLAIN_LETTERS = ["a", "b", "c", "é", "€", "😀", "\n", "1", "_", " "] as const;
const FOLDING_LETTERS = [
  "s",
  "S",
  "ß",
  "ſ",
  "k",
  "K",
  "K",
  "i",
  "İ",
  "ı",
  "f",
  "ﬁ",
  "ﬀ",
  "σ",
  "ς",
  "é",
  "É",
  "ẞ",
  "n",
] as const;

const letter = fc.constantFrom(...PLAIN_LETTERS);
const written = letter.map((one) => (one === "\n" ? "\\n" : one));
const name = fc.constantFrom("n0", "n1", "n2", "n3", "n4");

const quantifier = fc.constantFrom(
  ...[
    "*",
    "+",
    "?",
    "*?",
    "+?",
    "??",
    "*+",
    "++",
    "?+",
    "{2}",
    "{0,1}",
    "{1,2}",
    "{,2}",
    "{2,}",
    "{1,}?",
    "{1,2}?",
    "{2}?",
  ],
  ...["{2}+", "{0}", "{1}", "{2,3}", "{5,}?", "{3,7}", "{60}", "{0,70}"],
);

const inClass = fc.oneof(
  { weight: 3, arbitrary: written },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ...["a-b", "a-c", "0-9", "é-ü", "A-Z", "\\n-\\r", "\\w", "\\d", "\\s", "\\h", "\\W", "\\S", "\\H"],
      ...[
        "[:alpha:]",
        "[:digit:]",
        "[:space:]",
        "[:upper:]",
        "[:punct:]",
        "[:word:]",
        "[:^word:]",
        "\\p{Alpha}",
        "\\u00e9",
      ],
      ...["-", "\\]", "\\[", "€-😀", "\\x61", "[a-b]", "[^ab]", "b&&a-c"],
    ),
  },
);
const characterClass = fc
  .tuple(fc.constantFrom("", "", "", "^"), fc.array(inClass, { minLength: 1, maxLength: 3 }))
  .map(([not, all]) => `[${not}${all.join("")}]`);

/** What look-behinds take: alternatives of fixed lengths. */
const behind = fc
  .array(
    fc.array(fc.oneof(written, fc.constantFrom(".", "\\w", "[ab]", "^", "\\b", "a{2}", "(?<=a)")), { maxLength: 3 }),
    { minLength: 1, maxLength: 3 },
  )
  .map((options) => options.map((all) => all.join("")).join("|"));

const grammar = fc.letrec<{ atom: string; sequence: string; whole: string }>((tie) => ({
  atom: fc.oneof(
    { maxDepth: 4, depthIdentifier: "expression" },
    { weight: 8, arbitrary: written },
    { weight: 2, arbitrary: fc.constant(".") },
    { weight: 2, arbitrary: characterClass },
    { weight: 2, arbitrary: fc.constantFrom("\\w", "\\W", "\\d", "\\s", "\\S", "\\h", "\\R", "\\D") },
    { weight: 2, arbitrary: fc.constantFrom("^", "$", "\\A", "\\z", "\\Z", "\\b", "\\B") },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom("\\k", "\\k", "\\g"), name).map(([how, of]) => `${how}<${of}>`) },
    { weight: 1, arbitrary: fc.constantFrom("(?i)", "(?m)", "(?-i)", "(?#c)") },
    { weight: 3, arbitrary: fc.tuple(name, tie("whole")).map(([of, body]) => `(?<${of}>${body})`) },
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.constantFrom("(?:", "(?:", "(", "(?>", "(?=", "(?!", "(?i:", "(?m:"), tie("whole"))
        .map(([open, body]) => `${open}${body})`),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom("(?<=", "(?<!"), behind).map(([open, body]) => `${open}${body})`),
    },
  ),
  sequence: fc
    .array(
      fc.tuple(tie("atom"), fc.oneof({ weight: 3, arbitrary: fc.constant("") }, { weight: 2, arbitrary: quantifier })),
      { maxLength: 4 },
    )
    .map((all) => all.flat().join("")),
  whole: fc.array(tie("sequence"), { minLength: 1, maxLength: 3, size: "-1" }).map((options) => options.join("|")),
}));

/** Expressions of all that Onigmo has, such as people write and such as nobody does. */
export const expressions: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom("", "", "", "^", "\\A", "(?i)"), grammar.whole)
  .map(([begin, whole]) => begin + withoutUnknown(whole));

/** References to groups that there are. */
function withoutUnknown(pattern: string): string {
  return pattern.replaceAll(/\\[kg]<(\w+)>/g, (reference, of: string) =>
    pattern.includes(`(?<${of}>`) ? reference : "a",
  );
}

/** Texts of the same characters. */
export const texts: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: fc.array(letter, { maxLength: 9 }).map((all) => all.join("")) },
  { weight: 1, arbitrary: fc.array(fc.constantFrom(...FOLDING_LETTERS), { maxLength: 5 }).map((all) => all.join("")) },
  { weight: 1, arbitrary: fc.tuple(letter, fc.nat(90), letter).map(([one, times, end]) => one.repeat(times) + end) },
);
