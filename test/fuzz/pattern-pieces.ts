import fc from "fast-check";

/** A piece of a grok pattern, with texts that it takes. */
export interface Piece {
  readonly pattern: string;
  readonly samples: readonly string[];
}

/** Definitions that the pieces name. */
export const DEFINITIONS: Readonly<Record<string, string>> = {
  WORD: "\\b\\w+\\b",
  WORDS: "%{WORD}(?: %{WORD})*",
  NUMBER: "[+-]?\\d+(?:\\.\\d+)?",
  COUNT: "\\d++",
  ADDRESS: "(?:\\d{1,3}\\.){3}\\d{1,3}|[0-9a-f]*::[0-9a-f]*",
  SOME: ".*?",
  REST: ".*",
  SOLID: "\\S+",
  QUOTED: '"(?:[^"\\\\]|\\\\.)*+"',
  FLAG: "(?i:true|false|yes)",
  PAIR: "%{WORD:key}=%{SOLID:value}",
  NOBODY: "(?<nobody>-)|%{WORD:somebody}",
};

const TAKEN: Readonly<Record<string, readonly string[]>> = {
  WORD: ["root", "é", "x_1", "false", "A", "ſ"],
  WORDS: ["one", "one two", "one two three"],
  NUMBER: ["0", "-1", "+7", "22", "007", "3.14", "-0.50", "9007199254740993", "1234567890123456789"],
  COUNT: ["0", "12", "00", "999999999999999", "1000000000000000"],
  ADDRESS: ["10.0.0.1", "999.1.1.1", "010.0.0.1", "::", "2001::7"],
  SOME: ["", "false", "a b", '"', "€"],
  REST: ["", "false", "the rest", " of it \\ "],
  SOLID: ["false", "a-b", "/var/log", "x=y", '"q"'],
  QUOTED: ['""', '"a b"', '"a\\"b"'],
  FLAG: ["true", "false", "False", "YES"],
  PAIR: ["a=b", "k=1"],
  NOBODY: ["-", "somebody"],
};

/** Where captures go: most to ordinary fields, some to fields of the header and to places with a meaning of their own. */
const FIELD = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom("a", "b", "c", "[n][x]", "[n][y]", "[n][z][deep]", "[m][x]") },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "n",
      "host",
      "program",
      "pid",
      "message",
      "pri",
      "repeated",
      "1",
      "[n][0]",
      "[@metadata][k]",
      "@timestamp",
      "[tags]",
      "__proto__",
    ),
  },
);

const TYPE = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  { weight: 2, arbitrary: fc.constantFrom(":int", ":long", ":float", ":double", ":boolean", ":ip", ":string") },
);

/** Texts that stand for themselves, and what takes them. */
const LITERALS = [" ", "from ", "user ", ": ", "=", "x", "é", "(", "a", "b", "-", "[1]", '"', "port "];

const reference = fc
  .tuple(fc.constantFrom(...Object.keys(DEFINITIONS)), fc.option(FIELD, { nil: "" }), TYPE)
  .map(([name, field, type]): Piece => ({
    pattern: field === "" ? `%{${name}}` : `%{${name}:${field}${type}}`,
    samples: TAKEN[name]!,
  }));

const inline = fc
  .tuple(
    FIELD,
    fc.constantFrom<Piece>(
      { pattern: "[a-z]+", samples: ["abc", "false", "z"] },
      { pattern: "\\d*", samples: ["", "5"] },
      { pattern: "[^ ]+?", samples: ["x", "false", "a:b"] },
      { pattern: "Accepted|Failed|", samples: ["Accepted", "Failed", ""] },
    ),
  )
  .map(([field, { pattern, samples }]): Piece => ({ pattern: `(?<${field}>${pattern})`, samples }));

const literal = fc
  .constantFrom(...LITERALS)
  .map((text): Piece => ({ pattern: text.replaceAll(/[[\](){}.*+?^$|\\]/g, "\\$&"), samples: [text] }));

/** Pieces within pieces. */
const pieces = fc.letrec<{ piece: Piece; whole: Piece }>((tie) => ({
  piece: fc.oneof(
    { maxDepth: 2 },
    { weight: 5, arbitrary: literal },
    { weight: 5, arbitrary: reference },
    { weight: 2, arbitrary: inline },
    {
      weight: 1,
      arbitrary: tie("whole").map(({ pattern, samples }) => ({
        pattern: `(?:${pattern})?`,
        samples: ["", ...samples],
      })),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(tie("whole"), tie("whole")).map(([one, other]) => ({
        pattern: `(?:${one.pattern}|${other.pattern})`,
        samples: [...one.samples, ...other.samples],
      })),
    },
    { weight: 1, arbitrary: tie("whole").map(({ pattern, samples }) => ({ pattern: `(?>${pattern})`, samples })) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        { pattern: "\\b", samples: [""] },
        { pattern: "(?=[a-z])", samples: [""] },
        { pattern: "(?<! )", samples: [""] },
        { pattern: "(?i)", samples: [""] },
      ),
    },
  ),
  whole: fc.array(tie("piece"), { minLength: 1, maxLength: 3 }).map(joined),
}));

/** Patterns with the texts that they take, as far as their look-arounds let them. */
export const patterns: fc.Arbitrary<Piece> = fc
  .tuple(
    fc.constantFrom("^", "^", "\\A", ""),
    fc.array(pieces.piece, { minLength: 1, maxLength: 6 }),
    fc.constantFrom("", "", "$", "\\z", "\\Z"),
  )
  .map(([begin, all, end]) => {
    const { pattern, samples } = joined(all);
    return { pattern: `${begin}${pattern}${end}`, samples };
  });

/** Several pieces one behind the other; of their texts a few combinations. */
function joined(all: readonly Piece[]): Piece {
  const count = Math.max(...all.map(({ samples }) => samples.length));
  const samples = Array.from({ length: Math.min(count, 8) }, (_, n) =>
    all.map(({ samples }, at) => samples[(n * (at + 1)) % samples.length]!).join(""),
  );
  return { pattern: all.map(({ pattern }) => pattern).join(""), samples };
}
