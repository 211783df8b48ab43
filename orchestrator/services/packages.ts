import { accessSync, constants } from "node:fs";

import { ConfigError } from "../../worker/contract/errors.ts";
import { findProgram } from "../runtimes/run-tool.ts";
import type { EmbeddedName } from "./record.ts";

/** Where Debian's packages put what the embedded services are made of. */
export const CARBON_CACHE = "/usr/bin/carbon-cache";
export const GUNICORN = "/usr/bin/gunicorn";
export const DEBIAN_PYTHON = "/usr/bin/python3";
export const GRAPHITE_STATIC = "/usr/share/graphite-web/static";
const GRAPHITE_SETTINGS = "/usr/lib/python3/dist-packages/graphite/settings.py";

interface PackageRow {
  readonly name: string;
  readonly neededBy: EmbeddedName;
  present(): boolean;
}

const PACKAGES: readonly PackageRow[] = [
  { name: "redis-server", neededBy: "redis", present: () => findProgram("redis-server") !== undefined },
  { name: "graphite-carbon", neededBy: "carbon", present: () => isFile(CARBON_CACHE) },
  {
    name: "graphite-web",
    neededBy: "graphiteWeb",
    present: () => isFile(GRAPHITE_SETTINGS) && isFile(GRAPHITE_STATIC),
  },
  { name: "gunicorn", neededBy: "graphiteWeb", present: () => isFile(GUNICORN) },
];

/** The Debian packages that these services need and that are not there. */
export function missingPackages(names: readonly EmbeddedName[]): readonly string[] {
  return PACKAGES.filter((row) => names.includes(row.neededBy) && !row.present()).map((row) => row.name);
}

/** @throws ConfigError `SERVICE_MISSING` with the command that installs them all */
export function requirePackages(names: readonly EmbeddedName[]): void {
  const missing = missingPackages(names);
  if (missing.length === 0) return;
  const list = missing.join(" ");
  throw new ConfigError(
    "SERVICE_MISSING",
    `the embedded services need Debian packages that are not installed: ${list}; install them: apt-get update && apt-get install -y --no-install-recommends ${list} (or configure your own under \`services:\`)`,
    { context: { packages: list } },
  );
}

function isFile(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
