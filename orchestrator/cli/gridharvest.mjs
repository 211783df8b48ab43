#!/usr/bin/env node
/**
 * The launcher of the command line: plain JavaScript for Node 20 and newer. It sees that the program runs under Node 24,
 * which the npm packages `node-linux-*` bring along, and runs the bundle of an installed package or the sources of a checkout.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const NODE_MAJOR = 24;
const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const SOURCE = join(ROOT, "orchestrator", "main.ts");
const ENTRY = existsSync(SOURCE) ? SOURCE : join(ROOT, "dist", "cli.mjs");

if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR) {
  process.setSourceMapsEnabled(true);
  const { runProcess } = await import(pathToFileURL(ENTRY).href);
  await runProcess();
} else {
  const node = packagedNode();
  if (node === undefined) {
    console.error(
      `gridharvest needs Node ${NODE_MAJOR}; this is Node ${process.versions.node}, and the npm package ` +
        `node-linux-${process.arch} is not installed beside it: run \`npm install --include=optional\` in ${ROOT}, or use Node ${NODE_MAJOR}`,
    );
    process.exit(2);
  }
  runUnder(node);
}

function packagedNode() {
  try {
    const manifest = createRequire(join(ROOT, "package.json")).resolve(`node-linux-${process.arch}/package.json`);
    const binary = join(dirname(manifest), "bin", "node");
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

/** Hands every signal on and ends as the program did. The program itself takes two signals of one Ctrl-C for one. */
function runUnder(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.once("error", (error) => {
    console.error(`cannot run ${node}: ${error.message}`);
    process.exit(1);
  });
  child.once("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
