import { ConfigError } from "../contract/errors.ts";
import {
  ANY_CHARACTER,
  charSet,
  charsOf,
  ignoringCase,
  intersect,
  LAST_CODE_POINT,
  negate,
  NO_CHARACTER,
  union,
  type CharSet,
} from "./char-set.ts";
import { ESCAPED_CLASSES, posixClass, propertyClass } from "./classes.ts";
import {
  choice,
  EMPTY,
  sequence,
  widthOf,
  type Assertion,
  type Greed,
  type Group,
  type Node,
  type Regex,
} from "./syntax.ts";

/** What a `%{…}` of grok stands for. */
export interface Reference {
  /** The name of the definition, for cycles and messages. */
  readonly name: string;
  readonly definition: string;
  /** The group that remembers what it matched; absent: none does. */
  readonly group?: string;
}

/** Looks up the inside of a `%{…}`. `undefined`: it is no reference but text. Throws when there is no such definition. */
export type Resolve = (inside: string, path: readonly string[]) => Reference | undefined;

export interface ParseOptions {
  readonly resolve?: Resolve;
  /** `.` is a line feed too, as with the option `m`. */
  readonly dotAll?: boolean;
  /** Without a named group `( )` are groups to be asked for, and not only for back references. */
  readonly keepNumbered?: boolean;
}

/** Nested definitions and calls multiply. */
const MOST_NODES = 200_000;
const MOST_REPEATS = 100_000;

/**
 * Reads a regular expression in Onigmo's Ruby syntax (what Logstash and Elasticsearch take), with grok's references in
 * it when there is somebody to resolve them. Whatever has no meaning here, or another one than Onigmo gives it, is refused.
 *
 * With a named group in the expression `( )` remembers nothing, as in Onigmo.
 * @throws ConfigError `REGEX_INVALID`, `REGEX_UNSUPPORTED` with the construct, the column (from 1) and the path of definitions to it
 * @source Onigmo's doc/RE; regparse.c for what it leaves open
 */
export function parseRegex(
  source: string,
  { resolve, dotAll = false, keepNumbered = false }: ParseOptions = {},
): Regex {
  const shared: Shared = { groups: [], pending: new Map(), numbersUsed: new Set() };
  const node = new Parser(source, resolve, shared, [], {
    ignoreCase: false,
    dotAll,
    extended: false,
  }).parseAll();
  return finish(node, shared, source, keepNumbered);
}

interface Flags {
  readonly ignoreCase: boolean;
  readonly dotAll: boolean;
  readonly extended: boolean;
}

/** Of the expression and all definitions in it. */
interface Shared {
  /** In the order of their opening parentheses. */
  readonly groups: { readonly name: string | undefined; node: Node }[];
  /** Nodes whose meaning is known when all groups are: calls and back references. */
  readonly pending: Map<Node, { complete(): Node; recursive(): never }>;
  /** Groups without a name that a `\1` refers to. */
  readonly numbersUsed: Set<number>;
}

/** One atom of a sequence; a literal is known as such for the letters that fold to several. */
interface Atom {
  readonly node: Node;
  readonly literal?: string;
  /** Assertions cannot be repeated. */
  readonly repeatable: boolean;
}

class Parser {
  readonly #source: string;
  readonly #resolve: Resolve | undefined;
  readonly #shared: Shared;
  /** Names of the definitions that this text is in. */
  readonly #path: readonly string[];
  #flags: Flags;
  #at = 0;

  constructor(source: string, resolve: Resolve | undefined, shared: Shared, path: readonly string[], flags: Flags) {
    this.#source = source;
    this.#resolve = resolve;
    this.#shared = shared;
    this.#path = path;
    this.#flags = flags;
  }

