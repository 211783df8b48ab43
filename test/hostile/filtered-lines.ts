import { each, HEADER, type HostileLines } from "./hostile-lines.ts";

const DEEP = 20_000;
const many = (n: number, of: (n: number) => string, between = " "): string =>
  Array.from({ length: n }, (_, at) => of(at)).join(between);
const OWN = [
  "__proto__",
  "constructor",
  "prototype",
  "@timestamp",
  "@metadata",
  "tags",
  "message",
  "offset",
  "file",
  "host",
  "pid",
  "service",
  "toString",
  "",
];

/** What filters are given that read a message as they find it. */
export const FILTERED_LINES: readonly HostileLines[] = [
  {
    name: "json: 100,000 levels, too long",
    filters: "- json: { source: message }",
    content: () => `${HEADER}${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}\n`,
  },
  {
    name: "json: 20,000 lists in each other",
    filters: "- json: { source: message, target: j }",
    content: () => `${HEADER}${"[".repeat(DEEP)}${"]".repeat(DEEP)}\n`,
  },
  {
    name: "json: 10,000 objects in each other, also not closed",
    filters: "- json: { source: message }",
    content: () => `${HEADER}${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}\n${HEADER}${'{"a":'.repeat(10_000)}\n`,
  },
  {
    name: "json: a field reference of 20,000 levels",
    filters: "- json: { source: message }",
    content: () => `${HEADER}{"${"[a]".repeat(DEEP)}":1}\n`,
  },
  {
    name: "json: 5,000 keys",
    filters: "- json: { source: message }",
    content: () => `${HEADER}{${many(5000, (n) => `"k${String(n)}":${String(n)}`, ",")}}\n`,
  },
  {
    name: "json: names of an object's and the document's own",
    filters: "- json: { source: message }",
    content: () =>
      each(
        OWN.length * 3,
        (n) =>
          `${HEADER}{"${OWN[n % OWN.length]!}":${["1", '"x"', '{"a":{"b":[null,1]}}'][Math.floor(n / OWN.length)]!}}`,
      ),
  },
  {
    name: "json: numbers, surrogates, NUL",
    filters: "- json: { source: message }",
    content: () => `${HEADER}{"n":1e999,"m":-0,"k":${"9".repeat(5000)},"s":"\\ud800","z":"\\u0000","q":"\\"\\\\"}\n`,
  },
  {
    name: "kv: 100,000 keys, too long",
    filters: "- kv: {}",
    content: () => `${HEADER}${many(100_000, (n) => `k${String(n)}=v`)}\n`,
  },
  { name: "kv: 6,000 keys", filters: "- kv: {}", content: () => `${HEADER}${many(6000, (n) => `k${String(n)}=v`)}\n` },
  {
    name: "kv: one key 10,000 times",
    filters: "- kv: {}",
    content: () => `${HEADER}${many(10_000, (n) => `k=${String(n)}`)}\n`,
  },
  {
    name: "kv: names of an object's and the document's own",
    filters: "- kv: {}",
    content: () => each(OWN.length, (n) => `${HEADER}${OWN[n]!}=x [${OWN[n]!}][a]=y`),
  },
  {
    name: "kv: values in each other",
    filters: "- kv: { recursive: true }",
    content: () => `${HEADER}${"a=[".repeat(10_000)}b=c${"]".repeat(10_000)}\n${HEADER}${"a=".repeat(20_000)}\n`,
  },
  {
    name: "kv: quotes and brackets that are not closed",
    filters: "- kv: { value_split: ':=' }",
    content: () =>
      `${HEADER}${'a="'.repeat(20_000)}\n${HEADER}${"a=([<{".repeat(8000)}\n${HEADER}${"=".repeat(60_000)}\n`,
  },
  {
    name: "gsub: each character, tenfold",
    filters: "- mutate: { gsub: [message, '.', '\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0'] }",
    content: () => `${HEADER}${"a\u00fc\u{1f600}\0".repeat(8000)}\n`,
  },
  {
    name: "gsub: twenty times twice as long",
    filters: many(
      20,
      () => "- mutate: { gsub: [message, '$', '%{message}'], replace: { message: '%{message}%{message}' } }",
      "\n",
    ),
    content: () => `${HEADER}${"a".repeat(60_000)}\n`,
  },
  {
    name: "gsub: words that end nowhere",
    filters: "- mutate: { gsub: [message, '(\\w+\\s?)+!', x] }",
    content: () => `${HEADER}${"word ".repeat(10_000)}\n`,
  },
  {
    name: "split: 60,000 parts, joined again",
    filters: "- mutate: { split: { message: ',' } }\n- mutate: { join: { message: ', ' } }",
    content: () => `${HEADER}${",".repeat(60_000)}\n`,
  },
  {
    name: "split, then a field for each part",
    filters: "- mutate: { split: { message: ' ' } }\n- mutate: { add_field: { '%{[message][0]}': '%{[message][1]}' } }",
    content: () => each(OWN.length, (n) => `${HEADER}${OWN[n]!} x`),
  },
  {
    name: "a field that a line names",
    filters: "- grok: { match: { message: '^(?<k>\\S+) (?<v>.*)' } }\n- mutate: { add_field: { '%{k}': '%{v}' } }",
    content: () =>
      each(OWN.length, (n) => `${HEADER}${OWN[n]!} x`) +
      `${HEADER}[tags][0] x\n${HEADER}[message][x] y\n${HEADER}[a][1000000000] x\n${HEADER}${"[a]".repeat(DEEP)} x\n`,
  },
  {
    name: "date: of anything",
    filters: "- date: { match: [message, ISO8601, UNIX, UNIX_MS, TAI64N, 'MMM d yyyy HH:mm:ss'] }",
    content: () =>
      many(
        12,
        (n) =>
          `${HEADER}${["0", "-1", "1e308", "9".repeat(400), "Infinity", "NaN", "9999-12-31T23:59:59Z", "0000-00-00", "@4000000050f3d54f3b9aca00", `@${"f".repeat(24)}`, "Feb 30 2013 10:00:00", "+999999-01-01"][n]!}`,
        "\n",
      ),
  },
  {
    name: "dissect: 30,000 delimiters",
    filters: "- dissect: { mapping: { message: '%{a} %{+a} %{b->} %{?k} %{&k} %{c}' } }",
    content: () => `${HEADER}${" ".repeat(30_000)}x\n${HEADER}${many(OWN.length, (n) => OWN[n]!)} x y z\n`,
  },
];
