import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from "yaml";

/** A node of a YAML text; undefined and null stand for an empty one. */
export type YamlNode = Node | null | undefined;

/** A key of a mapping and what it holds. */
export interface YamlEntry {
  readonly key: string;
  readonly keyNode: YamlNode;
  readonly value: YamlNode;
}

/** A YAML text whose values know where they stand. Aliases are followed. */
export class YamlSource {
  /** Faults of the YAML itself, each `file:line:column: problem; remedy`. With one of them nothing else is of use. */
  readonly problems: readonly string[];
  readonly root: YamlNode;
  readonly #text: string;
  readonly #file: string;
  readonly #document: Document;
  readonly #lines = new LineCounter();

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    this.root = this.#document.contents;
    this.problems = [
      ...this.#document.errors.map(
        ({ pos, message }) =>
          `${this.#at(pos[0])}: ${message.split("\n")[0] ?? ""}; correct the YAML (a text with [ % : or # in it needs quotes)`,
      ),
      ...this.#aliasProblems(),
    ];
  }

  /** Where a node begins: `file:line:column`; the text's beginning for none. */
  place(node: YamlNode): string {
    return this.#at(node?.range?.[0] ?? 0);
  }

  /** Where a character of a text stands, as far as that can be told: not when the YAML folds or escapes it. */
  placeIn(node: YamlNode, position: number): string {
    const target = this.#resolve(node);
    const start = target?.range?.[0] ?? 0;
    if (!isScalar(target) || typeof target.value !== "string") return this.#at(start);
    for (const offset of [start, start + 1]) {
      if (this.#text.startsWith(target.value, offset)) return this.#at(offset + position);
    }
    if (target.type !== "BLOCK_LITERAL") return this.#at(start);
    // The lines of a block stand below its `|`, each with the same indentation.
    const before = target.value.slice(0, position).split("\n");
    const lineStart = this.#lines.lineStarts[this.#lines.linePos(start).line - 1 + before.length] ?? start;
    const line = target.value.split("\n")[before.length - 1] ?? "";
    return this.#at(this.#text.indexOf(line, lineStart) + (before.at(-1)?.length ?? 0));
  }

  /** The entries of a mapping; undefined when it is none. */
  entries(node: YamlNode): readonly YamlEntry[] | undefined {
    const target = this.#resolve(node);
    if (!isMap(target)) return undefined;
    return target.items.map(({ key, value }) => ({
      key: isScalar(key) ? String(key.value) : "",
      keyNode: key as YamlNode,
      value: value as YamlNode,
    }));
  }

  /** The items of a list; undefined when it is none. */
  items(node: YamlNode): readonly YamlNode[] | undefined {
    const target = this.#resolve(node);
    return isSeq(target) ? (target.items as YamlNode[]) : undefined;
  }

  isEmpty(node: YamlNode): boolean {
    const target = this.#resolve(node);
    return !target || (isScalar(target) && target.value === null);
  }

  /** The value of a node; mappings are Maps with texts for keys, in the order in which they are written. */
  value(node: YamlNode): unknown {
    return node ? withTextKeys(node.toJS(this.#document, { mapAsMap: true })) : null;
  }

  /** The node at a path below an entry, or the last one on the way to it. */
  find(entry: YamlEntry, path: readonly PropertyKey[]): { readonly node: YamlNode; readonly found: boolean } {
    let node: YamlNode = entry.keyNode;
    let inside: YamlNode = entry.value;
    for (const part of path) {
      const items = this.items(inside);
      const next = items ? items[Number(part)] : this.entries(inside)?.find(({ key }) => key === String(part));
      // One value may stand for a list of one.
      if (!items && Number(part) === 0 && !this.entries(inside)) continue;
      if (!next) return { node, found: false };
      if ("keyNode" in next) {
        inside = next.value;
        node = inside?.range ? inside : next.keyNode;
      } else node = inside = next;
    }
    return { node, found: true };
  }

  #resolve(node: YamlNode): YamlNode {
    return isAlias(node) ? node.resolve(this.#document) : node;
  }

  #at(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#file}:${line}:${col}`;
  }

  /** Aliases without their anchors, or so many that they are a trap. */
  #aliasProblems(): readonly string[] {
    if (this.#document.errors.length > 0) return [];
    try {
      this.#document.toJS();
      return [];
    } catch (error) {
      return [`${this.#at(0)}: ${(error as Error).message}; correct the YAML`];
    }
  }
}

function withTextKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withTextKeys);
  if (!(value instanceof Map)) return value;
  return new Map([...(value as Map<unknown, unknown>)].map(([key, inner]) => [String(key), withTextKeys(inner)]));
}
