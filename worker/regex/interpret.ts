import { has, utf8Length } from "./char-set.ts";
import { wordCharacters } from "./classes.ts";
import { remembers, uncheckedRounds } from "./empty-rounds.ts";
import { foldOf } from "./folding.ts";
import { choice, widthOf, type Assertion, type Node, type Regex } from "./syntax.ts";

/** Where the whole and each group were found, in characters (code points); -1 where a group took no part. */
export interface Match {
  readonly start: number;
  readonly end: number;
  readonly groups: readonly { readonly start: number; readonly end: number }[];
}

/** A match, or `undefined`; or that it was given up after `limit` steps. */
export type Verdict = Match | undefined | "too-many-steps";

/**
 * How far a search came before it failed: for explaining, not for deciding. It is the longest way of all attempts, where
 * characters that something like `.*` took do not count: that goes on to the end of any text.
 */
export interface Reach {
  /** Where that attempt began. */
  start: number;
  /** The character that was looked at last. */
  at: number;
  /** How many characters up to there something like `.*` took. */
  wild: number;
  /** The node that looked at it, and failed; `undefined` when nothing was looked at. */
  node: Node | undefined;
}

/** To be filled by a search. */
export function noReach(): Reach {
  return { start: 0, at: -1, wild: 0, node: undefined };
}

/**
 * The plain matcher, which says what an expression means: a backtracking machine over characters, as Onigmo is, without
 * any optimisation. The generated matcher (`compile.ts`) must find the same; otherwise it serves to explain a miss.
 *
 * As in Onigmo the first start that matches counts, then the first way; groups keep what they remembered last, also
 * in a repetition's later rounds that pass them by; a round that takes nothing ends its repetition, where Onigmo looks
 * (see `uncheckedRounds`), unless a group says otherwise (see `Machine.#afterEmptyRound`); then it may go on forever, as
 * there: give a limit.
 */
export function interpretRegex(
  regex: Regex,
): (text: readonly number[], limit?: number, reach?: Reach, first?: number) => Verdict {
  const program = assemble(regex);
  return (text, limit = Infinity, reach = undefined, first = 0) => {
    const machine = new Machine(program, regex.groups.length, text, limit, reach);
    for (let start = first; start <= text.length; start++) {
      machine.begin(start);
      const end = machine.run(0, start);
      if (machine.exhausted) return "too-many-steps";
      if (end < 0) continue;
      const groups = regex.groups.map((_, group) => ({
        start: machine.slots[2 * group]!,
        end: machine.slots[2 * group + 1]!,
      }));
      return { start, end, groups };
    }
    return undefined;
  };
}

/** The characters of a text, for `interpretRegex`. */
export function codePoints(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0)!);
}

type Instruction =
  /** `wild`: it takes words and blanks alike. */
  | { readonly op: "set"; readonly node: Node & { kind: "set" }; readonly wild: boolean }
  | { readonly op: "assert"; readonly node: Node & { kind: "assert" } }
  | { readonly op: "backreference"; readonly node: Node & { kind: "backreference" } }
  /** Goes on at the first; at the second when that fails. */
  | { readonly op: "split"; first: number; second: number }
  | { readonly op: "jump"; to: number }
  | { readonly op: "remember"; readonly slot: number }
  | { readonly op: "set-counter"; readonly counter: number }
  /** Counts a round. Behind it: `split` for another one, unless it took nothing. */
  | {
      readonly op: "loop";
      readonly counter: number;
      readonly min: number;
      readonly max: number;
      readonly lazy: boolean;
      readonly unchecked: number;
      readonly groups: boolean;
      body: number;
      exit: number;
    }
  /** Runs the part behind it, up to its `accept`, by itself. */
  | { readonly op: "part"; readonly node: Node & { kind: "atomic" | "look" }; exit: number; readonly back: number }
  | { readonly op: "accept" };

interface Program {
  readonly code: readonly Instruction[];
  readonly counters: number;
}

