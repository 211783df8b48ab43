import { has, type CharSet } from "./char-set.ts";
import { compileRegex, TOO_MANY_STEPS } from "./compile.ts";
import { childrenOf, sizeOf, type Node, type Regex } from "./syntax.ts";

/** A short text on which matching uses up its steps. */
export interface Danger {
  /** The repetition to blame, as near as its definition: the `%{…}` that it stands in, if any. */
  readonly element: string | undefined;
  /** `prefix`, then `pump` so often, then `suffix`. */
  readonly prefix: string;
  readonly pump: string;
  readonly times: number;
  readonly suffix: string;
}

/** A line of this length is nothing unusual. */
const LONGEST_BYTES = 1024;
/** What a repetition may be followed by that it does not want. */
const SUFFIXES = ["", "!", "\0", " ", "\n"];
/** Alternatives of a body that are tried as what is repeated. */
const MOST_PUMPS = 6;
/** Texts times nodes of the expression: more take longer than anybody would wait for a plan. Below so many texts nothing is too large. */
const MOST_WORK = 4_000_000;
const FEWEST_TEXTS = 200;

/**
 * Looks for a text of at most 1 KiB on which an expression's matcher gives up: what is exponential, or a polynomial of a high degree, in
 * the length of a text. Each repetition is fed with what its body takes, behind what leads to it and before what it does not want, and
 * the matcher itself is asked; so whatever is found is no guess. What is not found may still exist, and in an expression of ten thousands of parts only
 * the first repetitions are fed: then the limit of steps holds.
 * @param looksInto tells of a `%{…}` whether the repetitions of its definition are fed too
 */
export function dangerOf(regex: Regex, looksInto: (element: string) => boolean = () => true): Danger | undefined {
  const { match, slots: count } = compileRegex(regex);
  const slots = new Int32Array(count);
  const givesUp = (text: string): boolean => {
    const bytes = Buffer.from(text);
    return match(bytes, 0, bytes.length, slots) === TOO_MANY_STEPS;
  };
  let texts = Math.max(FEWEST_TEXTS, MOST_WORK / sizeOf(regex.node));
  for (const { prefix, body, element } of repetitions(regex.node, "", undefined, looksInto)) {
    for (const pump of samplesOf(body, MOST_PUMPS)) {
      if (pump === "") continue;
      const most = Math.floor((LONGEST_BYTES - Buffer.byteLength(prefix)) / Buffer.byteLength(pump));
      for (const suffix of SUFFIXES) {
        const textOf = (times: number): string => prefix + pump.repeat(times) + suffix;
        if (most < 2) continue;
        if (--texts < 0) return undefined;
        if (!givesUp(textOf(most))) continue;
        return { element, prefix, pump, times: fewest(most, (times) => givesUp(textOf(times))), suffix };
      }
    }
  }
  return undefined;
}

/** The smallest number up to `most`, for which it holds, that it holds for; it holds for all above. */
function fewest(most: number, holds: (times: number) => boolean): number {
  // From below: what it does not hold for is soon known, and each number that it holds for takes all the steps there are.
  let [no, yes] = [0, 1];
  while (yes < most && !holds(yes)) [no, yes] = [yes, Math.min(most, 2 * yes)];
  while (yes - no > 1) {
    const middle = (no + yes) >> 1;
    if (holds(middle)) yes = middle;
    else no = middle;
  }
  return yes;
}

interface Repetition {
  /** A text that leads to it. */
  readonly prefix: string;
  readonly body: Node;
  readonly element: string | undefined;
}

/** All repetitions, the outer ones first. */
function* repetitions(
  node: Node,
  prefix: string,
  element: string | undefined,
  looksInto: (element: string) => boolean,
): Generator<Repetition> {
  switch (node.kind) {
    case "sequence": {
      let before = prefix;
      for (const part of node.nodes) {
        yield* repetitions(part, before, element, looksInto);
        before += sampleOf(part);
      }
      return;
    }
    case "repeat":
      if (node.max > 2) yield { prefix, body: node.node, element };
      yield* repetitions(node.node, prefix, element, looksInto);
      return;
    case "element":
      if (looksInto(node.text)) yield* repetitions(node.node, prefix, node.text, looksInto);
      return;
    default:
      for (const child of childrenOf(node)) yield* repetitions(child, prefix, element, looksInto);
  }
}

/** A short text that the node takes; look-arounds and anchors are not asked. */
function sampleOf(node: Node): string {
  return samplesOf(node, 1)[0] ?? "";
}

/** Several short texts that the node takes, by its alternatives. */
function samplesOf(node: Node, most: number): readonly string[] {
  switch (node.kind) {
    case "set":
      return [characterOf(node.set)];
    case "sequence":
      return node.nodes.reduce<readonly string[]>(
        (before, part) => before.flatMap((text) => samplesOf(part, most).map((more) => text + more)).slice(0, most),
        [""],
      );
    case "choice":
      return node.nodes.flatMap((option) => samplesOf(option, most)).slice(0, most);
    case "repeat": {
      const once = samplesOf(node.node, most);
      return once.map((text) => text.repeat(Math.max(node.min, Math.min(1, node.max))));
    }
    case "capture":
    case "atomic":
    case "element":
      return samplesOf(node.node, most);
    case "look":
    case "assert":
    case "backreference":
      return [""];
  }
}

/** A character of the set, a plain one if there is any. */
function characterOf(set: CharSet): string {
  const plain = Array.from("a0A-. _/:,=", (character) => character.codePointAt(0)!).find((code) => has(set, code));
  const code = plain ?? set[0];
  return code === undefined ? "" : String.fromCodePoint(code);
}
