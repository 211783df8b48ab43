import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { dirname, join, resolve } from "node:path";
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parse,
  parseDocument,
  visit,
  type Alias,
  type Document,
  type Node,
} from "yaml";
import type { z } from "zod";
import { ConfigError } from "../worker/contract/errors.ts";
import { nearest } from "../worker/contract/nearest.ts";
import { checkConfig } from "./config-checks.ts";
import { CONFIG_ENTRIES, CONFIG_FIELDS, keysAt, VARIABLE_PREFIX, type ConfigField } from "./config-fields.ts";
import type { InlinePipeline } from "./config/pipelines.ts";
import { configSchema, type Config } from "./config-schema.ts";

/**
 * Reads the configuration: defaults < file < environment < flags. Each step keeps where a value came from, so that
 * `gridharvest config` and every message can say it.
 */

/** Where a value came from: `default`, `FILE:LINE`, `environment NAME` or `flag --x`. */
export type ConfigOrigin = string;

/** The configuration of a command. */
export interface ResolvedConfig {
  /** With every default; paths are absolute, and the state directory and the snapshot repository are always named. */
  readonly config: Config & { readonly stateDir: string; readonly snapshot: { readonly repository: string } };
  /** Dotted path of every value → where it came from. */
  readonly origins: ReadonlyMap<string, ConfigOrigin>;
  /** The file that was read. */
  readonly file?: string;
  /** Things to tell the operator: variables that look like ours and are not. */
  readonly warnings: readonly string[];
  /** How messages name the place of a value, or of the nearest thing around it that somebody gave: `site.yaml:12:7`, `flag --x`. */
  readonly placeOf: (path: readonly string[]) => string;
}

/** A value from the command line. */
export interface ConfigOverride {
  /** As the user typed it: `--data-nodes`. */
  readonly flag: string;
  readonly value: unknown;
}

/** The file that is read from the current directory when none is named. */
export const DEFAULT_CONFIG_FILE = "gridharvest.yaml";

/** What a machine that is logged in to needs of this one. */
const SSH_FILES = ["identityFile", "passphraseFile", "agent", "knownHosts"];

/**
 * Fields that hold paths of this machine: relative ones start at the file that says them, or at the current directory. `*` is every item of a list.
 */
const PATH_FIELDS: ReadonlySet<string> = new Set([
  "stateDir",
  "archive.root",
  "elasticsearch.home",
  "elasticsearch.tarball.file",
  "elasticsearch.javaHome",
  "services.redis.passwordFile",
  ...SSH_FILES.flatMap((name) => [`batch.access.${name}`, `batch.access.jump.*.${name}`]),
  "batch.access.kerberos.keytab",
  "notify.webhook.headersFile",
  "staging.dir",
  "snapshot.repository",
]);

/** A value that somebody gave, and who. */
interface Given {
  readonly origin: ConfigOrigin;
  /** How messages name the place: `site.yaml:12:7`, `environment NAME`, `flag --x`. */
  readonly place: string;
  /** Where relative paths start. */
  readonly directory: string;
}

type Raw = Record<string, unknown>;

/**
 * @param options.file refused when it cannot be read; absent: `gridharvest.yaml` of the current directory if it exists
 * @param options.overrides dotted path → value from the command line
 * @throws ConfigError `CONFIG_INVALID` with all problems at once, one a line: `file:line:col: path: problem; remedy`
 */
