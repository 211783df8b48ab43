/**
 * The escapes of template values, one for each kind of text that a template becomes.
 * They are never interchangeable: what is harmless in a shell word can break a YAML
 * scalar, and a `#PBS` line knows no quoting at all.
 */

/** Why a value cannot be written; the renderer adds the template's name. */
export class UnwritableValue extends Error {}

type Escape = (value: unknown) => string;

const CONTROL = /\p{Cc}|[\u2028\u2029]/u;
const PLAIN_WORD = /^[A-Za-z0-9_@%+=:,./-]+$/;

function scalar(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value;
    case "boolean":
    case "bigint":
      return String(value);
    case "number":
      if (Number.isFinite(value)) return String(value);
      throw new UnwritableValue(`${String(value)} is no number that a file can hold`);
    default:
      throw new UnwritableValue(`expected text, a number or true/false, got ${kindOf(value)}`);
  }
}

function kindOf(value: unknown): string {
  if (value === undefined) return "nothing (the name has no value)";
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function quoteWord(text: string): string {
  return PLAIN_WORD.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** One shell word; a list becomes one word for each entry. @source POSIX 2.2.2, single quotes */
function sh(value: unknown): string {
  if (Array.isArray(value)) return value.map(sh).join(" ");
  const text = scalar(value);
  if (text.includes("\0")) throw new UnwritableValue("a shell word cannot hold a NUL");
  return quoteWord(text);
}

/**
 * One word of a haproxy line. A line's end ends the word whatever the quotes, so control
 * characters are refused. @source haproxy configuration manual 2.2, "Quoting and escaping"
 */
function haproxy(value: unknown): string {
  const text = scalar(value);
  if (CONTROL.test(text)) throw new UnwritableValue("a word of a haproxy line cannot hold control characters");
  return quoteWord(text);
}

/**
 * One argument of an ssh_config line. `%` and `$` begin what ssh replaces, for some keywords and in some versions, and a backslash escapes in
 * new versions only: they are refused. @source ssh_config(5), "TOKENS", "ENVIRONMENT VARIABLES"
 */
function ssh(value: unknown): string {
  const text = scalar(value);
  if (text === "" || CONTROL.test(text) || /["%$\\]/.test(text)) {
    throw new UnwritableValue(
      'an argument of ssh_config cannot be empty or hold control characters or any of " % $ \\',
    );
  }
  return PLAIN_WORD.test(text) ? text : `"${text}"`;
}

/** Part of a `#PBS` line, which has no escapes: what could begin another line is refused. */
function directive(value: unknown): string {
  const text = scalar(value);
  if (CONTROL.test(text)) {
    throw new UnwritableValue("a directive of a job script cannot hold line ends or control characters");
  }
  return text;
}

function escapeCharacters(json: string, which: RegExp): string {
  return json.replaceAll(which, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Refuses what JSON.stringify would silently leave out or turn into null. */
function checkData(value: unknown): void {
  if (value === null) return;
  if (Array.isArray(value)) value.forEach(checkData);
  else if (typeof value === "object") Object.values(value).forEach(checkData);
  else if (typeof value === "bigint") throw new UnwritableValue("a bigint has no form in JSON");
  else scalar(value);
}

/** A JSON value of any shape. */
function json(value: unknown): string {
  checkData(value);
  return escapeCharacters(JSON.stringify(value), /[\u007f-\u009f\u2028\u2029]/g);
}

/**
 * A YAML value of any shape on one line, in the flow style that YAML shares with JSON.
 * Texts are always in double quotes, so `no`, `012` and `~` stay texts; what YAML 1.1
 * takes for a line break or calls unprintable is written as an escape.
 */
function yaml(value: unknown): string {
  checkData(value);
  return flow(value);
}

function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value)
      .map(([key, entry]) => `${flow(key)}: ${flow(entry)}`)
      .join(", ")}}`;
  }
  return escapeCharacters(JSON.stringify(value), /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g);
}

/** As it is: for text that was already rendered for the same target. */
function none(value: unknown): string {
  return scalar(value);
}

/** The target filters by the name that templates use. */
export const TARGETS: Readonly<Record<string, Escape>> = {
  sh,
  yaml,
  json,
  haproxy,
  ssh,
  directive,
  none,
};
