import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import { SPECIMEN_ORIGINS, SPECIMENS } from "../../../worker/parsers/specimens.ts";
import { createPipelinePool, type PipelinePool } from "../../../worker/pipeline-pool.ts";
import { DEFAULT_RULES } from "../../support/rules.ts";
import { createPipeline } from "../../../worker/pipeline.ts";
import { roomFor } from "../../../worker/spare-memory.ts";

// Thousands of lines, or threads to start: seconds, and more on a machine that is busy.
vi.setConfig({ testTimeout: 60_000 });

const THREAD = new URL("../../../worker/pipeline-thread.ts", import.meta.url);
const origin = SPECIMEN_ORIGINS[0]!;

function block(): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(SPECIMENS, "latin1");
  const own = new Uint8Array(bytes.length);
  own.set(bytes);
  return own;
}

describe("the pool of pipeline threads", () => {
  const pools: PipelinePool[] = [];
  const folders: string[] = [];
  const open = (threads: number, entry: URL = THREAD) => {
    const pool = createPipelinePool({ threads, entry, rules: DEFAULT_RULES });
    pools.push(pool);
    return pool;
  };
  /** A thread that does as the first byte of its block says. */
  const unruly = () => {
    const folder = mkdtempSync(join(tmpdir(), "gridharvest-pool-"));
    folders.push(folder);
    const file = join(folder, "thread.mjs");
    writeFileSync(
      file,
      `import { parentPort } from "node:worker_threads";
       parentPort.on("message", (request) => {
         if (request === null) return parentPort.close();
         const first = request.block[0];
         if (first === 1) process.exit(7);
         if (first === 2) throw new Error("out of order");
         parentPort.postMessage({ kind: "batch", batch: { count: request.block.length } });
       });`,
    );
    return pathToFileURL(file);
  };

  afterEach(async () => {
    await Promise.all(pools.splice(0).map((pool) => pool.close()));
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  it("makes what the pipeline makes, and tells its CPU time", async () => {
    const pool = open(2);
    const expected = createPipeline(DEFAULT_RULES);
    const results = await Promise.all(SPECIMEN_ORIGINS.map((o) => pool.run(block(), 99, o)));
    for (const [i, { cpuMicros, ...batch }] of results.entries()) {
      expect(batch).toEqual(expected.run(block(), 99, SPECIMEN_ORIGINS[i]!));
      expect(cpuMicros).toBeGreaterThanOrEqual(0);
    }
  });

  it("moves the block and does not copy it", async () => {
    const given = block();
    await open(1).run(given, 0, origin);
    expect(given.buffer.detached).toBe(true);
    await expect(open(1).run(given, 0, origin)).rejects.toThrow();
  });

  it("writes bodies where others were, and nothing of those is left in them", async () => {
    const pool = open(1);
    const expected = createPipeline(DEFAULT_RULES);
    const size = roomFor(block().length) + 4711;
    pool.memory.give(new Uint8Array(size).fill(0xff).buffer);
    for (const o of [...SPECIMEN_ORIGINS, ...SPECIMEN_ORIGINS]) {
      const { cpuMicros: _, ...batch } = await pool.run(block(), 99, o);
      expect(batch).toEqual(expected.run(block(), 99, o));
      expect(batch.body.buffer.byteLength).toBe(size);
      pool.memory.give(batch.body.buffer as ArrayBuffer);
    }
  });

  it("serves more runs than it has threads", async () => {
    const pool = open(2);
    const batches = await Promise.all(Array.from({ length: 20 }, (_, i) => pool.run(block(), i, origin)));
    expect(batches.map((batch) => batch.offsets[0])).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it("hands on what the pipeline throws, and the thread goes on", async () => {
    const pool = open(1);
    await expect(pool.run(block(), 2 ** 40, origin)).rejects.toMatchObject({ code: "OFFSET_TOO_LARGE" });
    await expect(pool.run(block(), 0, { ...origin, timeZone: "No/Where" })).rejects.toThrow("No/Where");
    expect((await pool.run(block(), 0, origin)).count).toBeGreaterThan(0);
  });

  it.each([
    ["exits", 1, "exit code 7"],
    ["throws", 2, "out of order"],
  ])("fails the run of a thread that %s, and replaces the thread", async (_, first, reason) => {
    const pool = open(1, unruly());
    const died = pool.run(Uint8Array.of(first), 4711, origin);
    const next = pool.run(Uint8Array.of(0, 0), 0, origin);
    await expect(died).rejects.toMatchObject({ code: "PIPELINE_THREAD_DIED", retryable: true });
    await expect(died).rejects.toThrow(reason);
    await expect(died).rejects.toThrow("at byte 4711");
    expect((await next).count).toBe(2);
  });

  it("fails every run when the thread's file is missing, without trying for ever", async () => {
    const pool = open(2, pathToFileURL(join(tmpdir(), "gridharvest-no-such-thread.mjs")));
    const runs = await Promise.allSettled([0, 1, 2].map((base) => pool.run(block(), base, origin)));
    expect(runs.map((run) => run.status)).toEqual(["rejected", "rejected", "rejected"]);
  });

  it("waits for what is under way when it is closed, and takes no more", async () => {
    const pool = open(1);
    const runs = [pool.run(block(), 0, origin), pool.run(block(), 0, origin)];
    const closed = pool.close();
    await expect(pool.run(block(), 0, origin)).rejects.toMatchObject({ code: "PIPELINE_CLOSED" });
    expect((await Promise.all(runs)).every((batch) => batch.count > 0)).toBe(true);
    await closed;
    await pool.close();
  });

  it("closes without ever having worked", async () => {
    await open(4).close();
  });
});
