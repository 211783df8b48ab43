import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where a program stands on PATH; undefined when it does not. @param more directories to look into besides */
export function findProgram(name: string, more: readonly string[] = []): string | undefined {
  return [...(process.env["PATH"] ?? "").split(delimiter), ...more]
    .filter(Boolean)
    .map((dir) => join(dir, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
