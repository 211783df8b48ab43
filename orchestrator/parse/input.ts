import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { addAbortSignal } from "node:stream";
import { FORMAT_HEAD_BYTES, recogniseFormat } from "../../worker/contract/archive-format.ts";
import { ConfigError } from "../../worker/contract/errors.ts";

/**
 * The bytes of a file, or of the standard input as `-`.
 * @throws ConfigError `ARGUMENT_FILE` for one that cannot be read or is compressed; the signal's reason when it aborts
 */
export async function* readInput(file: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const stream: Readable = file === "-" ? process.stdin : createReadStream(file, { highWaterMark: 256 * 1024 });
  addAbortSignal(signal, stream);
  let first = true;
  try {
    for await (const piece of stream as AsyncIterable<Uint8Array>) {
      if (first) refuseCompressed(file, piece);
      first = false;
      yield piece;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Error) || !("syscall" in error)) throw error;
    const name = file === "-" ? "the standard input" : file;
    throw new ConfigError(
      "ARGUMENT_FILE",
      `${name} cannot be read; name a file of log lines, or - for the standard input`,
      {
        cause: error,
        context: { file },
      },
    );
  }
}

function refuseCompressed(file: string, head: Uint8Array): void {
  const format = recogniseFormat(head.subarray(0, FORMAT_HEAD_BYTES));
  if (format === "plain") return;
  const unpack =
    format === "gzip"
      ? `zcat ${file} | gridharvest parse … -`
      : "its own program, and pipe the lines to `gridharvest parse … -`";
  throw new ConfigError("ARGUMENT_FILE", `${file} is a ${format} file; unpack it: ${unpack}`, {
    context: { file, format },
  });
}
