import { isIP } from "node:net";
import type { Client } from "@elastic/elasticsearch";
import { ask, requestsOf } from "../ask-elasticsearch.ts";
import type { Source } from "./documents.ts";

/**
 * What is left of a document when its index makes the source of the fields again (`elasticsearch.index.source: synthetic`). Both sides of a
 * comparison are brought into this form: what it makes equal, the store cannot tell apart. Pure but for `keptForms`.
 */

/** A field of a mapping. */
interface Field {
  readonly type?: string;
  readonly properties?: Fields;
}
type Fields = Readonly<Record<string, Field>>;

/** The form in which an index keeps a document. */
export type KeptForm = (index: string, source: Source) => Source;

/** Of indices that store what was sent. */
export const AS_SENT: KeptForm = (_index, source) => source;

/** Asks the store how these indices keep documents. */
export async function keptForms(client: Client, indices: readonly string[]): Promise<KeptForm> {
  const fields = new Map<string, Fields>();
  for (const index of requestsOf(indices)) {
    const settings = await ask("asking how indices keep documents", () =>
      client.indices.getSettings({ index, name: ["index.mode", "index.mapping.source.mode"], flat_settings: true }),
    );
    const synthetic = Object.keys(settings).filter((name) =>
      isSynthetic(settings[name]?.settings as Readonly<Record<string, unknown>> | undefined),
    );
    if (synthetic.length === 0) continue;
    const mappings = await ask("reading the mappings of indices", () =>
      client.indices.getMapping({ index: synthetic }),
    );
    for (const name of synthetic) fields.set(name, mappings[name]?.mappings.properties ?? {});
  }
  if (fields.size === 0) return AS_SENT;
  return (index, source) => {
    const known = fields.get(index);
    return known ? formOf(source, known) : source;
  };
}

/** @source Elasticsearch reference, "Logs data stream": sources of the mode are synthetic when nothing is said */
function isSynthetic(settings: Readonly<Record<string, unknown>> = {}): boolean {
  const mode = settings["index.mapping.source.mode"];
  return mode === "synthetic" || (mode === undefined && settings["index.mode"] === "logsdb");
}

/** The form that such an index with these fields keeps a document in. */
export function formOf(source: Source, fields: Fields): Source {
  const form: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(source)) {
    const field = fields[name];
    // Fields that are not in the mapping are kept as they are.
    if (!field) form[name] = value;
    else if (value !== null)
      form[name] = field.properties ? objectForm(value, field.properties) : valuesForm(value, field.type);
  }
  return form;
}

function objectForm(value: unknown, fields: Fields): unknown {
  if (Array.isArray(value)) return value.map((one) => objectForm(one, fields));
  return typeof value === "object" && value !== null ? formOf(value as Source, fields) : value;
}

/** Of a list those that the field could not take stand last: their order is not told. */
function valuesForm(value: unknown, type = ""): unknown {
  const form = FORMS[type] ?? ((one: unknown) => one);
  if (!Array.isArray(value)) return form(value);
  return value.map(form).sort((a, b) => (String(a) < String(b) ? -1 : 1));
}

const whole = (value: unknown): unknown => {
  const number = numberOf(value);
  return number === undefined ? value : Math.trunc(number);
};

/** Of each type of field what it makes of a value; one that it cannot take is kept as it is. */
const FORMS: Readonly<Record<string, (value: unknown) => unknown>> = {
  date: (value) => {
    const time = typeof value === "string" ? Date.parse(value) : Number.NaN;
    return Number.isNaN(time) ? value : time;
  },
  byte: whole,
  short: whole,
  integer: whole,
  long: whole,
  double: (value) => numberOf(value) ?? value,
  boolean: (value) => (value === "true" ? true : value === "false" || value === "" ? false : value),
  ip: (value) => (typeof value === "string" ? addressForm(value) : value),
  // A number in such a field is a text from then on; how many zeros it had nobody knows who has read it as a number.
  keyword: (value) => (typeof value === "string" && /^-?\d+\.\d+$/.test(value) ? String(Number(value)) : textOf(value)),
  text: textOf,
};

function textOf(value: unknown): unknown {
  return typeof value === "number" || typeof value === "boolean" ? String(value) : value;
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** RFC 5952, IPv4 within IPv6 as IPv4. */
function addressForm(text: string): string {
  if (isIP(text) !== 6 || text.includes("%")) return text;
  const short = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short) ?? [];
  if (high === undefined || low === undefined) return short;
  const bytes = [high, low].map((part) => parseInt(part, 16)).flatMap((part) => [part >> 8, part & 255]);
  return bytes.join(".");
}
