import { cp, mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { configSchema, type Config } from "../../../orchestrator/config-schema.ts";
import { DEFAULT_KNOWN_COSTS, estimate } from "../../../orchestrator/estimate.ts";
import { writePlan } from "../../../orchestrator/plan-file.ts";
import { planMonth } from "../../../orchestrator/plan-month.ts";
import { planAgain } from "../../../orchestrator/saved-plan.ts";
import { NO_RULES } from "../../../worker/contract/rules.ts";

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "gridharvest-saved-"));
  await mkdir(join(dir, "a/hosts/2013/01/10.0.0.1"), { recursive: true });
  const file = join(dir, "a/hosts/2013/01/10.0.0.1/syslog");
  await writeFile(file, "Jan 14 23:20:01 h CRON[1]: m\n".repeat(100));
  // A time that a copy can keep exactly.
  await utimes(file, 1e9, 1e9);
});
afterEach(() => rm(dir, { recursive: true }));

const never = new AbortController().signal;
const options = { pipeline: { hash: "p1", rules: NO_RULES, fields: [] } };
const configure = (root: string, nodes = {}): Config & { stateDir: string } => ({
  ...configSchema.parse({ archive: { root: join(dir, root) }, ...nodes }),
  stateDir: join(dir, "state"),
});

it("a saved plan loads from the archive of today, on the nodes of today", async () => {
  const made = await planMonth(configure("a"), ["2013-01"], options, never);
  const file = join(dir, "plan.json");
  await writePlan(file, { ...made, estimate: estimate(made, configure("a"), undefined, DEFAULT_KNOWN_COSTS, 2) });
  await cp(join(dir, "a"), join(dir, "b"), { recursive: true, preserveTimestamps: true });
  const again = await planAgain(configure("b", { dataNodes: { count: 7 } }), file, options, never);
  expect(again.id).toBe(made.id);
  expect(again.root).toBe(join(dir, "b"));
  expect(again.estimate?.nodes.dataNodes).toBe(7);
});
