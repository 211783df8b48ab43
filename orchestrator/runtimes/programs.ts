import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Bundles } from "./bundles.ts";
import { publish, withPartialDir } from "./partial-dir.ts";

/** What jobs run: every bundle but the command line. */
export type Programs = Omit<Bundles, "cli">;

/** The bundles that jobs run. */
function filesOf(bundles: Bundles): Programs {
  const { agent, parser, pipelineThread, batch } = bundles;
  return { agent, parser, pipelineThread, batch };
}

/** Where these bundles stand once they are staged, copied or not: the directory is named for their content. */
export function stagedPrograms(bundles: Bundles, runtimes: string): Programs & { readonly dir: string } {
  const files = filesOf(bundles);
  const hash = createHash("sha256");
  for (const file of Object.values(files)) hash.update(readFileSync(file));
  const dir = join(runtimes, `programs-${hash.digest("hex").slice(0, 12)}`);
  const staged = (file: string): string => join(dir, basename(file));
  return {
    dir,
    agent: staged(files.agent),
    parser: staged(files.parser),
    pipelineThread: staged(files.pipelineThread),
    batch: staged(files.batch),
  };
}

/**
 * Copies the bundles that jobs run to a directory named for their content, once. Jobs that are submitted later, or
 * that a retry starts again, then run what the campaign was launched with, whatever becomes of the checkout.
 */
export async function stagePrograms(bundles: Bundles, runtimes: string): Promise<Programs> {
  const { dir, ...programs } = stagedPrograms(bundles, runtimes);
  if (!existsSync(dir)) {
    await withPartialDir(runtimes, async (partial) => {
      for (const file of Object.values(filesOf(bundles))) {
        copyFileSync(file, join(partial, basename(file)));
        if (existsSync(`${file}.map`)) copyFileSync(`${file}.map`, join(partial, `${basename(file)}.map`));
      }
      publish(partial, dir);
    });
  }
  return programs;
}
