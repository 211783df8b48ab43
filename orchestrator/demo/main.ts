import { describeError, ConfigError } from "../../worker/contract/errors.ts";
import { createIo } from "../cli/io.ts";
import { runDemo } from "./demo.ts";
import { DEMO_USAGE, parseDemoOptions, type DemoOptions } from "./options.ts";
import { runOnSlurm } from "./on-slurm.ts";

/** The program behind `npm run demo`, once `setup.mjs` has made everything ready. */

/** Two signals within this time are one: npm passes a Ctrl-C on while its child gets it, too. */
const ONE_INTERRUPTION_MS = 1000;

function abortOnSignals(controller: AbortController): void {
  let firstAt: number | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      process.stderr.write(`\ndemo: interrupted (${name}); ending what was started\n`);
      controller.abort();
    } else if (now - firstAt > ONE_INTERRUPTION_MS) {
      process.stderr.write("demo: interrupted again; what still runs is listed by: gridharvest list\n");
      process.exit(130);
    }
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  // Whoever read our output has gone: end as if told to stop.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", () => {
      firstAt ??= performance.now();
      controller.abort();
    });
  }
}

async function main(): Promise<number> {
  let options: DemoOptions;
  try {
    options = parseDemoOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`demo: ${describeError(error)}\n`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(DEMO_USAGE);
    return 0;
  }
  const controller = new AbortController();
  abortOnSignals(controller);
  // With --json stdout is for the result alone; what people read goes to stderr, in the same words.
  const stdout = options.json ? process.stderr : process.stdout;
  const io = createIo({ stdout, stderr: process.stderr }, { json: false, level: "info" });
  try {
    if (options.batch === "slurm") return await runOnSlurm(options, io, controller.signal);
    const { exitCode, result, failure } = await runDemo(options, io, controller.signal);
    if (failure !== undefined && !controller.signal.aborted) process.stderr.write(`demo: ${describeError(failure)}\n`);
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    return exitCode;
  } catch (error) {
    if (controller.signal.aborted) return 130;
    // Before anything was started.
    process.stderr.write(`demo: ${describeError(error)}\n`);
    return error instanceof ConfigError ? 2 : 1;
  }
}

const code = await main();
// A pipe's last bytes may still be on their way.
await Promise.all([process.stdout, process.stderr].map((s) => new Promise<void>((done) => s.write("", () => done()))));
process.exit(code);
