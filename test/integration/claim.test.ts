import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Worker } from "bullmq";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { CampaignEvent } from "../../orchestrator/campaign.ts";
import { configSchema } from "../../orchestrator/config-schema.ts";
import type { JournalEntry } from "../../orchestrator/journal.ts";
import { exportLedger } from "../../orchestrator/ledger-export.ts";
import { statePaths } from "../../orchestrator/paths.ts";
import { orderedChunks, type Plan } from "../../orchestrator/plan.ts";
import { planMonth } from "../../orchestrator/plan-month.ts";
import { claimOf, tilingOf, type Claim, type LoadedCampaign } from "../../orchestrator/proof/claim.ts";
import { manifestText } from "../../orchestrator/proof/manifest.ts";
import { createSpool } from "../../orchestrator/spool.ts";
import type { Chunk } from "../../worker/contract/chunk.ts";
import { campaignKeys, PARSE_QUEUE } from "../../worker/contract/keys.ts";
import { ZERO_COUNTS, type LedgerRow } from "../../worker/contract/ledger.ts";
import { NO_RULES } from "../../worker/contract/rules.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { writeCampaignDirectory } from "../support/campaign-directory.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

describeWith(["redis"], "what a campaign says that it has loaded", () => {
  const stateDir = privateStateDir("claim");
  const over: JournalEntry[] = [
    { type: "step", name: "drain-parsers", status: "started" },
    { type: "step", name: "revoke-loader", status: "started" },
    { type: "step", name: "revoke-loader", status: "done" },
  ];
  let redis: TestRedis;
  let plan: Plan;
  const rowOf = ({ id, origin, range }: Chunk): LedgerRow => ({
    chunk: id,
    fileId: origin.fileId,
    attempt: 1,
    worker: "p1",
    counts: { ...ZERO_COUNTS, read: 2, written: 1, rejected: 1 },
    perIndex: { "logs-a": 1 },
    droppedBy: {},
    rejectedBy: {},
    unparsedBy: {},
    covered: [range.start, range.end],
    millis: 1,
    parseCpuMicros: 1,
  });

  beforeAll(async () => {
    redis = await startRedis(stateDir);
    const root = join(stateDir, "archive");
    for (const host of ["10.0.0.1", "10.0.0.2"]) {
      const file = join(root, "hosts/2013/01", host, "syslog");
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, "Jan 14 23:20:01 h CRON[1]: m\n");
    }
    const config = configSchema.parse({ archive: { root } });
    const pipeline = { hash: "p1", rules: NO_RULES, fields: [] };
    plan = await planMonth(config, ["2013-01"], { pipeline }, new AbortController().signal);
  });
  afterAll(() => redis.stop());

  const campaignOf = async (id: string, story: readonly (CampaignEvent | JournalEntry)[]): Promise<LoadedCampaign> => {
    const { record, paths } = await writeCampaignDirectory(stateDir, id, story, {
      "services.redis.url": `redis://127.0.0.1:${String(redis.port)}`,
      "services.graphite.carbon": "127.0.0.1:1",
    });
    return { record, paths, state: statePaths(stateDir) };
  };
  const reject = (file: string): void => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify({ chunk: "c", offset: 7, id: "i" })}\n`);
  };
  const seen = async (claim: Claim | undefined): Promise<unknown> => {
    if (!claim) return undefined;
    const [row] = claim.rows;
    const rejected = row && (await claim.rejected(row)).map(({ offset }) => offset);
    return { chunks: claim.rows.map(({ chunk }) => chunk), rejected, tiling: tilingOf(claim, plan) };
  };

  it("stands in the spool of one that is held after its load, with what was lost left out", async () => {
    const campaign = await campaignOf("held", ["start", "booted", "drained", ...over, "hold"]);
    const keys = campaignKeys("held");
    const spool = createSpool(redis.client, keys);
    await spool.addChunks(orderedChunks(plan));
    const connection = { host: "127.0.0.1", port: redis.port, maxRetriesPerRequest: null };
    const [first] = plan.files;
    const worker = new Worker<Chunk, LedgerRow>(
      PARSE_QUEUE,
      ({ data }) => {
        if (data.origin.path !== first?.origin.path) throw new Error("FILE_CHANGED: it grew; plan again");
        return Promise.resolve(rowOf(data));
      },
      { connection, prefix: keys.queuePrefix },
    );
    await waitFor("one chunk to be committed", async () => (await spool.counts()).parse.completed === 1);
    await worker.close();
    const id = `${first?.origin.fileId ?? ""}-0`;
    reject(join(campaign.paths.staging, "rejects", `${id}.1.ndjson`));
    const claim = await claimOf(campaign, plan);
    // The other file's chunk waits, so that its bytes were not read.
    expect(await seen(claim)).toEqual({
      chunks: [id],
      rejected: [7],
      tiling: [expect.stringMatching(/10\.0\.0\.2.*bytes 0 to 29 were not read/)],
    });
    await spool.disconnect();
  });

  it("is not known of one that is held in its load", async () => {
    expect(await claimOf(await campaignOf("early", ["start", "booted", "hold"]), plan)).toBeUndefined();
    const ending = await campaignOf("ending", ["start", "booted", "drained", ...over.slice(0, 2), "hold"]);
    expect(await claimOf(ending, plan)).toBeUndefined();
    expect(await claimOf(await campaignOf("loading", ["start", "booted"]), plan)).toBeUndefined();
  });

  it("stands in ledger and manifest of one that serves, and of one that serves another's", async () => {
    const campaign = await campaignOf("serving", ["start", "booted", "drained", "serve"]);
    const rows = [...orderedChunks(plan)].map(rowOf);
    const service = {
      ...campaign,
      record: { ...campaign.record, serves: { campaign: "serving", snapshot: "s", repository: "/r", until: 0 } },
    };
    await exportLedger(campaign.paths, rows);
    for (const { chunk } of rows) reject(join(campaign.paths.rejects, `${chunk}.ndjson`));
    const whole = { chunks: rows.map(({ chunk }) => chunk), rejected: [7], tiling: [] };
    // A version that wrote no manifest knew no lengths afterwards.
    const before = await claimOf(campaign, plan);
    expect(before?.lengths).toBeUndefined();
    expect(await seen(before)).toEqual(whole);
    const lengths = new Map(plan.files.map(({ origin }) => [origin.fileId, 29]));
    writeFileSync(campaign.paths.manifest, [...manifestText("serving", plan, rows, lengths)].join(""));
    expect((await claimOf(campaign, plan))?.lengths).toEqual(lengths);
    expect(await seen(await claimOf(service, plan))).toEqual(whole);
    const longer = new Map(plan.files.map(({ origin }) => [origin.fileId, 30]));
    writeFileSync(campaign.paths.manifest, [...manifestText("serving", plan, rows, longer)].join(""));
    expect(await seen(await claimOf(campaign, plan))).toMatchObject({
      tiling: [expect.stringContaining("bytes 29 to 30 were not read"), expect.anything()],
    });
  });
});
