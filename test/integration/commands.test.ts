import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { CampaignEvent } from "../../orchestrator/campaign.ts";
import { handleCommands } from "../../orchestrator/command-handler.ts";
import { move, type CampaignContext } from "../../orchestrator/context.ts";
import { openJournal, readJournal, type JournalEntry } from "../../orchestrator/journal.ts";
import { createLog } from "../../orchestrator/log.ts";
import { ownerOfThisProcess, writeOwner } from "../../orchestrator/owner-file.ts";
import { tellOrchestrator } from "../../orchestrator/tell.ts";
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

  /** Does something while an orchestrator listens; `goOn` is what follows once it has obeyed. */
  const whileListening = async <T>(
    id: string,
    story: readonly (CampaignEvent | JournalEntry)[],
    goOn: readonly CampaignEvent[],
    act: () => Promise<T>,
  ): Promise<T> => {
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
      return await act();
    } finally {
      listening.abort();
      await orchestrator;
      await journal.close();
    }
  };
  const tell = (
    words: readonly [command: string, id: string],
    story: readonly CampaignEvent[],
    goOn: readonly CampaignEvent[],
  ): Promise<Outcome> =>
    whileListening(words[1], story, goOn, () => gridharvest(...words, "--state-dir", stateDir, "--json"));
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

  const over: JournalEntry[] = [
    { type: "step", name: "drain-parsers", status: "started" },
    { type: "step", name: "revoke-loader", status: "started" },
    { type: "step", name: "revoke-loader", status: "done" },
  ];
  it.each([
    ["serves", ["start", "booted", "drained", "serve"], true],
    ["is held after its load", ["start", "booted", "drained", ...over, "hold"], true],
    ["is held in its load", ["start", "booted", "hold"], false],
    ["is held while its parsers end", ["start", "booted", "drained", ...over.slice(0, 2), "hold"], false],
    ["loads", ["start", "booted"], false],
  ] as const)(
    "documents of a campaign that %s may be mended or not, and it is written down",
    async (how, story, may) => {
      const id = how.replaceAll(" ", "-");
      const site = { stateDir } as Parameters<typeof tellOrchestrator>[0];
      const { signal } = new AbortController();
      const sums = { places: 1, missing: 1, extra: 0, altered: 0 };
      const done = { created: 1, replaced: 0, deleted: 0, left: 0 };
      await whileListening(id, story, [], async () => {
        const asked = tellOrchestrator(site, id, { kind: "repair", chunks: ["c-0"], ...sums }, signal);
        if (!may) {
          await expect(asked).rejects.toMatchObject({ code: "COMMAND_REFUSED" });
          return;
        }
        expect(await asked).toMatchObject({ ok: true });
        await tellOrchestrator(site, id, { kind: "repaired", ...done }, signal);
      });
      const { records } = await readJournal(`${stateDir}/campaigns/${id}/journal`);
      const told = records.flatMap((record) => (record.type === "command" ? [record.args] : []));
      expect(told).toEqual([
        { kind: "repair", chunks: ["c-0"], ...sums },
        ...(may ? [{ kind: "repaired", ...done }] : []),
      ]);
      expect(viewOf(records).warnings).toEqual(
        may ? ["documents were mended by the operator: 1 created, 0 replaced, 0 deleted"] : [],
      );
    },
  );

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
