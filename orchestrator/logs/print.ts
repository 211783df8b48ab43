import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import type { Io } from "../cli/command.ts";
import type { LogLine } from "./follow.ts";
import { tailOffset } from "./tail.ts";

/** Prints files after one another, or their last lines: as they are, or with `--json` one object for each line. No faster than somebody reads. */
export async function printLogs(
  io: Io,
  files: readonly string[],
  lines: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  for (const file of files) {
    const start = lines === undefined ? 0 : await startOf(file, lines);
    const source = createReadStream(file, { start });
    if (io.json) {
      const objects = async function* (): AsyncGenerator<string> {
        for await (const text of createInterface({ input: source, crlfDelay: Infinity })) yield json({ file, text });
      };
      await print(io, objects(), signal);
    } else {
      if (files.length > 1) io.stdout.write(title(file));
      await print(io, source, signal);
    }
  }
}

/** Prints lines as they come; a title tells when they begin to be another file's. */
export async function printLines(io: Io, lines: AsyncIterable<LogLine>, signal: AbortSignal): Promise<void> {
  const texts = async function* (): AsyncGenerator<string> {
    let last: string | undefined;
    for await (const line of lines) {
      if (io.json) yield json(line);
      else {
        if (line.file !== last) yield title(line.file);
        last = line.file;
        yield `${line.text}\n`;
      }
    }
  };
  await print(io, texts(), signal);
}

async function print(io: Io, source: AsyncIterable<unknown>, signal: AbortSignal): Promise<void> {
  try {
    await pipeline(source, io.stdout, { signal, end: false });
  } catch (error) {
    // Whoever read it has gone, or has seen enough.
    signal.throwIfAborted();
    throw error;
  }
}

async function startOf(path: string, lines: number): Promise<number> {
  const file = await open(path);
  try {
    return await tailOffset(file, lines);
  } finally {
    await file.close();
  }
}

const title = (file: string): string => `==> ${file} <==\n`;
const json = ({ file, text }: LogLine): string => `${JSON.stringify({ file, text })}\n`;
