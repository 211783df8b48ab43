import { describe, expect, it } from "vitest";
import { configSchema } from "../../../../orchestrator/config-schema.ts";
import { placementsOf, probeSpecOf } from "../../../../orchestrator/doctor/nodes.ts";
import type { QueueLimits } from "../../../../pbs/queue-limits.ts";

describe("the places where doctor looks at a host", () => {
  it("are one where both roles go to the same", () => {
    const config = configSchema.parse({ dataNodes: { queue: "q" }, parsers: { queue: "q" } });
    expect(placementsOf(config)).toEqual([
      { roles: ["es-data", "parser"], queue: "q", properties: [], extraDirectives: [] },
    ]);
  });

  it.each([
    ["queue", { queue: "long" }],
    ["properties", { properties: ["big"] }],
    ["extraDirectives", { extraDirectives: ["-l a=1"] }],
  ])("are two where roles differ in %s", (_what, parsers) => {
    const [dataNodes, other] = placementsOf(configSchema.parse({ parsers }));
    expect(dataNodes).toEqual({ roles: ["es-data"], properties: [], extraDirectives: [] });
    expect(other).toMatchObject({ roles: ["parser"], ...parsers });
  });
});

describe("the job that doctor submits", () => {
  const place = { roles: ["parser"], queue: "q", properties: ["big"], extraDirectives: ["-l a=1"] } as const;
  const limits: QueueLimits = {
    queue: "q",
    isDefault: false,
    accepts: true,
    starts: true,
    limits: [
      { name: "resources_min.walltime", resource: "walltimeSeconds", bound: "least", value: 3600 },
      { name: "resources_max.mem", resource: "memoryBytes", bound: "most", value: 2 ** 30 },
      { name: "resources_min.ncpus", resource: "cpus", bound: "least", value: 1 },
    ],
  };

  it("goes where the role's jobs go, and is small and short", () => {
    expect(probeSpecOf(place, undefined, "doctor-1", "/d")).toEqual({
      name: "doctor-1",
      queue: "q",
      properties: ["big"],
      extraDirectives: ["-l a=1"],
      cpus: 1,
      memoryBytes: 64 * 2 ** 20,
      walltimeSeconds: 120,
      outputFile: "/d/job.out",
      errorFile: "/d/job.err",
      scriptFile: "/d/job.pbs",
    });
  });

  it("asks for as much as the queue wants at least", () => {
    expect(probeSpecOf(place, limits, "doctor-1", "/d")).toMatchObject({
      cpus: 1,
      memoryBytes: 64 * 2 ** 20,
      walltimeSeconds: 3600,
    });
  });
});
