import { createHostilePool, type LinesResult } from "./try-lines.ts";
import { HOSTILE_LINES } from "./lines.ts";
import { HOSTILE_PATTERNS } from "./patterns.ts";
import { runPatterns } from "./run-patterns.ts";
import { rowOfLines, rowOfPattern, showRow, type HostileRow } from "./table.ts";

/** Within this each file of lines, and each pattern, must have an outcome, also on a machine that is busy. */
const LIMIT_SECONDS = 300;

/**
 * `npm run hostile [-- --json]`: what becomes of lines and patterns that nobody should write. Exits with 1 when one of them stalled or
 * ended a process, or anything was lost.
 */
async function main(json: boolean): Promise<void> {
  const show = (row: HostileRow): void => {
    process.stdout.write(`${json ? JSON.stringify(row) : showRow(row)}\n`);
    if (row.isFault) process.exitCode = 1;
  };
  const pool = createHostilePool(HOSTILE_LINES);
  for (const lines of HOSTILE_LINES) show(rowOfLines(await within(pool.try(lines), lines.name)));
  await pool.close();
  for await (const result of runPatterns(HOSTILE_PATTERNS, LIMIT_SECONDS)) show(rowOfPattern(result));
}

/** A thread that is stalled cannot be ended from here: the whole program is. */
async function within(result: Promise<LinesResult>, name: string): Promise<LinesResult> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${name}: no outcome in ${String(LIMIT_SECONDS)} s`)),
      LIMIT_SECONDS * 1000,
    );
  });
  try {
    return await Promise.race([result, limit]);
  } finally {
    clearTimeout(timer);
  }
}

await main(process.argv.includes("--json")).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
