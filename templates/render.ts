import nunjucks from "nunjucks";

import { BackfillError, ConfigError } from "../worker/contract/errors.ts";
import { readTemplate } from "./files.ts";
import { TARGETS, UnwritableValue } from "./targets.ts";

/**
 * A node of nunjucks' syntax tree, as far as we look at it. The parser is not part of
 * its documented interface; the dependency is pinned and a test reads every kind of node
 * that we rely on.
 */
interface SyntaxNode {
  readonly typename: string;
  readonly fields: readonly string[];
  readonly lineno: number;
  readonly [field: string]: unknown;
}

const { parser } = nunjucks as unknown as {
  parser: { parse(source: string, extensions: unknown[], options: object): SyntaxNode };
};

const OPTIONS = { autoescape: false, throwOnUndefined: true, trimBlocks: true, lstripBlocks: true };

/** What pulls in text that was not checked. A template here stands alone. */
const REFUSED = [
  "Include",
  "Import",
  "FromImport",
  "Extends",
  "Block",
  "Macro",
  "Caller",
  "FilterAsync",
  "CallExtension",
];

interface Checked {
  readonly template: nunjucks.Template;
  /** Names that the template needs from its caller. */
  readonly needs: ReadonlySet<string>;
}

/** `none` is a word of nunjucks' own (null), so the filter of that name goes by another inside. */
const NONE = "none_";

function renameNone(text: string): string {
  return text.replaceAll(/\{[{%][^]*?[%}]\}/g, (tag) => tag.replaceAll(/(?<=\|\s*)none\b/g, NONE));
}

const environment = new nunjucks.Environment(null, OPTIONS);
/** What the last refused value of a rendering was; rendering is synchronous. */
const last: { refusal?: string } = {};
for (const [name, escape] of Object.entries(TARGETS)) {
  environment.addFilter(name === "none" ? NONE : name, (value: unknown) => {
    try {
      return escape(value);
    } catch (error) {
      // nunjucks keeps of an error its text only: the reason is handed past it.
      if (error instanceof UnwritableValue) last.refusal = `filter ${name}: ${error.message}`;
      throw error;
    }
  });
}

const checked = new Map<string, Checked>();

/**
 * Renders a template that ships with the program. Every `{{ }}` passes through exactly one
 * target filter (`sh`, `yaml`, `json`, `haproxy`, `ssh`, `directive`, `none`), every name that the
 * template uses must be among the values, also inside conditions and members of objects;
 * say `null` for "there is none". Values that the template does not use are ignored.
 *
 * Blocks stand on lines of their own and leave no trace (`trimBlocks`, `lstripBlocks`).
 *
 * @param name path below the package's root, e.g. `templates/proxy/haproxy.cfg.tmpl`
 * @throws BackfillError `TEMPLATE_MISSING`, `TEMPLATE_INVALID`: a fault of the program
 * @throws ConfigError `TEMPLATE_VALUE`: a value has no form in this kind of file
 */
export function renderTemplate(name: string, values: Record<string, unknown>): string {
  let entry = checked.get(name);
  if (!entry) {
    entry = load(name, readTemplate(name));
    checked.set(name, entry);
  }
  return render(name, entry, values);
}

/** As {@link renderTemplate}, of a text at hand; `name` only serves messages. */
export function renderText(name: string, text: string, values: Record<string, unknown>): string {
  return render(name, load(name, text), values);
}

function render(name: string, entry: Checked, values: Record<string, unknown>): string {
  for (const need of entry.needs) {
    if (!Object.hasOwn(values, need) || values[need] === undefined) {
      throw invalid(name, `uses the name ${need}, which got no value`);
    }
  }
  delete last.refusal;
  try {
    const strict = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, strictMembers(value, key)]));
    return entry.template.render(strict);
  } catch (cause) {
    const refusal = last.refusal as string | undefined;
    if (refusal === undefined) throw invalid(name, textOf(cause), cause);
    throw new ConfigError("TEMPLATE_VALUE", `template ${name}: ${refusal}`, { context: { template: name } });
  }
}

