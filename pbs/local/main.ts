import { writeSync } from "node:fs";

import { runMom } from "./mom.ts";
import { pbsnodes } from "./pbsnodes.ts";
import { qdel } from "./qdel.ts";
import { qstat } from "./qstat.ts";
import { qsub } from "./qsub.ts";
import { Refusal } from "./refusal.ts";
import { DIRECTORY_VARIABLE } from "./settings.ts";

/**
 * The embedded batch system's programs in one file: the first argument says which. The launchers in
 * `<batch directory>/bin` call it; it imports nothing but Node's own modules, since each qstat pays for its start.
 */
const VERSION = "Version: 6.1.3\nCommit: gridharvest-local\n";

interface Outcome {
  readonly code?: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

type Program = (dir: string, args: readonly string[]) => Outcome;

const PROGRAMS: Readonly<Record<string, Program>> = {
  qsub: (dir, args) => ({ stdout: qsub(dir, args) }),
  qstat,
  qdel,
  pbsnodes: (dir, args) => ({ stdout: pbsnodes(dir, args) }),
};

async function main(argv: readonly string[]): Promise<number> {
  const [name = "", ...args] = argv;
  if (name === "mom") {
    await runMom(args[0] ?? "", Number(args[1]));
    return 0;
  }
  const program = PROGRAMS[name];
  if (!program) {
    return say({ code: 2, stderr: `usage: ${Object.keys(PROGRAMS).join("|")} [arguments]\n` });
  }
  if (args[0] === "--version") return say({ stdout: VERSION });
  const dir = process.env[DIRECTORY_VARIABLE];
  if (!dir)
    return say({ code: 2, stderr: `${name}: ${DIRECTORY_VARIABLE} is not set; call the launcher in its bin\n` });
  try {
    return say(program(dir, args));
  } catch (error) {
    if (error instanceof Refusal) return say({ code: error.exitCode, stderr: `${error.message}\n` });
    return say({ code: 1, stderr: `${name}: ${error instanceof Error ? error.message : String(error)}\n` });
  }
}

/** Written at once and whole: process.exit loses what a pipe has not taken yet. */
function say({ code = 0, stdout = "", stderr = "" }: Outcome): number {
  writeAll(2, stderr);
  writeAll(1, stdout);
  return code;
}

function writeAll(fd: number, text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // A pipe that somebody else made non-blocking is full: its reader needs a moment.
      if (code === "EAGAIN") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      else return;
    }
  }
}

process.exit(await main(process.argv.slice(2)));
