import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCampaign, loadCampaign, progressFile } from "../../../orchestrator/campaign-store.ts";
import { configSchema } from "../../../orchestrator/config-schema.ts";
import { ownerOfThisProcess, writeOwner } from "../../../orchestrator/owner-file.ts";
import { statePaths, type CampaignPaths } from "../../../orchestrator/paths.ts";
import { campaignStatus, listCampaigns } from "../../../orchestrator/status.ts";

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "gh-status-"));
});
afterEach(() => rm(stateDir, { recursive: true, force: true }));

async function campaign(name: string): Promise<CampaignPaths> {
  const options = { name, months: ["2013-01"], planId: "0123456789ab", config: configSchema.parse({}) };
  return (await createCampaign(statePaths(stateDir), options)).paths;
}

describe("the list of campaigns", () => {
  it("shows the others when one cannot be read, and that one as such", async () => {
    await campaign("whole");
    const damaged = await campaign("damaged");
    await writeFile(damaged.campaign, "{");
    await mkdir(join(statePaths(stateDir).campaigns, "cut-short"));
    const list = await listCampaigns(stateDir);
    expect(list.map(({ id, state }) => [id, state])).toEqual([
      ["whole", "planned"],
      ["cut-short", "broken"],
      ["damaged", "broken"],
    ]);
    expect(list[2]).toMatchObject({ problem: expect.stringContaining(damaged.campaign) as string });
    await expect(campaignStatus(stateDir, "damaged")).rejects.toMatchObject({ code: "CAMPAIGN_UNREADABLE" });
  });
});

it("a campaign that was made before there was a setting has its default", async () => {
  const { campaign: file } = await campaign("old");
  const record = JSON.parse(await readFile(file, "utf8")) as { config: Record<string, Record<string, unknown>> };
  delete record.config["autoscale"];
  delete record.config["batch"]?.["quarantine"];
  record.config["batch"] = { ...record.config["batch"], poll: 17 };
  await writeFile(file, JSON.stringify(record));
  expect(await campaignStatus(stateDir, "old")).toMatchObject({ state: "planned" });
  const { config } = (await loadCampaign(stateDir, "old")).record;
  expect(config.batch).toMatchObject({ poll: 17, quarantine: { failures: 3 } });
});

describe("the orchestrator of a campaign", () => {
  it("on another host is alive as long as it writes its progress", async () => {
    const paths = await campaign("away");
    const orchestrator = async (): Promise<object> => (await campaignStatus(stateDir, "away")).orchestrator;
    const progress = { parse: {}, unpack: {}, lines: {}, jobs: {} };
    expect(await orchestrator()).toEqual({ alive: false });
    await writeOwner(paths.orchestratorPid, { ...ownerOfThisProcess(), pid: 17, host: "elsewhere" });
    expect(await orchestrator()).toEqual({ alive: false });
    await writeFile(progressFile(paths), JSON.stringify({ ...progress, at: Date.now() }));
    expect(await orchestrator()).toEqual({ alive: true, pid: 17, host: "elsewhere" });
    await writeFile(progressFile(paths), JSON.stringify({ ...progress, at: Date.now() - 3_600_000 }));
    expect(await orchestrator()).toEqual({ alive: false });
    await writeOwner(paths.orchestratorPid, ownerOfThisProcess());
    expect(await orchestrator()).toEqual({ alive: true, pid: process.pid });
  });
});
