import fc from "fast-check";
import type { Origin } from "../../worker/contract/chunk.ts";
import type { EncodedBatch, Pipeline } from "../../worker/contract/pipeline.ts";
import { LARGEST_OFFSET } from "../../worker/parsers/syslog-encoder.ts";
import { runReference } from "../../worker/parsers/reference.ts";
import { createPipeline } from "../../worker/pipeline.ts";
import type { ServiceRules } from "../../worker/pipeline/rules.ts";
import { DEFAULT_RULES, plainPipelines, type Matchers } from "../support/rules.ts";
import { readCorpora } from "./corpora.ts";
import { differenceOf, type Difference } from "./difference.ts";
import { minimise } from "./minimise.ts";
import { mutations, stretches, type Mutation } from "./mutations.ts";
import { origins } from "./origins.ts";
import { Counts, smallestFailure, type Part } from "./part.ts";

/** Bytes of a file as a chunk brings them; texts have one character for each byte. */
export interface FileCase {
  readonly origin: Origin;
  /** Offset of `before` in the file. */
  readonly from: number;
  /** What stands before the block: empty, or up to the end of a line. */
  readonly before: string;
  readonly text: string;
  /** Bytes of the last line that are not held. */
  readonly missing: number;
}

/** What is compared: a pipeline with its oracle. */
export interface Sides {
  readonly pipeline: Pipeline;
  readonly plain: ServiceRules["plain"];
}

const NEWLINE = Buffer.from("\n");

/** The tag of an origin's documents, if they have one. */
const tagOf = ({ ids }: Origin) => (ids === "store" ? "0a1b2c3d4e" : undefined);

/** Runs both on a case. @returns how many lines there were, and where they differ */
export function compareFile(
  { origin, from, before, text, missing }: FileCase,
  { pipeline, plain }: Sides,
): { readonly lines: number; readonly difference: Difference | "over-budget" | undefined } {
  const block = new Uint8Array(Buffer.from(before + text, "latin1"));
  const base = from + before.length;
  const bytes = text.length + missing;
  let engine: EncodedBatch;
  try {
    engine = pipeline.run(block, base, origin, { bytes, lead: before.length, attempt: tagOf(origin) });
  } catch (error) {
    const thrown = (error as Error).stack ?? String(error);
    return { lines: 1, difference: { what: "throws", engine: thrown, reference: "content never makes it throw" } };
  }
  const reference = runReference(block, base, origin, plain, bytes, before.length, tagOf(origin));
  const difference =
    differenceOf(engine, reference) ??
    (missing === 0 ? cutDifference(engine, block, base, origin, before, text, pipeline) : undefined);
  return { lines: engine.tallies.read, difference };
}

/** The same in two chunks, cut at the end of a line in the middle, must give the same documents. */
function cutDifference(
  whole: EncodedBatch,
  block: Uint8Array,
  base: number,
  origin: Origin,
  before: string,
  text: string,
  pipeline: Pipeline,
): Difference | undefined {
  const cut = text.indexOf("\n", text.length >> 1) + 1;
  if (cut === 0 || cut === text.length) return undefined;
  const at = before.length + cut;
  const first = pipeline.run(block.subarray(0, at), base, origin, { lead: before.length, attempt: tagOf(origin) });
  // A file has the end of a line before it, without which the block's first line would be taken for a part of one.
  const [held, lead] = before === "" && base > 0 ? [Buffer.concat([NEWLINE, block]), at + 1] : [block, at];
  const second = pipeline.run(held, base + cut, origin, { lead, attempt: tagOf(origin) });
  const [pieces, all] = [Buffer.concat([first.body, second.body]), Buffer.from(whole.body)];
  if (pieces.equals(all)) return undefined;
  return {
    what: `in two chunks, cut at ${String(cut)}`,
    engine: pieces.toString("latin1"),
    reference: all.toString("latin1"),
  };
}

/** The whole pipeline with the rules that campaigns have by default, on lines of every kind. */
export function pipelinePart(): Part {
  let made: ReturnType<typeof comparison> | undefined;
  return {
    name: "pipeline",
    weight: 3,
    batch(seed, patience) {
      const { cases, sidesFor, alone } = (made ??= comparison());
      const counts = new Counts();
      const differs = ([one, matchers]: readonly [FileCase, Matchers]): boolean => {
        const { lines, difference } = compareFile(one, sidesFor(one, matchers));
        counts.lines += lines;
        if (difference === "over-budget") counts.overBudget++;
        return typeof difference === "object";
      };
      const found = smallestFailure(cases, differs, { seed, runs: 20, patience: patience / 2 });
      if (!found) return { ...counts, failure: undefined };
      const [file, matchers] = found;
      const smallest = smallestFile(file, (one) => differs([one, matchers]), patience / 2);
      const failure = describeFile(smallest, (one) => sidesFor(one, matchers), {
        rules: `the default one of the service ${file.origin.service}`,
        alone: () => alone(file, matchers),
      });
      return { ...counts, failure };
    },
  };
}