function assemble(regex: Regex): Program {
  const code: Instruction[] = [];
  let counters = 0;
  const emit = <T extends Instruction>(instruction: T): T => {
    code.push(instruction);
    return instruction;
  };
  const part = (node: Node & { kind: "atomic" | "look" }, inner: Node, back: number): void => {
    const begin = emit({ op: "part", node, exit: 0, back });
    add(inner);
    emit({ op: "accept" });
    begin.exit = code.length;
  };
  const add = (node: Node): void => {
    switch (node.kind) {
      case "set":
        return void emit({ op: "set", node, wild: [..."a0 "].every((c) => has(node.set, c.codePointAt(0)!)) });
      case "assert":
        return void emit({ op: "assert", node });
      case "backreference":
        return void emit({ op: "backreference", node });
      case "element":
        return add(node.node);
      case "sequence":
        return node.nodes.forEach(add);
      case "choice": {
        const jumps = node.nodes.map((option, i) => {
          const split =
            i + 1 < node.nodes.length ? emit({ op: "split", first: code.length + 1, second: 0 }) : undefined;
          add(option);
          const jump = emit({ op: "jump", to: 0 });
          if (split) split.second = code.length;
          return jump;
        });
        for (const jump of jumps) jump.to = code.length;
        return;
      }
      case "capture":
        emit({ op: "remember", slot: 2 * node.group });
        add(node.node);
        emit({ op: "remember", slot: 2 * node.group + 1 });
        return;
      case "repeat": {
        if (node.how === "possessive") {
          const greedy: Node = { ...node, how: "greedy" };
          return part({ kind: "atomic", node: greedy }, greedy, 0);
        }
        const counter = counters;
        counters += 2;
        emit({ op: "set-counter", counter });
        const loop = emit({
          op: "loop",
          counter,
          min: node.min,
          max: node.max,
          lazy: node.how === "lazy",
          unchecked: uncheckedRounds(node),
          groups: remembers(node.node),
          body: code.length + 1,
          exit: 0,
        });
        add(node.node);
        emit({ op: "jump", to: code.indexOf(loop) });
        loop.exit = code.length;
        return;
      }
      case "atomic":
        return part(node, node.node, 0);
      case "look": {
        if (node.ahead) return part(node, node.node, 0);
        // Each alternative has a length of its own: that far back it begins.
        const options = node.node.kind === "choice" ? node.node.nodes : [node.node];
        if (options.length === 1) return part(node, node.node, widthOf(node.node).min);
        const each = options.map((option): Node => ({ ...node, node: option }));
        // Negative: none of them may stand there.
        return add(node.negative ? { kind: "sequence", nodes: each } : choice(each));
      }
    }
  };
  add(regex.node);
  emit({ op: "accept" });
  return { code, counters };
}

