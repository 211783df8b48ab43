import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ConfigError } from "../../worker/contract/errors.ts";
import { isCheckout, packageRoot } from "./package-root.ts";

/** The oldest major version of Node that runs gridharvest: it takes TypeScript sources as they are. */
export const NODE_MAJOR = 24;

/**
 * The Node binary that batch jobs run: that of the npm package `node-linux-<cpu>`, which can be staged to a node as
 * it is, else the running one.
 * @throws ConfigError `NODE_MISSING`
 */
export function nodeBinary(): string {
  const name = `node-linux-${process.arch}`;
  const packaged = packagedNode(name);
  if (packaged !== undefined) return packaged;
  if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR) return process.execPath;
  throw new ConfigError(
    "NODE_MISSING",
    `Node ${process.versions.node} is too old and the npm package ${name} is not installed below ${packageRoot()}; ` +
      `run \`npm ci --include=optional\` there, or use Node ${NODE_MAJOR} or newer`,
  );
}

function packagedNode(name: string): string | undefined {
  try {
    const manifest = createRequire(join(packageRoot(), "package.json")).resolve(`${name}/package.json`);
    const binary = join(dirname(manifest), "bin", "node");
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

/** Program and first arguments that run this command line again in a process of its own, e.g. for a daemon. */
export function commandLine(): { readonly node: string; readonly args: readonly string[] } {
  const entry = isCheckout() ? join("orchestrator", "main.ts") : join("dist", "cli.mjs");
  return { node: nodeBinary(), args: [join(packageRoot(), entry)] };
}
