import { ConfigError } from "../contract/errors.ts";
import {
  ANY_CHARACTER,
  charSet,
  charsOf,
  LAST_CODE_POINT,
  negate,
  NO_CHARACTER,
  ranges,
  union,
  type CharSet,
} from "./char-set.ts";
import { ClassBuilder, complement, type ClassValue } from "./character-class.ts";
import { ESCAPED_CLASSES, posixClass, propertyClass } from "./classes.ts";
import { foldedClass, foldedRun, foldedText, growsTogether } from "./folding.ts";
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
/** Groups, definitions and repetitions in each other; each level needs calls here and in whatever goes through the expression. */
const DEEPEST = 250;

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
  const shared: Shared = {
    groups: [],
    open: new Set(),
    pending: new Map(),
    numbersUsed: new Set(),
    withOptions: new WeakSet(),
    atoms: 0,
    depth: 0,
  };
  const node = new Parser(source, resolve, shared, [], {
    ignoreCase: false,
    dotAll,
    extended: false,
    lookBehind: false,
  }).parseAll();
  return finish(node, shared, source, keepNumbered);
}

interface Flags {
  readonly ignoreCase: boolean;
  readonly dotAll: boolean;
  readonly extended: boolean;
  /** Inside a look-behind, whose letters must be as many as they are. */
  readonly lookBehind: boolean;
}

/** Of the expression and all definitions in it. */
interface Shared {
  /** In the order of their opening parentheses. */
  readonly groups: { readonly name: string | undefined; node: Node }[];
  /** Those whose closing parenthesis was not read yet. */
  readonly open: Set<number>;
  /** What stands in a `(?i: )`. */
  readonly withOptions: WeakSet<Node>;
  /** Read so far. */
  atoms: number;
  /** Groups and definitions that are open. */
  depth: number;
  /** Nodes whose meaning is known when all groups are: calls and back references. */
  readonly pending: Map<Node, Pending>;
  /** Groups without a name that a `\1` refers to. */
  readonly numbersUsed: Set<number>;
}

/** A call of a group, or a back reference. */
interface Pending {
  readonly isCall: boolean;
  complete(): Node;
  recursive(): never;
}

/** One atom of a sequence. */
interface Atom {
  readonly node: Node;
  /** It is this character. */
  readonly literal?: string;
  /** Onigmo makes no text of it and the literal before it; for the letters that fold to several. */
  readonly begins?: boolean;
  /** Nor of it and the literal behind it. */
  readonly ends?: boolean;
}

