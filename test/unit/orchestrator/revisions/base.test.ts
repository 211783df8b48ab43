import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CampaignRecord } from "../../../../orchestrator/campaign-store.ts";
import type { Config } from "../../../../orchestrator/config-schema.ts";
import { exportLedger } from "../../../../orchestrator/ledger-export.ts";
import { statePaths, type CampaignPaths } from "../../../../orchestrator/paths.ts";
import { emptyPlan, planId } from "../../../../orchestrator/plan.ts";
import { writePlan } from "../../../../orchestrator/plan-file.ts";
import { readReplayRules, writeReplayRules } from "../../../../orchestrator/replay/rules-file.ts";
import { revisionBase } from "../../../../orchestrator/revisions/base.ts";
import { carriedRows, writeCarried } from "../../../../orchestrator/revisions/carried.ts";
import { earlierLoad } from "../../../../orchestrator/revisions/earlier.ts";
import { ZERO_COUNTS, type LedgerRow } from "../../../../worker/contract/ledger.ts";
import { NO_RULES } from "../../../../worker/contract/rules.ts";
import { writeCampaignDirectory } from "../../../support/campaign-directory.ts";

/** What stands in the directories of campaigns that have loaded a month is what a later revision goes by. */

const stateDir = mkdtempSync(join(tmpdir(), "gridharvest-base-"));
let config: Config & { stateDir: string };

function row(chunk: string, rejected = 0): LedgerRow {
  const counts = { ...ZERO_COUNTS, read: 10, written: 10 - rejected, rejected };
  const none = { droppedBy: {}, rejectedBy: {}, unparsedBy: {}, millis: 0, parseCpuMicros: 0 };
  return { chunk, fileId: "file", attempt: 1, worker: "w", counts, perIndex: {}, covered: [0, 9], ...none };
}

async function campaign(
  id: string,
  revision: number,
  { months = ["2013-01"], saved = true, repository = join(statePaths(stateDir).snapshots, id) } = {},
): Promise<{ record: CampaignRecord; paths: CampaignPaths }> {
  const made = await writeCampaignDirectory(stateDir, id, [], { "plan.revision": revision });
  const record = { ...made.record, months };
  writeFileSync(made.paths.campaign, JSON.stringify(record));
  const draft = emptyPlan(record);
  const plan = { ...draft, pinned: { ...draft.pinned, pipeline: `p${String(revision)}` }, rules: NO_RULES };
  await writePlan(made.paths.plan, { ...plan, id: planId(plan) });
  await exportLedger(made.paths, [row(`${id}-0`)]);
  if (saved)
    writeFileSync(made.paths.reportJson, JSON.stringify({ snapshot: { name: id, repository, verified: true } }));
  config = { ...record.config, stateDir, plan: { ...record.config.plan, revision: 1 } };
  return { record, paths: made.paths };
}

const remove = (id: string): void => rmSync(join(statePaths(stateDir).campaigns, id), { recursive: true });

beforeAll(async () => {
  await campaign("first", 1);
});
afterAll(() => rmSync(stateDir, { recursive: true }));

describe("a month that was loaded", () => {
  it("is refused with the remedy, and in another revision or month it is not", async () => {
    await expect(revisionBase(config, ["2013-01"], "none")).rejects.toMatchObject({
      code: "MONTH_LOADED",
      message: expect.stringMatching(/first has loaded 2013-01 as revision 1.*--again missing/) as string,
    });
    await expect(revisionBase(config, ["2012-12", "2013-01"], "none")).rejects.toMatchObject({ code: "MONTH_LOADED" });
    const other = { ...config, plan: { ...config.plan, revision: 2 } };
    expect(await revisionBase(other, ["2013-01"], "none")).toEqual({ revision: 2 });
    expect(await revisionBase(config, ["2013-02"], "none")).toEqual({ revision: 1 });
  });

  it("goes on from the last that was saved, by a number that no campaign has", async () => {
    await campaign("second", 4);
    await campaign("failed", 5, { saved: false });
    const { revision, earlier } = await revisionBase(config, ["2013-01"], "missing");
    expect(revision).toBe(6);
    expect(earlier).toMatchObject({ campaign: "second", snapshot: "second", problems: [], lengths: new Map() });
    expect(await revisionBase(config, ["2013-02"], "missing")).toEqual({ revision: 1 });
    for (const id of ["second", "failed"]) remove(id);
  });

  it("goes on together with the months that were loaded with it, or alone when all of it is loaded", async () => {
    await campaign("both", 2, { months: ["2013-02", "2013-03"] });
    await expect(revisionBase(config, ["2013-02"], "missing")).rejects.toMatchObject({
      code: "MONTH_LOADED",
      message: expect.stringContaining("--month 2013-02..2013-03") as string,
    });
    expect(await revisionBase(config, ["2013-02"], "all")).toEqual({ revision: 3 });
    expect((await revisionBase(config, ["2013-02", "2013-03"], "missing")).earlier?.campaign).toBe("both");
    remove("both");
  });

  it("cannot go on from a snapshot that its nodes would not see", async () => {
    await campaign("elsewhere", 2, { repository: "/mnt/other/elsewhere" });
    const refused = revisionBase(config, ["2013-01"], "missing");
    await expect(refused).rejects.toMatchObject({
      code: "REPOSITORY_UNSEEN",
      message: expect.stringContaining("snapshot.repository to /mnt/other") as string,
    });
    expect((await revisionBase(config, ["2013-01"], "all")).revision).toBe(3);
    remove("elsewhere");
  });
});

describe("what is taken over", () => {
  it("stands in the new campaign's directory: rows, what they rejected, and the rules that made them", async () => {
    const { paths: before } = await campaign("old", 7);
    const { paths } = await campaign("new", 8);
    const rows = [row("a"), row("b", 3)];
    mkdirSync(before.rejects);
    writeFileSync(join(before.rejects, "b.ndjson"), "{}\n");
    writeFileSync(join(before.rejects, "other.ndjson"), "{}\n");
    await writeReplayRules(before, "p6", NO_RULES);
    await writeCarried(paths, await earlierLoad(stateDir, "old"), rows);
    expect(await carriedRows(paths)).toEqual(rows);
    expect(readdirSync(paths.rejects)).toEqual(["b.ndjson"]);
    expect(readFileSync(join(paths.rejects, "b.ndjson"), "utf8")).toBe("{}\n");
    for (const pipeline of ["p6", "p7"]) expect(await readReplayRules(paths, pipeline)).toEqual(NO_RULES);
    // What it needs has nothing of the earlier directory in it.
    rmSync(dirname(before.plan), { recursive: true });
    expect(await carriedRows(paths)).toEqual(rows);
  });

  it("is refused when what was rejected is not there any more", async () => {
    const { paths } = await campaign("bare", 9);
    const refused = writeCarried(paths, await earlierLoad(stateDir, "first"), [row("a", 1)]);
    await expect(refused).rejects.toMatchObject({ code: "REJECTS_MISSING" });
  });

  it("is nothing of a campaign that loads a month for the first time", async () => {
    const { paths } = await campaign("plain", 10);
    await writeCarried(paths, await earlierLoad(stateDir, "first"), []);
    expect(await carriedRows(paths)).toEqual([]);
    expect(readdirSync(dirname(paths.plan))).not.toContain("carried.ndjson");
  });
});
