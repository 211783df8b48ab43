import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { CampaignEvent } from "../../orchestrator/campaign.ts";
import { handleCommands } from "../../orchestrator/command-handler.ts";
import { move, type CampaignContext } from "../../orchestrator/context.ts";
import { openJournal, readJournal } from "../../orchestrator/journal.ts";
import { createLog } from "../../orchestrator/log.ts";
import { ownerOfThisProcess, writeOwner } from "../../orchestrator/owner-file.ts";
import { viewOf } from "../../orchestrator/view.ts";
import { campaignKeys } from "../../worker/contract/keys.ts";
import { describeWith, privateStateDir } from "../support/index.ts";
import { writeCampaignDirectory } from "../support/campaign-directory.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";
import { gridharvest, type Outcome } from "../support/gridharvest.ts";

/**
 * What the command line asks of a living orchestrator, and what becomes of it. The orchestrator's own ear, journal and table of moves
 * run in this process; of its work only the moves are there.
 */
describeWith(["redis"], "commands to a living orchestrator", () => {
  const stateDir = privateStateDir("commands");
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis(stateDir);
  });
  afterAll(() => redis.stop());

  /** Runs a command while an orchestrator listens; `goOn` is what follows once it has obeyed. */
  const tell = async (
    words: readonly [command: string, id: string],
    story: readonly CampaignEvent[],
    goOn: readonly CampaignEvent[],
  ): Promise<Outcome> => {
    const [, id] = words;
    const { record, paths } = await writeCampaignDirectory(stateDir, id, story, {
      "services.redis.url": `redis://127.0.0.1:${String(redis.port)}`,
      "services.graphite.carbon": "127.0.0.1:1",
    });
    await writeOwner(paths.orchestratorPid, ownerOfThisProcess());
    const keys = campaignKeys(id);
    await redis.client.set(keys.alive, "2");
    const journal = await openJournal(paths.journal, 2, "here");
    const view = viewOf(journal.records);
    const log = createLog({ level: "error" });
    const ctx = {
      record,
      config: record.config,
      redis: redis.client,
      keys,
      journal,
      view,
      log,
    } as unknown as CampaignContext;
    const before = view.state;
    const listening = new AbortController();
    const orchestrator = (async () => {
      let left = [...goOn];
      while (!listening.signal.aborted) {
        await handleCommands(ctx);
        if (view.state !== before) {
          for (const event of left) expect(await move(ctx, event)).toBe(true);
          left = [];
        }
        await sleep(20);
      }
    })();
    try {
      return await gridharvest(...words, "--state-dir", stateDir, "--json");
    } finally {
      listening.abort();
      await orchestrator;
      await journal.close();
    }
  };
  const eventsOf = async (dir: string) =>
    (await readJournal(dir)).records.flatMap((record) => (record.type === "transition" ? [record.event] : []));
  const lastOf = ({ out }: Outcome): unknown => JSON.parse(out.trimEnd().split("\n").at(-1) ?? "");

  const held = ["start", "booted", "drained", "hold"] as const;

  it("verify of a held campaign waits for what comes of it", async () => {
    const good = await tell(["verify", "good"], held, ["finished", "torn-down-done"]);
    expect(lastOf(good)).toMatchObject({ state: "done", verified: true });
    expect(good.code).toBe(0);
    const bad = await tell(["verify", "bad"], held, ["hold"]);
    expect(lastOf(bad)).toMatchObject({ state: "held", verified: false });
    expect(bad.err).toMatch(/campaign bad is held[^]*gridharvest resume bad \| verify bad \| teardown bad/);
    expect(bad.code).toBe(1);
  });

  it.each([
    ["booting", ["start"], "cancel", "cancelled"],
    ["running", ["start", "booted"], "cancel", "cancelled"],
    ["held", held, "release", "failed"],
    ["serving", ["start", "booted", "drained", "serve"], "release", "done"],
  ] as const)("teardown of a campaign that is %s", async (state, story, event, outcome) => {
    const id = `torn-${state}`;
    const torn = await tell(["teardown", id], story, [`torn-down-${outcome}`]);
    expect(lastOf(torn)).toMatchObject({ state: outcome, reason: "torn down by the operator" });
    expect(torn.code).toBe(0);
    expect((await eventsOf(`${stateDir}/campaigns/${id}/journal`)).slice(-2)).toEqual([event, `torn-down-${outcome}`]);
  });
});
