import {
  ANYTHING_FIRST,
  bytesOf,
  disjoint,
  either,
  exclude,
  firstOf,
  inOrder,
  literalOf,
  nonAsciiOf,
  onlyByte,
  type ByteSet,
  type First,
} from "./byte-set.ts";
import type { CharSet } from "./char-set.ts";
import { childrenOf, leadingAssertion, sizeOf, widthOf, type Assertion, type Node, type Regex } from "./syntax.ts";

/** JavaScript that matches one expression, and the constants that it names. */
export interface Generated {
  /** Body of a function of `src, from, end, slots, at`, the last being where matches may begin; the names of `machine.ts` and of the constants (`k0`, `k1`, …) are in reach. */
  readonly body: string;
  readonly constants: readonly unknown[];
  /** Numbers in `slots`: two for each group, where the match begins, and what repetitions count with. */
  readonly slots: number;
}

/** What the function returns besides the end of the match. */
export const NO_MATCH = -1;
export const TOO_MANY_STEPS = -2;

/** A body is written out as often as it is repeated up to this many nodes; else its rounds are counted. */
const MOST_COPIED_NODES = 48;
/** Bodies in each other that are written out multiply: no node is written out more often than this. */
const MOST_COPIES = 32;

/** What no alternative begins with. */
const NEVER: First = { bytes: new Uint8Array(256), atEnd: false, empty: false };

/** What comes behind a node. */
type Follow =
  /** Whatever was matched is the result: nobody comes back for another way. */
  "the end" | First;

/**
 * Writes the matcher: a machine whose states are the places where a match can be taken up again. It works on bytes. Where
 * what comes next cannot begin with what a repetition or an alternative takes, no choice is kept, so that most lines
 * are read without a single one.
 *
 * Every byte that a loop passes and every choice that is taken up again is a step; when they are used up the
 * function returns `TOO_MANY_STEPS`.
 */
export function generateMatcher(regex: Regex): Generated {
  return new Generator(regex).generate();
}

/**
 * Repetitions in each other: those of the standard banks are three. Of more of them a step is no measure of the work any more, since what it takes up
 * again goes through all of them.
 */
const DEEPEST_REPETITION = 6;

/**
 * Whether the matcher can be written. Rounds of a repetition that take nothing, and texts repeated in another case or of groups of one name,
 * follow rules of Onigmo's that only the plain matcher has; hardly any expression needs them. It also counts every instruction, where there
 * are many repetitions in each other.
 */
export function canGenerate({ node }: Regex): boolean {
  const can = (at: Node, around: number): boolean => {
    if (at.kind === "repeat" && at.max > 1 && widthOf(at.node).min === 0) return false;
    if (at.kind === "backreference" && (at.ignoreCase || at.groups.length > 1)) return false;
    const depth = at.kind === "repeat" && at.max > 1 ? around + 1 : around;
    return depth <= DEEPEST_REPETITION && childrenOf(at).every((child) => can(child, depth));
  };
  return can(node, 0);
}

class Generator {
  readonly #regex: Regex;
  readonly #constants: unknown[] = [];
  readonly #names = new Map<string, string>();
  readonly #main: string[] = [];
  /** States that are entered by going back only. */
  readonly #aside: string[] = [];
  #states = 1;
  #locals = 0;
  /** How often the node at hand is written out. */
  #copied = 1;
  #slots: number;
  /** Groups whose value must be put back when their way fails: not on every way to a match. */
  readonly #conditional: ReadonlySet<number>;
  /** Groups that a match can pass more than once: where they began must be put back too. */
  readonly #repeated: ReadonlySet<number>;

  constructor(regex: Regex) {
    this.#regex = regex;
    this.#slots = 2 * regex.groups.length + 1;
    const { conditional, repeated } = kindsOfGroups(regex.node);
    this.#conditional = conditional;
    this.#repeated = repeated;
  }

