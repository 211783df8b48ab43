import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Missing, Place } from "../parse/contenders.ts";
import { startFilter, type Running } from "../parse/measure.ts";
import { findProgram } from "./find-program.ts";

const RULEBASES = fileURLToPath(new URL("liblognorm", import.meta.url));

/** Where programs with liblognorm find what a rulebase includes. @source liblognorm, load of rulebases */
export function lognormEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, LIBLOGNORM_RULEBASES: RULEBASES };
}

/** liblognorm's own program with a rulebase of this directory. */
export async function liblognorm(work: "header" | "ssh", { pin, signal }: Place): Promise<Running | Missing> {
  const program = findProgram("lognormalizer");
  if (program === undefined) return { missing: "apt-get install --no-install-recommends liblognorm-utils" };
  const argv = [program, "-r", join(RULEBASES, `${work}.rulebase`), "-e", "json"];
  return startFilter({ argv, pin, signal, env: lognormEnvironment() }, countLines);
}

function countLines(file: string): number {
  let lines = 0;
  const bytes = readFileSync(file);
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}
