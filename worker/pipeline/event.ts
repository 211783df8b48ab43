import { ConfigError } from "../contract/errors.ts";

/**
 * An event as the plain pipeline sees it: what a line said, as fields. The compiled pipeline makes no such object; this one
 * is what its meaning is defined by. It behaves as Logstash's event does, but that nothing ever throws on content.
 *
 * @source Logstash's org.logstash.{Event,Accessors,FieldReference}, 9.x
 */

/** A value of a field. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Fields by name. Made by `newFields`, so that no name means more than itself (`__proto__`, `constructor`). */
export type Fields = { [key: string]: Json };

/** `[a][b]` is `["a", "b"]`, `name` is `["name"]`. A part names a field of an object or, as a number, an item of a list. */
export type FieldPath = readonly string[];

const METADATA = "@metadata";
const TAGS = "tags";

/** How far behind its end a list may be written to: what lies between becomes null. A line may say the position. */
const LARGEST_GAP = 1000;

/** Deeper than Elasticsearch maps (20). A line may name a field, and each later step would need as many calls. */
const DEEPEST_FIELD = 100;

/** No field takes a longer text: no line is kept as long, and steps that double a text would soon fill the memory. */
export const LONGEST_TEXT = 16 * 1024 * 1024;

/** An object for fields, without a prototype. */
export function newFields(): Fields {
  return Object.create(null) as Fields;
}

/** True for an object of fields: no list, not null. */
export function isFields(value: Json | undefined): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * One line on its way through the pipeline.
 *
 * `@metadata` is kept apart and never written to the document. `tags` is a list of texts without repeats; a single text
 * becomes such a list, anything else is refused.
 */
export class LogEvent {
  readonly fields: Fields;
  readonly metadata: Fields;

  /** Takes the fields over: they are copied at the top and shared below. */
  constructor(fields: Readonly<Fields> = {}, metadata: Readonly<Fields> = {}) {
    this.fields = assignAll(newFields(), fields);
    this.metadata = assignAll(newFields(), metadata);
  }

  /** The value at a path; undefined when there is none. `@metadata` alone is all of it. */
  get(path: FieldPath): Json | undefined {
    let value: Json | undefined = this.#root(path);
    for (let i = path[0] === METADATA ? 1 : 0; i < path.length; i++) value = child(value, path[i]!);
    return value;
  }

  /** Whether a field is there, be it null. A null in a list is not. */
  has(path: FieldPath): boolean {
    const value = this.get(path);
    if (value !== null) return value !== undefined;
    return path.length === 1 || !Array.isArray(this.get(path.slice(0, -1)));
  }

  /**
   * Writes a value, making the objects on the way.
   * @returns false, and nothing is changed, when there is no such place: the way leads through a value that has no fields,
   *   a list has no such position, `tags` would become something else than texts, or a text is longer than `LONGEST_TEXT`
   */
  set(path: FieldPath, value: Json): boolean {
    if (typeof value === "string" && value.length > LONGEST_TEXT) return false;
    if (path[0] === TAGS) return path.length === 1 && this.#setTags(value);
    if (path.length === 1 && path[0] === METADATA) {
      if (!isFields(value)) return false;
      const copy = { ...value };
      this.#clearMetadata();
      assignAll(this.metadata, copy);
      return true;
    }
    const first = path[0] === METADATA ? 1 : 0;
    let target: Json = this.#root(path);
    for (let i = first; i < path.length - 1; i++) {
      const next = child(target, path[i]!);
      if (next === undefined || next === null) return setChild(target, path[i]!, nested(path, i + 1, value));
      if (typeof next !== "object") return false;
      target = next;
    }
    return setChild(target, path.at(-1)!, value);
  }

  /** Takes a field away. @returns what it was, undefined when it was not there; of `@metadata` alone, all of it */
  remove(path: FieldPath): Json | undefined {
    if (path.length === 1 && path[0] === METADATA) {
      const all = assignAll(newFields(), this.metadata);
      this.#clearMetadata();
      return all;
    }
    const parent = path.length === 1 ? this.fields : this.get(path.slice(0, -1));
    const key = path.at(-1)!;
    const value = child(parent, key);
    if (Array.isArray(parent)) {
      if (value !== undefined) parent.splice(listIndex(key, parent.length)!, 1);
    } else if (isFields(parent) && value !== undefined) {
      delete parent[key];
    }
    return value;
  }

