import { has, LAST_CODE_POINT, utf8Length, type CharSet } from "./char-set.ts";
import type { Node } from "./syntax.ts";

/** What a repetition may come to when it is written out. @source Onigmo regint.h, QUANTIFIER_EXPAND_LIMIT_SIZE */
const MOST_WRITTEN_OUT = 50;

/**
 * After how many rounds Onigmo begins to look whether a round took nothing. It writes short repetitions out, `x{2,}` as
 * `xxx*`, and looks in what is left as a loop only: `(?:^|b){2}` is `^b` at the beginning of a line.
 * @returns Infinity: it never does
 * @source Onigmo regcomp.c, compile_quantifier_node
 */
export function uncheckedRounds({ node, min, max, how }: Node & { kind: "repeat" }): number {
  const length = lengthOf(node);
  if (max === Infinity) return min <= 1 || length * min <= MOST_WRITTEN_OUT ? min : 0;
  if (max === 1 && (how !== "lazy" || min === 0)) return Infinity;
  return how !== "lazy" && (length + JUMP) * max <= MOST_WRITTEN_OUT ? Infinity : 0;
}

/**
 * Whether there is a group in a repetition that a round that took nothing is judged by. Those in look-arounds alone do
 * not count.
 * @source Onigmo regcomp.c, quantifiers_memory_node_info
 */
export function remembers(node: Node): boolean {
  switch (node.kind) {
    case "capture":
      return true;
    case "sequence":
    case "choice":
      return node.nodes.some(remembers);
    case "repeat":
      return node.max !== 0 && remembers(node.node);
    case "atomic":
    case "element":
      return remembers(node.node);
    case "set":
    case "assert":
    case "look":
    case "backreference":
      return false;
  }
}

/** An instruction with an address. */
const JUMP = 5;

/** About how many bytes Onigmo's program for a node has. @source Onigmo regint.h, SIZE_OP_… */
function lengthOf(node: Node): number {
  switch (node.kind) {
    case "set":
      return lengthOfSet(node.set);
    case "assert":
      return 1;
    case "sequence": {
      let length = 0;
      let text = 0;
      for (const part of node.nodes) {
        if (part.kind === "set" && part.set.length === 2 && part.set[0] === part.set[1]) {
          text += lengthOfSet(part.set) - 1;
          continue;
        }
        length += lengthOf(part) + lengthOfText(text);
        text = 0;
      }
      return length + lengthOfText(text);
    }
    case "choice":
      return node.nodes.reduce((sum, option) => sum + lengthOf(option) + 2 * JUMP, -2 * JUMP);
    case "capture":
      return lengthOf(node.node) + 6;
    case "atomic":
    case "look":
      return lengthOf(node.node) + (node.kind === "look" && node.negative ? JUMP + 1 : 2);
    case "element":
      return lengthOf(node.node);
    case "backreference":
      return 3;
    case "repeat": {
      const length = lengthOf(node.node);
      if (node.max === Infinity) return length * (node.min + 1) + 2 * JUMP;
      return Number.isFinite(uncheckedRounds(node)) ? length + 17 : length * node.max + JUMP * (node.max - node.min);
    }
  }
}

const lengthOfText = (bytes: number): number => (bytes === 0 ? 0 : bytes <= 5 ? bytes + 1 : bytes + 5);

function lengthOfSet(set: CharSet): number {
  const [from = 0, to = 0] = set;
  if (set.length === 2 && from === to) return utf8Length(from) + 1;
  const hasAll = has(set, 0) && has(set, LAST_CODE_POINT);
  if (hasAll && set.length <= 4) return 1;
  return set.at(-1)! < 0x80 ? 33 : 37 + 4 * set.length;
}