class Parser {
  readonly #source: string;
  readonly #resolve: Resolve | undefined;
  readonly #shared: Shared;
  /** Names of the definitions that this text is in. */
  readonly #path: readonly string[];
  #flags: Flags;
  /** Sequences that are a text, where case does not matter. */
  readonly #texts = new WeakMap<Node, string>();
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
    if (++this.#shared.depth > DEEPEST) this.#tooDeep(this.#at);
    const before = this.#flags;
    const options: Node[] = [];
    do options.push(this.#sequence());
    while (this.#take("|"));
    this.#flags = before;
    this.#shared.depth--;
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
        const before = this.#withoutCase(atoms, flags, start);
        return sequence([...before, this.#choice()]);
      }
      atoms.push(this.#repeated(atom, start));
    }
    const node = sequence(this.#withoutCase(atoms, this.#flags, this.#at));
    if (this.#flags.ignoreCase && atoms.length > 0 && atoms.every(isText)) {
      this.#texts.set(node, atoms.map(({ literal }) => literal).join(""));
    }
    return node;
  }

  /** Whatever may stand before a quantifier: Onigmo repeats assertions too. */
  #repeated(atom: Atom, start: number): Atom {
    let repeated: Node | undefined;
    let once = false;
    for (let depth = this.#shared.depth; ;) {
      this.#skipComments();
      const count = this.#quantifier();
      if (!count) return repeated ? { node: repeated } : once ? { ...atom, ends: true } : atom;
      if (count.min === 1 && count.max === 1) {
        once = true;
        continue;
      }
      if (repeated === undefined) {
        repeated = sequence(this.#withoutCase([atom], this.#flags, start));
        this.#checkRepeatedText(atom.literal ?? this.#texts.get(repeated), count.min, start);
      }
      if (++depth > DEEPEST) this.#tooDeep(start);
      repeated = { kind: "repeat", node: repeated, ...count };
    }
  }

  /** Onigmo writes a repeated text out before it looks for what several letters of it stand for. */
  #checkRepeatedText(text: string | undefined, min: number, at: number): void {
    if (!this.#flags.ignoreCase || text === undefined || min < 2 || !growsTogether(text)) return;
    this.#unsupported(at, `the repetition of \`${text}\`, which ignores case and may be another letter,`);
  }

  /** The nodes of atoms; where case does not matter, letters next to each other are folded together. */
  #withoutCase(atoms: readonly Atom[], { ignoreCase, lookBehind }: Flags, at: number): Node[] {
    if (!ignoreCase) return atoms.map(({ node }) => node);
    const nodes: Node[] = [];
    let text = "";
    const endText = (): void => {
      if (text === "") return;
      const folded = foldedText(text);
      if (!folded) this.#unsupported(at, `the text \`${text}\` with the ways to write it where case does not matter,`);
      if (folded.varies && lookBehind) this.#unsupported(at, `the text \`${text}\` in a look-behind that ignores case`);
      nodes.push(folded.node);
      text = "";
    };
    for (const { node, literal, begins, ends } of atoms) {
      if (literal === undefined || begins) endText();
      if (literal === undefined) nodes.push(node);
      else text += literal;
      if (ends) endText();
    }
    endText();
    return nodes;
  }

  /** @source Onigmo's doc/RE: for Ruby `{n,m}+` is a greedy repetition of `{n,m}`, and `{n}?` is `(?:{n})?` */
  #quantifier(): { min: number; max: number; how: Greed } | undefined {
    const bounds = this.#bounds();
    if (!bounds) return undefined;
    const { min, max, interval } = bounds;
    if (max < min) this.#invalid(this.#at, "an interval whose first number is the larger one");
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
    this.#skipComments();
    const at = this.#at;
    if (++this.#shared.atoms > MOST_NODES) this.#unsupported(at, "an expression so large, with its definitions in it,");
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
        return this.#characterClass(at);
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
      case "{":
        this.#at = at;
        if (this.#bounds()) {
          return this.#invalid(
            at,
            `nothing stands before \`${this.#source.slice(at, this.#at)}\` that could be repeated`,
          );
        }
        this.#at = at + 1;
        return this.#literal(character);
      case "%":
        return this.#reference(at) ?? this.#literal(character);
      default:
        return this.#literal(character);
    }
  }

  #literal(character: string): Atom {
    return { node: { kind: "set", set: charsOf(character) }, literal: character };
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
    return { node: group === undefined ? node : this.#close(group, node) };
  }

  #open(name: string | undefined): number {
    const group = this.#shared.groups.push({ name, node: EMPTY }) - 1;
    this.#shared.open.add(group);
    return group;
  }

