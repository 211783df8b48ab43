import { ConfigError } from "../contract/errors.ts";
import { type FieldPath } from "./event.ts";

/**
 * Logstash's conditional language, read into a tree: `[program] == "sshd" and ("x" in [tags] or [pid] > 100)`.
 *
 * Where Logstash's own grammar says something else than what is written, the text is refused instead: `[a] in ["x"]` is a list
 * of one here (there a field named `"x"`, elastic/logstash#9932), `in [1]` is refused for the same reason, and `xor` or `nand`
 * beside another operator needs parentheses there too. Escapes in quotes stay as they are (`config.support_escapes` off).
 * Comments (`# …`) and line breaks may stand between any two words.
 *
 * @source Logstash 9.x: lscl_grammar.treetop, lscl.rb, EventCondition.java
 */

/** A condition. Plain data, so that a compiler can write code from it. */
export type Condition =
  | { readonly kind: "truthy"; readonly field: FieldPath }
  | { readonly kind: "not"; readonly operand: Condition }
  | { readonly kind: "and" | "or" | "xor" | "nand"; readonly left: Condition; readonly right: Condition }
  | { readonly kind: "compare"; readonly operator: Comparison; readonly left: Scalar; readonly right: Scalar }
  /** `=~`; `!~` is `not` around it. `pattern` is the regular expression's source, as it stands between the slashes. */
  | { readonly kind: "match"; readonly left: Scalar; readonly pattern: string }
  /** `in`; `not in` is `not` around it. */
  | { readonly kind: "in"; readonly left: Scalar; readonly right: Scalar | List };

export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=";

/** One side of an operator. */
export type Scalar =
  { readonly kind: "field"; readonly path: FieldPath } | { readonly kind: "constant"; readonly value: string | number };
export interface List {
  readonly kind: "list";
  readonly values: readonly (string | number)[];
}

type Value = Scalar | List;
type Logical = "and" | "or" | "xor" | "nand";

/** How deep parentheses may be nested; nobody writes more, and every level is one of the parser's own calls. */
const DEEPEST = 100;