  generate(): Generated {
    const { node } = this.#regex;
    const first = firstOf(node);
    this.#node(node, "the end");
    this.#say(`slots[${String(2 * this.#regex.groups.length)}] = s; return i;`);
    const locals = Array.from({ length: this.#locals }, (_, n) => `l${String(n)} = 0`);
    // A group whose end is -1 took no part, wherever it began.
    const reset = Array.from(this.#conditional, (group) => `slots[${String(2 * group + 1)}] = -1;`);
    const body = `
      let S = machine.stack, sp = 0, i = 0, pc = 0, x = 0, y = 0;
      let steps = ${String(STEPS)} + ${String(STEPS_PER_BYTE)} * (end - from);
      ${locals.length > 0 ? `let ${locals.join(", ")};` : ""}
      ${reset.join(" ")}
      for (let s = at; s <= end; s++) {
        ${this.#search(node, first)}
        i = s; pc = 0;
        run: for (;;) {
          go: switch (pc) {
            case 0:
            ${this.#main.join("\n")}
            ${this.#aside.join("\n")}
          }
          for (;;) {
            if (sp === 0) break run;
            sp -= 3;
            const code = S[sp + 2];
            if (code < 0) { slots[~code] = S[sp + 1]; continue; }
            if (--steps < 0) return ${String(TOO_MANY_STEPS)};
            i = S[sp + 1]; x = S[sp]; pc = code;
            continue run;
          }
        }
        if (--steps < 0) return ${String(TOO_MANY_STEPS)};
        ${reset.join(" ")}
      }
      return ${String(NO_MATCH)};`;
    return { body, constants: this.#constants, slots: this.#slots };
  }

  /** Goes to the next place at which a match can begin. */
  #search(node: Node, first: First): string {
    const start = leadingAssertion(node);
    if (start === "text-start") return `if (s !== from) break;`;
    const lines =
      start === "line-start"
        ? ["if (s !== from) { while (s < end && src[s - 1] !== 10) s++; if (s >= end) break; }"]
        : [];
    if (!first.empty) {
      // No match begins within a character, whatever a repeated text may begin with.
      const table = this.#test("src[s]", first.bytes.slice().fill(0, 0x80, 0xc0));
      if (start !== "line-start") lines.push(`y = s; while (s < end && !(${table})) s++; steps -= s - y;`);
      if (!first.atEnd) lines.push(`if (s >= end) break;`);
    } else lines.push(`if (s < end && (src[s] & 0xc0) === 0x80) continue;`);
    return lines.join("\n");
  }

  #node(node: Node, follow: Follow): void {
    switch (node.kind) {
      case "set":
        return this.#sets([node]);
      case "sequence":
        return this.#sequence(node.nodes, follow);
      case "choice":
        return this.#choice(node.nodes, follow);
      case "repeat":
        return this.#repeat(node, follow);
      case "capture":
        this.#store(2 * node.group, "i", this.#repeated.has(node.group));
        this.#node(node.node, follow);
        return this.#store(2 * node.group + 1, "i", this.#conditional.has(node.group));
      case "element":
        return this.#node(node.node, follow);
      case "atomic":
        return this.#atomic(node.node);
      case "look":
        return this.#look(node);
      case "assert":
        return this.#failUnless(this.#holds(node.what));
      case "backreference":
        return this.#backreference(node);
    }
  }

  #sequence(nodes: readonly Node[], follow: Follow): void {
    const follows = accumulated(nodes, follow, behind);
    for (let at = 0; at < nodes.length;) {
      const sets: (Node & { kind: "set" })[] = [];
      for (let node; at < nodes.length && (node = plain(nodes[at]!)).kind === "set"; at++) sets.push(node);
      if (sets.length > 0) this.#sets(sets);
      else this.#node(nodes[at]!, follows[at++]!);
    }
  }

  /** Characters one after the other; bytes that are known are compared together. */
  #sets(nodes: readonly (Node & { kind: "set" })[]): void {
    for (let at = 0; at < nodes.length;) {
      const tests: string[] = [];
      const isOneByte = ({ set }: { set: CharSet }): boolean => nonAsciiOf(set) === "none";
      while (at < nodes.length) {
        const { set } = nodes[at]!;
        const literal = literalOf(set);
        if (literal) for (const byte of literal) tests.push(`${this.#byteAt(tests.length)} === ${String(byte)}`);
        else if (isOneByte(nodes[at]!)) tests.push(this.#test(this.#byteAt(tests.length), bytesOf(set)));
        else break;
        at++;
      }
      if (tests.length > 0) {
        const room = tests.length === 1 ? "i < end" : `end - i >= ${String(tests.length)}`;
        this.#failUnless([room, ...tests].join(" && "));
        this.#say(`i += ${String(tests.length)};`);
      }
      const next = nodes[at];
      if (next === undefined) return;
      this.#oneCharacter(next.set);
      at++;
    }
  }

  #byteAt(offset: number): string {
    return offset === 0 ? "src[i]" : `src[i + ${String(offset)}]`;
  }

