import { bytesOf, firstOf, nonAsciiOf, literalOf, type ByteSet } from "./byte-set.ts";
import { leadingAssertion, type Node, type Regex } from "./syntax.ts";

/** More of a beginning than this tells nobody more. */
const LONGEST = 64;

/**
 * What every match of an expression begins with, when it can only begin where the text does: for each of the first bytes
 * those that it can be. An expression that may match further on has none; one that may match nothing at the beginning, neither.
 */
export function prefixOf({ node }: Regex): readonly ByteSet[] {
  const found: ByteSet[] = [];
  if (leadingAssertion(node) !== "text-start") return [];
  walk(node, found, { done: false });
  if (found.length > 0) return found.slice(0, LONGEST);
  // It begins with something that may be missing: then at least its first byte is one of those.
  const { bytes, atEnd, empty } = firstOf(node);
  return empty || atEnd ? [] : [bytes];
}

/** Takes nodes as long as they are characters, each of a known number of bytes. */
function walk(node: Node, found: ByteSet[], state: { done: boolean }): void {
  if (state.done) return;
  switch (node.kind) {
    case "assert":
    case "look":
      // They take no byte, and what they want is looked at when the whole is tried.
      return;
    case "set": {
      const literal = literalOf(node.set);
      if (literal) for (const byte of literal) found.push(new Uint8Array(256).fill(1, byte, byte + 1));
      else {
        found.push(bytesOf(node.set));
        if (nonAsciiOf(node.set) !== "none") state.done = true;
      }
      return;
    }
    case "sequence":
      for (const child of node.nodes) walk(child, found, state);
      return;
    case "capture":
    case "element":
    case "atomic":
      return walk(node.node, found, state);
    default: {
      const { bytes, atEnd, empty } = firstOf(node);
      if (!empty && !atEnd) found.push(bytes);
      state.done = true;
    }
  }
}
