import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decide, move, type CampaignContext } from "../../../orchestrator/context.ts";
import { openJournal, type Journal } from "../../../orchestrator/journal.ts";
import { createLog } from "../../../orchestrator/log.ts";
import { viewOf } from "../../../orchestrator/view.ts";

let dir: string;
let journal: Journal;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "gh-context-"));
  journal = await openJournal(dir, 1, "here");
});
afterEach(async () => {
  await journal.close();
  await rm(dir, { recursive: true, force: true });
});

describe("two moves at once", () => {
  it("are made one after the other, so that a cancel is not undone", async () => {
    const ctx = { journal, view: viewOf(journal.records), log: createLog({ level: "error" }) } as CampaignContext;
    await decide(ctx, { type: "created", campaign: "c", plan: "p" });
    await move(ctx, "start");
    const answers = await Promise.all([move(ctx, "cancel"), move(ctx, "booted")]);
    expect(answers).toEqual([true, false]);
    expect(ctx.view.state).toBe("tearing-down");
    expect(viewOf(journal.records).state).toBe("tearing-down");
  });
});