  /** A character that may take several bytes. */
  #oneCharacter(set: CharSet): void {
    if (nonAsciiOf(set) === "all") {
      this.#failUnless(`i < end && ${this.#test("src[i]", bytesOf(set))}`);
      this.#say(`x = src[i]; i += x < 0x80 ? 1 : x < 0xe0 ? 2 : x < 0xf0 ? 3 : 4;`);
    } else {
      this.#failUnless(`i < end && (x = lengthIn(${this.#constant(set)}, src, i)) > 0`);
      this.#say(`i += x;`);
    }
  }

  #choice(options: readonly Node[], follow: Follow): void {
    const done = this.#newState();
    const firsts = options.map((option) => begins(option, follow));
    const later = accumulated(firsts, NEVER, either);
    for (const [n, option] of options.entries()) {
      const isLast = n === options.length - 1;
      const here = firsts[n]!;
      const other = isLast ? undefined : this.#newState();
      if (other === undefined) {
        this.#node(option, follow);
        break;
      }
      if (!here.empty) this.#jumpUnless(this.#canBegin(here), other);
      if (!exclude(here, later[n]!)) this.#push("0", "i", other);
      this.#node(option, follow);
      this.#jump(done);
      this.#state(other);
    }
    this.#state(done);
  }

  #repeat(node: Node & { kind: "repeat" }, follow: Follow): void {
    const body = plain(node.node);
    if (node.max === 0) return;
    if (node.min === 1 && node.max === 1) return this.#node(body, follow);
    if (body.kind === "set" && this.#isCountable(body.set, node)) return this.#scan(node, body.set, follow);
    if (node.how === "possessive") return this.#atomic({ ...node, how: "greedy" });
    const size = sizeOf(body);
    const copies = Number.isFinite(node.max) ? node.max : node.min;
    const written = node.max === Infinity ? copies + 1 : copies;
    if ((copies <= 1 || copies * size <= MOST_COPIED_NODES) && this.#copied * written <= MOST_COPIES) {
      this.#copied *= written;
      this.#copies(node, body, follow);
      this.#copied /= written;
      return;
    }
    this.#counted(node, body, follow);
  }

  /** Whether the characters that were passed can be counted by their bytes. */
  #isCountable(set: CharSet, { min, max }: Node & { kind: "repeat" }): boolean {
    const above = nonAsciiOf(set);
    return above === "none" || (above === "all" && min <= 1 && max === Infinity);
  }

  /** A repetition of one character: a loop over bytes. */
  #scan({ min, max, how }: Node & { kind: "repeat" }, set: CharSet, follow: Follow): void {
    const bytes = bytesOf(set);
    const member = this.#test("src[i]", bytes);
    const fixed = min === max;
    if (how === "lazy" && !fixed) {
      if (follow !== "the end") return this.#scanLazily(min, max, set, member, follow);
      // Nobody asks for more than there must be.
      if (min > 0)
        this.#scan({ kind: "repeat", node: { kind: "set", set }, min, max: min, how: "greedy" }, set, follow);
      return;
    }
    if (fixed && max <= 4) {
      const node: Node & { kind: "set" } = { kind: "set", set };
      return this.#sets(Array.from({ length: max }, () => node));
    }
    const limit = max === Infinity ? "end" : "x";
    if (max !== Infinity) this.#say(`x = end - i > ${String(max)} ? i + ${String(max)} : end;`);
    this.#say(`y = i; while (i < ${limit} && ${member}) i++; steps -= i - y;`);
    if (min > 0) this.#failUnless(`i - y >= ${String(min)}`);
    const noWayBack =
      fixed || how !== "greedy" || follow === "the end" || (!follow.empty && disjoint(bytes, follow.bytes));
    if (noWayBack) return;
    const again = this.#newState();
    const next = this.#newState();
    const lowest =
      nonAsciiOf(set) === "all" && min === 1
        ? "y + (src[y] < 0x80 ? 1 : src[y] < 0xe0 ? 2 : src[y] < 0xf0 ? 3 : 4)"
        : `y + ${String(min)}`;
    this.#say(`y = ${lowest}; if (i > y) {`);
    this.#push("y", "i", again);
    this.#say(`}`);
    this.#state(next);
    // One less; where the rest begins with bytes that are known, as many as it takes to come to one of them.
    const stepBack = follow.empty
      ? `do i--; while (i > x && (src[i] & 0xc0) === 0x80);`
      : `y = i; do i--; while (i > x && !(${this.#test("src[i]", follow.bytes)})); steps -= y - i;`;
    this.#beside(() => {
      this.#state(again);
      this.#say(stepBack);
      this.#say(`if (i > x) {`);
      this.#push("x", "i", again);
      this.#say(`}`);
      if (!follow.empty) this.#failUnless(this.#test("src[i]", follow.bytes));
      this.#jump(next);
    });
  }

  #scanLazily(min: number, max: number, set: CharSet, member: string, follow: First): void {
    const again = this.#newState();
    const next = this.#newState();
    if (min > 0) this.#scan({ kind: "repeat", node: { kind: "set", set }, min, max: min, how: "greedy" }, set, follow);
    const all = nonAsciiOf(set) === "all";
    // `x` is how far it may go.
    this.#say(max === Infinity ? `x = end;` : `x = end - i > ${String(max - min)} ? i + ${String(max - min)} : end;`);
    const toCandidate = (): void => {
      if (follow.empty) return;
      const candidate = this.#test("src[i]", follow.bytes);
      this.#say(`y = i; while (i < x && !(${candidate})) { if (!(${member})) break go; i++; } steps -= i - y;`);
      this.#failUnless(follow.atEnd ? `i >= end || ${candidate}` : `i < end && ${candidate}`);
    };
    toCandidate();
    this.#say(`if (i < x) {`);
    this.#push("x", "i", again);
    this.#say(`}`);
    this.#state(next);
    this.#beside(() => {
      this.#state(again);
      this.#failUnless(member);
      this.#say(all ? `y = src[i]; i += y < 0x80 ? 1 : y < 0xe0 ? 2 : y < 0xf0 ? 3 : 4;` : `i++;`);
      toCandidate();
      this.#say(`if (i < x) {`);
      this.#push("x", "i", again);
      this.#say(`}`);
      this.#jump(next);
    });
  }

  /** The rounds that there must be, one after the other; then a loop, or one within the other those that there may be. */
  #copies({ min, max, how }: Node & { kind: "repeat" }, body: Node, follow: Follow): void {
    const again = max === Infinity || max > min ? { ...repeated(body, 0, max - min, how) } : undefined;
    const finished = this.#newState();
    for (let n = 0; n < min; n++) {
      const rest = Array.from({ length: min - n - 1 }, () => body);
      const tail: Node = { kind: "sequence", nodes: again ? [...rest, again] : rest };
      this.#node(body, behind(tail, follow));
    }
    if (max === Infinity) this.#loop(body, how, follow);
    else for (let n = min; n < max; n++) this.#maybe(body, how, repeated(body, 0, max - n - 1, how), follow, finished);
    this.#state(finished);
  }

  /** One round that there need not be. */
  #maybe(body: Node, how: string, rest: Node, follow: Follow, finished: number): void {
    const first = firstOf(body);
    const after = behind(rest, follow);
    if (how === "lazy") {
      const take = this.#newState();
      this.#push("0", "i", take);
      this.#jump(finished);
      this.#state(take);
    } else {
      if (!first.empty) this.#jumpUnless(this.#canBegin(first), finished);
      if (this.#mustKeep(first, follow)) this.#push("0", "i", finished);
    }
    this.#node(body, after);
  }

  #loop(body: Node, how: string, follow: Follow): void {
    const first = firstOf(body);
    const top = this.#newState();
    const exit = this.#newState();
    const after: Follow = follow === "the end" ? ANYTHING_FIRST : inOrder({ ...first, empty: true }, follow);
    this.#state(top);
    if (how === "lazy") {
      const take = this.#newState();
      this.#push("0", "i", take);
      this.#jump(exit);
      this.#state(take);
    } else {
      if (!first.empty) this.#jumpUnless(this.#canBegin(first), exit);
      if (this.#mustKeep(first, follow)) this.#push("0", "i", exit);
    }
    this.#node(body, after);
    this.#jump(top);
    this.#state(exit);
  }

  /** Whether leaving a repetition can help when another round has been begun. */
  #mustKeep(round: First, follow: Follow): boolean {
    return follow === "the end" || !exclude(round, follow);
  }

  /** A large body with a number of rounds: they are counted. */
  #counted({ min, max, how }: Node & { kind: "repeat" }, body: Node, follow: Follow): void {
    const first = firstOf(body);
    const counter = this.#slots++;
    const top = this.#newState();
    const round = this.#newState();
    const exit = this.#newState();
    this.#store(counter, "0", true);
    this.#state(top);
    this.#say(`x = slots[${String(counter)}];`);
    if (max !== Infinity) this.#say(`if (x >= ${String(max)}) { pc = ${String(exit)}; continue run; }`);
    this.#say(`if (x >= ${String(min)}) {`);
    if (how === "lazy") {
      this.#push("0", "i", round);
      this.#say(`pc = ${String(exit)}; continue run;`);
    } else {
      this.#push("0", "i", exit);
    }
    this.#say(`}`);
    this.#state(round);
    this.#store(counter, `slots[${String(counter)}] + 1`, true);
    this.#node(body, follow === "the end" ? ANYTHING_FIRST : inOrder({ ...first, empty: true }, follow));
    this.#jump(top);
    this.#state(exit);
  }

  #atomic(body: Node): void {
    const bottom = this.#newLocal();
    this.#say(`${bottom} = sp;`);
    this.#node(body, "the end");
    this.#drop(body, bottom);
  }

  /** Nobody comes back for the choices since `bottom`. */
  #drop(body: Node, bottom: string): void {
    this.#say(this.#isPutBack(body) ? `if (sp > ${bottom}) sp = dropChoices(S, ${bottom}, sp);` : `sp = ${bottom};`);
  }

  /** Whether it remembers something that is put back when its way fails. */
  #isPutBack(node: Node): boolean {
    if (node.kind === "capture" && this.#conditional.has(node.group)) return true;
    return childrenOf(node).some((child) => this.#isPutBack(child));
  }

  #look(node: Node & { kind: "look" }): void {
    if (node.ahead) return this.#lookAt(node, node.node, 0);
    const options = node.node.kind === "choice" ? node.node.nodes : [node.node];
    // Each alternative has a length of its own, and begins that far back.
    if (node.negative || options.length === 1) {
      for (const option of options) this.#lookAt(node, option, widthOf(option).min);
      return;
    }
    const looks = options.map((option): Node => ({ ...node, node: option }));
    this.#choice(looks, ANYTHING_FIRST);
  }

  #lookAt({ ahead, negative }: Node & { kind: "look" }, body: Node, width: number): void {
    const only = plain(body);
    if (only.kind === "set" && (ahead || nonAsciiOf(only.set) === "none")) {
      if (ahead && nonAsciiOf(only.set) === "some") {
        const found = `i < end && lengthIn(${this.#constant(only.set)}, src, i) > 0`;
        return this.#failUnless(negative ? `!(${found})` : found);
      }
      const byte = ahead ? "src[i]" : "src[i - 1]";
      const found = `${ahead ? "i < end" : "i > from"} && ${this.#test(byte, bytesOf(only.set))}`;
      return this.#failUnless(negative ? `!(${found})` : found);
    }
    const here = this.#newLocal();
    const bottom = this.#newLocal();
    const past = this.#newState();
    this.#say(`${here} = i; ${bottom} = sp;`);
    if (negative) this.#push("0", "i", past);
    if (!ahead) {
      this.#say(`i = back(src, from, i, ${String(width)});`);
      this.#failUnless(`i >= 0`);
    }
    this.#node(body, "the end");
    if (negative) {
      this.#say(`undo(S, ${bottom}, sp, slots); sp = ${bottom}; break go;`);
      this.#state(past);
    } else {
      this.#drop(body, bottom);
      this.#say(`i = ${here};`);
    }
  }

  #backreference({ groups: [group = 0] }: Node & { kind: "backreference" }): void {
    const held = `slots[${String(2 * group)}], slots[${String(2 * group + 1)}]`;
    this.#failUnless(`(x = repeatedLength(src, ${held}, i, end)) >= 0`);
    this.#say(`i += x; steps -= x;`);
  }

  #holds(what: Assertion): string {
    switch (what) {
      case "text-start":
        return "i === from";
      case "text-end":
        return "i === end";
      case "last-line-end":
        return "(i === end || (i === end - 1 && src[i] === 10))";
      case "line-start":
        return "(i === from || (src[i - 1] === 10 && i < end))";
      case "line-end":
        return "(i === end || src[i] === 10)";
      case "word-border":
        return "isWordBorder(src, from, i, end)";
      case "no-word-border":
        return "!isWordBorder(src, from, i, end)";
    }
  }

  #store(slot: number, value: string, putBack: boolean): void {
    if (putBack) {
      this.#say(
        `if (sp > 0) { if (sp + 3 > S.length) S = grow(); S[sp + 1] = slots[${String(slot)}]; S[sp + 2] = ${String(~slot)}; sp += 3; }`,
      );
    }
    this.#say(`slots[${String(slot)}] = ${value};`);
  }

  #push(own: string, position: string, state: number): void {
    this.#say(
      `if (sp + 3 > S.length) S = grow(); S[sp] = ${own}; S[sp + 1] = ${position}; S[sp + 2] = ${String(state)}; sp += 3;`,
    );
  }

  #failUnless(condition: string): void {
    this.#say(`if (!(${condition})) break go;`);
  }

  #jumpUnless(condition: string, state: number): void {
    this.#say(`if (!(${condition})) { pc = ${String(state)}; continue run; }`);
  }

  #jump(state: number): void {
    this.#say(`pc = ${String(state)}; continue run;`);
  }

  #newState(): number {
    return this.#states++;
  }

  #state(state: number): void {
    this.#say(`case ${String(state)}:`);
  }

  #newLocal(): string {
    return `l${String(this.#locals++)}`;
  }

  #say(code: string): void {
    this.#main.push(code);
  }

  /** Whether something can begin here. */
  #canBegin({ bytes, atEnd }: First): string {
    // A class may hold no character at all.
    if (!bytes.includes(1)) return atEnd ? "i >= end" : "false";
    const test = this.#test("src[i]", bytes);
    return atEnd ? `(i >= end || ${test})` : `i < end && ${test}`;
  }

  /** What `write` says goes to the states that are entered by going back. */
  #beside(write: () => void): void {
    const before = this.#main.length;
    write();
    this.#aside.push(...this.#main.splice(before));
  }

  /** A test of one byte: a comparison when it is one value or one range, else a table. */
  #test(byte: string, bytes: ByteSet): string {
    const only = onlyByte(bytes);
    if (only !== undefined) return `${byte} === ${String(only)}`;
    return `${this.#constant(bytes)}[${byte}] === 1`;
  }

  #constant(value: ByteSet | CharSet): string {
    const key = `${value instanceof Uint8Array ? "bytes" : "set"} ${value.join()}`;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const name = `k${String(this.#constants.push(value) - 1)}`;
    this.#names.set(key, name);
    return name;
  }
}