const BLANK = /(?:\s|#[^\n]*)*/y;
const LOGICAL = /(?:and|or|xor|nand)(?!\w)/y;
const COMPARISON = /[=!]=|[<>]=?/y;
const MATCH = /[=!]~/y;
const IN = /(not\s+)?in(?!\w)/y;
const NOT = /!(?![=~])|not(?!\w)/y;
const STRING = /"((?:\\"|[^"])*)"|'((?:\\'|[^'])*)'/y;
const NUMBER = /-?\d+(?:\.\d*)?/y;
const SELECTOR = /(?:\[[^\][,]+\])+/y;
const REGEX = /\/((?:\\\/|[^/])*)\//y;
const WORD = /[A-Za-z_]\w*/y;
/** What begins a list and no field reference. */
const QUOTED_LIST = /\[\s*["']|\[\s*\]/y;
const NUMBER_ALONE = /^-?\d+(?:\.\d*)?$/;

/**
 * Reads a condition.
 * @throws ConfigError `PIPELINE_INVALID`: what is wrong, what to write, and the place in the text (`context.position`, from 0)
 */
export function parseCondition(text: string): Condition {
  return new Parser(text).whole();
}

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Condition {
    this.#take(BLANK);
    if (this.#at === this.#text.length) this.#fail('the condition is empty; write for example [program] == "sshd"');
    const condition = this.#condition();
    if (this.#text[this.#at] === ")") this.#fail("this ) closes nothing; take it away");
    if (this.#at < this.#text.length) {
      this.#fail("an operator is expected: and, or, xor, nand, or the end; put texts in quotes, names in [ ]");
    }
    return condition;
  }

  #condition(): Condition {
    if (++this.#depth > DEEPEST) this.#fail(`parentheses are nested deeper than ${DEEPEST}; write it in stages`);
    const operands = [this.#expression()];
    const operators: Logical[] = [];
    for (let operator; ; operators.push(operator as Logical), operands.push(this.#expression())) {
      const at = this.#at;
      operator = this.#take(LOGICAL)?.[0];
      if (operator === undefined) break;
      if (operators.length > 0 && [...operators, operator].some((each) => each === "xor" || each === "nand")) {
        this.#fail("xor and nand have no rank among several operators; put parentheses around each pair", at);
      }
    }
    this.#depth--;
    return joinByRank(operands, operators);
  }

  #expression(): Condition {
    const at = this.#at;
    if (this.#take(NOT)) return this.#negated();
    if (this.#text[at] === "(") return this.#group();
    const left = this.#value();
    const comparison = this.#take(COMPARISON)?.[0];
    if (comparison !== undefined) {
      const compared = this.#scalar(left, "a list cannot be compared; write [field] in [ … ]", at);
      const behind = this.#at;
      const right = this.#scalar(this.#value(), "only in has a list behind it; write [field] in [ … ]", behind);
      return { kind: "compare", operator: comparison as Comparison, left: compared, right };
    }
    const match = this.#take(MATCH)?.[0];
    if (match !== undefined) {
      if (left.kind === "list" || (left.kind === "constant" && typeof left.value === "number")) {
        this.#fail(`in front of ${match} stands a field or a text`, at);
      }
      const matched: Condition = { kind: "match", left, pattern: this.#pattern(match) };
      return match === "=~" ? matched : { kind: "not", operand: matched };
    }
    const within = this.#take(IN);
    if (within) {
      const inside: Condition = {
        kind: "in",
        left: this.#scalar(left, "a list cannot be looked for; write each of its values with or", at),
        right: this.#container(),
      };
      return within[1] === undefined ? inside : { kind: "not", operand: inside };
    }
    if (left.kind === "field") return { kind: "truthy", field: left.path };
    return this.#fail("a value alone is no condition; compare it, or write a field as [name]", at);
  }

  /** What stands behind `!`: a field or parentheses. */
  #negated(): Condition {
    const at = this.#at;
    if (this.#text[at] === "(") return { kind: "not", operand: this.#group() };
    const value = this.#text[at] === "[" ? this.#value() : undefined;
    if (value?.kind !== "field") return this.#fail("behind ! stands [field] or ( … )", at);
    if (this.#sees(COMPARISON) || this.#sees(MATCH) || this.#sees(IN)) {
      this.#fail("! belongs to the field alone; write !( … ) around the comparison", at);
    }
    return { kind: "not", operand: { kind: "truthy", field: value.path } };
  }

  #group(): Condition {
    const open = this.#at;
    this.#at++;
    this.#take(BLANK);
    const condition = this.#condition();
    if (this.#text[this.#at] !== ")") {
      const missing = this.#at === this.#text.length;
      this.#fail(missing ? "this ( is not closed" : "an operator or ) is expected", missing ? open : this.#at);
    }
    this.#at++;
    this.#take(BLANK);
    return condition;
  }

  #value(): Value {
    const at = this.#at;
    const string = this.#take(STRING);
    if (string) return { kind: "constant", value: string[1] ?? string[2] ?? "" };
    const number = this.#take(NUMBER);
    if (number) return { kind: "constant", value: Number(number[0]) };
    if (this.#text[at] === "[") {
      const selector = this.#sees(QUOTED_LIST) ? undefined : this.#take(SELECTOR);
      if (selector) return { kind: "field", path: selector[0].slice(1, -1).split("][") };
      return this.#list();
    }
    const rest = this.#text.slice(at);
    if (rest === "") return this.#fail("a field or a value is missing");
    if (/^["']/.test(rest)) return this.#fail(`this ${rest[0]!} is not closed`);
    if (rest.startsWith("/")) return this.#fail("a regular expression stands only behind =~ and !~");
    const word = /^[A-Za-z_@][\w.@-]*/.exec(rest)?.[0];
    if (word !== undefined) return this.#fail(`${word} is neither a field, [${word}], nor a text, "${word}"`);
    return this.#fail("a field or a value is expected: [name], \"text\", 'text', a number");
  }

  #list(): List {
    const open = this.#at;
    const values: (string | number)[] = [];
    this.#at++;
    this.#take(BLANK);
    if (this.#text[this.#at] !== "]") {
      do values.push(this.#item(open));
      while (this.#takeCharacter(","));
    }
    if (!this.#takeCharacter("]")) {
      const missing = this.#at === this.#text.length;
      this.#fail(missing ? "this [ is not closed" : "a , or ] is expected", missing ? open : this.#at);
    }
    return { kind: "list", values };
  }

  #item(open: number): string | number {
    const word = this.#take(WORD)?.[0];
    if (word !== undefined) return word;
    if (this.#text[this.#at] === "[") this.#fail("a list holds texts and numbers, no fields and no lists");
    if (this.#at === this.#text.length) this.#fail("this [ is not closed", open);
    const value = this.#value();
    return value.kind === "constant" ? value.value : this.#fail("a list holds texts and numbers");
  }

  /** What stands behind `in`. */
  #container(): Scalar | List {
    const at = this.#at;
    const value = this.#value();
    const only = value.kind === "field" && value.path.length === 1 ? value.path[0]!.trim() : "";
    if (NUMBER_ALONE.test(only)) {
      this.#fail(`[${only}] is a field of that name in Logstash, not a list of one; write == ${only} instead`, at);
    }
    return value;
  }

  #pattern(operator: string): string {
    const pattern = this.#take(REGEX) ?? this.#take(STRING);
    if (pattern) return pattern[1] ?? pattern[2] ?? "";
    const open = this.#text[this.#at] === "/";
    return this.#fail(open ? "this / is not closed" : `behind ${operator} stands a regular expression: /…/`);
  }

  #scalar(value: Value, problem: string, at: number): Scalar {
    return value.kind === "list" ? this.#fail(problem, at) : value;
  }

  #takeCharacter(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    this.#take(BLANK);
    return true;
  }

  #sees(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    return pattern.test(this.#text);
  }

  /** Reads what the (sticky) pattern matches here, and the blanks behind it. */
  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (!match) return undefined;
    this.#at = pattern.lastIndex;
    BLANK.lastIndex = this.#at;
    BLANK.exec(this.#text);
    this.#at = BLANK.lastIndex;
    return match;
  }

  #fail(problem: string, at = this.#at): never {
    const shown = this.#text.slice(at, at + 30).replaceAll(/\s+/g, " ");
    const place = shown === "" ? "at the end" : `at character ${at + 1}, ${JSON.stringify(shown)}`;
    throw new ConfigError("PIPELINE_INVALID", `condition ${place}: ${problem}`, { context: { position: at } });
  }
}

/** `and` binds tighter than `or`; one `xor` or `nand` stands alone. */
function joinByRank(operands: readonly Condition[], operators: readonly Logical[]): Condition {
  let alternative = operands[0]!;
  let left: Condition | undefined;
  operators.forEach((operator, i) => {
    const right = operands[i + 1]!;
    if (operator === "or") {
      left = left ? { kind: "or", left, right: alternative } : alternative;
      alternative = right;
    } else alternative = { kind: operator, left: alternative, right };
  });
  return left ? { kind: "or", left, right: alternative } : alternative;
}
