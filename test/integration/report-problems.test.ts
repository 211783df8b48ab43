import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { UnrecoverableError, Worker } from "bullmq";
import { afterAll, beforeAll, expect, it } from "vitest";
import { NO_RULES } from "../../worker/contract/rules.ts";
import { configSchema } from "../../orchestrator/config-schema.ts";
import type { CampaignContext } from "../../orchestrator/context.ts";
import { readJournal } from "../../orchestrator/journal.ts";
import { createLog } from "../../orchestrator/log.ts";
import type { NodeGroups } from "../../orchestrator/node-groups.ts";
import { planMonth } from "../../orchestrator/plan-month.ts";
import { orderedChunks } from "../../orchestrator/plan.ts";
import { createProgress } from "../../orchestrator/progress.ts";
import type { Report } from "../../orchestrator/report.ts";
import { createSpool } from "../../orchestrator/spool.ts";
import { viewOf } from "../../orchestrator/view.ts";
import { campaignKeys, PARSE_QUEUE } from "../../worker/contract/keys.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { writeCampaignDirectory } from "../support/campaign-directory.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

describeWith(["redis"], "the report of a campaign that did not finish", () => {
  const stateDir = privateStateDir("report-problems");
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis(stateDir);
  });
  afterAll(() => redis.stop());

  it("names the files that loading gave up, also when the spool is gone", async () => {
    const file = "hosts/2013/01/10.0.0.1/syslog";
    mkdirSync(dirname(join(stateDir, "archive", file)), { recursive: true });
    writeFileSync(join(stateDir, "archive", file), "Jan 14 23:20:01 h CRON[1]: m\n");
    const config = configSchema.parse({ archive: { root: join(stateDir, "archive") } });
    const plan = await planMonth(
      config,
      ["2013-01"],
      { pipeline: { hash: "p1", rules: NO_RULES, fields: [] } },
      new AbortController().signal,
    );
    const { record, paths } = await writeCampaignDirectory(stateDir, "cut", ["start", "booted", "cancel"]);
    const view = viewOf((await readJournal(paths.journal)).records);
    const keys = campaignKeys("cut");
    const spool = createSpool(redis.client, keys);
    const access = { carbon: { host: "127.0.0.1", port: 1 } };
    const log = createLog({ level: "error" });
    const { signal } = new AbortController();
    const ctx = { record, config, plan, paths, redis: redis.client, keys, spool, access, view, log, signal };
    const groups = { usage: new Map() } as unknown as NodeGroups;
    const tuner = {
      stage: () => undefined,
      budgets: () => ({ bulkBytes: 1, requestsInFlight: 1 }),
      decisions: () => 0,
    };
    const progress = await createProgress(ctx as unknown as CampaignContext, groups, tuner);
    const reported = async (): Promise<Report["fileProblems"]> => {
      await progress.writeReport(undefined);
      return (JSON.parse(readFileSync(paths.reportJson, "utf8")) as Report).fileProblems;
    };
    const problem = { path: file, code: "FILE_CHANGED", problem: "it grew", remedy: "plan again", truncatedAt: 0 };

    await spool.addChunks(orderedChunks(plan));
    const connection = { host: "127.0.0.1", port: redis.port, maxRetriesPerRequest: null };
    const worker = new Worker(
      PARSE_QUEUE,
      () => Promise.reject(new UnrecoverableError("FILE_CHANGED: it grew; plan again")),
      { connection, prefix: keys.queuePrefix },
    );
    await waitFor("the chunk to be given up", async () => (await spool.counts()).parse.failed === 1);
    await worker.close();
    expect(await reported()).toEqual([problem]);

    await spool.disconnect();
    await redis.client.flushall();
    view.state = "cancelled";
    expect(await reported()).toEqual([problem]);
    await progress.close();
  });
});
