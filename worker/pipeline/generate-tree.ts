import type { CaptureType } from "../grok/capture-type.ts";
import { compileRegex, declareConstants, type Matcher } from "../regex/compile.ts";
import { prefixOf } from "../regex/prefix.ts";
import { withinLine, type Regex } from "../regex/syntax.ts";
import { JsonWriter, piece } from "../parsers/json-writer.ts";
import { dispatch, type Dispatch } from "./dispatch.ts";
import { DROPPED, failedStage, outcomeOf } from "./outcome.ts";
import * as writeParts from "./write-captures.ts";
import type { StageOutcome, Tree, Write } from "./specialise.ts";

/** The plain pipeline must do the line. */
export const DO_PLAINLY = -1;

/** A tree as code. */
export interface CompiledTree {
  /**
   * Decides what becomes of the message `[from, end)`, which is valid UTF-8 without NUL and line feed.
   * @returns the number of an ending, or `DO_PLAINLY`
   */
  readonly decide: (src: Uint8Array, from: number, end: number) => number;
  readonly endings: readonly Ending[];
  /** The ending of every line, where nothing depends on the message and no field is added. */
  readonly only: Ending | undefined;
}

export interface Ending {
  /** Set: the line is dropped, for this reason. */
  readonly drop: string | undefined;
  /** What became of the line; see `outcome.ts`. */
  readonly outcome: number;
  /** Set: this stage could not read the message. */
  readonly failedStage: string | undefined;
  /** Writes what the last `decide` found as further fields of an object that is open, and makes room for them. */
  readonly write: (writer: JsonWriter, src: Buffer) => void;
}

/** Makes code of a tree; `undefined` where it only says that the plain pipeline must do every line. */
export function compileTree(tree: Tree): CompiledTree | undefined {
  if (tree.kind === "plain") return undefined;
  return new TreeGenerator().compile(tree);
}

/** An ending whose code is not made yet. */
interface EndingCode {
  readonly drop: string | undefined;
  readonly stages: readonly StageOutcome[];
  readonly write: string;
}

class TreeGenerator {
  readonly #constants: unknown[] = [];
  readonly #functions: string[] = [];
  readonly #decisions = new Map<Tree, string>();
  /** By their code. */
  readonly #dispatches = new Map<string, string>();
  readonly #endings: EndingCode[] = [];
  #depths = 0;
  #slots = 1;

