import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { configSchema } from "../../orchestrator/config-schema.ts";
import { checkGrid } from "../../orchestrator/doctor/grid.ts";
import { localCommandRunner } from "../../pbs/command.ts";
import { createBatchSystem } from "../../pbs/index.ts";
import { scriptedServer } from "../support/scripted-server.ts";

const root = mkdtempSync(join(tmpdir(), "gridharvest-doctor-grid-"));
afterAll(() => rmSync(root, { recursive: true }));
let servers = 0;

/** What doctor finds on a Slurm of captures. */
async function check(nodes: string, roles: object) {
  const server = scriptedServer(join(root, String(++servers)));
  server.script("pbsnodes", nodes);
  server.script("scontrol", "slurm/scontrol-partitions");
  const runner = localCommandRunner([server.binDir]);
  const system = await createBatchSystem({ system: "slurm", runner, commandTimeoutSeconds: 50 });
  return checkGrid(system, configSchema.parse(roles), new AbortController().signal);
}

describe("doctor on a site's batch system", () => {
  it("says how many hosts are up", async () => {
    expect(await check("slurm/pbsnodes-set-offline", {})).toEqual({ level: "ok", text: "slurm: 1 of 3 hosts up" });
  });

  it("names a queue that is not there, and each limit that a role exceeds", async () => {
    const roles = { dataNodes: { queue: "nosuch" }, parsers: { queue: "short", walltime: "3h", cpus: 8 } };
    const finding = await check("slurm/pbsnodes-a", roles);
    expect(finding.level).toBe("missing");
    expect(finding.remedy).toBeDefined();
    expect(finding.text.split("\n")).toEqual([
      "slurm: 3 of 3 hosts up",
      "dataNodes.queue: there is no queue nosuch",
      "parsers asks for 03:00:00, and queue short allows at most 02:00:00 (MaxTime)",
      "parsers asks for 8 cores, and queue short allows at most 4 cores (MaxCPUsPerNode)",
    ]);
  });

  it("names a queue that starts nothing", async () => {
    const finding = await check("slurm/pbsnodes-a", { parsers: { queue: "shut", walltime: "1h" } });
    expect(finding).toMatchObject({
      level: "missing",
      text: expect.stringContaining("queue shut starts no jobs") as string,
    });
  });

  it("is not content without a host", async () => {
    expect(await check("slurm/pbsnodes-lost", {})).toMatchObject({ level: "missing", text: "slurm: 0 of 1 hosts up" });
  });
});
