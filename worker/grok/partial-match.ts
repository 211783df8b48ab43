import type { PartialMatch } from "../contract/line-parser.ts";
import { LAST_CODE_POINT, negate, ranges, type CharSet } from "../regex/char-set.ts";
import { codePoints, interpretRegex, noReach, type Reach } from "../regex/interpret.ts";
import type { Assertion, Node, Regex } from "../regex/syntax.ts";

/** Says of an expression's nodes where they stand in it. */
export type Describe = (reach: Reach) => PartialMatch | undefined;

interface Place {
  readonly element: string;
  readonly within: readonly string[];
}

/** An explanation that takes longer tells how far it got until then. */
const MOST_EXPLAINED_STEPS = 10_000_000;

/** How far the longest attempt of a miss got. What it needs is made for the first one. */
export function explainMisses(regex: Regex): (text: string) => PartialMatch | undefined {
  let search: ReturnType<typeof interpretRegex> | undefined;
  let describe: Describe | undefined;
  return (text) => {
    const reach = noReach();
    search ??= interpretRegex(regex);
    search(codePoints(text), MOST_EXPLAINED_STEPS, reach);
    return (describe ??= describeReach(regex))(reach);
  };
}

/** Prepares the explanations of an expression's misses. Costs as much memory as the expression itself: for explaining only. */
export function describeReach({ node }: Regex): Describe {
  const places = new Map<Node, Place>();
  collect(node, { within: [], alternative: false }, places);
  return ({ start, at, node: failed }) => {
    const place = failed && placeOf(failed, places);
    return place && { from: start + 1, column: at + 1, ...place };
  };
}

/** The matcher makes some nodes itself, around nodes of the expression. */
function placeOf(node: Node, places: ReadonlyMap<Node, Place>): Place | undefined {
  for (let inner: Node | undefined = node; inner; inner = inside(inner)[0]) {
    const place = places.get(inner);
    if (place) return place;
  }
  return undefined;
}

/** What is around a node. */
interface Around {
  /** Texts of the elements, outermost first. */
  readonly within: readonly string[];
  /** It is one of several that may stand there, so its own text is not what is missing. */
  readonly alternative: boolean;
}

function collect(node: Node, around: Around, places: Map<Node, Place>): void {
  switch (node.kind) {
    case "set":
    case "assert":
    case "backreference":
      return place(node, undefined, around, places);
    case "sequence":
      return collectSequence(node.nodes, around, places);
    case "look":
      place(node, undefined, around, places);
      return collect(node.node, around, places);
    case "element":
      return collect(node.node, { within: [...around.within, node.text], alternative: false }, places);
    case "choice":
      for (const option of node.nodes) collect(option, { ...around, alternative: true }, places);
      return;
    case "repeat":
    case "capture":
    case "atomic":
      return collect(node.node, around, places);
  }
}

/** Characters that follow each other are one piece of text. */
function collectSequence(nodes: readonly Node[], around: Around, places: Map<Node, Place>): void {
  for (let at = 0; at < nodes.length;) {
    let text = "";
    let end = at;
    for (let character; (character = literal(nodes[end])) !== undefined; end++) text += character;
    for (const node of nodes.slice(at, end)) place(node, JSON.stringify(text), around, places);
    if (end === at) collect(nodes[end++]!, around, places);
    at = end;
  }
}

function place(node: Node, text: string | undefined, { within, alternative }: Around, places: Map<Node, Place>): void {
  // A definition that is called twice has its nodes once: the first place stands for both.
  if (places.has(node)) return;
  const innermost = text === undefined || alternative ? within.at(-1) : undefined;
  places.set(
    node,
    innermost === undefined
      ? { element: text ?? show(node), within }
      : { element: innermost, within: within.slice(0, -1) },
  );
}

function inside(node: Node): readonly Node[] {
  switch (node.kind) {
    case "set":
    case "assert":
    case "backreference":
      return [];
    case "sequence":
    case "choice":
      return node.nodes;
    case "repeat":
    case "capture":
    case "atomic":
    case "look":
    case "element":
      return [node.node];
  }
}

function literal(node: Node | undefined): string | undefined {
  if (node?.kind !== "set") return undefined;
  const [from, to] = node.set;
  return node.set.length === 2 && from === to && from !== undefined ? String.fromCodePoint(from) : undefined;
}

const ASSERTIONS: Readonly<Record<Assertion, string>> = {
  "line-start": "^",
  "line-end": "$",
  "text-start": String.raw`\A`,
  "text-end": String.raw`\z`,
  "last-line-end": String.raw`\Z`,
  "word-border": String.raw`\b`,
  "no-word-border": String.raw`\B`,
};

/** What stands outside of every `%{…}`, in Onigmo's words. */
function show(node: Node): string {
  switch (node.kind) {
    case "set":
      return literal(node) === undefined ? showSet(node.set) : JSON.stringify(literal(node));
    case "assert":
      return ASSERTIONS[node.what];
    case "look":
      return `(?${node.ahead ? "" : "<"}${node.negative ? "!" : "="}…)`;
    default:
      return "a back reference";
  }
}

/** More ranges than these say nothing to anybody: a class of Unicode. */
const MOST_RANGES = 8;

function showSet(set: CharSet): string {
  const negated = set.at(-1) === LAST_CODE_POINT;
  const shown = ranges(negated ? negate(set) : set);
  if (shown.length === 0) return negated ? "any character" : "no character";
  const text = shown
    .slice(0, MOST_RANGES)
    .map(([from, to]) => (from === to ? char(from) : `${char(from)}-${char(to)}`));
  return `[${negated ? "^" : ""}${text.join("")}${shown.length > MOST_RANGES ? "…" : ""}]`;
}

function char(codePoint: number): string {
  const text = String.fromCodePoint(codePoint);
  return /[\p{L}\p{N}\p{P}\p{S} ]/u.test(text) ? text : `\\x{${codePoint.toString(16)}}`;
}
