import { readFileSync } from "node:fs";
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