/** Steps that every line has, and more for a long one: reading a line once takes one for each of its bytes. */
const STEPS = 10_000_000;
const STEPS_PER_BYTE = 32;

function repeated(node: Node, min: number, max: number, how: string): Node {
  return { kind: "repeat", node, min, max, how: how === "lazy" ? "lazy" : "greedy" };
}

/** What a node can begin with, given what is behind it. */
function begins(node: Node, follow: Follow): First {
  return inOrder(firstOf(node), follow === "the end" ? ANYTHING_FIRST : follow);
}

/** What follows when a node stands in between. */
function behind(node: Node, follow: Follow): Follow {
  if (node.kind === "sequence" && node.nodes.length === 0) return follow;
  const first = firstOf(node);
  // An assertion in between may want what was taken.
  if (follow === "the end") return first.empty ? ANYTHING_FIRST : first;
  return inOrder(first, follow);
}

/** What comes of all that stand behind each item, `last` behind the last one. */
function accumulated<T, U>(items: readonly T[], last: U, add: (item: T, behind: U) => U): readonly U[] {
  const results: U[] = [];
  let result = last;
  for (let at = items.length - 1; at >= 0; at--) {
    results[at] = result;
    result = add(items[at]!, result);
  }
  return results;
}

/** The node without what only names it. */
function plain(node: Node): Node {
  return node.kind === "element" ? plain(node.node) : node;
}

/** Groups that some ways to a match pass by, and those that they may pass more than once. */
function kindsOfGroups(root: Node): {
  readonly conditional: ReadonlySet<number>;
  readonly repeated: ReadonlySet<number>;
} {
  const conditional = new Set<number>();
  const repeated = new Set<number>();
  const seen = new Set<number>();
  const walk = (node: Node, forked: boolean, rounds: boolean): void => {
    if (node.kind === "capture") {
      const { group } = node;
      if (forked || rounds || seen.has(group)) conditional.add(group);
      if (rounds || seen.has(group)) repeated.add(group);
      seen.add(group);
    }
    // Whoever asks before the group took part must find that it did not.
    if (node.kind === "backreference") for (const group of node.groups) conditional.add(group);
    const isRepeat = node.kind === "repeat";
    const forks =
      node.kind === "choice" ||
      (isRepeat && node.min === 0) ||
      (node.kind === "look" && (node.negative || !node.ahead));
    for (const child of childrenOf(node)) walk(child, forked || forks, rounds || (isRepeat && node.max > 1));
  };
  walk(root, false, false);
  return { conditional, repeated };
}
