import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

let found: string | undefined;

/**
 * The directory of this package: the checkout, or the folder that npm installed. Found by walking
 * up, because the same code runs from `orchestrator/` and from `dist/`.
 */
export function packageRoot(): string {
  if (found !== undefined) return found;
  for (let dir = import.meta.dirname; ; dir = dirname(dir)) {
    const manifest = join(dir, "package.json");
    if (existsSync(manifest)) {
      const { name } = JSON.parse(readFileSync(manifest, "utf8")) as { name?: unknown };
      if (name === "gridharvest") return (found = dir);
    }
    if (dir === dirname(dir)) throw new Error(`no package.json of gridharvest above ${import.meta.dirname}`);
  }
}

/** True in a checkout, where the sources are; false in an installed package, which has only `dist`. */
export function isCheckout(): boolean {
  return existsSync(join(packageRoot(), "orchestrator", "main.ts"));
}
