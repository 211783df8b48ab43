import { readdirSync, readFileSync } from "node:fs";

import type { CommandResult } from "../../../pbs/batch-system.ts";

const ROOT = new URL("../../fixtures/pbs/", import.meta.url);

/** A capture as the command's result: `torque/qstat-f-running`. */
export function capture(name: string): CommandResult {
  const text = readFileSync(new URL(`${name}.txt`, ROOT), "utf8");
  const match = /^# command: (.*)\n# exit: (\d+)\n# --- stdout ---\n([^]*?)(?:# --- stderr ---\n([^]*))?$/.exec(text);
  if (!match) throw new Error(`${name} is no capture`);
  const [, command = "", exit = "", stdout = "", stderr = ""] = match;
  const [program = "", ...args] = command.split(" ");
  return { argv: [program, ...args], code: Number(exit), stdout, stderr };
}

/** The names of all captures of a dialect that begin so. */
export function capturesOf(dialect: string, prefix: string): readonly string[] {
  return readdirSync(new URL(`${dialect}/`, ROOT))
    .filter((file) => file.startsWith(prefix) && file.endsWith(".txt"))
    .map((file) => `${dialect}/${file.slice(0, -4)}`)
    .sort();
}
