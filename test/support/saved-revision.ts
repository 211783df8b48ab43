import { writeFileSync } from "node:fs";
import type { Client } from "@elastic/elasticsearch";
import { createCluster } from "../../orchestrator/cluster.ts";
import { exportLedger } from "../../orchestrator/ledger-export.ts";
import { emptyPlan, planId } from "../../orchestrator/plan.ts";
import { writePlan } from "../../orchestrator/plan-file.ts";
import { DEFAULT_INDEX_PATTERN } from "../../worker/contract/index-names.ts";
import { ZERO_COUNTS, type LedgerRow } from "../../worker/contract/ledger.ts";
import { writeCampaignDirectory } from "./campaign-directory.ts";

export interface SavedRevisionOptions {
  readonly revision: number;
  readonly documents: number;
  /** Directory of its snapshot repository, which that cluster may write. */
  readonly repository: string;
}

/** What is left of a campaign that has loaded 2013-01 as a revision, saved it and ended: its directory and its snapshot. All documents are in the first index. */
export async function saveRevision(
  client: Client,
  stateDir: string,
  id: string,
  { revision, documents, repository }: SavedRevisionOptions,
): Promise<void> {
  const { record, paths } = await writeCampaignDirectory(stateDir, id, [], { "plan.revision": revision });
  const plan = emptyPlan(record);
  await writePlan(paths.plan, { ...plan, id: planId(plan) });
  const cluster = createCluster(client);
  const naming = { pattern: DEFAULT_INDEX_PATTERN, revision };
  const names = await cluster.prepare(naming, ["2013-01"], { shards: 1, replicas: 0 }, []);
  const [index = ""] = names;
  const operations = Array.from({ length: documents }, () => [{ create: { _index: index } }, { message: "m" }]).flat();
  const { errors } = await client.bulk({ operations, refresh: true });
  if (errors) throw new Error(`documents of revision ${String(revision)} were refused`);
  await cluster.registerRepository("writing", repository);
  await cluster.snapshot("writing", id, names, new AbortController().signal);
  await client.snapshot.deleteRepository({ name: "writing" });
  await client.indices.delete({ index: [...names] });
  const row: LedgerRow = {
    ...{ chunk: "c", fileId: "file", attempt: 1, worker: "w" },
    counts: { ...ZERO_COUNTS, read: documents, written: documents },
    perIndex: { [index]: documents },
    ...{ droppedBy: {}, rejectedBy: {}, unparsedBy: {}, covered: [0, 0], millis: 0, parseCpuMicros: 0 },
  };
  await exportLedger(paths, [row]);
  writeFileSync(paths.reportJson, JSON.stringify({ snapshot: { name: id, repository, verified: true } }));
}
