import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { DEFAULT_SETTINGS, DIRECTORY_VARIABLE, localPaths, replaceFile, writeSettings } from "./settings.ts";
import type { LocalSettings } from "./settings.ts";

export interface LocalBatchOptions extends Partial<LocalSettings> {
  /** Directory of the batch system: settings, jobs, spool. */
  readonly batchDir: string;
  readonly nodes: readonly string[];
  /** Path of the Node 24 binary that runs the programs. */
  readonly node: string;
  /** Path of the program: the bundle `dist/batch.mjs`, or `pbs/local/main.ts` in a checkout. */
  readonly entry: string;
}

const PROGRAMS = ["qsub", "qstat", "qdel", "pbsnodes"] as const;

/**
 * Makes the embedded batch system ready, or brings its settings and launchers up to date; jobs
 * that are in it stay. Nothing runs until somebody calls qsub.
 * @returns the directory of the launchers, which a person can put on PATH
 */
export function installLocalBatch(options: LocalBatchOptions): { readonly binDir: string } {
  const { batchDir, node, entry, ...settings } = options;
  writeSettings(batchDir, { ...DEFAULT_SETTINGS, ...settings });
  const { bin } = localPaths(batchDir);
  for (const program of PROGRAMS) {
    const text = [
      "#!/bin/sh",
      `${DIRECTORY_VARIABLE}=${quote(batchDir)}`,
      `export ${DIRECTORY_VARIABLE}`,
      `exec ${quote(node)} ${quote(entry)} ${program} "$@"`,
      "",
    ].join("\n");
    const file = join(bin, program);
    if (existsSync(file) && readFileSync(file, "utf8") === text) continue;
    replaceFile(file, text, 0o755);
    chmodSync(file, 0o755);
  }
  return { binDir: bin };
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
