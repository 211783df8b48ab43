import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const REPLAY = new URL("../fakes/pbs/replay", import.meta.url).pathname;
const CAPTURES = new URL("../fixtures/pbs/", import.meta.url).pathname;

/** A call that does not come back. */
export const HANGS = Symbol("hangs");
export type Answer = string | typeof HANGS;

/** A batch server made of programs that answer from captures. */
export interface ScriptedServer {
  /** Directory of its programs, for PATH. */
  readonly binDir: string;
  /** Adds answers of a program: names of captures, `torque/qstat-fx`. The last one answers every further call. */
  script(program: string, ...answers: readonly Answer[]): void;
  /** What was asked so far: the words of each call. */
  calls(program?: string): readonly (readonly string[])[];
}

export function scriptedServer(dir: string): ScriptedServer {
  const binDir = join(dir, "bin");
  mkdirSync(binDir, { recursive: true });
  const counts = new Map<string, number>();
  return {
    binDir,
    script(program, ...answers) {
      if (!counts.has(program)) {
        mkdirSync(join(dir, program));
        const launcher = `#!/bin/sh\nexec '${REPLAY}' '${dir}' ${program} "$@"\n`;
        writeFileSync(join(binDir, program), launcher, { mode: 0o755 });
      }
      for (const answer of answers) {
        const n = (counts.get(program) ?? 0) + 1;
        counts.set(program, n);
        const file = join(dir, program, String(n));
        if (answer === HANGS) writeFileSync(file, "");
        else copyFileSync(join(CAPTURES, `${answer}.txt`), file);
      }
    },
    calls(program) {
      const file = join(dir, "calls");
      const lines = existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
      return lines.map((line) => line.split("\t")).filter(([name]) => program === undefined || name === program);
    },
  };
}
