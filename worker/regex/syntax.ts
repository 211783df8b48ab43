import type { CharSet } from "./char-set.ts";

/** A regular expression of Onigmo's (Ruby's syntax, UTF-8) as a tree; `parse.ts` makes it, and nobody changes it. */
export type Node =
  /** One character of the set. */
  | { readonly kind: "set"; readonly set: CharSet }
  | { readonly kind: "sequence"; readonly nodes: readonly Node[] }
  | { readonly kind: "choice"; readonly nodes: readonly Node[] }
  | { readonly kind: "repeat"; readonly node: Node; readonly min: number; readonly max: number; readonly how: Greed }
  | { readonly kind: "capture"; readonly group: number; readonly node: Node }
  /** Once matched it is not entered again. */
  | { readonly kind: "atomic"; readonly node: Node }
  | { readonly kind: "look"; readonly ahead: boolean; readonly negative: boolean; readonly node: Node }
  | { readonly kind: "assert"; readonly what: Assertion }
  /** The text of the last of these groups that stands here; fails when none has one, or one is longer than what is left. */
  | { readonly kind: "backreference"; readonly groups: readonly number[]; readonly ignoreCase: boolean }
  /** What a `%{…}` stands for, by its text; for messages only. */
  | { readonly kind: "element"; readonly text: string; readonly node: Node };

export type Greed = "greedy" | "lazy" | "possessive";

/**
 * - `line-start`: at the beginning, or behind a line feed unless that is the last character
 * - `line-end`: at the end, or before a line feed
 * - `text-start`, `text-end`; `last-line-end`: at the end, or before a line feed that is the last character
 * - `word-border`, `no-word-border`: between a word character (of Unicode) and none, the ends being none
 * @source Onigmo regexec.c, OP_BEGIN_LINE, OP_END_LINE, OP_SEMI_END_BUF (USE_NEWLINE_AT_END_OF_STRING_HAS_EMPTY_LINE is defined)
 */
export type Assertion =
  "line-start" | "line-end" | "text-start" | "text-end" | "last-line-end" | "word-border" | "no-word-border";

/** A group that is remembered. */
export interface Group {
  /** `undefined` for a numbered one. */
  readonly name: string | undefined;
}

/** A whole expression. */
export interface Regex {
  readonly node: Node;
  /** By number, from 0. */
  readonly groups: readonly Group[];
}

export const EMPTY: Node = { kind: "sequence", nodes: [] };

/** One node for many; nested sequences become one. */
export function sequence(nodes: readonly Node[]): Node {
  const flat = nodes.flatMap((node) => (node.kind === "sequence" ? node.nodes : [node]));
  return flat.length === 1 ? flat[0]! : { kind: "sequence", nodes: flat.slice() };
}

export function choice(nodes: readonly Node[]): Node {
  return nodes.length === 1 ? nodes[0]! : { kind: "choice", nodes };
}

/** How many characters a node takes: the fewest and the most (Infinity). */
export function widthOf(node: Node): { readonly min: number; readonly max: number } {
  switch (node.kind) {
    case "set":
      return { min: 1, max: 1 };
    case "sequence":
      return node.nodes.map(widthOf).reduce((a, b) => ({ min: a.min + b.min, max: a.max + b.max }), { min: 0, max: 0 });
    case "choice": {
      const widths = node.nodes.map(widthOf);
      return { min: Math.min(...widths.map(({ min }) => min)), max: Math.max(...widths.map(({ max }) => max)) };
    }
    case "repeat": {
      const { min, max } = widthOf(node.node);
      return { min: min * node.min, max: max === 0 || node.max === 0 ? 0 : max * node.max };
    }
    case "capture":
    case "atomic":
    case "element":
      return widthOf(node.node);
    case "look":
    case "assert":
      return { min: 0, max: 0 };
    case "backreference":
      return { min: 0, max: Infinity };
  }
}

export function childrenOf(node: Node): readonly Node[] {
  if ("nodes" in node) return node.nodes;
  return "node" in node ? [node.node] : [];
}

/** Groups that take part in every match, with a character at least. */
export function certainGroups({ node: root }: Regex): ReadonlySet<number> {
  const found = new Set<number>();
  const walk = (node: Node): void => {
    if (node.kind === "capture" && widthOf(node.node).min > 0) found.add(node.group);
    if (node.kind === "choice" || node.kind === "look" || (node.kind === "repeat" && node.min === 0)) return;
    childrenOf(node).forEach(walk);
  };
  walk(root);
  return found;
}

/** An assertion that every match begins with. */
export function leadingAssertion(node: Node): Assertion | undefined {
  switch (node.kind) {
    case "assert":
      return node.what;
    case "sequence":
      return node.nodes[0] && leadingAssertion(node.nodes[0]);
    case "choice": {
      const [first, ...rest] = node.nodes.map(leadingAssertion);
      return rest.every((one) => one === first) ? first : undefined;
    }
    case "capture":
    case "element":
    case "atomic":
      return leadingAssertion(node.node);
    default:
      return undefined;
  }
}

/** The same expression for texts without a line feed, where a line's ends are the text's. */
export function withinLine(regex: Regex): Regex {
  const walk = (node: Node): Node => {
    if (node.kind === "assert") return { ...node, what: WITHIN_LINE[node.what] ?? node.what };
    if ("nodes" in node) return { ...node, nodes: node.nodes.map(walk) };
    return "node" in node ? { ...node, node: walk(node.node) } : node;
  };
  return { ...regex, node: walk(regex.node) };
}

const WITHIN_LINE: Readonly<Partial<Record<Assertion, Assertion>>> = {
  "line-start": "text-start",
  "line-end": "text-end",
  "last-line-end": "text-end",
};

/** How many nodes an expression has. */
export function sizeOf(node: Node): number {
  return childrenOf(node).reduce((sum, child) => sum + sizeOf(child), 1);
}
