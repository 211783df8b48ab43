import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import type { NodeFigures } from "../../orchestrator/cluster.ts";
import type { CampaignContext } from "../../orchestrator/context.ts";
import type { Journal } from "../../orchestrator/journal.ts";
import { readTuning } from "../../orchestrator/tuning/record.ts";
import { recordedCourse, replay } from "../../orchestrator/tuning/replay.ts";
import { policyOf } from "../../orchestrator/tuning/policy.ts";
import { createTuner, type Tuner } from "../../orchestrator/tuning/tuner.ts";
import type { CampaignView } from "../../orchestrator/view.ts";
import { campaignKeys } from "../../worker/contract/keys.ts";
import { readBudgets, type ParserFigures } from "../../worker/contract/tuning.ts";
import { describeWith, privateStateDir } from "../support/index.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";
import { observe, USUAL_STORE } from "../support/simulated-store.ts";
import { TUNED_NODES, tunedCampaign } from "../support/tuned-campaign.ts";

const STORE = { ...USUAL_STORE, parsers: 1 };
/** The orchestrator's side of the tuner, on a real Redis and journal; parsers and data nodes report what a simulated store would make of it. */
describeWith(["redis"], "the tuner of a campaign", () => {
  const dir = privateStateDir("tuner");
  let redis: TestRedis;
  let now = 1_800_000_000_000;
  beforeAll(async () => {
    redis = await startRedis(dir);
  });
  afterAll(() => redis.stop());
  beforeEach(() => void vi.spyOn(Date, "now").mockImplementation(() => now));
  afterEach(() => void vi.restoreAllMocks());

  interface Campaign {
    readonly tuner: Tuner;
    readonly view: CampaignView;
    readonly journal: Journal;
    readonly ctx: CampaignContext;
    /** A second passes, and the tuner looks. */
    readonly second: () => Promise<void>;
    /** Another orchestrator has the campaign. */
    readonly again: () => void;
  }

  async function campaignOf(name: string, settings: Readonly<Record<string, unknown>> = {}): Promise<Campaign> {
    const begin = { "parsers.bulkBytes": "100KiB", "parsers.requestsInFlight": 1, ...settings };
    const ctx = await tunedCampaign(dir, name, redis.client, begin);
    const { keys, view, journal } = ctx;
    const sums = { upMillis: 0, documents: 0, requests: 0, latencyMillis: 0, fullMillis: 0, waitMillis: 0 };
    let cpuMillis = 0;
    const nodes = () => {
      const figures = Object.fromEntries(
        [TUNED_NODES.dataNode, "master"].map((node) => [
          node,
          { heapPercent: 40, heapBytes: 2 ** 31, cpuMillis, gcMillis: 0, throttledMillis: 0 } as NodeFigures,
        ]),
      );
      return { at: now, figures };
    };
    let tuner = createTuner(ctx, nodes);
    return {
      view,
      journal,
      ctx,
      get tuner() {
        return tuner;
      },
      second: async () => {
        now += 1000;
        const seen = observe(STORE, tuner.budgets(), 1);
        sums.upMillis += 1000;
        sums.documents += seen.documents;
        sums.requests += seen.requests;
        sums.latencyMillis += seen.latencyMillis * seen.requests;
        sums.fullMillis += 900;
        sums.waitMillis += 900;
        cpuMillis += 950;
        const rest = {
          bytes: 0,
          tookMillis: sums.latencyMillis,
          throttled: 0,
          failed: 0,
          unpackMillis: 0,
          unpackReadMillis: 0,
          idleMillis: 0,
          askMillis: 0,
          readMillis: 0,
        };
        const figures: ParserFigures = { ...sums, ...rest, slots: 1, limitedMillis: 0, parseMillis: 0, mainMillis: 0 };
        await redis.client.hset(
          keys.figures,
          TUNED_NODES.parser,
          JSON.stringify(figures),
          "gh-abcde-p9",
          "of another life",
        );
        await tuner.look();
      },
      again: () => {
        tuner = createTuner(ctx, nodes);
      },
    };
  }

  const told = async (name: string) => readBudgets(await redis.client.hgetall(campaignKeys(name).tuning));

  it("tells parsers what it decides, writes it down, and can be replayed", async () => {
    const { tuner, view, journal, ctx, second } = await campaignOf("tuned");
    for (let i = 0; i < 90; i++) await second();
    const decisions = journal.records.filter((record) => record.type === "tuned");
    expect(decisions.length).toBeGreaterThan(4);
    expect(tuner.decisions()).toBe(decisions.length);
    expect(await told("tuned")).toEqual(tuner.budgets());
    expect(view.tuned).toMatchObject(tuner.budgets());
    expect(tuner.budgets().bulkBytes).toBeGreaterThan(400_000);
    const queue = { waiting: 9, active: 1, delayed: 0, completed: 0, failed: 0 };
    expect(tuner.stage({ parse: queue, unpack: { ...queue, waiting: 0, active: 0 }, stagedBytes: 0 })).toMatchObject({
      stage: "store CPU",
      advice: "data nodes",
    });
    const records = await readTuning(ctx.paths.tuning);
    expect(records.length).toBe(readFileSync(ctx.paths.tuning, "utf8").trim().split("\n").length);
    expect(replay(records, policyOf(ctx.config))).toEqual(recordedCourse(records, decisions));
    await journal.close();
  });

  it("goes on where the last orchestrator left it, and looks away while the campaign does not load", async () => {
    const campaign = await campaignOf("adopted");
    for (let i = 0; i < 60; i++) await campaign.second();
    const found = campaign.tuner.budgets();
    await redis.client.del(campaignKeys("adopted").tuning);
    campaign.again();
    expect(campaign.tuner.budgets()).toEqual(found);
    for (let i = 0; i < 4; i++) await campaign.second();
    expect(await told("adopted")).toEqual(found);
    const before = (await readTuning(campaign.ctx.paths.tuning)).length;
    campaign.view.state = "paused";
    for (let i = 0; i < 4; i++) await campaign.second();
    expect((await readTuning(campaign.ctx.paths.tuning)).length).toBe(before);
    await campaign.journal.close();
  });

  it("changes nothing where the numbers are fixed, and sees what there is to see", async () => {
    const { tuner, journal, ctx, second } = await campaignOf("fixed", { "tuning.mode": "fixed" });
    for (let i = 0; i < 30; i++) await second();
    expect(await told("fixed")).toBeUndefined();
    expect(journal.records.some((record) => record.type === "tuned")).toBe(false);
    expect(tuner.budgets()).toEqual({ bulkBytes: 100 * 1024, requestsInFlight: 1 });
    expect((await readTuning(ctx.paths.tuning)).length).toBeGreaterThan(20);
    await journal.close();
  });
});