  compile(tree: Tree): CompiledTree {
    const body = this.#decide(tree, 0);
    const source = `"use strict";
      ${declareConstants(this.#constants.length)}
      ${Array.from({ length: this.#depths }, (_, depth) => `const slots${String(depth)} = new Int32Array(${String(this.#slots)});`).join("\n")}
      const slotsOfTests = new Int32Array(${String(this.#slots)});
      ${this.#functions.join("\n")}
      function decide(src, from, end) { ${body} }
      return { decide, writes: [${this.#endings.map(({ write }) => write).join(", ")}] };`;
    // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
    const made = new Function(...Object.keys(writeParts), "K", source)(
      ...Object.values(writeParts),
      this.#constants,
    ) as {
      readonly decide: CompiledTree["decide"];
      readonly writes: readonly Ending["write"][];
    };
    const endings = this.#endings.map(({ drop, stages }, i) => ({
      drop,
      outcome: drop === undefined ? outcomeOf(stages) : DROPPED,
      failedStage: drop === undefined ? failedStage(stages) : undefined,
      write: made.writes[i]!,
    }));
    const isOnly = tree.kind === "document" && tree.writes.length === 0 && endings[0]?.failedStage === undefined;
    return { decide: made.decide, endings, only: isOnly ? endings[0] : undefined };
  }

  /** Statements that return. */
  #decide(tree: Tree, depth: number): string {
    switch (tree.kind) {
      case "plain":
        return `return ${String(DO_PLAINLY)};`;
      case "drop":
        return this.#end({ drop: tree.reason, stages: tree.stages, write: "undefined" });
      case "document":
        return this.#document(tree.writes, tree.stages);
      case "match":
        return this.#matches(tree, depth);
      case "present": {
        const { capture } = tree;
        const [x, y] = [slot(capture, 0), slot(capture, 1)];
        const isAddress = capture.type === "ip" ? ` && isIpAddress(src, ${x}, ${y})` : "";
        const then = this.#shared(tree.then, depth);
        const otherwise = this.#shared(tree.otherwise, depth);
        const counts = capture.type === "string" ? `if (isFalse(src, ${x}, ${y})) return ${String(DO_PLAINLY)};` : "";
        if (capture.type === "boolean") return `return ${String(DO_PLAINLY)};`;
        return `if (${y} > ${x}${isAddress}) { ${counts} return ${then}(src, from, end); } return ${otherwise}(src, from, end);`;
      }
      case "test": {
        const match = this.#matcher(tree.regex);
        const then = this.#shared(tree.then, depth);
        const otherwise = this.#shared(tree.otherwise, depth);
        return `const tested = ${match}(src, from, end, slotsOfTests);
          if (tested < -1) return ${String(DO_PLAINLY)};
          return tested >= 0 ? ${then}(src, from, end) : ${otherwise}(src, from, end);`;
      }
    }
  }

  /** The decision as a function of its own: several ways may lead to it. */
  #shared(tree: Tree, depth: number): string {
    const known = this.#decisions.get(tree);
    if (known !== undefined) return known;
    const name = this.#function(
      "decide",
      (name) => `function ${name}(src, from, end) { ${this.#decide(tree, depth)} }`,
    );
    this.#decisions.set(tree, name);
    return name;
  }

  /** One expression after the other until one matches: those that the text's beginning leaves. */
  #matches(tree: Tree & { kind: "match" }, depth: number): string {
    this.#depths = Math.max(this.#depths, depth + 1);
    const chain: (Tree & { kind: "match" })[] = [];
    let last: Tree = tree;
    for (; last.kind === "match"; last = last.otherwise) chain.push(last);
    const attempts = chain.map(({ attempt, then }) => {
      const name = this.#function("attempt", (name) => {
        const next = this.#decide(then, depth + 1);
        const match = this.#matcher(attempt.expression.regex);
        return `function ${name}(src, from, end) {
          const found = ${match}(src, from, end, slots${String(depth)});
          if (found === -1) return ${String(GO_ON)};
          if (found < 0) return ${String(DO_PLAINLY)};
          ${next}
        }`;
      });
      return name;
    });
    const otherwise = this.#decide(last, depth);
    const sorted = dispatch(
      chain.map(({ attempt }, number) => ({ number, prefix: prefixOf(withinLine(attempt.expression.regex)) })),
    );
    return `const done = ${this.#dispatched(sorted, attempts)}(src, from, end);
      if (done !== ${String(GO_ON)}) return done; ${otherwise}`;
  }

  /**
   * The function that tries what the text's beginning leaves. Candidates whose beginning is open stand in many cases: functions for the same
   * candidates are one, since code that is too large is never optimised (V8 gives up at 60 KB of bytecode).
   */
  #dispatched(sorted: Dispatch, attempts: readonly string[]): string {
    const code =
      sorted.kind === "try"
        ? `let done; ${sorted.candidates
            .map((number) => `if ((done = ${attempts[number]!}(src, from, end)) !== ${String(GO_ON)}) return done;`)
            .join(" ")} return ${String(GO_ON)};`
        : this.#switch(sorted, attempts);
    let name = this.#dispatches.get(code);
    if (name === undefined) {
      name = this.#function("dispatch", (given) => `function ${given}(src, from, end) { ${code} }`);
      this.#dispatches.set(code, name);
    }
    return name;
  }

