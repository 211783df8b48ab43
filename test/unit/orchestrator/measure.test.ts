import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { DEFAULT_STORE_COST } from "../../../orchestrator/estimate.ts";
import { lastStoreCost } from "../../../orchestrator/measure.ts";

it.each([
  ["done", true],
  ["serving", true],
  ["finishing", false],
  ["failed", false],
])("the store's cost in the report of a campaign that is %s: %s", async (state, counts) => {
  const dir = await mkdtemp(join(tmpdir(), "gridharvest-measure-"));
  try {
    await mkdir(join(dir, "january"));
    const report = { state, storeMicrosPerDocument: 12.5, indexBytesPerDocument: 60 };
    await writeFile(join(dir, "january/report.json"), JSON.stringify(report));
    const measured = { microsPerDocument: 12.5, indexBytesPerDocument: 60, source: "campaign january" };
    expect(await lastStoreCost(dir)).toEqual(counts ? measured : DEFAULT_STORE_COST);
  } finally {
    await rm(dir, { recursive: true });
  }
});
