import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeCampaignDirectory } from "../../../support/campaign-directory.ts";
import { gridharvest } from "../../../support/gridharvest.ts";

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "gridharvest-cli-"));
});
afterEach(() => rm(stateDir, { recursive: true }));

const call = (...words: string[]) => gridharvest("--json", ...words, "--state-dir", stateDir);

it("list passes over what is no campaign", async () => {
  await writeCampaignDirectory(stateDir, "real");
  await mkdir(join(stateDir, "campaigns/.write-probe-x"));
  const { code, out } = await call("list");
  expect((JSON.parse(out) as { id: string }[]).map(({ id }) => id)).toEqual(["real"]);
  expect(code).toBe(0);
});

describe("a campaign's id", () => {
  it.each(["status", "logs", "dashboard"])("is no path: %s", async (command) => {
    await writeCampaignDirectory(stateDir, "real");
    const result = await call(command, "../campaigns/real");
    expect(JSON.parse(result.out)).toMatchObject({ error: { code: "CAMPAIGN_UNKNOWN" } });
    expect(result.err).toContain("there are: real");
    expect(result.code).toBe(2);
  });
});

describe("a campaign that is not in the state that a command needs", () => {
  it.each([
    ["pause", "CAMPAIGN_OVER"],
    ["adopt", "CAMPAIGN_OVER"],
    ["verify", "VERIFY_NEEDS_CLUSTER"],
  ])("%s of an ended one is a fault, not a wrong usage", async (command, code) => {
    await writeCampaignDirectory(stateDir, "over", ["start", "cancel", "torn-down-cancelled"]);
    const result = await call(command, "over");
    expect(JSON.parse(result.out)).toMatchObject({ error: { code } });
    expect(result.code).toBe(1);
  });

  it("needs its services", async () => {
    await writeCampaignDirectory(stateDir, "alone", ["start"]);
    const result = await call("pause", "alone");
    expect(JSON.parse(result.out)).toMatchObject({ error: { code: "SERVICES_DOWN" } });
    expect(result.code).toBe(1);
  });
});

it.each(["--repair", "--files=hosts/*", "--chunk=a-0"])("verify takes %s with --deep alone", async (option) => {
  const { code, out } = await call("verify", "any", option);
  expect(JSON.parse(out)).toMatchObject({ error: { code: "USAGE" } });
  expect(code).toBe(2);
});

it.each([
  ["--order", "backwards", "spread, oldest, newest"],
  ["--weight", "0", "above 0"],
  ["--weight", "heavy", "above 0"],
])("limit refuses %s %s", async (option, value, remedy) => {
  const { code, err } = await call("limit", "any", option, value);
  expect(err).toContain(remedy);
  expect(code).toBe(2);
});