/** What serves all batches: making it takes seconds. */
function comparison() {
  const pipeline = createPipeline(DEFAULT_RULES);
  const plain = { plain: plainPipelines(DEFAULT_RULES), generated: plainPipelines(DEFAULT_RULES, "generated") };
  const plainFor = ({ origin, text }: FileCase, matchers: Matchers) =>
    plain[matchers === "plain" && isShort(text) ? "plain" : "generated"](origin.service);
  return {
    cases: fc.tuple(
      fileCases(readCorpora().lines),
      fc.constantFrom<Matchers>("plain", "generated", "generated", "generated"),
    ),
    sidesFor: (one: FileCase, matchers: Matchers): Sides => ({ pipeline, plain: plainFor(one, matchers) }),
    alone: (one: FileCase, matchers: Matchers): Sides => ({
      pipeline: createPipeline(DEFAULT_RULES),
      plain: plainFor(one, matchers),
    }),
  };
}

/** Plain matchers take a step for every instruction, and many lengths of one line are a polynomial of them. */
const LONGEST_FOR_PLAIN = 700;

function isShort(text: string): boolean {
  return text.split("\n").every(({ length }) => length < LONGEST_FOR_PLAIN);
}

/** Files of lines from the corpora with changes. */
function fileCases(lines: readonly string[]): fc.Arbitrary<FileCase> {
  const line = fc
    .tuple(
      fc.constantFrom(...lines),
      mutations,
      fc.oneof(
        { weight: 20, arbitrary: fc.constant("\n") },
        { weight: 3, arbitrary: fc.constantFrom("\r\n", "\r\r\n", "\n\r\n", "") },
      ),
    )
    .map(
      ([text, changes, end]) =>
        (near?: number) =>
          changed(text, changes, near) + end,
    );
  const content = fc.tuple(
    fc.array(line, { minLength: 1, maxLength: 40, size: "max" }),
    fc.oneof(
      { weight: 60, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.tuple(stretches, fc.nat(23)) },
    ),
    fc.nat(23),
    fc.boolean(),
  );
  return fc
    .record({
      origin: origins,
      content,
      from: fc.constantFrom(0, 0, 1, 31, 2 ** 20 - 100, 2 ** 32 - 7, 123_456_789_012, LARGEST_OFFSET),
      withBefore: fc.integer({ min: 0, max: 3 }),
      missing: fc.oneof(
        { weight: 20, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.constantFrom(1, 3_000_000_000) },
      ),
    })
    .map(({ origin: given, content: [makers, stretch, split, withEnd], from, withBefore, missing }) => {
      const all = makers.map((make) => make(given.secondFolds?.[0]?.from));
      const some = stretch
        ? all.with(stretch[1] % all.length, stretched(all[stretch[1] % all.length]!, stretch[0]))
        : all;
      // Only what repeats messages looks back.
      const before = given.repeated && withBefore === 0 ? upToLineEnd(some.slice(0, split % some.length).join("")) : "";
      const rest = some.join("").slice(before.length);
      const text = withEnd || !rest.endsWith("\n") ? rest : rest.slice(0, -1);
      const room = LARGEST_OFFSET - before.length - text.length - missing;
      const begin = Math.min(from, room);
      const origin = foldsAtLines(given, begin + before.length, text);
      return { origin, before, text, missing, from: begin };
    });
}

/** A file comes to the second of two times where a line begins. */
function foldsAtLines(origin: Origin, base: number, text: string): Origin {
  if (!origin.secondFolds) return origin;
  const begins = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  const secondFolds = origin.secondFolds.map((fold) => ({
    ...fold,
    offset: base + begins[fold.offset % begins.length]!,
  }));
  return { ...origin, secondFolds };
}

function changed(text: string, changes: readonly Mutation[], near: number | undefined): string {
  return changes.reduce((line, change) => change(line, near), text);
}

function stretched(line: string, stretch: Mutation): string {
  return line.endsWith("\n") ? stretch(line.slice(0, -1)) + "\n" : stretch(line);
}

function upToLineEnd(text: string): string {
  return text.slice(0, text.lastIndexOf("\n") + 1);
}

/** Takes away whatever of the bytes is not needed. */
export function smallestFile(one: FileCase, differs: (one: FileCase) => boolean, patience: number): FileCase {
  const text = minimise(one.text, (text) => differs({ ...one, text }), patience);
  const before = minimise(
    one.before,
    (before) => before === upToLineEnd(before) && differs({ ...one, text, before }),
    patience,
  );
  return { ...one, text, before };
}

/** All that somebody needs to see what is wrong. */
export function describeFile(
  one: FileCase,
  sides: (one: FileCase) => Sides,
  { rules, alone }: { readonly rules: string; readonly alone: () => Sides },
): string {
  const { difference } = compareFile(one, sides(one));
  if (typeof difference !== "object")
    throw new Error("a case that differed does not any more; matching keeps something from line to line");
  const stays = typeof compareFile(one, alone()).difference === "object";
  return [
    `lines:     ${JSON.stringify(one.text)}`,
    ...(one.before === "" ? [] : [`before:    ${JSON.stringify(one.before)}`]),
    `offset:    ${String(one.from + one.before.length)}${one.missing > 0 ? `, and ${String(one.missing)} bytes more than are held` : ""}`,
    `origin:    ${JSON.stringify(one.origin)}`,
    `pipeline:  ${rules}`,
    `differs:   ${difference.what}`,
    `engine:    ${difference.engine}`,
    `reference: ${difference.reference}`,
    ...(stays ? [] : ["A fresh engine makes no difference of it: something of the lines before was kept."]),
  ].join("\n");
}