  /** Adds a tag, unless it is there. */
  tag(name: string): void {
    const tags = this.fields[TAGS];
    if (!Array.isArray(tags)) this.fields[TAGS] = typeof tags === "string" && tags !== name ? [tags, name] : [name];
    else if (!tags.includes(name)) tags.push(name);
  }

  /** Takes a tag away; the list stays, be it empty. */
  untag(name: string): void {
    const tags = this.fields[TAGS];
    if (Array.isArray(tags)) this.fields[TAGS] = tags.filter((tag) => tag !== name);
    else if (tags === name) this.fields[TAGS] = [];
  }

  #root(path: FieldPath): Fields {
    return path[0] === METADATA ? this.metadata : this.fields;
  }

  #setTags(value: Json): boolean {
    const list = Array.isArray(value) ? value : [value];
    if (value === null) delete this.fields[TAGS];
    else if (list.every((tag) => typeof tag === "string")) this.fields[TAGS] = [...new Set(list)];
    else return false;
    return true;
  }

  #clearMetadata(): void {
    for (const key of Object.keys(this.metadata)) delete this.metadata[key];
  }
}

function assignAll(target: Fields, source: Readonly<Fields>): Fields {
  for (const key of Object.keys(source)) target[key] = source[key]!;
  return target;
}

function child(value: Json | undefined, key: string): Json | undefined {
  if (Array.isArray(value)) {
    const index = listIndex(key, value.length);
    return index === undefined ? undefined : value[index];
  }
  return isFields(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Where in a list of that length a part of a path points; negative ones count from its end, as Ruby does. */
function listIndex(key: string, length: number): number | undefined {
  if (!/^[+-]?\d+$/.test(key)) return undefined;
  const number = Number(key);
  const index = number < 0 ? length + number : number;
  return index < 0 ? undefined : index;
}

function setChild(target: Json, key: string, value: Json): boolean {
  if (Array.isArray(target)) {
    const index = listIndex(key, target.length);
    if (index === undefined || index > target.length + LARGEST_GAP) return false;
    while (target.length < index) target.push(null);
    target[index] = value;
    return true;
  }
  if (!isFields(target)) return false;
  // An object that somebody else made may have a prototype, with a setter of this name.
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  } else target[key] = value;
  return true;
}

/** `value` in objects for the parts of the path from `from` on. */
function nested(path: FieldPath, from: number, value: Json): Json {
  let inner = value;
  for (let i = path.length - 1; i >= from; i--) {
    const outer = newFields();
    outer[path[i]!] = inner;
    inner = outer;
  }
  return inner;
}

/**
 * Reads a field reference: `name`, `[a][b]`, or with references inside, `[[a][b]][c]`.
 * @throws ConfigError `PIPELINE_INVALID` for what Logstash refuses too (`[a`, `[]`, `a[b]`), and for nothing at all
 */
export function parseFieldPath(text: string): FieldPath {
  const path = tryFieldPath(text);
  if (path) return path;
  throw new ConfigError(
    "PIPELINE_INVALID",
    `${JSON.stringify(text)} is no field reference; write a name, or [name][name below it], at most ${String(DEEPEST_FIELD)} deep`,
  );
}

/** The same for references that a line takes part in: undefined instead of an error. */
export function tryFieldPath(text: string): FieldPath | undefined {
  if (text === "") return undefined;
  if (!/[[\]]/.test(text)) return [text];
  const path: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "[") {
      if (start !== at) return undefined;
      depth++;
      start = at + 1;
    } else if (character === "]") {
      // `]]` closes a reference inside another.
      if (depth === 0 || (start === at && text[at - 1] !== "]")) return undefined;
      if (start < at) path.push(text.slice(start, at));
      depth--;
      start = at + 1;
    } else if (text[at - 1] === "]") return undefined;
  }
  return depth === 0 && start === text.length && path.length <= DEEPEST_FIELD ? path : undefined;
}

/** A path as people write it: `name`, `[a][b]`. */
export function showFieldPath(path: FieldPath): string {
  return path.length === 1 ? path[0]! : path.map((part) => `[${part}]`).join("");
}

/** A copy that shares nothing with the value. */
export function cloneJson(value: Json): Json {
  if (Array.isArray(value)) return value.map(cloneJson);
  if (!isFields(value)) return value;
  const copy = newFields();
  for (const key of Object.keys(value)) copy[key] = cloneJson(value[key]!);
  return copy;
}