  #close(group: number, node: Node): Node {
    this.#shared.groups[group]!.node = node;
    this.#shared.open.delete(group);
    return { kind: "capture", group, node };
  }

  #group(at: number): Atom | undefined {
    if (!this.#take("?")) {
      const group = this.#open(undefined);
      return { node: this.#close(group, this.#body(at)) };
    }
    if (this.#take(":")) return { node: this.#body(at) };
    if (this.#take(">")) return { node: { kind: "atomic", node: this.#body(at) } };
    for (const [text, ahead, negative] of LOOKS) {
      if (!this.#take(text)) continue;
      const before = this.#flags;
      this.#flags = { ...before, lookBehind: before.lookBehind || !ahead };
      const node = this.#body(at);
      this.#flags = before;
      return { node: { kind: "look", ahead, negative, node } };
    }
    if (this.#take("<") || this.#take("'")) {
      const name = this.#upTo(this.#source[this.#at - 1] === "<" ? ">" : "'", at, "a group's name");
      if (name === "") this.#invalid(at, "a group without a name");
      if (/^[-\d]/.test(name)) this.#invalid(at, `a group whose name \`${name}\` begins with a digit or a \`-\``);
      const group = this.#open(name);
      return { node: this.#close(group, this.#body(at)) };
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
    const match = /([a-zA-Z-]+)([:)])/y;
    match.lastIndex = this.#at;
    const found = match.exec(this.#source);
    if (!found) {
      return this.#invalid(at, `\`${this.#source.slice(at, at + 4)}\` begins no group`);
    }
    const [whole, letters, end] = found as unknown as [string, string, string];
    const flags: { -readonly [name in keyof Flags]: Flags[name] } = { ...this.#flags };
    let value = true;
    for (const letter of letters) {
      if (letter === "-") {
        value = false;
        continue;
      }
      const flag = OPTIONS.get(letter);
      if (flag === undefined) return this.#unsupported(at, `the option \`${letter}\` in \`(?${whole}\``);
      flags[flag] = value;
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
    this.#shared.withOptions.add(node);
    return { node };
  }

  #escape(at: number): Atom {
    const letter = this.#next();
    if (letter === undefined) return this.#invalid(at, "a backslash at the end");
    const asserted = ASSERTIONS.get(letter);
    if (asserted) return assertion(asserted);
    switch (letter) {
      case "R":
        return { node: LINE_BREAK };
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
    const known = ESCAPED_CLASSES.get(letter);
    if (known) return set(known);
    const chars = this.#escapedClass(letter, at);
    if (chars) return this.#folded(chars.value, chars.negated, at);
    const character = this.#escapedCharacter(letter, at);
    const isByte = letter === "x" || letter === "0" || (letter === "u" && character < "\x80");
    return isByte ? { ...this.#literal(character), begins: true, ends: true } : this.#literal(character);
  }

  /** A class as it stands in the expression, with the texts that one of its characters stands for without case. */
  #folded(value: ClassValue, negated: boolean, at: number): Atom {
    if (!this.#flags.ignoreCase) return set(negated ? negate(value.set) : value.set);
    const { set: chars, texts } = foldedClass(value.set, value.explicit);
    if (negated) return set(negate(chars));
    if (texts.length === 0) return set(chars);
    if (this.#flags.lookBehind) {
      return this.#unsupported(at, `a class in a look-behind that ignores case and so holds \`${texts[0]!}\``);
    }
    // None of them has so many ways to be written that it would be refused.
    return { node: choice([{ kind: "set", set: chars }, ...texts.map((text) => foldedRun(text)!.node)]) };
  }

  /** `\w`, `\p{…}` and their like. */
  #escapedClass(letter: string, at: number): { readonly value: ClassValue; readonly negated: boolean } | undefined {
    const known = ESCAPED_CLASSES.get(letter);
    if (known) return { value: { set: known, explicit: /w/i.test(letter) ? NO_CHARACTER : known }, negated: false };
    if (letter !== "p" && letter !== "P") return undefined;
    if (!this.#take("{")) return this.#unsupported(at, `\`\\${letter}\` without its \`{…}\``);
    const inside = this.#upTo("}", at, "a property");
    const negated = inside.startsWith("^");
    const name = negated ? inside.slice(1) : inside;
    const found = propertyClass(name);
    if (!found) return this.#unsupported(at, `the property \`\\${letter}{${inside}}\``);
    const explicit = name.toLowerCase() === "ascii" ? NO_CHARACTER : found;
    return { value: { set: found, explicit }, negated: negated !== (letter === "P") };
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
        if (this.#take("{")) return this.#codePoint(this.#upTo("}", at, "`\\u{`"), 16, at);
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
    const groups = this.#shared.groups.flatMap((group, number) => (group.name === name ? [number] : []));
    if (groups.length === 0) this.#invalid(at, `there is no group \`${name}\` before`);
    this.#checkClosed(groups, at);
    return this.#later(at, false, () => ({ kind: "backreference", groups, ignoreCase }));
  }

  #numberedBackreference(at: number, first: string): Atom {
    let digits = first;
    while (/[0-9]/.test(this.#source[this.#at] ?? "")) digits += this.#next();
    const { ignoreCase } = this.#flags;
    const { groups, numbersUsed } = this.#shared;
    if (Number(digits) > 9 && Number(digits) > groups.length) {
      this.#unsupported(at, `\`\\${digits}\` before the group`);
    }
    numbersUsed.add(Number(digits) - 1);
    this.#checkClosed([Number(digits) - 1], at);
    return this.#later(at, false, () => {
      if (groups.some(({ name }) => name !== undefined)) {
        this.#invalid(at, `\`\\${digits}\` beside named groups; name the group and write \`\\k<name>\``);
      }
      if (Number(digits) > groups.length) this.#invalid(at, `there is no group ${digits}`);
      return { kind: "backreference", groups: [Number(digits) - 1], ignoreCase };
    });
  }

  /** What a group holds while it is open, Onigmo does not put back when it tries another way. */
  #checkClosed(groups: readonly number[], at: number): void {
    if (groups.some((group) => this.#shared.open.has(group)))
      this.#unsupported(at, "a back reference in its own group");
  }

  #call(at: number): Atom {
    const name = this.#take("<") ? this.#upTo(">", at, "`\\g<`") : this.#take("'") ? this.#upTo("'", at, "`\\g'`") : "";
    if (name === "" || /^[-+]?\d/.test(name)) return this.#unsupported(at, "`\\g` without a name");
    return this.#later(at, true, () => {
      const found = this.#shared.groups.flatMap((group, number) => (group.name === name ? [number] : []));
      const [group] = found;
      if (group === undefined) return this.#invalid(at, `there is no group \`${name}\``);
      if (found.length > 1) return this.#invalid(at, `\`\\g<${name}>\`: there are several groups of this name`);
      return { kind: "capture", group, node: this.#shared.groups[group]!.node };
    });
  }

  #later(at: number, isCall: boolean, complete: () => Node): Atom {
    const node: Node = { kind: "sequence", nodes: [] };
    const recursive = (): never => this.#unsupported(at, "a call of a group in itself");
    this.#shared.pending.set(node, { isCall, complete, recursive });
    return { node: { kind: "element", text: "", node } };
  }

  /** Behind the `[`, with everything up to its `]`. */
  #characterClass(at: number): Atom {
    const { value, negated } = this.#classBody(at);
    const [range, another] = ranges(value.set);
    const single = !negated && range !== undefined && another === undefined && range[0] === range[1];
    // A class of one character is a text for Onigmo, and goes on with the text behind it.
    if (single) return { ...this.#literal(String.fromCodePoint(range[0])), begins: true };
    return this.#folded(value, negated, at);
  }

  #classBody(at: number): { readonly value: ClassValue; readonly negated: boolean } {
    const negated = this.#take("^");
    const builder = new ClassBuilder((what) => this.#invalid(at, what));
    for (let first = true; ; first = false) {
      const itemAt = this.#at;
      const character = this.#next();
      if (character === undefined) return this.#invalid(at, "a `[` without its `]`");
      if (character === "]") {
        if (!first) break;
        if (!this.#source.includes("]", this.#at)) this.#invalid(at, "an empty character class");
      }
      if (character === "-") builder.dash(this.#sees("]") || this.#sees("&&"));
      else if (character === "&" && this.#take("&")) builder.and();
      else if (character === "[") this.#bracketInClass(builder, itemAt);
      else if (character === "\\") this.#escapeInClass(builder, itemAt);
      else if (
        character === "%" &&
        this.#resolve &&
        /^\{[A-Za-z0-9_]+(?::[^{}]*)?\}/.test(this.#source.slice(this.#at))
      ) {
        this.#unsupported(itemAt, "a `%{…}` in a character class");
      } else builder.character(character.codePointAt(0)!);
    }
    return { value: builder.end(), negated };
  }

  /** A POSIX bracket or a class in the class. @source Onigmo regparse.c, fetch_token_in_cc, parse_posix_bracket */
  #bracketInClass(builder: ClassBuilder, at: number): void {
    if (!/^:(?:\\.|(?!:\])[^\]\\])*:\]/s.test(this.#source.slice(this.#at))) {
      const start = this.#at;
      if (++this.#shared.depth > DEEPEST) this.#tooDeep(at);
      const inner = this.#classBody(at);
      this.#shared.depth--;
      // Onigmo makes of `[^[^\D]]` what nobody means.
      if (inner.negated && this.#source.slice(start, this.#at).includes("\\D")) {
        this.#unsupported(at, "`\\D` in a negated class in a class");
      }
      return builder.nested(inner.negated ? complement(inner.value) : inner.value);
    }
    const posix = /:(\^?)([^:\]]*):\]/y;
    posix.lastIndex = this.#at;
    const found = posix.exec(this.#source);
    if (!found) return this.#unsupported(at, "a `[:` that begins no POSIX bracket");
    const chars = posixClass(found[2]!);
    if (!chars) return this.#invalid(at, `there is no class \`[:${found[2]!}:]\``);
    this.#at += found[0].length;
    const set = found[1] === "^" ? negate(chars) : chars;
    builder.class({ set, explicit: /^(?:word|ascii)$/.test(found[2]!) ? NO_CHARACTER : set });
  }

  #escapeInClass(builder: ClassBuilder, at: number): void {
    const letter = this.#next();
    if (letter === undefined) return this.#invalid(at, "a backslash at the end");
    if (letter === "b") return builder.character(0x08);
    if (letter === "R" || letter === "X") this.#unsupported(at, `\`\\${letter}\` in a character class`);
    if (/[1-7]/.test(letter)) this.#unsupported(at, `\`\\${letter}\` in a character class; write \`\\x{…}\``);
    const known = this.#escapedClass(letter, at);
    if (known) return builder.class(known.negated ? complement(known.value) : known.value);
    return builder.character(this.#escapedCharacter(letter, at).codePointAt(0)!);
  }

  /** `(?#…)`, and blanks and `#…` with the option `x`: they do not even stand between an atom and its quantifier. */
  #skipComments(): void {
    for (;;) {
      const at = this.#at;
      if (this.#flags.extended) {
        const blank = /(?:[ \t\n\f\r]|#[^\n]*)*/y;
        blank.lastIndex = this.#at;
        this.#at += blank.exec(this.#source)![0].length;
      }
      if (this.#take("(?#")) {
        while (this.#at < this.#source.length && !this.#sees(")")) this.#at += this.#sees("\\") ? 2 : 1;
        if (!this.#take(")")) this.#invalid(at, "a comment without its `)`");
      }
      if (this.#at === at) return;
    }
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

  #tooDeep(at: number): never {
    return this.#unsupported(at, `what is nested deeper than ${String(DEEPEST)} levels`);
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
        if (!at.ahead) checkLookBehind(at, { shared, named, source });
        const inner = walk(at.node);
        return at.ahead
          ? { ...at, node: inner }
          : { ...at, node: ofFixedLengths(inner, shared.withOptions.has(at.node), source) };
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

/**
 * What Onigmo takes in a look-behind. What a call calls is not looked at.
 * @source Onigmo regcomp.c, setup_tree: ALLOWED_TYPE_IN_LB, ALLOWED_ENCLOSE_IN_LB, ALLOWED_ANCHOR_IN_LB
 */
function checkLookBehind(
  look: Node & { kind: "look" },
  { shared, named, source }: { readonly shared: Shared; readonly named: boolean; readonly source: string },
): void {
  const refuse = (what: string): never => {
    throw new ConfigError(
      "REGEX_INVALID",
      `a look-behind in \`${source.slice(0, 200)}\` has ${what} in it; mend the expression`,
    );
  };
  const check = (node: Node): void => {
    const pending = shared.pending.get(node);
    if (pending) return pending.isCall ? undefined : refuse("a back reference");
    switch (node.kind) {
      case "set":
        return;
      case "sequence":
      case "choice":
        return node.nodes.forEach(check);
      case "repeat":
        if (node.how === "possessive") refuse("a possessive repetition");
        return check(node.node);
      case "capture":
        if (look.negative && (!named || shared.groups[node.group]!.name !== undefined)) {
          refuse("a group that is remembered");
        }
        return check(node.node);
      case "element":
        return check(node.node);
      case "atomic":
        return refuse("an atomic group");
      case "look":
        if (node.ahead) refuse("a look-ahead");
        return check(node.node);
      case "assert":
        if (node.what === "text-end" || node.what === "last-line-end") refuse("`\\z` or `\\Z`");
        return;
      case "backreference":
        return refuse("a back reference");
    }
  };
  check(look.node);
}

/**
 * Onigmo wants alternatives of a fixed length each, at the top only; they are made to stand there.
 * @param asOne all alternatives must have the same, as those in a `(?i: )`
 */
function ofFixedLengths(node: Node, asOne: boolean, source: string): Node {
  if (node.kind === "element") return ofFixedLengths(node.node, asOne, source);
  for (const option of node.kind === "choice" && !asOne ? node.nodes : [node]) {
    if (!hasFixedLength(option)) {
      throw new ConfigError(
        "REGEX_INVALID",
        `a look-behind in \`${source.slice(0, 200)}\` has no fixed length; mend the expression`,
      );
    }
  }
  return node;
}

/** `(?:a*){0}` has none for Onigmo. @source Onigmo regcomp.c, get_char_length_tree */
function hasFixedLength(node: Node): boolean {
  switch (node.kind) {
    case "set":
    case "assert":
    case "look":
      return true;
    case "sequence":
      return node.nodes.every(hasFixedLength);
    case "choice": {
      const [first, ...others] = node.nodes;
      const { min } = widthOf(first!);
      return node.nodes.every(hasFixedLength) && others.every((other) => widthOf(other).min === min);
    }
    case "repeat":
      return node.min === node.max && hasFixedLength(node.node);
    case "capture":
    case "atomic":
    case "element":
      return hasFixedLength(node.node);
    case "backreference":
      return false;
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

const isText = ({ literal, begins, ends }: Atom, i: number, { length }: readonly Atom[]): boolean =>
  literal !== undefined && (!begins || i === 0) && (!ends || i === length - 1);

function set(chars: CharSet): Atom {
  return { node: { kind: "set", set: chars } };
}

function assertion(what: Assertion): Atom {
  return { node: { kind: "assert", what } };
}
