import { join } from "node:path";
import { lastLines } from "./tail.ts";

/** What a job wrote last: to its error file, else to its output. For `status`. */
export async function lastWordsOf(jobDir: string, lines = 3): Promise<readonly string[]> {
  const errors = await lastLines(join(jobDir, "job.err"), lines);
  return errors.length > 0 ? errors : lastLines(join(jobDir, "job.out"), lines);
}