function load(name: string, text: string): Checked {
  const source = renameNone(text);
  let tree: SyntaxNode;
  try {
    tree = parser.parse(source, [], OPTIONS);
  } catch (cause) {
    throw invalid(name, textOf(cause), cause);
  }
  const names = new Set<string>();
  const bound = new Set<string>(["loop"]);
  const at = (node: SyntaxNode): string => `line ${String(node.lineno + 1)}`;

  const visit = (node: SyntaxNode): void => {
    if (REFUSED.includes(node.typename)) throw invalid(name, `${at(node)}: ${node.typename} is not allowed`);
    if (node.typename === "Output") {
      for (const part of children(node)) checkOutput(part);
      return;
    }
    if (node.typename === "Filter") {
      const filter = filterName(node);
      // A target filter below another one would escape twice; outside an output it has no target.
      if (Object.hasOwn(TARGETS, filter))
        throw invalid(name, `${at(node)}: ${filter} must be the last and only target filter`);
      visitFields(node, ["name"]);
      return;
    }
    if (node.typename === "For") bind(node["name"] as SyntaxNode);
    if (node.typename === "Set") for (const target of node["targets"] as SyntaxNode[]) bind(target);
    // `x is defined` and keyword names are no variables.
    if (node.typename === "Is") {
      visitFields(node, ["right"]);
      return;
    }
    if (node.typename === "Pair" && isNode(node["key"]) && node["key"].typename === "Symbol") {
      visitFields(node, ["key"]);
      return;
    }
    if (node.typename === "Symbol") names.add(String(node["value"]));
    visitFields(node, []);
  };
  const visitFields = (node: SyntaxNode, without: readonly string[]): void => {
    for (const field of node.fields) {
      if (without.includes(field)) continue;
      const value = node[field];
      if (isNode(value)) visit(value);
      else if (Array.isArray(value)) value.filter(isNode).forEach(visit);
    }
  };
  const bind = (node: SyntaxNode): void => {
    if (node.typename === "Symbol") bound.add(String(node["value"]));
    else children(node).forEach(bind);
  };
  const checkOutput = (part: SyntaxNode): void => {
    if (part.typename === "TemplateData") return;
    if (part.typename !== "Filter" || !Object.hasOwn(TARGETS, filterName(part))) {
      throw invalid(name, `${at(part)}: {{ }} without a target filter (one of ${Object.keys(TARGETS).join(", ")})`);
    }
    visitFields(part, ["name"]);
  };

  visit(tree);
  const needs = new Set([...names].filter((n) => !bound.has(n)));
  return { template: new nunjucks.Template(source, environment, name, true), needs };
}

function children(node: SyntaxNode): readonly SyntaxNode[] {
  return (node["children"] as SyntaxNode[] | undefined) ?? [];
}

function filterName(node: SyntaxNode): string {
  const name = String((node["name"] as SyntaxNode)["value"]);
  return name === NONE ? "none" : name;
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "typename" in value && "fields" in value;
}

/** Asking an object for a member that it has not is an error, also where no output would show it. */
function strictMembers(value: unknown, path: string): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((entry, i) => strictMembers(entry, `${path}[${String(i)}]`));
  const members = Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, strictMembers(member, `${path}.${key}`)]),
  );
  return new Proxy(members, {
    get(target, key) {
      // JSON.stringify asks every object for toJSON.
      if (typeof key === "symbol" || key === "toJSON") return undefined;
      if (!Object.hasOwn(target, key) || target[key] === undefined) {
        throw new Error(`uses ${path}.${key}, which got no value`);
      }
      return target[key];
    },
  });
}

function invalid(name: string, what: string, cause?: unknown): BackfillError {
  return new BackfillError("TEMPLATE_INVALID", `template ${name}: ${what}`, { context: { template: name }, cause });
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.replace(/\s*\n\s*/g, " ") : String(cause);
}