export async function loadConfig(options: {
  readonly file?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly overrides?: Readonly<Record<string, ConfigOverride>>;
  /** Default: the process's. */
  readonly cwd?: string;
}): Promise<ResolvedConfig> {
  const cwd = options.cwd ?? process.cwd();
  const file = fileToRead(options.file, cwd);
  const problems: string[] = [];
  const given = new Map<string, Given>();
  const raw: Raw = file === undefined ? {} : await readConfigFile(file, given, problems);

  const warnings: string[] = [];
  for (const [name, text] of Object.entries(options.env)) {
    if (!name.startsWith(VARIABLE_PREFIX) || text === undefined) continue;
    const field = CONFIG_FIELDS.find((candidate) => candidate.variable === name);
    if (!field) {
      // The prefix is common to all: what follows it must be near.
      const words = CONFIG_FIELDS.map((candidate) => candidate.variable.slice(VARIABLE_PREFIX.length));
      const meant = nearest(name.slice(VARIABLE_PREFIX.length), words);
      if (meant !== undefined) {
        warnings.push(`environment ${name} names no configuration value; did you mean ${VARIABLE_PREFIX}${meant}?`);
      }
      continue;
    }
    const source = `environment ${name}`;
    give(raw, given, field.path, valueOfText(field, text), { origin: source, place: source, directory: cwd });
  }
  for (const [path, { flag, value }] of Object.entries(options.overrides ?? {})) {
    const field = CONFIG_FIELDS.find((candidate) => candidate.path === path);
    const source = `flag ${flag}`;
    if (!field) {
      problems.push(`${source}: ${path}: no such configuration value${suggest(path, allPaths())}`);
      continue;
    }
    const usable = typeof value === "string" ? valueOfText(field, value) : value;
    give(raw, given, path, usable, { origin: source, place: source, directory: cwd });
  }

  const parsed = configSchema.safeParse(raw);
  if (!parsed.success) problems.push(...parsed.error.issues.flatMap((issue) => describeIssue(issue, raw, given, file)));
  else if (problems.length === 0) {
    for (const { path, problem } of checkConfig(parsed.data)) {
      problems.push(`${placeOf(path.split("."), given, file)}: ${path}: ${problem}`);
    }
  }
  if (!parsed.success || problems.length > 0) {
    throw new ConfigError("CONFIG_INVALID", [...problems, ...warnings].join("\n"), {
      context: { problems: problems.length, ...(file === undefined ? {} : { file }) },
    });
  }

  const config = withPaths(parsed.data, given, file === undefined ? cwd : dirname(file));
  const origins = new Map<string, ConfigOrigin>();
  for (const field of CONFIG_FIELDS) {
    if (valueAt(config, field.path) === undefined) continue;
    origins.set(field.path, given.get(field.path)?.origin ?? "default");
  }
  return {
    config,
    origins,
    warnings,
    placeOf: (path) => placeOf(path, given, file),
    ...(file === undefined ? {} : { file }),
  };
}

function allPaths(): readonly string[] {
  return CONFIG_FIELDS.map((field) => field.path);
}

function fileToRead(named: string | undefined, cwd: string): string | undefined {
  if (named !== undefined) return resolve(cwd, named);
  const usual = join(cwd, DEFAULT_CONFIG_FILE);
  return existsSync(usual) ? usual : undefined;
}

/** Reads the file's values, and remembers where each stands. Faults of its YAML become problems. */
async function readConfigFile(file: string, given: Map<string, Given>, problems: string[]): Promise<Raw> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new ConfigError(
      "CONFIG_UNREADABLE",
      `the configuration file ${file} cannot be read; name another with --config, or write one with \`gridharvest config --example > ${DEFAULT_CONFIG_FILE}\``,
      { context: { file }, cause: error },
    );
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  for (const { pos, message } of document.errors) {
    problems.push(`${at(pos[0])}: ${message.split("\n")[0] ?? ""}; correct the YAML`);
  }
  if (document.errors.length > 0) return {};
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) return {};
  if (!isMap(document.contents)) {
    problems.push(`${at(0)}: the file holds no keys; write for example \`archive:\``);
    return {};
  }
  let raw: Raw;
  try {
    raw = document.toJS() as Raw;
  } catch (error) {
    // Aliases: one without its anchor, or so many that they are a trap.
    problems.push(`${at(firstAlias(document))}: ${(error as Error).message}; correct the YAML`);
    return {};
  }
  remember(document, document.contents, [], (path, offset) => {
    const line = lines.linePos(offset).line;
    given.set(path, { origin: `${file}:${line}`, place: at(offset), directory: dirname(file) });
  });
  takeInlinePipelines(document, raw, text, file, lines);
  // `archive:` with nothing but comments below it is an empty section, not a wrong value.
  for (const entry of CONFIG_ENTRIES) {
    if (!("type" in entry) && !entry.optional && valueAt(raw, entry.path) === null) setAt(raw, entry.path, {});
  }
  return raw;
}

/** Puts the text of each pipeline that stands in the file in the place of its value: a pipeline is read where it is checked. */
function takeInlinePipelines(document: Document, raw: Raw, text: string, file: string, lines: LineCounter): void {
  const services = document.getIn(["pipelines", "services"]);
  if (!isMap(services)) return;
  for (const { key, value } of services.items) {
    const node = isAlias(value) ? value.resolve(document) : value;
    if (!isScalar(key) || !isMap(node) || !node.range) continue;
    const { line, col: column } = lines.linePos(node.range[0]);
    // The indentation of its first line is that of all others.
    const inline: InlinePipeline = {
      text: " ".repeat(column - 1) + text.slice(node.range[0], node.range[1]),
      file,
      line,
      column,
    };
    (valueAt(raw, "pipelines.services") as Raw)[String(key.value)] = inline;
  }
}

