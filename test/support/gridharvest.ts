import { PassThrough } from "node:stream";
import type { ExitCode } from "../../orchestrator/cli/command.ts";
import { main } from "../../orchestrator/main.ts";

export interface Outcome {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
}

/** The command line, in this process. */
export async function gridharvest(...argv: string[]): Promise<Outcome> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const text = { out: "", err: "" };
  stdout.on("data", (data: Buffer) => (text.out += String(data)));
  stderr.on("data", (data: Buffer) => (text.err += String(data)));
  const code = await main(argv, { stdout, stderr }, new AbortController().signal);
  return { code, ...text };
}
