import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Missing, Place } from "../parse/contenders.ts";
import { startFilter, type Running } from "../parse/measure.ts";
import { findProgram } from "./find-program.ts";

/** liblognorm's own program with a rulebase of this directory. */
export async function liblognorm(work: "header" | "ssh", { pin, signal }: Place): Promise<Running | Missing> {
  const program = findProgram("lognormalizer");
  if (program === undefined) return { missing: "apt-get install --no-install-recommends liblognorm-utils" };
  const rulebase = fileURLToPath(new URL(`liblognorm/${work}.rulebase`, import.meta.url));
  return startFilter({ argv: [program, "-r", rulebase, "-e", "json"], pin, signal }, countLines);
}

function countLines(file: string): number {
  let lines = 0;
  const bytes = readFileSync(file);
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}