class Machine {
  readonly slots: number[];
  exhausted = false;
  readonly #program: Program;
  /** By repetition: rounds done, and where the last one began. */
  readonly #counters: number[];
  readonly #text: readonly number[];
  readonly #limit: number;
  readonly #reach: Reach | undefined;
  #steps = 0;
  /** Where the attempt under way began, and what it took wildly; for `reach`. */
  #start = 0;
  #wild = 0;
  /** What to do when nothing goes on: go back to a place, or put a value back. */
  readonly #trail: (
    | { readonly kind: "retry"; readonly pc: number; readonly at: number; readonly wild: number }
    | { readonly kind: "restore"; readonly values: number[]; readonly index: number; readonly value: number }
  )[] = [];

  constructor(program: Program, groups: number, text: readonly number[], limit: number, reach: Reach | undefined) {
    this.#program = program;
    this.#text = text;
    this.#limit = limit;
    this.#reach = reach;
    this.slots = new Array<number>(2 * groups).fill(-1);
    this.#counters = new Array<number>(program.counters).fill(0);
  }

  begin(start: number): void {
    this.#start = start;
    this.#wild = 0;
  }

  /** @returns where the match ends, or -1; then everything is as it was */
  run(pc: number, at: number): number {
    const { code } = this.#program;
    const bottom = this.#trail.length;
    for (;;) {
      if (++this.#steps > this.#limit) {
        this.exhausted = true;
        return -1;
      }
      const instruction = code[pc]!;
      let next = pc + 1;
      switch (instruction.op) {
        case "accept":
          return at;
        case "jump":
          next = instruction.to;
          break;
        case "split":
          this.#trail.push({ kind: "retry", pc: instruction.second, at, wild: this.#wild });
          next = instruction.first;
          break;
        case "remember":
          this.#store(this.slots, instruction.slot, at);
          break;
        case "set-counter":
          this.#store(this.#counters, instruction.counter, -1);
          this.#store(this.#counters, instruction.counter + 1, -1);
          break;
        case "loop":
          next = this.#loop(instruction, at);
          break;
        case "part": {
          const end = this.#part(instruction, pc, at);
          if (end < 0) next = -1;
          else {
            at = end;
            next = instruction.exit;
          }
          break;
        }
        case "set":
          if (at < this.#text.length && has(instruction.node.set, this.#text[at]!)) {
            at++;
            if (instruction.wild) this.#wild++;
          } else next = this.#failed(instruction.node, at);
          break;
        case "assert":
          if (!this.#holds(instruction.node.what, at)) next = this.#failed(instruction.node, at);
          break;
        case "backreference": {
          const length = this.#repeatedLength(instruction.node, at);
          if (length >= 0) at += length;
          else next = this.#failed(instruction.node, at);
          break;
        }
      }
      if (this.exhausted) return -1;
      if (next >= 0) {
        pc = next;
        continue;
      }
      const back = this.#backTo(bottom);
      if (!back) return -1;
      ({ pc, at } = back);
      this.#wild = back.wild;
    }
  }

  #loop(loop: Instruction & { op: "loop" }, at: number): number {
    const rounds = this.#counters[loop.counter]! + 1;
    if (rounds > loop.unchecked && this.#counters[loop.counter + 1] === at) {
      const next = loop.groups ? this.#afterEmptyRound(loop.counter + 1, at) : "ends";
      if (next === "fails") return -1;
      if (next === "ends") return loop.exit;
    }
    this.#store(this.#counters, loop.counter, rounds);
    this.#store(this.#counters, loop.counter + 1, at);
    if (rounds < loop.min) return loop.body;
    if (rounds >= loop.max) return loop.exit;
    this.#trail.push({ kind: "retry", pc: loop.lazy ? loop.body : loop.exit, at, wild: this.#wild });
    return loop.lazy ? loop.exit : loop.body;
  }

  /**
   * What a round that took nothing leads to depends on the groups that were entered in it, by what each held before:
   * nothing or some text, and the repetition goes on; the empty text of another place, and the round fails.
   * @source Onigmo regexec.c, STACK_NULL_CHECK_MEMST
   */
  #afterEmptyRound(begin: number, at: number): "ends" | "fails" | "goes on" {
    const trail = this.#trail;
    let from = trail.length - 1;
    for (; from >= 0; from--) {
      const entry = trail[from]!;
      if (entry.kind === "restore" && entry.values === this.#counters && entry.index === begin) break;
    }
    let next: "ends" | "fails" = "ends";
    for (let i = from + 1; i < trail.length; i++) {
      const entry = trail[i]!;
      if (entry.kind !== "restore" || entry.values !== this.slots || entry.index % 2 === 1) continue;
      const end = this.#valueBefore(i, entry.index + 1);
      if (end < 0 || end !== entry.value) return "goes on";
      if (end !== at) next = "fails";
    }
    return next;
  }

  /** What a slot held when the trail had `length` entries. */
  #valueBefore(length: number, slot: number): number {
    for (let i = length; i < this.#trail.length; i++) {
      const entry = this.#trail[i]!;
      if (entry.kind === "restore" && entry.values === this.slots && entry.index === slot) return entry.value;
    }
    return this.slots[slot]!;
  }

  #part({ node, back }: Instruction & { op: "part" }, pc: number, at: number): number {
    const before = this.#trail.length;
    const from = at - back;
    const wild = this.#wild;
    const end = from < 0 ? -1 : this.run(pc + 1, from);
    if (this.exhausted) return -1;
    if (end < 0 || node.kind === "look") this.#wild = wild;
    const negative = node.kind === "look" && node.negative;
    if (end >= 0 && negative) this.#undoTo(before);
    else if (end >= 0) this.#forgetChoices(before);
    if (end >= 0 === negative) return this.#failed(node, at);
    return node.kind === "atomic" ? end : at;
  }

  /** The way that was taken stays, but nobody comes back to its forks. */
  #forgetChoices(bottom: number): void {
    const kept = this.#trail.splice(bottom).filter(({ kind }) => kind === "restore");
    this.#trail.push(...kept);
  }

  #undoTo(bottom: number): void {
    while (this.#trail.length > bottom) {
      const entry = this.#trail.pop()!;
      if (entry.kind === "restore") entry.values[entry.index] = entry.value;
    }
  }

  #backTo(bottom: number): { readonly pc: number; readonly at: number; readonly wild: number } | undefined {
    while (this.#trail.length > bottom) {
      const entry = this.#trail.pop()!;
      if (entry.kind === "retry") return entry;
      entry.values[entry.index] = entry.value;
    }
    return undefined;
  }

  #store(values: number[], index: number, value: number): void {
    this.#trail.push({ kind: "restore", values, index, value: values[index]! });
    values[index] = value;
  }

  #failed(node: Node, at: number): -1 {
    const reach = this.#reach;
    if (!reach) return -1;
    const longer = at - this.#start - this.#wild - (reach.at - reach.start - reach.wild);
    // Of equal ways of one attempt the one that is further on in the text, then in the expression; of equal attempts the first.
    if (longer > 0 || (longer === 0 && this.#start === reach.start && at >= reach.at)) {
      Object.assign(reach, { start: this.#start, at, wild: this.#wild, node } satisfies Reach);
    }
    return -1;
  }

  #holds(what: Assertion, at: number): boolean {
    const text = this.#text;
    const end = text.length;
    switch (what) {
      case "text-start":
        return at === 0;
      case "text-end":
        return at === end;
      case "last-line-end":
        return at === end || (at === end - 1 && text[at] === LF);
      case "line-start":
        return at === 0 || (text[at - 1] === LF && at < end);
      case "line-end":
        return at === end || text[at] === LF;
      case "word-border":
        return this.#isWord(at - 1) !== this.#isWord(at);
      case "no-word-border":
        return this.#isWord(at - 1) === this.#isWord(at);
    }
  }

  #isWord(at: number): boolean {
    const character = this.#text[at];
    return character !== undefined && has(wordCharacters(), character);
  }

  /** How many characters at `at` repeat what one of the groups holds, the last ones first; or -1. */
  #repeatedLength({ groups, ignoreCase }: Node & { kind: "backreference" }, at: number): number {
    for (const group of groups.toReversed()) {
      const end = this.slots[2 * group + 1]!;
      if (end < 0) continue;
      const held = this.#text.slice(this.slots[2 * group], end);
      const here = this.#text.slice(at, at + held.length);
      const same = (code: number, i: number): boolean =>
        code === here[i] || (ignoreCase && i < here.length && foldOf(code) === foldOf(here[i]!));
      // Onigmo gives up when fewer bytes are left than a group holds: it asks no other one, and `K` (Kelvin) is no `k` at
      // the end where case does not matter.
      if (bytesOf(held) > bytesOf(this.#text.slice(at))) return -1;
      if (held.every(same)) return held.length;
    }
    return -1;
  }
}

function bytesOf(characters: readonly number[]): number {
  return characters.reduce((sum, code) => sum + utf8Length(code), 0);
}

const LF = 10;
