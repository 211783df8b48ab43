import { stringify } from "yaml";
import { configOf, examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { printable } from "./io.ts";
import type { Config } from "../config-schema.ts";
import { CONFIG_FIELDS, type ConfigField } from "../config-fields.ts";

/** `gridharvest config`: every value and where it came from, or a commented example. */
export const config: Command = {
  name: "config",
  register(program, run) {
    withConfig(
      program.command("config").description("Prints the resolved configuration, with the origin of every value"),
    )
      .option("--example", "print a commented configuration file with every default instead")
      .addHelpText(
        "after",
        examples(
          "gridharvest config --config site.yaml",
          "gridharvest config --example > gridharvest.yaml",
          "GRIDHARVEST_PARSERS_COUNT=4 gridharvest --json config",
        ),
      )
      .action((options: ConfigOptions & { readonly example?: true }) =>
        run(async (io, _signal, parts) => {
          if (options.example) {
            const { exampleConfig } = await import("../config-example.ts");
            const text = exampleConfig();
            print(io, { example: text }, () => text);
            return 0;
          }
          const resolved = await configOf(options, io);
          const { config, origins, file } = resolved;
          const { checkRules } = await import("../pipelines/rules-of.ts");
          await checkRules(resolved, parts.makeRules, io.log);
          print(io, { file: file ?? null, config, origins: Object.fromEntries(origins) }, () =>
            resolvedText(config, origins, file),
          );
          return 0;
        }),
      );
  },
};

/** One value a line, with its origin; the items of a list of sections below it. */
function resolvedText(config: unknown, origins: ReadonlyMap<string, string>, file: string | undefined): string {
  const rows: string[][] = [];
  for (const field of CONFIG_FIELDS) {
    const origin = origins.get(field.path);
    if (origin === undefined) continue;
    const value = valueOf(config, field.path);
    if (field.items.length > 0 && Array.isArray(value)) {
      rows.push([field.path, `${value.length} items`, origin]);
      for (const item of value)
        rows.push([`  ${stringify(item, { collectionStyle: "flow", lineWidth: 0 }).trimEnd()}`]);
    } else rows.push([field.path, printable(formatValue(field, value)), origin]);
  }
  const width = (column: number): number =>
    Math.max(...rows.filter((row) => row.length > 1).map((row) => row[column]?.length ?? 0));
  const widths = [width(0), Math.min(width(1), 48)];
  const lines = rows.map((row) =>
    row.map((cell, i) => (row.length > 1 ? cell.padEnd(widths[i] ?? 0) : cell)).join("  "),
  );
  const head = file === undefined ? "no configuration file: the embedded defaults hold\n\n" : `${printable(file)}\n\n`;
  return `${head}${lines.map((line) => `${line}\n`).join("")}`;
}

function valueOf(config: unknown, path: string): unknown {
  let at: unknown = config;
  for (const part of path.split(".")) at = (at as Readonly<Record<string, unknown>>)[part];
  return at;
}

const SIZES = [
  ["GiB", 2 ** 30],
  ["MiB", 2 ** 20],
  ["KiB", 2 ** 10],
] as const;
const DURATIONS = [
  ["h", 3600],
  ["m", 60],
] as const;

/** As a configuration file would say it: exact, in the largest unit that divides it. */
function formatValue(field: ConfigField, value: unknown): string {
  if (typeof value === "number" && (field.type === "size" || field.type === "duration")) {
    const units = field.type === "size" ? SIZES : DURATIONS;
    const [unit, factor] = units.find(([, f]) => value > 0 && value % f === 0) ?? [field.type === "size" ? "" : "s", 1];
    return `${value / factor}${unit}`;
  }
  return stringify(field.type === "mapping" ? withPlaces(value) : value, {
    collectionStyle: "flow",
    lineWidth: 0,
  }).trimEnd();
}

/** A pipeline that is written in the file is told by its place. */
function withPlaces(named: unknown): unknown {
  return Object.fromEntries(
    Object.entries(named as Config["pipelines"]["services"]).map(([name, value]) => [
      name,
      typeof value === "object" ? `${value.file}:${String(value.line)}` : value,
    ]),
  );
}
