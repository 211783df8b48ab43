import { join } from "node:path";
import { createCampaign } from "../../orchestrator/campaign-store.ts";
import type { CampaignRuntime } from "../../orchestrator/campaign-runtime.ts";
import { configSchema, type Config } from "../../orchestrator/config-schema.ts";
import { openJournal, readJournal, type JournalEntry } from "../../orchestrator/journal.ts";
import { createLog, type Log } from "../../orchestrator/log.ts";
import { statePaths, type CampaignPaths, type StatePaths } from "../../orchestrator/paths.ts";
import { emptyPlan, planId } from "../../orchestrator/plan.ts";
import { writePlan } from "../../orchestrator/plan-file.ts";
import { createCampaignSecrets } from "../../orchestrator/security/index.ts";
import { viewOf, type CampaignView } from "../../orchestrator/view.ts";
import { createBatchSystem } from "../../pbs/index.ts";
import type { BatchSystem } from "../../pbs/batch-system.ts";
import type { TestRedis } from "./redis-server.ts";

/**
 * A campaign whose directory says that it is somewhere on its way, on a real Redis and a real batch system, and with no cluster: no
 * Elasticsearch is where the configuration says, and no gateway can listen where it should. For what an orchestrator does whatever its
 * cluster does.
 */
export interface QuietCampaign {
  readonly id: string;
  readonly tag: string;
  readonly config: Config & { readonly stateDir: string };
  readonly paths: CampaignPaths;
  readonly state: StatePaths;
  view(): Promise<CampaignView>;
  batch(): Promise<BatchSystem>;
}

/** Of the documentation's network (RFC 5737): no machine has it. */
const NOWHERE = "192.0.2.1";

/** Faults are what these tests are about: their messages are no news. */
export const quietLog: Log = { ...createLog({ level: "error" }), error: () => undefined };

/** The embedded batch system's programs, from the sources. */
export const BATCH_ENTRY = join(import.meta.dirname, "../../pbs/local/main.ts");

/**
 * @param journal what an orchestrator that is gone wrote
 * @param settings of its configuration, beside what makes it quiet
 */
export async function makeQuietCampaign(
  stateDir: string,
  name: string,
  redis: TestRedis,
  journal: readonly JournalEntry[],
  settings: Readonly<Record<string, unknown>> = {},
): Promise<QuietCampaign> {
  const state = statePaths(stateDir);
  const config = {
    ...configSchema.parse({
      ...settings,
      stateDir,
      services: { redis: { url: `redis://127.0.0.1:${String(redis.port)}` }, graphite: { carbon: "127.0.0.1:1" } },
      network: { gatewayAddress: NOWHERE },
      elasticsearch: { home: join(stateDir, "no-elasticsearch") },
      batch: { poll: "1s", commandTimeout: "60s" },
    }),
    stateDir,
  };
  const months = ["2013-01"];
  const empty = emptyPlan({ planId: "", months, config });
  const plan = { ...empty, id: planId(empty) };
  const { record, paths } = await createCampaign(state, { name, months, planId: plan.id, config });
  await createCampaignSecrets(paths.secrets, { campaign: name, gatewayAddresses: [NOWHERE], indices: ["logs-*"] });
  // One without a journal is what a launch left that was killed before it had written the plan.
  if (journal.length > 0) {
    await writePlan(paths.plan, plan);
    const gone = await openJournal(paths.journal, 1, "gone");
    for (const entry of journal) await gone.append(entry);
    await gone.close();
  }
  return {
    id: name,
    tag: record.tag,
    config,
    paths,
    state,
    view: async () => viewOf((await readJournal(paths.journal)).records),
    batch: () =>
      createBatchSystem({
        system: "local",
        batchDir: state.batch,
        nodes: config.batch.local.nodes,
        slotsPerNode: config.batch.local.slotsPerNode,
        queueDelaySeconds: 0,
        commandTimeoutSeconds: 60,
        node: process.execPath,
        entry: BATCH_ENTRY,
      }),
  };
}

/** The journal of a campaign that is held after its boot. */
export function heldJournal(campaign: string): JournalEntry[] {
  const runtime: CampaignRuntime = {
    elasticsearchHome: "/nowhere/elasticsearch",
    javaHome: "/nowhere/java",
    batch: BATCH_ENTRY,
  };
  return [
    { type: "created", campaign, plan: "0123456789ab" },
    { type: "step", name: "runtime", status: "started" },
    { type: "step", name: "runtime", status: "done", result: runtime },
    { type: "transition", event: "start", from: "planned", to: "booting" },
    { type: "transition", event: "booted", from: "booting", to: "running" },
    { type: "transition", event: "hold", from: "running", to: "held", reason: "for the test" },
  ];
}
