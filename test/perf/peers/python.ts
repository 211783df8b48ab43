import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Missing } from "../parse/contenders.ts";
import { runProgram } from "../parse/measure.ts";

/** The newest of the server's major version. */
const CLIENT = "elasticsearch==8.19.3";

export const PARALLEL_BULK = fileURLToPath(new URL("parallel-bulk.py", import.meta.url));

/** A Python that has the Elasticsearch client, in a venv that is kept. @returns its path */
export async function pythonWithClient(kept: string, signal: AbortSignal): Promise<string | Missing> {
  const venv = join(kept, `python-${CLIENT.replace("==", "-")}`);
  const python = join(venv, "bin", "python3");
  const run = (...argv: string[]) => runProgram({ argv, pin: undefined, signal });
  try {
    if (!existsSync(python)) await run("python3", "-m", "venv", venv);
    // Again, if it was cut short; it asks nobody when all is there.
    await run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", CLIENT);
  } catch (error) {
    signal.throwIfAborted();
    return {
      missing: `apt-get install python3-venv, and let pip reach PyPI for ${CLIENT} (${(error as Error).message})`,
    };
  }
  return python;
}
