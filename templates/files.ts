import { readdirSync, readFileSync, type Dirent } from "node:fs";
import { fileURLToPath } from "node:url";

import { BackfillError } from "../worker/contract/errors.ts";

const ROOT = new URL("../", import.meta.url);

/**
 * Reads a text that ships with the program: a template, a golden part, an index template.
 * The name is the path below the package's root with forward slashes, e.g.
 * `pbs/jobs/node.pbs.tmpl`. In a bundle this module is replaced by one that holds the texts.
 *
 * @throws BackfillError `TEMPLATE_MISSING`
 */
export function readTemplate(name: string): string {
  if (name.startsWith("/") || name.split("/").includes("..")) {
    throw new BackfillError("TEMPLATE_MISSING", `template ${name}: the name must be a path below the package's root`, {
      context: { template: name },
    });
  }
  try {
    return readFileSync(fileURLToPath(new URL(name, ROOT)), "utf8");
  } catch (cause) {
    throw new BackfillError("TEMPLATE_MISSING", `template ${name} cannot be read: is the installation whole?`, {
      context: { template: name },
      cause,
    });
  }
}

/**
 * The texts that stand in a folder, by their names for `readTemplate`, ascending. Programs and notes (`.md`) are none, nor are
 * files of folders below it.
 * @throws BackfillError `TEMPLATE_MISSING` when there are none
 */
export function listTemplates(folder: string): readonly string[] {
  let entries: readonly Dirent[] = [];
  try {
    entries = readdirSync(new URL(`${folder}/`, ROOT), { withFileTypes: true });
  } catch {
    // Said below.
  }
  const names = entries
    .filter((entry) => entry.isFile() && !NO_TEXT.test(entry.name))
    .map(({ name }) => `${folder}/${name}`);
  if (names.length > 0) return names.sort();
  throw new BackfillError("TEMPLATE_MISSING", `there are no texts in ${folder}: is the installation whole?`, {
    context: { template: folder },
  });
}

/** What stands beside texts and is none. */
export const NO_TEXT = /\.(ts|mjs|md)$/;
