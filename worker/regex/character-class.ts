import { ANY_CHARACTER, charSet, intersect, negate, NO_CHARACTER, union, type CharSet } from "./char-set.ts";

/** What a class holds, before case is left out and before its `^`. */
export interface ClassValue {
  readonly set: CharSet;
  /** Without what stands in it as `\w`, `[:word:]` and `[:ascii:]`: see `foldedClass`. */
  readonly explicit: CharSet;
}

const NOTHING: ClassValue = { set: NO_CHARACTER, explicit: NO_CHARACTER };

export function complement({ set, explicit }: ClassValue): ClassValue {
  return { set: negate(set), explicit: negate(explicit) };
}

/**
 * Puts a bracketed class together from its tokens as Onigmo does, with its answers to dashes in odd places:
 * `[a-]`, `[-a]`, `[--a]` and `[a-b-c]` hold a dash, `[\w-a]` and `[a-\w]` are refused, and a nested class does not
 * come between a dash and its ends.
 * @source Onigmo regparse.c, parse_char_class, next_state_val, next_state_class
 */
export class ClassBuilder {
  readonly #refuse: (what: string) => never;
  #left: ClassValue | undefined;
  #part = NOTHING;
  #state: "start" | "value" | "range" | "complete" = "start";
  /** The last character, which a dash behind it makes the begin of a range; `undefined`: it was a class. */
  #last: number | undefined;

  /** @param refuse throws the error of the expression */
  constructor(refuse: (what: string) => never) {
    this.#refuse = refuse;
  }

  character(code: number): void {
    if (this.#state === "range") {
      const from = this.#last!;
      if (code < from) {
        const shown = [from, code].map((end) => String.fromCodePoint(end)).join("-");
        this.#refuse(`the range \`${shown}\`, whose end comes first`);
      }
      this.#addRange(from, code);
      this.#state = "complete";
    } else {
      this.#addLast();
      this.#state = "value";
    }
    this.#last = code;
  }

  /** `\w`, a POSIX bracket, `\p{…}`. */
  class(value: ClassValue): void {
    if (this.#state === "range") this.#refuse("a range that ends in a class");
    this.#addLast();
    this.#add(value);
    this.#state = "value";
    this.#last = undefined;
  }

  nested(value: ClassValue): void {
    this.#add(value);
  }

  /** A `-`. @param atEnd a `]` or `&&` follows it */
  dash(atEnd: boolean): void {
    if (this.#state !== "value" || atEnd) return this.character(DASH);
    if (this.#last === undefined) this.#refuse("a `-` behind a class");
    this.#state = "range";
  }

  /** A `&&`. */
  and(): void {
    this.#left = this.end();
    this.#part = NOTHING;
    this.#state = "start";
  }

  end(): ClassValue {
    this.#addLast();
    const { set, explicit } = this.#left ?? { set: ANY_CHARACTER, explicit: ANY_CHARACTER };
    return { set: intersect(set, this.#part.set), explicit: intersect(explicit, this.#part.explicit) };
  }

  #addLast(): void {
    if (this.#state === "value" && this.#last !== undefined) this.#addRange(this.#last, this.#last);
  }

  #addRange(from: number, to: number): void {
    const set = charSet([[from, to]]);
    this.#add({ set, explicit: set });
  }

  #add({ set, explicit }: ClassValue): void {
    this.#part = { set: union(this.#part.set, set), explicit: union(this.#part.explicit, explicit) };
  }
}

const DASH = 0x2d;
