import { utf8Length } from "./char-set.ts";
import { canGenerate, generateMatcher, NO_MATCH, TOO_MANY_STEPS } from "./generate.ts";
import { codePoints, interpretRegex } from "./interpret.ts";
import * as parts from "./machine.ts";
import type { Regex } from "./syntax.ts";

/** A generated matcher. */
export interface Matcher {
  /**
   * Looks for the first match in `[from, end)`, which is valid UTF-8.
   * @param slots of at least `slots` numbers: afterwards start and end of each group (an end of -1: it took no part), then where the match begins
   * @param at where it may begin; what stands before still counts for what looks behind
   * @returns where the match ends, `NO_MATCH` or `TOO_MANY_STEPS`
   */
  readonly match: (src: Uint8Array, from: number, end: number, slots: Int32Array, at?: number) => number;
  readonly slots: number;
}

export { NO_MATCH, TOO_MANY_STEPS };

/** Characters of code: the largest of the standard banks has half as many. V8 takes gigabytes for the code of a few million. */
const LARGEST_BODY = 1_000_000;

/** Makes the matcher: finds what `interpretRegex` finds, on bytes, in steps that are limited. */
export function compileRegex(regex: Regex): Matcher {
  if (!canGenerate(regex)) return plainMatcher(regex);
  const { body, constants, slots } = generateMatcher(regex);
  if (body.length > LARGEST_BODY) return plainMatcher(regex);
  const names = Object.keys(parts);
  // The only text in it that an expression decides are numbers and constants by position.
  const source = `"use strict"; ${declareConstants(constants.length)} return function match(src, from, end, slots, at = from) {${body}\n};`;
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
  const match = new Function(...names, "K", source)(...Object.values(parts), constants) as Matcher["match"];
  return { match, slots };
}

/** Names for the constants: one that never changes costs nothing where it is used. */
export function declareConstants(count: number): string {
  return Array.from({ length: count }, (_, n) => `const k${String(n)} = K[${String(n)}];`).join(" ");
}

/** A step of the plain matcher is an instruction, and takes ten times as long as one of the generated one. */
const PLAIN_STEPS = 2_000_000;

/** The plain matcher behind the same interface. */
export function plainMatcher(regex: Regex): Matcher {
  const run = interpretRegex(regex);
  return {
    slots: 2 * regex.groups.length + 1,
    match(src, from, end, slots, at = from) {
      const bytes = Buffer.from(src.buffer, src.byteOffset, src.byteLength);
      const characters = codePoints(bytes.toString("utf8", from, end));
      const offsets = [from];
      for (const code of characters) offsets.push(offsets.at(-1)! + utf8Length(code));
      const found = run(characters, PLAIN_STEPS, undefined, offsets.indexOf(at));
      if (found === undefined) return NO_MATCH;
      if (found === "too-many-steps") return TOO_MANY_STEPS;
      for (const [group, { start, end: stop }] of found.groups.entries()) {
        slots[2 * group] = offsets[start] ?? -1;
        slots[2 * group + 1] = start < 0 ? -1 : (offsets[stop] ?? -1);
      }
      slots[2 * regex.groups.length] = offsets[found.start]!;
      return offsets[found.end]!;
    },
  };
}