/** Where the first alias without an anchor stands, or the first of all. */
function firstAlias(document: Document): number {
  const aliases: Alias[] = [];
  visit(document, { Alias: (_, alias) => void aliases.push(alias) });
  const first = aliases.find((alias) => alias.resolve(document) === undefined) ?? aliases[0];
  return first?.range?.[0] ?? 0;
}

/** Calls `found` with the offset of each key, and of each item of a list. */
function remember(
  document: Document,
  node: Node | null | undefined,
  path: readonly (string | number)[],
  found: (path: string, offset: number) => void,
): void {
  const target = isAlias(node) ? node.resolve(document) : node;
  if (isMap(target)) {
    for (const { key, value } of target.items) {
      if (!isScalar(key)) continue;
      const here = [...path, String(key.value)];
      found(here.join("."), key.range?.[0] ?? 0);
      remember(document, value as Node | null, here, found);
    }
  } else if (isSeq(target)) {
    target.items.forEach((item, i) => {
      const here = [...path, i];
      const range = (item as Node).range;
      found(here.join("."), range?.[0] ?? 0);
      remember(document, item as Node, here, found);
    });
  }
}

/** A text of the environment or a flag as the field's type; what does not fit is left for the schema to refuse. */
function valueOfText(field: ConfigField, text: string): unknown {
  switch (field.type) {
    case "text":
    case "choice":
      return text;
    case "size":
    case "duration":
    case "integer":
    case "number":
      return /^\s*-?\d+(\.\d+)?\s*$/.test(text) ? Number(text) : text;
    case "list":
    case "mapping":
    case "flag":
      try {
        return parse(text) as unknown;
      } catch {
        return text;
      }
  }
}

function give(raw: Raw, given: Map<string, Given>, path: string, value: unknown, by: Given): void {
  // A list that replaces the file's has no places in the file any more.
  for (const known of given.keys()) if (known.startsWith(`${path}.`)) given.delete(known);
  given.set(path, by);
  setAt(raw, path, value);
}

function setAt(raw: Raw, path: string, value: unknown): void {
  const parts = path.split(".");
  const last = parts.pop() ?? "";
  let at = raw;
  for (const part of parts) {
    const next = at[part];
    if (next === undefined || next === null) at[part] = {};
    // A section that is no section: the schema says so.
    else if (typeof next !== "object") return;
    at = at[part] as Raw;
  }
  at[last] = value;
}

function valueAt(value: unknown, path: string): unknown {
  let at = value;
  for (const part of path.split(".")) {
    if (at === null || typeof at !== "object") return undefined;
    at = (at as Raw)[part];
  }
  return at;
}

/** The place of a path, or of the nearest thing around it that somebody gave. */
function placeOf(path: readonly PropertyKey[], given: ReadonlyMap<string, Given>, file: string | undefined): string {
  return nearestGiven(path, given)?.place ?? file ?? "configuration";
}

/** Who gave the path, or the nearest thing around it. */
function nearestGiven(path: readonly PropertyKey[], given: ReadonlyMap<string, Given>): Given | undefined {
  for (let n = path.length; n > 0; n--) {
    const found = given.get(path.slice(0, n).map(String).join("."));
    if (found) return found;
  }
  return undefined;
}

/** `jump.*.user` as `jump.0.user`, `jump.1.user`, as many as there are. */
function expand(value: unknown, path: string): readonly string[] {
  const [list, rest] = path.split(".*.");
  if (list === undefined || rest === undefined) return [path];
  const items = valueAt(value, list);
  return Array.isArray(items) ? items.map((_, i) => `${list}.${String(i)}.${rest}`) : [];
}

function suggest(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  if (meant !== undefined) return `; did you mean ${meant}?`;
  return known.length <= 20 ? `; known here: ${known.join(", ")}` : "; `gridharvest config` lists them";
}