  parseAll(): Node {
    const node = this.#choice();
    if (this.#at < this.#source.length) this.#invalid(this.#at, "a `)` without its `(`");
    return node;
  }

  #choice(): Node {
    const before = this.#flags;
    const options: Node[] = [];
    do options.push(this.#sequence());
    while (this.#take("|"));
    this.#flags = before;
    return choice(options);
  }

  #sequence(): Node {
    const atoms: Atom[] = [];
    while (this.#at < this.#source.length && !this.#sees("|") && !this.#sees(")")) {
      const start = this.#at;
      const flags = this.#flags;
      const atom = this.#atom();
      if (atom === undefined) {
        // Options alone, as in `(?i)`: they hold to the end of the group, alternatives included.
        if (this.#flags === flags) continue;
        const rest = this.#choice();
        return sequence([...folded(atoms, flags), rest]);
      }
      atoms.push(this.#repeated(atom, start));
    }
    return sequence(folded(atoms, this.#flags));
  }

  #repeated(atom: Atom, start: number): Atom {
    let { node } = atom;
    for (;;) {
      this.#skipExtended();
      const at = this.#at;
      const count = this.#quantifier();
      if (!count) return node === atom.node ? atom : { node, repeatable: true };
      if (!atom.repeatable) this.#invalid(at, `\`${this.#source.slice(start, at)}\` cannot be repeated`);
      node = { kind: "repeat", node, ...count };
    }
  }

  /** @source Onigmo's doc/RE: for Ruby `{n,m}+` is a greedy repetition of `{n,m}`, and `{n}?` is `(?:{n})?` */
  #quantifier(): { min: number; max: number; how: Greed } | undefined {
    const bounds = this.#bounds();
    if (!bounds) return undefined;
    const { min, max, interval } = bounds;
    if (max < min) this.#unsupported(this.#at, "an interval whose first number is the larger one");
    if (Number.isFinite(max) ? max > MOST_REPEATS : min > MOST_REPEATS) {
      this.#invalid(this.#at, `more than ${String(MOST_REPEATS)} repetitions`);
    }
    if (interval && min === max) return { min, max, how: "greedy" };
    if (this.#take("?")) return { min, max, how: "lazy" };
    if (!interval && this.#take("+")) return { min, max, how: "possessive" };
    return { min, max, how: "greedy" };
  }

  #bounds(): { readonly min: number; readonly max: number; readonly interval: boolean } | undefined {
    if (this.#take("*")) return { min: 0, max: Infinity, interval: false };
    if (this.#take("+")) return { min: 1, max: Infinity, interval: false };
    if (this.#take("?")) return { min: 0, max: 1, interval: false };
    // Anything else in braces is text.
    const match = /\{(?:(\d+)(,(\d*))?|,(\d+))\}/y;
    match.lastIndex = this.#at;
    const found = match.exec(this.#source);
    if (!found) return undefined;
    this.#at += found[0].length;
    const [, min, comma, max, only] = found;
    if (only !== undefined) return { min: 0, max: Number(only), interval: true };
    const upper = comma === undefined ? Number(min) : max === "" || max === undefined ? Infinity : Number(max);
    return { min: Number(min), max: upper, interval: true };
  }

  #atom(): Atom | undefined {
    this.#skipExtended();
    const at = this.#at;
    const character = this.#next();
    if (character === undefined || character === "|" || character === ")") {
      // Only blanks and comments stood here.
      if (character !== undefined) this.#at = at;
      return undefined;
    }
    switch (character) {
      case "(":
        return this.#group(at);
      case "[":
        return { node: { kind: "set", set: this.#characterClass(at) }, repeatable: true };
      case ".":
        return set(this.#flags.dotAll ? ANY_CHARACTER : negate(charsOf("\n")));
      case "^":
        return assertion("line-start");
      case "$":
        return assertion("line-end");
      case "\\":
        return this.#escape(at);
      case "*":
      case "+":
      case "?":
        return this.#invalid(at, `nothing stands before \`${character}\` that could be repeated`);
      case "%":
        return this.#reference(at) ?? this.#literal(character);
      default:
        return this.#literal(character);
    }
  }

  #literal(character: string): Atom {
    const chars = charsOf(character);
    const node: Node = { kind: "set", set: this.#flags.ignoreCase ? ignoringCase(chars) : chars };
    return { node, literal: character, repeatable: true };
  }

  #reference(at: number): Atom | undefined {
    if (!this.#resolve) return undefined;
    const match = /\{([^{}]*)\}/y;
    match.lastIndex = this.#at;
    const found = match.exec(this.#source);
    if (!found) return undefined;
    const reference = this.#resolve(found[1]!, this.#path);
    if (!reference) return undefined;
    this.#at += found[0].length;
    if (this.#path.includes(reference.name)) {
      const cycle = [...this.#path, reference.name].join(" → ");
      throw new ConfigError("GROK_CYCLE", `%{${reference.name}} is defined by itself: ${cycle}. Break the cycle.`, {
        context: { path: cycle },
      });
    }
    const group = reference.group === undefined ? undefined : this.#open(reference.group);
    const path = [...this.#path, reference.name];
    const inner = new Parser(reference.definition, this.#resolve, this.#shared, path, this.#flags).parseAll();
    const node: Node = { kind: "element", text: this.#source.slice(at, this.#at), node: inner };
    return { node: group === undefined ? node : this.#close(group, node), repeatable: true };
  }

  #open(name: string | undefined): number {
    return this.#shared.groups.push({ name, node: EMPTY }) - 1;
  }

  #close(group: number, node: Node): Node {
    this.#shared.groups[group]!.node = node;
    return { kind: "capture", group, node };
  }

  #group(at: number): Atom | undefined {
    if (!this.#take("?")) {
      const group = this.#open(undefined);
      return { node: this.#close(group, this.#body(at)), repeatable: true };
    }
    if (this.#take("#")) {
      while (this.#at < this.#source.length && !this.#sees(")")) this.#at += this.#sees("\\") ? 2 : 1;
      if (!this.#take(")")) this.#invalid(at, "a comment without its `)`");
      return undefined;
    }
    if (this.#take(":")) return { node: this.#body(at), repeatable: true };
    if (this.#take(">")) return { node: { kind: "atomic", node: this.#body(at) }, repeatable: true };
    for (const [text, ahead, negative] of LOOKS) {
      if (!this.#take(text)) continue;
      return { node: { kind: "look", ahead, negative, node: this.#body(at) }, repeatable: ahead };
    }
    if (this.#take("<") || this.#take("'")) {
      const name = this.#upTo(this.#source[this.#at - 1] === "<" ? ">" : "'", at, "a group's name");
      if (name === "") this.#invalid(at, "a group without a name");
      const group = this.#open(name);
      return { node: this.#close(group, this.#body(at)), repeatable: true };
    }
    if (this.#sees("~")) this.#unsupported(at, "the absence operator `(?~`");
    if (this.#sees("(")) this.#unsupported(at, "the conditional `(?(`");
    return this.#options(at);
  }

  /** The rest of a group, with its `)`. */
  #body(at: number): Node {
    const node = this.#choice();
    if (!this.#take(")")) this.#invalid(at, "a `(` without its `)`");
    return node;
  }

  #options(at: number): Atom | undefined {
    const match = /([a-zA-Z]*)(?:-([a-zA-Z]*))?([:)])/y;
    match.lastIndex = this.#at;
    const found = match.exec(this.#source);
    if (!found) return this.#invalid(at, `\`${this.#source.slice(at, at + 4)}\` begins no group`);
    const [whole, on, off = "", end] = found as unknown as [string, string, string | undefined, string];
    const flags = { ...this.#flags };
    for (const [letters, value] of [
      [on, true],
      [off, false],
    ] as const) {
      for (const letter of letters) {
        const flag = OPTIONS.get(letter);
        if (flag === undefined) return this.#unsupported(at, `the option \`${letter}\` in \`(?${whole}\``);
        flags[flag] = value;
      }
    }
    this.#at += whole.length;
    if (end === ")") {
      this.#flags = flags;
      return undefined;
    }
    const before = this.#flags;
    this.#flags = flags;
    const node = this.#body(at);
    this.#flags = before;
    return { node, repeatable: true };
  }

  #escape(at: number): Atom {
    const letter = this.#next();
    if (letter === undefined) return this.#invalid(at, "a backslash at the end");
    const known = ASSERTIONS.get(letter);
    if (known) return assertion(known);
    switch (letter) {
      case "R":
        return { node: LINE_BREAK, repeatable: true };
      case "G":
      case "K":
      case "X":
      case "N":
      case "O":
      case "y":
      case "Y":
        return this.#unsupported(at, `\`\\${letter}\``);
      case "k":
        return this.#namedBackreference(at);
      case "g":
        return this.#call(at);
    }
    if (/[1-9]/.test(letter)) return this.#numberedBackreference(at, letter);
    const chars = this.#escapedClass(letter, at);
    if (chars) return set(this.#folded(chars));
    return this.#literal(this.#escapedCharacter(letter, at));
  }

  /** `\w`, `\p{…}` and their like. */
  #escapedClass(letter: string, at: number): CharSet | undefined {
    const known = ESCAPED_CLASSES.get(letter);
    if (known) return known;
    if (letter !== "p" && letter !== "P") return undefined;
    if (!this.#take("{")) return this.#invalid(at, `\`\\${letter}\` without its \`{…}\``);
    const inside = this.#upTo("}", at, "a property");
    const negated = inside.startsWith("^");
    const found = propertyClass(negated ? inside.slice(1) : inside);
    if (!found) return this.#unsupported(at, `the property \`\\${letter}{${inside}}\``);
    return negated !== (letter === "P") ? negate(found) : found;
  }

  #escapedCharacter(letter: string, at: number): string {
    const control = CONTROLS.get(letter);
    if (control !== undefined) return control;
    switch (letter) {
      case "x": {
        if (this.#take("{")) return this.#codePoint(this.#upTo("}", at, "`\\x{`"), 16, at);
        const digits = /[0-9a-fA-F]{0,2}/y;
        digits.lastIndex = this.#at;
        const [hex = ""] = digits.exec(this.#source) ?? [];
        this.#at += hex.length;
        if (hex === "" || Number.parseInt(hex, 16) > 0x7f)
          return this.#unsupported(at, `\`\\x${hex}\`, a single byte; write \`\\x{…}\` for a character`);
        return this.#codePoint(hex, 16, at);
      }
      case "u": {
        const hex = this.#source.slice(this.#at, this.#at + 4);
        if (!/^[0-9a-fA-F]{4}$/.test(hex)) return this.#invalid(at, "`\\u` without its four digits");
        this.#at += 4;
        return this.#codePoint(hex, 16, at);
      }
      case "0": {
        const digits = /[0-7]{0,2}/y;
        digits.lastIndex = this.#at;
        const [octal = ""] = digits.exec(this.#source) ?? [];
        this.#at += octal.length;
        return this.#codePoint(`0${octal}`, 8, at);
      }
      case "c":
      case "C":
      case "M":
        return this.#unsupported(at, `\`\\${letter}\`; write \`\\x{…}\``);
    }
    if (/[a-zA-Z]/.test(letter) && !PLAIN_LETTERS.has(letter)) return this.#unsupported(at, `\`\\${letter}\``);
    return letter;
  }

  #codePoint(digits: string, radix: 8 | 16, at: number): string {
    const code = Number.parseInt(digits, radix);
    if (!(code <= LAST_CODE_POINT) || (code >= 0xd800 && code <= 0xdfff) || !/^[0-9a-fA-F]+$/.test(digits)) {
      return this.#invalid(at, `\`${digits}\` is no character`);
    }
    return String.fromCodePoint(code);
  }

  #namedBackreference(at: number): Atom {
    const name = this.#take("<") ? this.#upTo(">", at, "`\\k<`") : this.#take("'") ? this.#upTo("'", at, "`\\k'`") : "";
    if (name === "" || /^[-+]?\d/.test(name)) return this.#unsupported(at, "`\\k` without a name");
    const { ignoreCase } = this.#flags;
    return this.#later(at, () => {
      const groups = this.#shared.groups.flatMap((group, number) => (group.name === name ? [number] : []));
      if (groups.length === 0) this.#invalid(at, `there is no group \`${name}\``);
      return { kind: "backreference", groups, ignoreCase };
    });
  }

  #numberedBackreference(at: number, first: string): Atom {
    let digits = first;
    while (/[0-9]/.test(this.#source[this.#at] ?? "")) digits += this.#next();
    const { ignoreCase } = this.#flags;
    const { groups, numbersUsed } = this.#shared;
    numbersUsed.add(Number(digits) - 1);
    return this.#later(at, () => {
      if (groups.some(({ name }) => name !== undefined)) {
        this.#invalid(at, `\`\\${digits}\` beside named groups; name the group and write \`\\k<name>\``);
      }
      if (Number(digits) > groups.length) this.#invalid(at, `there is no group ${digits}`);
      return { kind: "backreference", groups: [Number(digits) - 1], ignoreCase };
    });
  }

  #call(at: number): Atom {
    const name = this.#take("<") ? this.#upTo(">", at, "`\\g<`") : this.#take("'") ? this.#upTo("'", at, "`\\g'`") : "";
    if (name === "" || /^[-+]?\d/.test(name)) return this.#unsupported(at, "`\\g` without a name");
    return this.#later(at, () => {
      const found = this.#shared.groups.flatMap((group, number) => (group.name === name ? [number] : []));
      const [group] = found;
      if (group === undefined) return this.#invalid(at, `there is no group \`${name}\``);
      if (found.length > 1) return this.#invalid(at, `\`\\g<${name}>\`: there are several groups of this name`);
      return { kind: "capture", group, node: this.#shared.groups[group]!.node };
    });
  }

  #later(at: number, complete: () => Node): Atom {
    const node: Node = { kind: "sequence", nodes: [] };
    const recursive = (): never => this.#unsupported(at, "a call of a group in itself");
    this.#shared.pending.set(node, { complete, recursive });
    return { node: { kind: "element", text: "", node }, repeatable: true };
  }

  /** Behind the `[`, with everything up to its `]`. */
  #characterClass(at: number): CharSet {
    const negated = this.#take("^");
    let all: CharSet | undefined;
    let part: CharSet = NO_CHARACTER;
    let empty = true;
    for (;;) {
      const itemAt = this.#at;
      const character = this.#next();
      if (character === undefined) return this.#invalid(at, "a `[` without its `]`");
      if (character === "]" && (!empty || !this.#source.includes("]", this.#at))) {
        if (empty) this.#invalid(at, "an empty character class");
        break;
      }
      empty = false;
      if (character === "&" && this.#take("&")) {
        all = all ? intersect(all, part) : part;
        part = NO_CHARACTER;
      } else {
        part = union(part, this.#classItem(character, itemAt));
      }
    }
    part = this.#folded(part);
    const whole = all ? intersect(this.#folded(all), part) : part;
    return negated ? negate(whole) : whole;
  }

  #classItem(character: string, at: number): CharSet {
    const first = this.#classAtom(character, at);
    if (typeof first !== "string" || !this.#sees("-")) return typeof first === "string" ? charsOf(first) : first;
    const next = this.#source[this.#at + 1];
    // A `-` at the end, or before a set, is itself.
    if (next === undefined || next === "]" || (next === "&" && this.#source[this.#at + 2] === "&"))
      return charsOf(first);
    this.#at++;
    const lastAt = this.#at;
    const last = this.#classAtom(this.#next()!, lastAt);
    if (typeof last !== "string") return this.#invalid(at, "a range that ends in a class");
    const [from, to] = [first.codePointAt(0)!, last.codePointAt(0)!];
    if (to < from) return this.#invalid(at, `the range \`${first}-${last}\`, whose end comes first`);
    return charSet([[from, to]]);
  }

  /** One character, or a set. */
  #classAtom(character: string, at: number): string | CharSet {
    if (character === "[") {
      const posix = /:(\^?)([a-zA-Z]+):\]/y;
      posix.lastIndex = this.#at;
      const found = posix.exec(this.#source);
      if (!found) return this.#characterClass(at);
      const chars = posixClass(found[2]!);
      if (!chars) return this.#invalid(at, `there is no class \`[:${found[2]!}:]\``);
      this.#at += found[0].length;
      return found[1] === "^" ? negate(chars) : chars;
    }
    if (character === "%" && this.#resolve && /^\{[A-Za-z0-9_]+(?::[^{}]*)?\}/.test(this.#source.slice(this.#at))) {
      return this.#unsupported(at, "a `%{…}` in a character class");
    }
    if (character !== "\\") return character;
    const letter = this.#next();
    if (letter === undefined) return this.#invalid(at, "a backslash at the end");
    if (letter === "b") return "\b";
    if (letter === "R" || letter === "X") return this.#unsupported(at, `\`\\${letter}\` in a character class`);
    if (/[1-7]/.test(letter)) return this.#unsupported(at, `\`\\${letter}\` in a character class; write \`\\x{…}\``);
    return this.#escapedClass(letter, at) ?? this.#escapedCharacter(letter, at);
  }

  #folded(chars: CharSet): CharSet {
    return this.#flags.ignoreCase ? ignoringCase(chars) : chars;
  }

  #skipExtended(): void {
    if (!this.#flags.extended) return;
    const blank = /(?:[ \t\n\v\f\r]|#[^\n]*)*/y;
    blank.lastIndex = this.#at;
    this.#at += blank.exec(this.#source)![0].length;
  }

  #next(): string | undefined {
    const code = this.#source.codePointAt(this.#at);
    if (code === undefined) return undefined;
    const character = String.fromCodePoint(code);
    this.#at += character.length;
    return character;
  }

  #sees(text: string): boolean {
    return this.#source.startsWith(text, this.#at);
  }

  #take(text: string): boolean {
    if (!this.#sees(text)) return false;
    this.#at += text.length;
    return true;
  }

  #upTo(end: string, at: number, what: string): string {
    const stop = this.#source.indexOf(end, this.#at);
    if (stop < 0) return this.#invalid(at, `${what} without its \`${end}\``);
    const text = this.#source.slice(this.#at, stop);
    this.#at = stop + end.length;
    return text;
  }

  #invalid(at: number, what: string): never {
    throw this.#error("REGEX_INVALID", at, `${what}; mend the expression`);
  }

  #unsupported(at: number, what: string): never {
    throw this.#error("REGEX_UNSUPPORTED", at, `${what} is not supported; write it without`);
  }

  #error(code: string, at: number, what: string): ConfigError {
    const column = Array.from(this.#source.slice(0, at)).length + 1;
    const within =
      this.#path.length > 0 ? ` (in the definition ${this.#path.map((name) => `%{${name}}`).join(" → ")})` : "";
    const shown = this.#source.length > 200 ? `${this.#source.slice(0, 200)}…` : this.#source;
    return new ConfigError(code, `column ${String(column)} of \`${shown}\`${within}: ${what}`, {
      context: { column, path: this.#path.join(" → ") },
    });
  }
}

/** Puts in what was pending, leaves out the groups that nobody can ask for, and looks at every look-behind. */
function finish(node: Node, shared: Shared, source: string, keepNumbered: boolean): Regex {
  const named = shared.groups.some(({ name }) => name !== undefined);
  const kept = shared.groups.flatMap((group, old) =>
    group.name !== undefined || (!named && (keepNumbered || shared.numbersUsed.has(old)))
      ? [{ name: group.name, old }]
      : [],
  );
  const numbers = new Map(kept.map(({ old }, number) => [old, number]));
  const completing = new Set<Node>();
  let nodes = 0;
  const walk = (at: Node): Node => {
    if (++nodes > MOST_NODES) {
      throw new ConfigError(
        "REGEX_UNSUPPORTED",
        `\`${source.slice(0, 200)}\` is too large once its definitions stand in it`,
      );
    }
    const pending = shared.pending.get(at);
    if (pending) {
      if (completing.has(at)) return pending.recursive();
      completing.add(at);
      const completed = walk(pending.complete());
      completing.delete(at);
      return completed;
    }
    switch (at.kind) {
      case "sequence":
        return sequence(at.nodes.map(walk));
      case "choice":
        return choice(at.nodes.map(walk));
      case "capture": {
        const group = numbers.get(at.group);
        return group === undefined ? walk(at.node) : { ...at, group, node: walk(at.node) };
      }
      case "backreference":
        return { ...at, groups: at.groups.map((group) => numbers.get(group)!) };
      case "look": {
        const inner = walk(at.node);
        if (!at.ahead) checkLookBehind(inner, source);
        return { ...at, node: inner };
      }
      case "repeat":
      case "atomic":
        return { ...at, node: walk(at.node) };
      case "element": {
        const inner = walk(at.node);
        return at.text === "" ? inner : { ...at, node: inner };
      }
      case "set":
      case "assert":
        return at;
    }
  };
  return { node: walk(node), groups: kept.map(({ name }): Group => ({ name })) };
}

/** Onigmo wants alternatives of a fixed length each, at the top only. */
function checkLookBehind(node: Node, source: string): void {
  for (const option of node.kind === "choice" ? node.nodes : [node]) {
    const { min, max } = widthOf(option);
    if (min !== max) {
      throw new ConfigError(
        "REGEX_INVALID",
        `a look-behind in \`${source.slice(0, 200)}\` has no fixed length; mend the expression`,
      );
    }
  }
}

const LOOKS = [
  ["<=", false, false],
  ["<!", false, true],
  ["=", true, false],
  ["!", true, true],
] as const;

const OPTIONS: ReadonlyMap<string, keyof Flags> = new Map([
  ["i", "ignoreCase"],
  ["m", "dotAll"],
  ["x", "extended"],
]);

const ASSERTIONS: ReadonlyMap<string, Assertion> = new Map([
  ["A", "text-start"],
  ["z", "text-end"],
  ["Z", "last-line-end"],
  ["b", "word-border"],
  ["B", "no-word-border"],
]);

const CONTROLS: ReadonlyMap<string, string> = new Map([
  ["t", "\t"],
  ["n", "\n"],
  ["v", "\v"],
  ["f", "\f"],
  ["r", "\r"],
  ["a", "\x07"],
  ["e", "\x1b"],
]);

/** Letters without a meaning of their own behind a backslash. */
const PLAIN_LETTERS = new Set("ijlmoqEFIJLQTUV");

/** @source Onigmo's doc/RE: `\R` is `(?>\x0D\x0A|[\x0A-\x0D\x{85}\x{2028}\x{2029}])` */
const LINE_BREAK: Node = {
  kind: "atomic",
  node: {
    kind: "choice",
    nodes: [
      sequence([
        { kind: "set", set: charsOf("\r") },
        { kind: "set", set: charsOf("\n") },
      ]),
      { kind: "set", set: union(charSet([[10, 13]]), charsOf("\x85\u2028\u2029")) },
    ],
  },
};

function set(chars: CharSet): Atom {
  return { node: { kind: "set", set: chars }, repeatable: true };
}

function assertion(what: Assertion): Atom {
  return { node: { kind: "assert", what }, repeatable: false };
}

/** Letters of the ASCII alphabet that one other character stands for when case does not matter. @source Unicode CaseFolding.txt, status F */
const LIGATURES: readonly (readonly [text: string, characters: string])[] = [
  ["ffi", "ﬃ"],
  ["ffl", "ﬄ"],
  ["ff", "ﬀ"],
  ["fi", "ﬁ"],
  ["fl", "ﬂ"],
  ["ss", "ßẞ"],
  ["st", "ﬅﬆ"],
];

/** A sequence's nodes; without case, `ss` is `ß` too. */
function folded(atoms: readonly Atom[], { ignoreCase }: Flags): Node[] {
  if (!ignoreCase) return atoms.map(({ node }) => node);
  const nodes: Node[] = [];
  for (let at = 0; at < atoms.length;) {
    const text = atoms
      .slice(at, at + 3)
      .map(({ literal }) => literal?.toLowerCase() ?? "\0")
      .join("");
    const found = LIGATURES.find(([letters]) => text.startsWith(letters));
    const length = found?.[0].length ?? 1;
    const plain = sequence(atoms.slice(at, at + length).map(({ node }) => node));
    nodes.push(found ? choice([plain, { kind: "set", set: charsOf(found[1]) }]) : plain);
    at += length;
  }
  return nodes;
}
