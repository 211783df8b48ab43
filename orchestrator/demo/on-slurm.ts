import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import type { ExitCode, Io } from "../cli/command.ts";
import { loadConfig } from "../config.ts";
import { enterNamespace, listNamespaces } from "../network/index.ts";
import { statePaths } from "../paths.ts";
import { ensureElasticsearch, nodeBinary } from "../runtimes/index.ts";
import type { DemoOptions } from "./options.ts";
import { bedJavaHome, bedSettings, startSlurmBed } from "./slurm/index.ts";

const HOSTS = ["dn1", "dn2", "dn3"];

/**
 * The demo on a grid that is made for it. Starts the Slurm bed, then runs the same demo once more as somebody who stands in the
 * outside namespace: what it reaches of the grid is the frontend's sshd and the proxy.
 * @returns the exit code of that demo; 1 when something of the bed is left
 */
export async function runOnSlurm(options: DemoOptions, io: Io, signal: AbortSignal): Promise<ExitCode> {
  const overrides =
    options.stateDir === undefined ? {} : { stateDir: { flag: "--state-dir", value: options.stateDir } };
  const { config } = await loadConfig({ env: process.env, overrides });
  const dir = join(config.stateDir, "demo", "slurm");
  const prefix = `g${randomBytes(3).toString("hex")}`;
  const { javaHome } = await ensureElasticsearch(config, statePaths(config.stateDir), io.log);
  signal.throwIfAborted();
  await mkdir(dir, { recursive: true });
  const bed = await startSlurmBed({ stateDir: join(dir, "bed"), prefix, nodes: HOSTS, log: io.log });
  let code: ExitCode;
  try {
    await mkdir(join(dir, "java"), { recursive: true });
    const settings = join(dir, "site.yaml");
    const text = stringify(bedSettings(bed, await bedJavaHome(join(dir, "java"), javaHome)));
    await writeFile(settings, `# The grid of the demo; every run writes it anew.\n${text}`);
    const words = ["--settings", settings, "--state-dir", config.stateDir, "--lines", String(options.lines)];
    if (options.json) words.push("--json");
    code = await runInside(enterNamespace(bed.network.outside.namespace), words, signal);
  } finally {
    await bed.stop();
  }
  const left = listNamespaces(prefix);
  if (left.length === 0) return code;
  io.stderr.write(`demo: NOT AS IT SHOULD BE: namespaces left over: ${left.join(", ")}\n`);
  return 1;
}

/** This program once more, with other words. An abort reaches it as SIGINT, once. */
async function runInside(enter: readonly string[], words: readonly string[], signal: AbortSignal): Promise<ExitCode> {
  signal.throwIfAborted();
  const [program = "", ...args] = [...enter, nodeBinary(), ...process.execArgv, process.argv[1] ?? "", ...words];
  const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit"], detached: true });
  const interrupt = (): void => void child.kill("SIGINT");
  signal.addEventListener("abort", interrupt);
  try {
    return await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exit) => resolve((exit ?? 1) as ExitCode));
    });
  } finally {
    signal.removeEventListener("abort", interrupt);
  }
}
