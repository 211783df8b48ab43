import fc from "fast-check";
import { stringify } from "yaml";
import { patterns, type Piece } from "./pattern-pieces.ts";

/** A pipeline, and texts that its patterns and conditions are about. */
export interface WrittenPipeline {
  /** YAML. */
  readonly text: string;
  readonly samples: readonly string[];
}

/** A step as an object for YAML, with the texts that its patterns take. */
interface Written {
  readonly step: Readonly<Record<string, unknown>>;
  readonly samples: readonly string[];
}

const TAGS = ["seen", "late", "_grokparsefailure", "odd"];
const FIELDS = ["a", "b", "c", "n", "[n][x]", "[n][y]", "[n][z]", "[m][x]", "key", "somebody", "t"];

const tag = fc.constantFrom(...TAGS, "%{program}", "%{a}");
const field = fc.constantFrom(...FIELDS);
const constantField = fc.constantFrom("event", "[n][event]", "[m][event]", "a", "[t][kind]", "[n][x]", "program");
const value = fc.constantFrom("AUTHN", "fälse", 'quo"ted', "%{a}", "%{[n][x]} of %{program}", "");

/** Options that every filter has; most have none. */
const common = fc
  .record({
    add_field: rarely(fc.dictionary(constantField, value, { minKeys: 1, maxKeys: 2, noNullPrototype: true })),
    add_tag: rarely(fc.array(tag, { minLength: 1, maxLength: 2 })),
    remove_field: rarely(fc.array(field, { minLength: 1, maxLength: 1 })),
    remove_tag: rarely(fc.array(tag, { minLength: 1, maxLength: 1 })),
  })
  .map(({ remove_field, remove_tag, ...add }) => given({ ...add, remove_field, remove_tag }));

const grok: fc.Arbitrary<Written> = fc
  .tuple(
    fc.array(patterns, { minLength: 1, maxLength: 4 }),
    fc.oneof({ weight: 12, arbitrary: fc.constant("message") }, { weight: 1, arbitrary: field }),
    rarely(fc.tuple(field, patterns), 15),
    fc.record({
      break_on_match: rarely(fc.boolean(), 15),
      keep_empty_captures: rarely(fc.boolean(), 15),
      named_captures_only: rarely(fc.boolean(), 15),
      overwrite: rarely(fc.subarray(["message", "a", "program", "[n][x]"], { minLength: 1 }), 8),
      target: rarely(fc.constantFrom("t", "[n][t]", "program"), 8),
      tag_on_failure: rarely(fc.constantFrom([], ["missed"], ["missed", "odd"]), 1),
      pattern_definitions: rarely(fc.constant({ WORD: "[a-f]+" }), 15),
    }),
    common,
  )
  .map(([all, on, more, options, shared]) => ({
    step: {
      grok: {
        match: { [on]: all.map(({ pattern }) => pattern), ...(more && { [more[0]]: more[1].pattern }) },
        ...given(options),
        ...shared,
      },
    },
    samples: all.flatMap(({ samples }) => samples),
  }));

const changes = fc.constantFrom(
  {},
  {},
  { uppercase: ["a"] },
  { rename: { a: "b" } },
  { copy: { "[n][x]": "c" } },
  { gsub: ["message", "[aeiou]+", "_"] },
  { convert: { a: "integer", b: "float" } },
  { split: { a: " " } },
  { replace: { message: "%{a}!" } },
  { merge: { tags: "a" } },
  { strip: ["a", "message"] },
);

const others = fc.constantFrom(
  { kv: { source: "message", target: "pairs" } },
  { kv: { source: "a" } },
  { dissect: { mapping: { message: "%{a} %{b} %{+b}" } } },
  { dissect: { mapping: { message: "%{?x}from %{[n][x]}" }, tag_on_failure: [] } },
  { date: { match: ["a", "ISO8601", "UNIX"], tag_on_failure: [] } },
  { date: { match: ["[n][x]", "MMM dd HH:mm:ss", "UNIX_MS"], target: "when" } },
  { json: { source: "message", skip_on_invalid_json: true, target: "parsed" } },
  { truncate: { fields: ["a", "message"], length_bytes: 5 } },
  { syslog_pri: {} },
  { tags: { add: ["seen"], remove: ["odd"] } },
);

const filter: fc.Arbitrary<Written> = fc.oneof(
  { weight: 8, arbitrary: grok },
  { weight: 2, arbitrary: fc.tuple(changes, common).map(([how, shared]) => alone({ mutate: { ...how, ...shared } })) },
  { weight: 2, arbitrary: fc.array(tag, { minLength: 1, maxLength: 3 }).map((add) => alone({ tags: { add } })) },
  { weight: 1, arbitrary: others.map(alone) },
);
const drop = fc.constantFrom("noise", 'said "no"', "é").map((reason) => alone({ drop: { reason } }));

