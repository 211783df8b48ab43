import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { processChunk, type ChunkContext } from "../../../worker/chunk-job.ts";
import type { Chunk } from "../../../worker/contract/chunk.ts";
import type { EncodedBatch } from "../../../worker/contract/pipeline.ts";
import { IDS } from "../../../worker/contract/ids.ts";
import { ParserLoad } from "../../../worker/parser-load.ts";
import { createPipeline } from "../../../worker/pipeline.ts";
import { SpareMemory } from "../../../worker/spare-memory.ts";
import { originOf, syslogLines } from "../../support/parser-campaign.ts";
import { DEFAULT_RULES } from "../../support/rules.ts";
import { waitFor } from "../../support/wait-for.ts";

const BUDGETS = { bulkBytes: 100_000, requestsInFlight: 2 };
const LINES = 20_000;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gridharvest-chunk-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

it.each(IDS)(
  "has only so many bodies while the store does not answer, however long that lasts, with ids: %s",
  async (ids) => {
    const pipeline = createPipeline(DEFAULT_RULES);
    const open: { readonly bytes: number; readonly answer: () => void }[] = [];
    let made = 0;
    let written = 0;
    let isAway = true;
    const context = {
      pool: {
        memory: new SpareMemory(8),
        run: (...[block, base, origin, options]: Parameters<ChunkContext["pool"]["run"]>) => {
          made += 1;
          return Promise.resolve({ ...pipeline.run(block, base, origin, options), cpuMicros: 1 });
        },
      },
      sink: {
        write: (batch: EncodedBatch) => {
          written += batch.count;
          const settled = { written: batch.count, duplicate: 0, exceptions: [] };
          if (!isAway) return Promise.resolve(settled);
          return new Promise((resolve) => open.push({ bytes: batch.body.length, answer: () => resolve(settled) }));
        },
      },
      rateLimit: {
        take: () => Promise.resolve(),
        limits: () => Promise.resolve({ eventsPerSecond: 0, bytesPerSecond: 0 }),
      },
      attempts: { begin: () => Promise.resolve("tag") },
      meter: { count: () => undefined },
      worker: "p1",
      pipeline: pipeline.hash,
      budgets: BUDGETS,
      load: new ParserLoad(1),
      rejectsDir: join(dir, "rejects"),
    } as unknown as ChunkContext;
    const file = join(dir, "syslog");
    writeFileSync(file, syslogLines(LINES, "away"));
    const { size, mtimeMs } = statSync(file);
    const origin = originOf("a/syslog", "logs-{day}-m{month}-r{revision}");
    const chunk: Chunk = {
      id: `${origin.fileId}-0`,
      origin: { ...origin, ...(ids === "store" ? { ids } : {}) },
      range: { start: 0, end: size },
      format: "syslog",
      source: { kind: "plain", file, size, mtimeMs },
      pipeline: pipeline.hash,
    };
    const doing = processChunk(chunk, 1, context, new AbortController().signal);
    // As many as there may be under way, and the one that waits for one of them.
    await waitFor("the bodies that there may be", () => open.length === BUDGETS.requestsInFlight + 1);
    for (let n = 0; n < 500; n++) await turn();
    expect(open.length).toBe(BUDGETS.requestsInFlight + 1);
    expect(made).toBe(open.length);
    expect(open.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(
      2 * (BUDGETS.requestsInFlight + 1) * BUDGETS.bulkBytes,
    );
    isAway = false;
    for (const { answer } of open) answer();
    expect((await doing).counts).toMatchObject({ read: LINES, written: LINES });
    expect(written).toBe(LINES);
  },
);
