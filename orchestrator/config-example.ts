import { stringify } from "yaml";
import { CONFIG_ENTRIES, type ConfigField, type FieldType } from "./config-fields.ts";

/** The units of a field's values, for its comment. */
const UNITS: Readonly<Record<FieldType, string>> = {
  size: "a size: 8MiB, 2GiB, or bytes",
  duration: "a duration: 90s, 5m, 12h, or seconds",
  integer: "a whole number",
  number: "a number",
  text: "text",
  choice: "one of",
  list: "a list",
  mapping: "names with values",
  flag: "true or false",
};

/**
 * A commented configuration file made from the schema. Every field has its description, the unit of its values and its
 * default; it parses to the defaults. Fields without a default stand in it commented out.
 */
export function exampleConfig(): string {
  const lines = [
    "# The configuration of gridharvest. Every value here is the default: keep the lines that you change.",
    "# Each can also be set in the environment, by the name in brackets, and on the command line with --set path=value.",
  ];
  let depthOff = Infinity;
  for (const entry of CONFIG_ENTRIES) {
    const parts = entry.path.split(".");
    const depth = parts.length - 1;
    const key = parts.at(-1) ?? "";
    if (depth <= depthOff) depthOff = Infinity;
    const indent = "  ".repeat(depth);
    if (depth === 0 || !("type" in entry)) lines.push("");
    if ("type" in entry) {
      lines.push(...comment(indent, commentOf(entry)));
      for (const item of entry.items) lines.push(...comment(`${indent}  `, `${item.path}: ${commentOfItem(item)}`));
      const text = stringify({ [key]: entry.defaultValue ?? placeholder(entry) }, { lineWidth: 0 }).trimEnd();
      const off = depthOff !== Infinity || entry.defaultValue === undefined;
      lines.push(...text.split("\n").map((line) => `${indent}${off ? "# " : ""}${line}`));
    } else {
      if (entry.optional) depthOff = depth;
      lines.push(...comment(indent, entry.description));
      lines.push(`${indent}${depthOff === Infinity ? "" : "# "}${key}:`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function commentOf(field: ConfigField): string {
  return `${commentOfItem(field)} [${field.variable}]`;
}

/** An item of a list has no variable of its own. */
function commentOfItem(field: ConfigField): string {
  const unit = field.type === "choice" ? `${UNITS.choice} ${field.choices.join(", ")}` : UNITS[field.type];
  const value = field.defaultValue === undefined ? "none" : describeDefault(field.defaultValue);
  return `${field.description} Unit: ${unit}. Default: ${value}.`;
}

function describeDefault(value: unknown): string {
  return typeof value === "object" ? "as below" : stringify(value, { lineWidth: 0 }).trimEnd();
}

/** What stands behind the key of a field without a default, all of it commented out. */
function placeholder(field: ConfigField): string {
  return field.type === "text" ? `<${field.path.split(".").at(-1) ?? ""}>` : "";
}

const WIDTH = 110;

function comment(indent: string, text: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent.length + line.length + word.length + 3 > WIDTH) {
      lines.push(`${indent}# ${line}`);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, `${indent}# ${line}`];
}
