import { isDeepStrictEqual } from "node:util";
import type { ExpectedDocument, FoundDocument, Source } from "./documents.ts";
import { AS_SENT, type KeptForm } from "./kept-form.ts";

/** What comparing the documents of some lines found. */
export interface DocumentDifferences {
  readonly missing: readonly ExpectedDocument[];
  /** Documents that no line makes. */
  readonly extra: readonly FoundDocument[];
  readonly altered: readonly AlteredDocument[];
}

/** A document that is there for its line and is not what the line makes. */
export interface AlteredDocument {
  readonly expected: ExpectedDocument;
  readonly found: FoundDocument;
  /** Names of the fields, nested ones with dots, `_index` and `_id` among them. */
  readonly fields: readonly string[];
}

/**
 * Compares what lines make with what was found, offset by offset. Pure.
 *
 * At one offset several documents may stand, of a repeated line that is written out. Equal ones are pairs; of what is left
 * documents of one id are, then, where the store makes the ids, any: a pair that differs is altered, what has none is missing or extra.
 *
 * @param ownIds whether ids are derived, and so to be compared
 * @param kept what the store keeps of a document
 */
export function compareDocuments(
  expected: Iterable<ExpectedDocument>,
  found: readonly FoundDocument[],
  ownIds: boolean,
  kept: KeptForm = AS_SENT,
): DocumentDifferences {
  const missing: ExpectedDocument[] = [];
  const altered: AlteredDocument[] = [];
  const left = Map.groupBy(found, ({ offset }) => offset);
  const unpaired: ExpectedDocument[] = [];
  const take = (offset: number, is: (one: FoundDocument) => boolean): FoundDocument | undefined => {
    const there = left.get(offset) ?? [];
    const at = there.findIndex(is);
    return at < 0 ? undefined : there.splice(at, 1)[0];
  };
  for (const document of expected) {
    if (!take(document.offset, (one) => fieldsOf(document, one, ownIds, kept).length === 0)) unpaired.push(document);
  }
  for (const document of unpaired) {
    const pair = take(document.offset, (one) => !ownIds || one.id === document.id);
    if (pair) altered.push({ expected: document, found: pair, fields: fieldsOf(document, pair, ownIds, kept) });
    else missing.push(document);
  }
  return { missing, extra: [...left.values()].flat(), altered };
}

/** What differs between two documents. */
function fieldsOf(expected: ExpectedDocument, found: FoundDocument, ownIds: boolean, kept: KeptForm): string[] {
  return [
    ...(expected.index === found.index ? [] : ["_index"]),
    ...(!ownIds || expected.id === found.id ? [] : ["_id"]),
    ...differing(kept(expected.index, expected.source), kept(found.index, found.source), ""),
  ];
}

function differing(a: Source, b: Source, prefix: string): string[] {
  if (isDeepStrictEqual(a, b)) return [];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((name) => {
    const [x, y] = [a[name], b[name]];
    if (isDeepStrictEqual(x, y)) return [];
    return isObject(x) && isObject(y) ? differing(x, y, `${prefix}${name}.`) : [`${prefix}${name}`];
  });
}

function isObject(value: unknown): value is Source {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
