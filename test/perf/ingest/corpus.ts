import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { evenly, ofOneDay, sampleCorpus } from "../parse/corpora.ts";

/** A file that every contender can load whole. */
export interface IngestCorpus {
  readonly file: string;
  /** `YYYY-MM` and `YYYY-MM-DD` of its lines. */
  readonly month: string;
  readonly day: string;
  readonly lines: number;
  readonly bytes: number;
}

/** Of the sample's lines about so many are left. */
const SURPLUS = 1.3;
/** A header of the day that all are made to be of, with a program and a message, all of it ASCII: what else there is, only some can read. */
const CLEAN = /^Jan 14 \d\d:\d\d:\d\d [\w.-]+ [\w./()-]+(?:\[\d+\])?: [!-~](?:[ -~]*[!-~])?$/;

/** Distinct lines of one day, each with a program and a message. */
export async function ingestCorpus(dir: string, lines: number, signal: AbortSignal): Promise<IngestCorpus> {
  const sample = await sampleCorpus(dir, Math.ceil(lines * SURPLUS), 1, signal);
  const all = ofOneDay(await readFile(sample.file))
    .toString("latin1")
    .split("\n");
  const clean = [...new Set(all.filter((line) => CLEAN.test(line)))];
  if (clean.length < lines) throw new Error(`the sample has ${clean.length} lines that all can read, not ${lines}`);
  const bytes = Buffer.from(`${evenly(clean, lines).join("\n")}\n`, "latin1");
  const file = join(dir, "ingest.log");
  await writeFile(file, bytes);
  return { file, month: sample.month, day: `${sample.month}-14`, lines, bytes: bytes.length };
}
