import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { PlantedFault } from "./planted-faults.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** The engine, all that it and the fuzzer import, and what tells Node that it is a module. */
const COPIED = [
  "worker",
  "orchestrator",
  "templates",
  "monitoring",
  "pbs",
  "test/fuzz",
  "test/support",
  "test/fixtures/bank",
  "package.json",
];

/** A copy of the engine and its fuzzer, in which faults can be planted. It goes when it is disposed of. */
export class EngineCopy implements AsyncDisposable {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async make(): Promise<EngineCopy> {
    const copy = new EngineCopy(await mkdtemp(join(tmpdir(), "gridharvest-planted-")));
    try {
      for (const name of COPIED) await cp(join(ROOT, name), join(copy.#dir, name), { recursive: true });
      await symlink(join(ROOT, "node_modules"), join(copy.#dir, "node_modules"));
    } catch (error) {
      await copy[Symbol.asyncDispose]();
      throw error;
    }
    return copy;
  }

  /** @throws Error that names the fault when its text does not stand exactly once in its file */
  async plant({ name, file, from, to }: PlantedFault): Promise<void> {
    const path = join(this.#dir, file);
    const text = await readFile(path, "utf8");
    const count = text.split(from).length - 1;
    if (count !== 1) {
      throw new Error(`${name}: ${JSON.stringify(from)} stands ${String(count)} times in ${file}; write the edit anew`);
    }
    await writeFile(
      path,
      text.replace(from, () => to),
    );
  }

  /** Takes the fault out again. */
  async restore({ file }: Pick<PlantedFault, "file">): Promise<void> {
    await cp(join(ROOT, file), join(this.#dir, file));
  }

  /** A file of the copy. */
  file(path: string): URL {
    return pathToFileURL(join(this.#dir, path));
  }

  /** Runs the copy's fuzzer. */
  async fuzz(
    args: readonly string[],
    signal: AbortSignal,
  ): Promise<{ readonly code: number | null; readonly output: string }> {
    const child = spawn(process.execPath, [join(this.#dir, "test/fuzz/main.ts"), ...args], {
      cwd: this.#dir,
      stdio: ["ignore", "pipe", "pipe"],
      signal,
      killSignal: "SIGKILL",
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, output }));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }
}