  #switch({ at, cases, otherwise }: Dispatch & { kind: "switch" }, attempts: readonly string[]): string {
    const go = (next: Dispatch): string =>
      next.kind === "try" && next.candidates.length === 0
        ? `return ${String(GO_ON)};`
        : `return ${this.#dispatched(next, attempts)}(src, from, end);`;
    const labels = cases.map(
      ({ bytes, next }) => `${bytes.map((byte) => `case ${String(byte)}:`).join(" ")} ${go(next)}`,
    );
    const place = at === 0 ? "from" : `from + ${String(at)}`;
    return `switch (${place} < end ? src[${place}] : -1) { ${labels.join("\n")} default: ${go(otherwise)} }`;
  }

  #matcher(regex: Regex): string {
    const { match, slots } = lineMatcher(regex);
    this.#slots = Math.max(this.#slots, slots);
    return this.#constant(match);
  }

  #document(writes: readonly Write[], stages: readonly StageOutcome[]): string {
    const code = new WriteGenerator((value) => this.#constant(value)).generate(writes);
    if (code === undefined) return `return ${String(DO_PLAINLY)};`;
    const write = this.#function("write", (name) => `function ${name}(w, src) { ${code} }`);
    // Captures of one field in several places: a list, if more than one took part.
    const checks = repeatedPaths(writes).map(
      (captures) =>
        `if (${captures.map((one) => `(${isSet(one)} ? 1 : 0)`).join(" + ")} > 1) return ${String(DO_PLAINLY)};`,
    );
    return `${checks.join(" ")} ${this.#end({ drop: undefined, stages, write })}`;
  }

  #end(ending: EndingCode): string {
    return `return ${String(this.#endings.push(ending) - 1)};`;
  }

  #function(kind: string, code: (name: string) => string): string {
    const name = `${kind}${String(this.#functions.length)}`;
    const at = this.#functions.push("") - 1;
    this.#functions[at] = code(name);
    return name;
  }

  #constant(value: unknown): string {
    const known = this.#constants.indexOf(value);
    return `k${String(known < 0 ? this.#constants.push(value) - 1 : known)}`;
  }
}

const MATCHERS = new WeakMap<Regex, Matcher>();

/** The matcher of an expression for messages, which are one line. Trees share it. */
function lineMatcher(regex: Regex): Matcher {
  let matcher = MATCHERS.get(regex);
  if (!matcher) MATCHERS.set(regex, (matcher = compileRegex(withinLine(regex))));
  return matcher;
}

/** No ending yet: the next candidate is tried. */
const GO_ON = -2;

/** From here on a native copy is cheaper. */
const LONG_PIECE = 40;

type Capture = Write["value"] & { readonly kind: "capture" };

/** Writes fields behind those of the header, objects within objects, with every comma in its place. */
class WriteGenerator {
  readonly #constant: (value: Uint8Array) => string;
  #code: string[] = [];
  /** Bytes that are known before, still to be written. */
  #pending = "";
  #fixed = 0;
  #locals = 0;

  constructor(constant: (value: Uint8Array) => string) {
    this.#constant = constant;
  }