/** Conditions; the texts are those that they look for. */
const conditions = fc.letrec<{ condition: Condition; atom: Condition }>((tie) => ({
  atom: fc.oneof(
    {
      weight: 3,
      arbitrary: fc
        .constantFrom(
          '[program] == "sshd"',
          '[program] != "sshd"',
          '[program] in ["sshd", "kernel", "CRON"]',
          "[program] =~ /^ss/",
          "[program]",
          '[service] == "fuzz"',
          '[service] =~ "x"',
        )
        .map(asking),
    },
    { weight: 4, arbitrary: field.map((name) => asking(name.startsWith("[") ? name : `[${name}]`)) },
    { weight: 2, arbitrary: patterns.map(looking) },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom(
          '[a] == "root"',
          '[a] == "false"',
          "[n][x] > 5",
          '"seen" in [tags]',
          '"_grokparsefailure" in [tags]',
          "[tags]",
          "[pid] >= 77",
          '[host] == "h"',
          "[nothing]",
          "[a] == [b]",
          "[a] in [message]",
          "[collector]",
          "[pri] < 20",
          "[repeated]",
          '[event] == "AUTHN"',
          "[n][event]",
        )
        .map(asking),
    },
  ),
  condition: fc.oneof(
    { maxDepth: 2 },
    { weight: 4, arbitrary: tie("atom") },
    { weight: 2, arbitrary: tie("condition").map(({ text, samples }) => ({ text: `!(${text})`, samples })) },
    {
      weight: 3,
      arbitrary: fc
        .tuple(tie("condition"), fc.constantFrom("and", "or", "and", "or", "xor", "nand"), tie("condition"))
        .map(([left, operator, right]) => ({
          text: `(${left.text}) ${operator} (${right.text})`,
          samples: [...left.samples, ...right.samples],
        })),
    },
  ),
}));

interface Condition {
  readonly text: string;
  readonly samples: readonly string[];
}

function asking(text: string): Condition {
  return { text, samples: [] };
}

/** Conditions know no definitions. */
function looking({ pattern, samples }: Piece): Condition {
  const regex = pattern
    .replaceAll(/%\{[^}]*\}/g, "\\w+")
    .replaceAll("(?<", "(?:(?<")
    .replaceAll(/\(\?:\(\?<[^>=!]*>/g, "(?:")
    .replaceAll("(?:(?<", "(?<");
  return { text: `[message] =~ /${regex.replaceAll("/", "\\/")}/`, samples };
}

/** A field that a grok filter may have captured, to ask for; of header fields there is none to ask for. */
function capturedBy({ step }: Written, which: number): string {
  const names = [...JSON.stringify(step).matchAll(/%\{\w+:([^:}]+)|\(\?<([a-z[][^>]*)>/g)].map(
    ([, one, other]) => one ?? other!,
  );
  const name = names[which % Math.max(1, names.length)] ?? "a";
  return name.startsWith("[") ? name : `[${name}]`;
}

const steps = fc.letrec<{ step: Written; list: readonly Written[] }>((tie) => ({
  step: fc.oneof(
    { maxDepth: 3 },
    { weight: 6, arbitrary: filter },
    {
      weight: 2,
      arbitrary: fc
        .tuple(conditions.condition, tie("list"), rarely(tie("list"), 1))
        .map(([condition, then, otherwise]) => ({
          step: { if: condition.text, then: then.map(stepOf), ...(otherwise && { else: otherwise.map(stepOf) }) },
          samples: [condition, ...then, ...(otherwise ?? [])].flatMap(({ samples }) => samples),
        })),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(rarely(conditions.condition, 1), tie("list")).map(([condition, list]) => ({
        step: { stage: "", ...(condition && { if: condition.text }), filters: list.map(stepOf) },
        samples: [...(condition?.samples ?? []), ...list.flatMap(({ samples }) => samples)],
      })),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(grok, fc.nat(7), fc.constantFrom("", "!"), tie("list"), tie("list"))
        .map(([first, which, not, then, otherwise]) => ({
          step: {
            stage: "",
            filters: [
              first.step,
              { if: `${not}${capturedBy(first, which)}`, then: then.map(stepOf), else: otherwise.map(stepOf) },
            ],
          },
          samples: [first, ...then, ...otherwise].flatMap(({ samples }) => samples),
        })),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(conditions.condition, drop).map(([{ text, samples }, { step }]) => ({
        step: { if: text, then: [step] },
        samples,
      })),
    },
  ),
  list: fc.array(tie("step"), { minLength: 1, maxLength: 3 }),
}));

/** Pipelines of everything that a pipeline can have, more of what a compiler can tell before it sees a line. */
export const definitions: fc.Arbitrary<WrittenPipeline> = fc
  .array(steps.step, { minLength: 1, maxLength: 3 })
  .map((list) => ({
    text: stringify(
      { name: "fuzz", filters: named(list.map(stepOf), { stages: 0 }) },
      { lineWidth: 0, aliasDuplicateObjects: false },
    ),
    samples: list.flatMap(({ samples }) => samples),
  }));

/** Gives each stage a name of its own. */
function named(list: readonly unknown[], count: { stages: number }): unknown[] {
  return list.map((step) => {
    const all = step as Readonly<Record<string, unknown>>;
    return Object.fromEntries(
      Object.entries(all).map(([key, part]) => {
        if (key === "stage") return [key, `s${String(count.stages++)}`];
        return [key, ["then", "else", "filters"].includes(key) ? named(part as readonly unknown[], count) : part];
      }),
    );
  });
}

function stepOf({ step }: Written): Written["step"] {
  return step;
}

function alone(step: Written["step"]): Written {
  return { step, samples: [] };
}

function given(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, option]) => option !== null));
}

function rarely<T>(of: fc.Arbitrary<T>, against = 5): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: against, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: of });
}
