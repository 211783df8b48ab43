import { closeSync, openSync, writeSync } from "node:fs";
import { stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Origin } from "../../../worker/contract/chunk.ts";
import { ownedBlocks } from "../../../worker/framing/lines.ts";
import { runReference } from "../../../worker/parsers/reference.ts";
import { createPipeline } from "../../../worker/pipeline.ts";
import { roomFor, SpareMemory } from "../../../worker/spare-memory.ts";
import { openPlain } from "../../../worker/sources/plain.ts";
import { plainPipelines } from "../../support/rules.ts";
import { readlineScript } from "./readline-script.ts";
import { BENCH_RULES, serviceOf, type Work } from "./rules.ts";

/**
 * A contender written in TypeScript, in a process of its own: `contender-process.ts compiled|interpreter|script WORK`. The protocol is that of
 * `startServer`.
 */

/** About what a parser reads for a bulk of 4 MiB. */
const BLOCK_BYTES = 1 << 20;

/** Reads a file, writes to the descriptor, tells the lines. */
type Contender = (input: string, output: number, month: string) => Promise<number>;

const [kind, work] = process.argv.slice(2) as [string, Work];
const contender = contenderOf(kind, work);
for await (const request of createInterface({ input: process.stdin })) {
  const [input, output, month] = request.split("\t") as [string, string, string];
  const descriptor = openSync(output, "w");
  const begin = performance.now();
  const before = process.cpuUsage();
  const lines = await contender(input, descriptor, month);
  const cpu = process.cpuUsage(before);
  const wallMicros = Math.round((performance.now() - begin) * 1000);
  closeSync(descriptor);
  process.stdout.write(`${lines} ${cpu.user + cpu.system} ${wallMicros}\n`);
}

function contenderOf(name: string, of: Work): Contender {
  if (name === "script") return (input, output, month) => readlineScript(input, output, month, of !== "header");
  if (name === "compiled") {
    const pipeline = createPipeline(BENCH_RULES);
    return blockwise((block, base, origin, memory) => pipeline.run(block, base, origin, { memory }));
  }
  if (name !== "interpreter") throw new Error(`there is no contender ${name}`);
  const plain = plainPipelines(BENCH_RULES)(serviceOf(of));
  return blockwise((block, base, origin) => runReference(block, base, origin, plain));
}

function blockwise(
  run: (
    block: Uint8Array,
    base: number,
    origin: Origin,
    memory: ArrayBuffer,
  ) => { body: Uint8Array; tallies: { read: number } },
): Contender {
  return async (file, output, month) => {
    const { size, mtimeMs } = await stat(file);
    await using reader = await openPlain({ file, size, mtimeMs });
    let lines = 0;
    // As the parser does it: memory is used again.
    const spare = new SpareMemory(2);
    const options = { memory: (bytes: number) => spare.take(bytes) };
    for await (const { block, base } of ownedBlocks(reader, { start: 0, end: size }, size, BLOCK_BYTES, options)) {
      const { body, tallies } = run(block, base, originOf(month), spare.take(roomFor(block.length)));
      for (let at = 0; at < body.length;) at += writeSync(output, body, at);
      spare.give(block.buffer);
      spare.give(body.buffer as ArrayBuffer);
      lines += tallies.read;
    }
    return lines;
  };
}

function originOf(month: string): Origin {
  return {
    fileId: "0123456789ab",
    path: `hosts/all/${month.replace("-", "/")}/all.log`,
    month,
    firstDay: `${month}-01`,
    timeZone: "Europe/Prague",
    service: serviceOf(work),
    index: { pattern: "logs-{day}-m{month}-r{revision}", revision: 1 },
    dropPrograms: [],
  };
}