  /** `undefined` when the order of the fields depends on what was captured. */
  generate(writes: readonly Write[]): string | undefined {
    if (!this.#fields(writes, 0)) return undefined;
    this.#flush();
    const captures = writes.flatMap(({ value }) => (value.kind === "capture" ? [value] : []));
    // The end of a group that took no part is -1, and its start whatever it was.
    const lengths = captures.map((one) => `Math.max(0, ${slot(one, 1)} - ${slot(one, 0)})`);
    // No character becomes more than six bytes; a number has at most 32.
    const room = [String(this.#fixed + 32 * captures.length), ...lengths.map((length) => `6 * ${length}`)].join(" + ");
    return `w.reserve(${room}); let x = 0, y = 0; ${this.#code.join("\n")}`;
  }

  /** Each field with a comma before it at the top, and behind it in an object. */
  #fields(writes: readonly Write[], depth: number): boolean {
    const keys = [...new Set(writes.map(({ path }) => path[depth]!))];
    let at = 0;
    for (const key of keys) {
      const group = writes.filter(({ path }) => path[depth] === key);
      // All beside each other: then the first that is there stands where it would.
      if (group.some((write, i) => writes[at + i] !== write)) return false;
      at += group.length;
      const name = `${JSON.stringify(key)}:`;
      const [first] = group;
      if (first!.path.length > depth + 1) {
        if (!this.#object(name, group, depth)) return false;
      } else for (const { value } of group) this.#field(name, value, depth);
    }
    return true;
  }

  #object(name: string, group: readonly Write[], depth: number): boolean {
    const certain = group.some(({ value }) => value.kind === "constant" || value.certain);
    const mark = certain ? undefined : `m${String(this.#locals++)}`;
    if (mark !== undefined) {
      this.#flush();
      this.#code.push(`const ${mark} = w.at;`);
    }
    this.#say(`${depth === 0 ? "," : ""}${name}{`);
    this.#flush();
    if (mark !== undefined) this.#code.push(`const ${mark}s = w.at;`);
    if (!this.#fields(group, depth + 1)) return false;
    this.#flush();
    // The last comma becomes the brace.
    const close = `w.buffer[w.at - 1] = 125;`;
    this.#code.push(mark === undefined ? close : `if (w.at === ${mark}s) w.at = ${mark}; else { ${close}`);
    if (depth > 0) this.#say(",");
    this.#flush();
    if (mark !== undefined) this.#code.push(`}`);
    return true;
  }

  #field(name: string, value: Write["value"], depth: number): void {
    const [before, behind] = depth === 0 ? [",", ""] : ["", ","];
    if (value.kind === "constant") return this.#say(`${before}${name}${JSON.stringify(value.value)}${behind}`);
    this.#flush();
    this.#code.push(`x = ${slot(value, 0)}; y = ${slot(value, 1)};`);
    if (!value.certain) this.#code.push(`if (y > x${value.type === "ip" ? " && isIpAddress(src, x, y)" : ""}) {`);
    const quoted = value.type === "string" || value.type === "ip";
    this.#say(`${before}${name}${quoted ? '"' : ""}`);
    this.#flush();
    this.#code.push(this.#value(value.type));
    this.#say(`${quoted ? '"' : ""}${behind}`);
    if (value.certain) return;
    this.#flush();
    this.#code.push(`}`);
  }

  #value(type: CaptureType): string {
    switch (type) {
      case "string":
      case "ip":
        return `w.text(x, y);`;
      case "int":
      case "long":
        return `writeWholeNumber(w, src, x, y);`;
      case "float":
      case "double":
      case "boolean":
        return `writeConverted(w, src, x, y, ${JSON.stringify(type)});`;
    }
  }

  #say(text: string): void {
    this.#pending += text;
  }

  #flush(): void {
    if (this.#pending === "") return;
    const bytes = piece(this.#pending);
    this.#pending = "";
    this.#fixed += bytes.length;
    if (bytes.length > LONG_PIECE) return void this.#code.push(`w.raw(${this.#constant(bytes)});`);
    // Four at a time: a call for a few bytes costs more than they do.
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (; at + 4 <= bytes.length; at += 4) {
      this.#code.push(`w.view.setInt32(w.at + ${String(at)}, ${String(view.getInt32(at, true))}, true);`);
    }
    for (; at < bytes.length; at++) this.#code.push(`w.buffer[w.at + ${String(at)}] = ${String(bytes[at]!)};`);
    this.#code.push(`w.at += ${String(bytes.length)};`);
  }
}

function slot({ depth, group }: Capture, end: 0 | 1): string {
  return `slots${String(depth)}[${String(2 * group + end)}]`;
}

function isSet(capture: Capture): string {
  return `${slot(capture, 1)} > ${slot(capture, 0)}`;
}

/** Captures that go to one field, where there are several. */
function repeatedPaths(writes: readonly Write[]): readonly (readonly Capture[])[] {
  const byPath = new Map<string, Capture[]>();
  for (const { path, value } of writes) {
    if (value.kind !== "capture") continue;
    const key = JSON.stringify(path);
    byPath.set(key, [...(byPath.get(key) ?? []), value]);
  }
  return [...byPath.values()].filter(({ length }) => length > 1);
}
