import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { handleCommands } from "../../orchestrator/command-handler.ts";
import { sendCommand, type Command } from "../../orchestrator/commands.ts";
import type { CampaignContext } from "../../orchestrator/context.ts";
import { openJournal } from "../../orchestrator/journal.ts";
import { keepOrder, keepWindow } from "../../orchestrator/limits.ts";
import { createLog } from "../../orchestrator/log.ts";
import { createSpool, type Spool } from "../../orchestrator/spool.ts";
import { viewOf } from "../../orchestrator/view.ts";
import type { Chunk } from "../../worker/contract/chunk.ts";
import { campaignKeys } from "../../worker/contract/keys.ts";
import { CHUNK_JOB, SPOOL_JOB_OPTIONS } from "../../worker/contract/spool.ts";
import { createQueues } from "../../worker/spool.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { writeCampaignDirectory } from "../support/campaign-directory.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

/** As much of a chunk as its order goes by. */
const message = (firstDay: string): Chunk => ({ id: firstDay, origin: { firstDay } }) as unknown as Chunk;
const never = new AbortController().signal;

/** What an orchestrator's ear does about limits, on a real Redis, journal and spool. */
describeWith(["redis"], "limits", () => {
  const dir = privateStateDir("limits");
  const name = "nightly";
  const keys = campaignKeys(name);
  let redis: TestRedis;
  let spool: Spool;
  beforeAll(async () => {
    redis = await startRedis(dir);
  });
  afterAll(() => redis.stop());
  afterEach(() => spool.disconnect());

  it("change while a campaign runs; outside of its window it is paused, and goes on within it unless the operator paused it too", async () => {
    const { record, paths } = await writeCampaignDirectory(dir, name, ["start", "booted"], {
      "limits.eventsPerSecond": "100",
      "limits.timeZone": "UTC",
    });
    const journal = await openJournal(paths.journal, 2, "here");
    const view = viewOf(journal.records);
    spool = createSpool(redis.client, keys);
    const log = createLog({ level: "error" });
    const { config } = record;
    const ctx = { record, config, redis: redis.client, keys, journal, view, log, spool } as unknown as CampaignContext;
    const { parse } = createQueues(redis.client, keys);
    await redis.client.set(keys.alive, "2");
    await spool.open();
    const tell = async (command: Command): Promise<string> => {
      const answer = sendCommand(redis.client, keys, command, never);
      await waitFor("the command", async () => (await redis.client.xlen(keys.commands)) > sent);
      sent += 1;
      await handleCommands(ctx);
      await keepWindow(ctx);
      return (await answer).text;
    };
    let sent = 0;
    const now = async (): Promise<[string, boolean]> => [view.state, await parse.isPaused()];
    const hour = (offset: number): string => {
      return `${String((new Date().getUTCHours() + offset + 24) % 24).padStart(2, "0")}:00`;
    };
    const later = `${hour(6)}-${hour(8)}`;
    const around = `${hour(-6)}-${hour(6)}`;

    try {
      expect(await tell({ kind: "limit", eventsPerSecond: 20, bytesPerSecond: 5000 })).toBe(
        "at most 20 events/s, 5000 bytes/s",
      );
      expect(await redis.client.hgetall(keys.knobs)).toEqual({
        eventsPerSecond: "20",
        bytesPerSecond: "5000",
        order: "spread",
      });
      expect(await now()).toEqual(["running", false]);

      expect(await tell({ kind: "limit", window: later })).toContain("at most 20 events/s, 5000 bytes/s, from ");
      expect(await now()).toEqual(["paused", true]);
      expect(view.reason).toBe(`outside of its window, ${later}`);
      expect(await tell({ kind: "resume" })).toContain(`it goes on in its window, ${later}`);
      expect(await now()).toEqual(["paused", true]);
      await tell({ kind: "limit", window: around });
      expect(await now()).toEqual(["running", false]);

      // The operator's pause outlives the window's.
      await tell({ kind: "limit", window: later });
      await tell({ kind: "pause" });
      await tell({ kind: "limit", window: null });
      expect(await now()).toEqual(["paused", true]);
      expect(await tell({ kind: "resume" })).toBe("running");
      expect(await now()).toEqual(["running", false]);

      await parse.add(CHUNK_JOB, message("2013-01-01"), { ...SPOOL_JOB_OPTIONS, jobId: "a" });
      await parse.add(CHUNK_JOB, message("2013-01-02"), { ...SPOOL_JOB_OPTIONS, jobId: "b" });
      expect(await tell({ kind: "limit", order: "newest", weight: 3 })).toContain("newest first; weight 3");
      await keepOrder(ctx);
      expect((await parse.getPrioritized()).map(({ id }) => id)).toEqual(["b", "a"]);
      expect(await redis.client.hget(keys.knobs, "order")).toBe("newest");
      const rates = { eventsPerSecond: 20, bytesPerSecond: 5000 };
      expect(viewOf(journal.records).limits).toEqual({ ...rates, window: null, order: "newest", weight: 3 });
    } finally {
      await parse.close();
      await journal.close();
    }
  });
});
