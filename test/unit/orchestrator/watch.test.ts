import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { progressFile } from "../../../orchestrator/campaign-store.ts";
import { campaignStatus } from "../../../orchestrator/status.ts";
import { endText, statusText } from "../../../orchestrator/watch.ts";
import { ZERO_COUNTS } from "../../../worker/contract/ledger.ts";
import { writeCampaignDirectory } from "../../support/campaign-directory.ts";

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "gridharvest-status-"));
});
afterEach(() => rm(stateDir, { recursive: true }));

const none = { waiting: 0, active: 0, delayed: 0, completed: 0, failed: 0 };

describe("a campaign that serves", () => {
  const submitted = (jobName: string, role: "es-data" | "parser") =>
    [
      { type: "submit-intent", jobName, role },
      { type: "submitted", jobName, jobId: "1.s", found: false },
    ] as const;

  it("says until when, what that costs, and how to end it", async () => {
    await writeCampaignDirectory(
      stateDir,
      "kept",
      [
        "start",
        ...submitted("gh-a-d1", "es-data"),
        ...submitted("gh-a-d2", "es-data"),
        ...submitted("gh-a-p1", "parser"),
        "booted",
        "drained",
        { type: "job-ended", jobName: "gh-a-p1", exit: 0, how: "drained" },
        "serve",
      ],
      { keepFor: "2h" },
    );
    const status = await campaignStatus(stateDir, "kept");
    const left = Date.parse(status.servingUntil ?? "") - Date.now();
    expect(left).toBeLessThanOrEqual(2 * 3600_000);
    expect(left).toBeGreaterThan(3600_000);
    expect(status.nodeHoursPerHour).toBe(2);
    for (const text of [statusText(status), endText(status, undefined)]) {
      expect(text).toContain(`until ${status.servingUntil ?? ""} (`);
      expect(text).toContain("each hour costs 2 node-hours, and the gateway's host");
      expect(text).toContain("gridharvest teardown kept");
    }
  });

  it("is the only one that does", async () => {
    await writeCampaignDirectory(stateDir, "loading", ["start", "booted"]);
    const status = await campaignStatus(stateDir, "loading");
    expect(status.servingUntil).toBeUndefined();
    expect(statusText(status)).not.toMatch(/serving|teardown/);
  });
});

describe("the chunks", () => {
  const lines = { ...ZERO_COUNTS, read: 7 };
  const report = { chunks: 3, chunksTotal: 10, lines, fileProblems: [], bytes: 0, documents: 7, eventsPerSecond: 0 };

  it("of a cancelled campaign are those that were done, of all that there were", async () => {
    const { paths } = await writeCampaignDirectory(stateDir, "cut", [
      "start",
      "booted",
      "cancel",
      "torn-down-cancelled",
    ]);
    await writeFile(paths.reportJson, JSON.stringify(report));
    const status = await campaignStatus(stateDir, "cut");
    expect(status.chunks).toMatchObject({ done: 3, total: 10 });
    expect(statusText(status)).toMatch(/3 done, .* of 10$/m);
  });

  it("of one that loads again after it was held are those of today", async () => {
    const { paths } = await writeCampaignDirectory(stateDir, "again", ["start", "booted", "hold", "resume"]);
    await writeFile(paths.reportJson, JSON.stringify(report));
    const progress = { at: 1, parse: { ...none, completed: 8 }, unpack: none, chunks: 10, lines, share: 0.8, jobs: {} };
    await writeFile(progressFile(paths), JSON.stringify(progress));
    expect((await campaignStatus(stateDir, "again")).chunks).toMatchObject({ done: 8, total: 10 });
  });
});
