import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { progressFile } from "../../../orchestrator/campaign-store.ts";
import { servingFile } from "../../../orchestrator/serving/serving-file.ts";
import { campaignStatus } from "../../../orchestrator/status.ts";
import { endText, progressLine, statusText } from "../../../orchestrator/watch.ts";
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

  it("and loaded nothing says whose month it is and how far it is, and nothing of lines", async () => {
    const until = Date.now() + 3600_000;
    const serves = { campaign: "loaded", snapshot: "loaded", repository: "/snapshots/loaded", until };
    const story = ["start", ...submitted("gh-a-d1", "es-data"), "restore"] as const;
    const { paths } = await writeCampaignDirectory(stateDir, "january", story, {}, serves);
    await writeFile(servingFile(paths), JSON.stringify({ at: 1, indices: 34, ready: 31 }));
    const status = await campaignStatus(stateDir, "january");
    expect(status).toMatchObject({
      serves: "loaded",
      servingUntil: new Date(until).toISOString(),
      nodeHoursPerHour: 1,
    });
    expect(progressLine(status)).toContain("31/34 indices");
    expect(statusText(status)).toContain("documents of loaded until ");
    expect(statusText(status)).not.toMatch(/^(chunks|lines|progress) /m);
  });

  it("at another time than it was to says that one", async () => {
    const until = Date.now() + 7200_000;
    await writeCampaignDirectory(
      stateDir,
      "longer",
      ["start", "booted", "drained", "serve", { type: "serve-until", until }],
      { keepFor: "1h" },
    );
    expect((await campaignStatus(stateDir, "longer")).servingUntil).toBe(new Date(until).toISOString());
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
