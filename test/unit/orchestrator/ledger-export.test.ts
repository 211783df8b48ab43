import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { collectRejects, returnRejects } from "../../../orchestrator/ledger-export.ts";
import { campaignPaths, type CampaignPaths } from "../../../orchestrator/paths.ts";
import type { LedgerRow } from "../../../worker/contract/ledger.ts";

describe("rejects of committed attempts", () => {
  let dir: string;
  let paths: CampaignPaths;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "gridharvest-export-"));
    paths = campaignPaths(dir, "c");
    mkdirSync(join(paths.staging, "rejects"), { recursive: true });
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const row = (chunk: string, attempt: number, rejected: number): LedgerRow =>
    ({ chunk, attempt, counts: { rejected } }) as LedgerRow;
  const staged = (name: string, text = name): void => writeFileSync(join(paths.staging, "rejects", name), text);
  const names = (folder: string): string[] => readdirSync(folder).sort();

  it("are collected, and come back to where parsers see them for a load that goes on, as often as that is done", async () => {
    const rows = [row("f-0", 2, 1), row("f-0-r1", 1, 1), row("f-1", 1, 0)];
    for (const name of ["f-0.1.ndjson", "f-0.2.ndjson", "f-0-r1.1.ndjson"]) staged(name);
    expect(await collectRejects(paths, rows)).toEqual([]);
    expect(names(paths.rejects)).toEqual(["f-0-r1.ndjson", "f-0.ndjson"]);
    expect(names(join(paths.staging, "rejects"))).toEqual([]);
    await returnRejects(paths, rows);
    await returnRejects(paths, rows);
    expect(names(paths.rejects)).toEqual([]);
    expect(names(join(paths.staging, "rejects"))).toEqual(["f-0-r1.1.ndjson", "f-0.2.ndjson"]);
    expect(await collectRejects(paths, rows)).toEqual([]);
    expect(readFileSync(join(paths.rejects, "f-0.ndjson"), "utf8")).toBe("f-0.2.ndjson");
  });

  it("that were not collected stay as they are", async () => {
    mkdirSync(paths.rejects);
    writeFileSync(join(paths.rejects, "f-0.ndjson"), "of an earlier attempt");
    staged("f-0.2.ndjson", "committed");
    await returnRejects(paths, [row("f-0", 2, 1), row("f-1", 1, 3)]);
    expect(readFileSync(join(paths.staging, "rejects", "f-0.2.ndjson"), "utf8")).toBe("committed");
  });
});