function describeIssue(
  issue: z.core.$ZodIssue,
  raw: Raw,
  given: ReadonlyMap<string, Given>,
  file: string | undefined,
): readonly string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      return `${placeOf(path, given, file)}: ${path.map(String).join(".")}: unknown key${suggest(key, keysAt(issue.path))}`;
    });
  }
  const path = issue.path.map(String).join(".");
  const field = CONFIG_FIELDS.find((candidate) => candidate.path === path);
  const value = valueAt(raw, path);
  if (keysAt(issue.path).length > 0 && issue.code === "invalid_type") {
    const keys = keysAt(issue.path).join(", ");
    return [
      `${placeOf(issue.path, given, file)}: ${path}: ${shown(value)} stands where a section does; write its keys below it: ${keys}`,
    ];
  }
  const problem = field ? problemOf(issue, field, value) : plainProblem(issue, value);
  const remedy = field && field.description !== "" ? ` (${field.description.replace(/\.$/, "")})` : "";
  return [`${placeOf(issue.path, given, file)}: ${path}: ${problem}${remedy}`];
}

function problemOf(issue: z.core.$ZodIssue, field: ConfigField, value: unknown): string {
  if (value === undefined) return "is missing; add it";
  if (value === null) return "has no value; write one, or take the key out for the default";
  const found = shown(value);
  switch (field.type) {
    case "choice": {
      const meant = typeof value === "string" ? nearest(value, field.choices) : undefined;
      return `${found} is not one of ${field.choices.join(", ")}${meant === undefined ? "" : `; did you mean ${meant}?`}`;
    }
    case "size":
      return `${found} is not a size; write for example 8MiB or 2GiB, or a number of bytes`;
    case "duration":
      return `${found} is not a duration; write for example 90s, 5m or 12h, or a number of seconds`;
    case "integer":
      return `${found} ${issue.code === "too_small" ? `is too small; write at least ${least(issue)}` : "is not a whole number; write one"}`;
    case "number":
    case "text":
    case "list":
    case "mapping":
    case "flag":
      return plainProblem(issue, value);
  }
}

function least(issue: z.core.$ZodIssueTooSmall): string {
  return String(issue.inclusive === false ? Number(issue.minimum) + 1 : issue.minimum);
}

function plainProblem(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === undefined) return "is missing; add it";
  if (issue.code === "invalid_key") {
    const key = String(issue.path.at(-1));
    return issue.issues.map((inner) => `${shown(key)} is ${inner.message}`).join("; ");
  }
  const text = issue.message.replace(/^Invalid input: /, "");
  const [first = "", ...rest] = text.split("; ");
  const quoted = /^(not|must|does) /.test(first)
    ? `${shown(value)} ${first.startsWith("not") ? `is ${first}` : first}`
    : first;
  return rest.length > 0 ? `${quoted}; ${rest.join("; ")}` : `${quoted}; found ${shown(value)}`;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** Makes paths absolute and names the directories that have a default place. */
function withPaths(config: Config, given: ReadonlyMap<string, Given>, directory: string): ResolvedConfig["config"] {
  const result = structuredClone(config) as Raw;
  for (const path of [...PATH_FIELDS].flatMap((field) => expand(result, field))) {
    const value = valueAt(result, path);
    if (typeof value !== "string") continue;
    const start = nearestGiven(path.split("."), given)?.directory ?? directory;
    setAt(result, path, absolutePath(value, start));
  }
  const whole = result as Config;
  const { pipelines } = whole;
  const absolute = (path: readonly (string | number)[], value: string): string =>
    absolutePath(value, nearestGiven(["pipelines", ...path], given)?.directory ?? directory);
  const inNames = <T>(name: string, values: Readonly<Record<string, T>>): Record<string, T | string> =>
    Object.fromEntries(
      Object.entries(values).map(([key, value]) => [
        key,
        typeof value === "string" ? absolute([name, key], value) : value,
      ]),
    );
  // Names of services may have dots in them.
  whole.pipelines = {
    ...pipelines,
    services: inNames("services", pipelines.services),
    patterns: pipelines.patterns.map((dir, i) => absolute(["patterns", i], dir)),
    databases: inNames<string>("databases", pipelines.databases),
  };
  const stateDir = whole.stateDir ?? defaultStateDir();
  const repository = whole.snapshot.repository ?? join(stateDir, "snapshots");
  return { ...whole, stateDir, snapshot: { ...whole.snapshot, repository } };
}

function absolutePath(path: string, start: string): string {
  return resolve(start, path.replace(/^~(?=\/|$)/, homedir()));
}

/** Root keeps its state with the system's, everybody else below the home directory. */
function defaultStateDir(): string {
  return userInfo().uid === 0 ? "/var/lib/gridharvest" : join(homedir(), ".local", "state", "gridharvest");
}
