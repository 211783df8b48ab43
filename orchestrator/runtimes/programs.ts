import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Bundles } from "./bundles.ts";
import { publish, withPartialDir } from "./partial-dir.ts";

/** What jobs run: every bundle but the command line. */
export type Programs = Omit<Bundles, "cli">;

/**
 * Copies the bundles that jobs run to a directory named for their content, once. Jobs that are submitted later, or
 * that a retry starts again, then run what the campaign was launched with, whatever becomes of the checkout.
 */
export async function stagePrograms(bundles: Bundles, runtimes: string): Promise<Programs> {
  const files = {
    agent: bundles.agent,
    parser: bundles.parser,
    pipelineThread: bundles.pipelineThread,
    batch: bundles.batch,
  };
  const hash = createHash("sha256");
  for (const file of Object.values(files)) hash.update(readFileSync(file));
  const dir = join(runtimes, `programs-${hash.digest("hex").slice(0, 12)}`);
  if (!existsSync(dir)) {
    await withPartialDir(runtimes, async (partial) => {
      for (const file of Object.values(files)) {
        copyFileSync(file, join(partial, basename(file)));
        if (existsSync(`${file}.map`)) copyFileSync(`${file}.map`, join(partial, `${basename(file)}.map`));
      }
      publish(partial, dir);
    });
  }
  const staged = (file: string): string => join(dir, basename(file));
  return {
    agent: staged(files.agent),
    parser: staged(files.parser),
    pipelineThread: staged(files.pipelineThread),
    batch: staged(files.batch),
  };
}
