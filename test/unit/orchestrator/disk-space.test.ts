import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { configSchema } from "../../../orchestrator/config-schema.ts";
import { lookAtDisks, LOW_WATERMARK_BYTES } from "../../../orchestrator/disk-space.ts";
import type { Plan } from "../../../orchestrator/plan.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gridharvest-disk-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const MiB = 2 ** 20;
const GiB = 2 ** 30;

describe("what a campaign needs of disks", () => {
  it("is added up by file system", async () => {
    const config = { ...configSchema.parse({ staging: { limit: "100MiB" } }), stateDir: join(dir, "state") };
    const estimate = { indexBytes: 10 * GiB, bytes: 50 * GiB };
    const plan = { unpacks: [{}], estimate } as unknown as Plan;
    const [disk, ...others] = await lookAtDisks(config, plan);
    expect(others).toEqual([]);
    expect(disk?.dirs).toEqual([join(dir, "state"), join(dir, "state/snapshots")]);
    expect(disk?.neededBytes).toBe(LOW_WATERMARK_BYTES + 100 * MiB + 2 * 10 * GiB);
    expect(disk?.what).toBe(
      "3.0 GiB that Elasticsearch wants left free, 10.0 GiB of indices, 100 MiB of unpacked blocks, 10.0 GiB of snapshot",
    );
  });

  it("counts each copy of an index", async () => {
    const config = { ...configSchema.parse({ dataNodes: { replicas: 1 } }), stateDir: join(dir, "state") };
    const plan = { unpacks: [], estimate: { indexBytes: 10 * GiB, bytes: 50 * GiB } } as unknown as Plan;
    const [disk] = await lookAtDisks(config, plan);
    expect(disk?.neededBytes).toBe(LOW_WATERMARK_BYTES + 3 * 10 * GiB);
  });

  it("is looked for on each of several", async () => {
    const config = { ...configSchema.parse({ snapshot: { repository: "/proc/snapshots" } }), stateDir: dir };
    const plan = { unpacks: [], estimate: { indexBytes: GiB, bytes: GiB } } as unknown as Plan;
    const disks = await lookAtDisks(config, plan);
    expect(disks.map(({ dirs }) => dirs)).toEqual([[dir], ["/proc/snapshots"]]);
    expect(disks[1]).toMatchObject({ freeBytes: 0, neededBytes: GiB });
  });

  it("knows what Elasticsearch is told to leave free", () => {
    const template = readFileSync(
      join(import.meta.dirname, "../../../templates/elasticsearch/elasticsearch.yml.tmpl"),
      "utf8",
    );
    expect(Number(/watermark\.low: (\d+)gb$/m.exec(template)?.[1]) * GiB).toBe(LOW_WATERMARK_BYTES);
  });
});
