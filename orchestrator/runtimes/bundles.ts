import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../../worker/contract/errors.ts";
import type { Log } from "../log.ts";
import { isCheckout, packageRoot } from "./package-root.ts";

/** The single-file programs, absolute paths. Nodes, also the local ones, run these and never the sources. */
export interface Bundles {
  /** The whole command line. */
  readonly cli: string;
  /** The node agent. */
  readonly agent: string;
  /** The parser process, which the agent forks. */
  readonly parser: string;
  /** The thread in which a parser runs the pipeline. */
  readonly pipelineThread: string;
  /** The commands of the embedded batch system. */
  readonly batch: string;
}

/** The bundles' names below `dist`. */
export const BUNDLE_FILES: Readonly<Record<keyof Bundles, string>> = {
  cli: "cli.mjs",
  agent: "agent.mjs",
  parser: "parser.mjs",
  pipelineThread: "pipeline-thread.mjs",
  batch: "batch.mjs",
};

/**
 * The bundles of this very code. In a checkout they are built when the sources have changed since; an installed package brings them along.
 * @throws ConfigError `BUNDLES_MISSING` or `BUNDLES_BROKEN`
 */
export async function ensureBundles(log: Log): Promise<Bundles> {
  const root = packageRoot();
  const bundles = Object.fromEntries(
    Object.entries(BUNDLE_FILES).map(([name, file]) => [name, join(root, "dist", file)]),
  ) as unknown as Bundles;
  if (isCheckout()) {
    // Not for the bundler to follow: esbuild is a tool of checkouts and no dependency of the package.
    const builder = join(root, "orchestrator", "bundle.ts");
    const { buildBundles } = (await import(builder)) as typeof import("../bundle.ts");
    await buildBundles(root, log);
    return bundles;
  }
  const missing = Object.values(bundles).find((file: string) => !existsSync(file)) as string | undefined;
  if (missing !== undefined) {
    throw new ConfigError(
      "BUNDLES_MISSING",
      `${missing} is missing from the installed package; install gridharvest again`,
    );
  }
  return bundles;
}
