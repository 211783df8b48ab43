import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { progressFile } from "../../orchestrator/campaign-store.ts";
import { sendCommand } from "../../orchestrator/commands.ts";
import type { JournalEntry } from "../../orchestrator/journal.ts";
import { orchestrate } from "../../orchestrator/orchestrate.ts";
import { readProgress } from "../../orchestrator/progress.ts";
import { explainCampaign } from "../../orchestrator/why/explain.ts";
import { campaignKeys } from "../../worker/contract/keys.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { heldJournal, makeQuietCampaign, quietLog } from "../support/quiet-campaign.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

const never = new AbortController().signal;

/** A parser of a campaign that has run for an hour and ended, and two that are wanted. */
function story(campaign: string): readonly JournalEntry[] {
  const jobName = "gh-abcde-p1";
  return [
    ...heldJournal(campaign).filter((entry) => entry.type !== "transition" || entry.event !== "hold"),
    { type: "submit-intent", jobName, role: "parser" },
    { type: "started", jobName, startedAt: Date.now() - 3_600_000, hosts: [] },
    { type: "job-ended", jobName, exit: 0, how: "finished" },
    { type: "target", dataNodes: 0, parsers: 2 },
  ];
}

/** What a living orchestrator does about its budget. It has no cluster, and its gateway cannot come up. */
describeWith(["redis", "haproxy"], "a budget", () => {
  const dir = privateStateDir("budget");
  let redis: TestRedis;
  let stop: AbortController | undefined;
  let ended: Promise<unknown> | undefined;
  beforeAll(async () => {
    redis = await startRedis(dir);
  });
  afterAll(() => redis.stop());
  afterEach(async () => {
    stop?.abort();
    await ended;
  });

  it("that is spent is said once, and until the operator gives more", async () => {
    const name = "costly";
    const settings = { budget: { nodeHours: 0.5 } };
    const campaign = await makeQuietCampaign(join(dir, name), name, redis, story(name), settings);
    const keys = campaignKeys(name);
    stop = new AbortController();
    const { stateDir } = campaign.config;
    ended = orchestrate({ stateDir, id: name, log: quietLog, signal: stop.signal }).catch((error: unknown) => error);
    const spentAt = await waitFor("the word that it is spent", async () => (await campaign.view()).budgetReachedAt, {
      timeoutMs: 60_000,
    });
    const looks = 4 * campaign.config.batch.poll * 1000;
    await waitFor("some more looks", async () => {
      const progress = await readProgress(progressFile(campaign.paths));
      return progress !== undefined && progress.at > spentAt + looks;
    });
    const spent = await campaign.view();
    expect([...spent.jobs.keys()]).toEqual(["gh-abcde-p1"]);
    expect(spent.warnings).toContainEqual(expect.stringMatching(/the budget of 0\.5 node-hours is spent \(1\.00\)/));
    const reasons = async (): Promise<readonly string[]> =>
      (await explainCampaign(stateDir, name)).reasons.map(({ kind }) => kind);
    expect(await reasons()).toContain("budget");

    const reply = await sendCommand(redis.client, keys, { kind: "budget", nodeHours: 2 }, never);
    expect(reply.text).toBe("1.00 of 2 node-hours");
    expect(await reasons()).not.toContain("budget");
    expect((await campaign.view()).budgetReachedAt).toBeUndefined();
  });
});
