/** What an operator may write into a pipeline, by accident or not, and the messages to try it on. */
export interface HostilePattern {
  readonly name: string;
  /** A grok expression for the message, or the YAML of filters. */
  readonly grok?: string;
  readonly filters?: string;
  /** Of the pattern files. */
  readonly definitions?: Readonly<Record<string, string>>;
  readonly messages: readonly string[];
  /** Takes more than some seconds: no part of `npm test`. */
  readonly isSlow?: true;
}

const aaa = `${"a".repeat(2000)}!`;
const words = "word ".repeat(400);
const commas = `${"1,".repeat(1000)}x`;

/** Each is tried as a pipeline of its own. */
export const HOSTILE_PATTERNS: readonly HostilePattern[] = [
  { name: "(a+)+$", grok: "(a+)+$", messages: [aaa, "aaa"] },
  { name: "(a|a)*b", grok: "(a|a)*b", messages: [aaa, "aab"] },
  { name: "(a|aa)+$", grok: "^(a|aa)+$", messages: [aaa, "aaa"] },
  { name: "(.*)*x", grok: "(.*)*x", messages: [aaa, "x"] },
  { name: "(.*?,){20}P", grok: "(.*?,){20}P", messages: [commas, `${"1,".repeat(20)}P`] },
  { name: "(?:.*a){30}z", grok: "(?:.*a){30}z", messages: [aaa] },
  {
    name: "twelve GREEDYDATA",
    grok: `${Array.from({ length: 12 }, (_, n) => `%{GREEDYDATA:f${String(n)}}`).join(" ")} end`,
    messages: [words, `${words}end`],
  },
  { name: "(%{GREEDYDATA} )+", grok: "^(%{GREEDYDATA} )+$", messages: [`${words}x`] },
  { name: "((%{WORD} ?)+,?)+", grok: "^((%{WORD} ?)+,?)+$", messages: [`${words}!`, "a b, c"] },
  { name: "back-references", grok: "(?<x>a*)(?<y>a*)\\k<x>\\k<y>\\k<x>b", messages: [aaa] },
  { name: "a back-reference in a repetition", grok: "(?:(?<x>a|ab)(?:\\k<x>)*)*c", messages: [aaa] },
  { name: "look-behind at every place", grok: "(?<=aaaaaaaaaaaaaaaaaaaa)b", messages: [aaa.repeat(20)] },
  { name: "look-ahead at every place", grok: "(?:(?=.*z)a)+", messages: [aaa.repeat(20)] },
  { name: "a negative look-ahead at every place", grok: "(?:(?!.*z).)*y", messages: [aaa.repeat(20)] },
  { name: "look-behind of no fixed length", grok: "(?<=a*)b", messages: ["b"] },
  { name: "x{1,100000}", grok: "^x{1,100000}$", messages: ["x".repeat(50_000)] },
  { name: "x{100001}", grok: "x{100001}", messages: ["x"] },
  { name: "(?:x{1,1000}){1,1000}", grok: "^(?:x{1,1000}){1,1000}$", messages: [`${"x".repeat(5000)}!`] },
  { name: "(?<f>x?){1,100000}", grok: "(?<f>x?){1,100000}$", messages: ["x".repeat(500)] },
  { name: "x{1000}{1000}{1000}", grok: "x{1000}{1000}{1000}", messages: ["x".repeat(5000)] },
  {
    name: "10,000 alternatives",
    grok: Array.from({ length: 10_000 }, (_, n) => `word${String(n)}x`).join("|"),
    isSlow: true,
    messages: ["word9999x", `${"word9999 ".repeat(200)}`],
  },
  {
    name: "10,000 alternatives of one beginning, repeated",
    grok: `^(?:${Array.from({ length: 10_000 }, (_, n) => `a${String(n)}?`).join("|")})*$`,
    isSlow: true,
    messages: [aaa],
  },
  { name: "a pattern of 100,000 characters", grok: "a".repeat(100_000), messages: ["a".repeat(60_000)] },
  { name: "100,000 characters of classes", grok: "[a-z]".repeat(20_000), messages: ["a".repeat(60_000)] },
  { name: "20,000 dots and stars", grok: ".*".repeat(20_000), isSlow: true, messages: [aaa] },
  { name: "10,000 groups in each other", grok: `${"(".repeat(10_000)}a${")".repeat(10_000)}`, messages: ["a"] },
  { name: "10,000 look-aheads in each other", grok: `${"(?=".repeat(10_000)}a${")".repeat(10_000)}`, messages: ["a"] },
  {
    name: "10,000 atomic groups in each other",
    grok: `${"(?>".repeat(10_000)}a${")".repeat(10_000)}`,
    messages: ["a"],
  },
  { name: "10,000 repetitions in each other", grok: `${"(?:".repeat(10_000)}a${")+".repeat(10_000)}`, messages: ["a"] },
  {
    name: "30 repetitions in each other",
    grok: `^${"(?:".repeat(30)}a${")+".repeat(30)}$`,
    isSlow: true,
    messages: [aaa],
  },
  { name: "10,000 brackets in each other", grok: `${"[".repeat(10_000)}a${"]".repeat(10_000)}`, messages: ["a"] },
  { name: "10,000 groups that are not closed", grok: "(".repeat(10_000), messages: ["a"] },
  {
    name: "10,000 named groups",
    grok: Array.from({ length: 10_000 }, (_, n) => `(?<f${String(n)}>a)?`).join(""),
    isSlow: true,
    messages: [aaa],
  },
  { name: "10,000 groups of one name", grok: "(?<f>a)?".repeat(10_000), isSlow: true, messages: [aaa] },
  { name: "a call of itself", grok: "(?<x>a\\g<x>?b)", messages: ["aabb"] },
  { name: "calls of each other", grok: "(?<x>a\\g<y>?)(?<y>b\\g<x>?)", messages: ["ab"] },
  {
    name: "calls that double 40 times",
    grok: `(?<c0>a)${Array.from({ length: 40 }, (_, n) => `(?<c${String(n + 1)}>\\g<c${String(n)}>\\g<c${String(n)}>)`).join("")}`,
    messages: [aaa],
  },
  { name: "a definition of itself", grok: "%{A}", definitions: { A: "x%{A}" }, messages: ["x"] },
  {
    name: "definitions of each other",
    grok: "%{A}",
    definitions: { A: "%{B}", B: "%{C}", C: "%{A}" },
    messages: ["x"],
  },
  { name: "a definition that is missing", grok: "%{A}", definitions: { A: "%{NOWHERE}" }, messages: ["x"] },
  {
    name: "definitions that double 40 times",
    grok: "%{D40}",
    definitions: {
      D0: "a",
      ...Object.fromEntries(
        Array.from({ length: 40 }, (_, n) => [`D${String(n + 1)}`, `%{D${String(n)}}%{D${String(n)}}`]),
      ),
    },
    messages: [aaa],
  },
  {
    name: "10,000 definitions in each other",
    grok: "%{D9999}",
    definitions: {
      D0: "a",
      ...Object.fromEntries(Array.from({ length: 9999 }, (_, n) => [`D${String(n + 1)}`, `%{D${String(n)}}`])),
    },
    messages: ["a"],
  },
  { name: "fields named __proto__", grok: "%{WORD:__proto__} %{WORD:[constructor][prototype]}", messages: ["a b"] },
  {
    name: "fields of the document itself",
    grok: "%{WORD:offset} %{WORD:file} %{WORD:@timestamp} %{WORD:tags}",
    messages: ["a b c d"],
  },
  { name: "a field in a text", grok: "%{WORD:message} %{WORD:[message][x]}", messages: ["a b"] },
  { name: "a field 10,000 deep", grok: `%{WORD:${"[a]".repeat(10_000)}}`, messages: ["a"] },
  { name: "a group that is not closed", grok: "(a", messages: ["a"] },
  { name: "\\u0000 in the pattern", grok: "a\\x00b\u0000", messages: ["a"] },
  {
    name: "gsub by (a+)+$",
    filters: "- mutate: { gsub: [message, '(a+)+$', x] }",
    messages: [aaa],
  },
  {
    name: "gsub by the empty text",
    filters: "- mutate: { gsub: [message, '', xxxxxxxxxx] }",
    messages: ["a".repeat(60_000)],
  },
  {
    name: "gsub that doubles, 30 times",
    filters: Array.from({ length: 30 }, () => "- mutate: { gsub: [message, '(.*)', '\\1\\1'] }").join("\n"),
    messages: ["a".repeat(100)],
  },
  {
    name: "add_field that doubles, 40 times",
    filters: `${Array.from({ length: 40 }, () => "- mutate: { replace: { message: '%{message}%{message}' } }").join("\n")}`,
    messages: ["a".repeat(100)],
  },
  {
    name: "a condition by (a+)+$",
    filters: "- if: '[message] =~ /(a+)+$/'\n  then:\n    - mutate: { add_tag: [yes] }",
    messages: [aaa, "aaa"],
  },
  {
    name: "10,000 conditions in each other",
    filters: `- if: '${"(".repeat(10_000)}[message]${")".repeat(10_000)}'\n  then:\n    - mutate: { add_tag: [yes] }`,
    messages: ["a"],
  },
  {
    name: "10,000 negations",
    filters: `- if: '${"!".repeat(10_000)}[message]'\n  then:\n    - mutate: { add_tag: [yes] }`,
    messages: ["a"],
  },
  { name: "split by a text like a pattern", filters: "- mutate: { split: { message: '(a+)+$' } }", messages: [aaa] },
  { name: "split by the empty text", filters: "- mutate: { split: { message: '' } }", messages: [aaa] },
  {
    name: "kv by (a+)+$",
    filters: "- kv: { field_split_pattern: '(a+)+$', value_split_pattern: '(b|b)*c' }",
    messages: [aaa],
  },
  {
    name: "kv by characters like a pattern",
    filters: "- kv: { field_split: '+*(.[', value_split: '\\\\]-^' }",
    messages: ["a-b+c^d*e\\f"],
  },
  {
    name: "kv of 100,000 keys",
    filters: "- kv: {}",
    messages: [Array.from({ length: 6000 }, (_, n) => `k${String(n)}=v`).join(" ")],
  },
  {
    name: "kv of __proto__ and the document's own",
    filters: "- kv: {}",
    messages: ["__proto__=x constructor=y @timestamp=z tags=t offset=o file=f message=m host=h"],
  },
  {
    name: "dissect with 1,000 parts",
    filters: `- dissect: { mapping: { message: '${Array.from({ length: 1000 }, (_, n) => `%{f${String(n)}}`).join(" ")}' } }`,
    messages: [words],
  },
  {
    name: "json of the message",
    filters: "- json: { source: message }",
    messages: [
      `${"[".repeat(30_000)}${"]".repeat(30_000)}`,
      `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`,
      '{"__proto__":{"x":1},"constructor":1,"@timestamp":"never","tags":{"a":1},"offset":"x","file":null,"message":[]}',
      '{"[a][b]":1,"[a":2,"":3}',
      `{"n":1e999,"m":-0,"k":${"9".repeat(5000)}}`,
    ],
  },
  {
    name: "a target 10,000 deep",
    filters: `- json: { source: message, target: '${"[a]".repeat(10_000)}' }`,
    messages: ['{"a":1}'],
  },
  {
    name: "date of a pattern of 10,000 letters",
    filters: `- date: { match: [message, '${"y".repeat(10_000)}'] }`,
    messages: ["2013"],
  },
];
