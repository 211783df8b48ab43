import { ConfigError } from "../worker/contract/errors.ts";
import type { Command } from "./commands.ts";
import type { Recompute } from "../worker/contract/recompute.ts";
import type { Rules } from "../worker/contract/rules.ts";
import { indexNamesOf, monthWildcard } from "../worker/contract/index-names.ts";
import type { SiteConfig } from "./launch.ts";
import { compareDeep, type DeepTask } from "./proof/deep.ts";
import type { DeepComparison } from "./proof/deep-result.ts";
import { Mender, whileWritable, type Mended } from "./proof/mend.ts";
import { selectionOf, selectionOfDifferences, type Wanted } from "./proof/selection.ts";
import { StoredDocuments } from "./proof/stored-documents.ts";
import type { StoreComparison } from "./reconcile.ts";
import { tellOrchestrator } from "./tell.ts";
import { compareSums, withVerifiable, type Verifiable } from "./verify.ts";

/** What `verify --deep` found, and with `--repair` what it did; then both comparisons are those after it. */
export interface DeepVerification {
  readonly sums: StoreComparison;
  readonly deep: DeepComparison;
  readonly mended?: Mended;
}

export interface DeepOptions {
  readonly wanted: Wanted;
  readonly repair: boolean;
  /** Makes the campaign's pipelines of its rules. */
  readonly recompute: (rules: Rules) => Promise<Recompute>;
}

/** Chunks that a journal's record names; of more it says the number. */
const MOST_NAMED = 1000;

/**
 * Compares a campaign's documents with what its archive makes, by the campaign's pinned rules, read on this machine; on demand mends those that differ
 * and compares them again. The orchestrator is asked before anything is written: it writes down what will be done, and refuses unless the
 * campaign serves or is held after its load.
 * @throws StoreError `VERIFY_NEEDS_CLUSTER`; ConfigError `PIPELINE_MISMATCH`, `USAGE`; GridError `COMMAND_REFUSED`, `ORCHESTRATOR_GONE`
 */
export async function verifyDeep(
  site: SiteConfig,
  id: string,
  options: DeepOptions,
  signal: AbortSignal,
): Promise<DeepVerification> {
  return await withVerifiable(site, id, async (verifiable) => {
    const recompute = await options.recompute(verifiable.plan.rules);
    return await verifyAgainstArchive(
      verifiable,
      { ...options, recompute, tell: (command) => tellOrchestrator(site, id, command, signal) },
      signal,
    );
  });
}

/**
 * `verifyDeep` of a cluster that is at hand.
 * @param options.tell asks the orchestrator; what it throws ends the repair before anything is written
 */
export async function verifyAgainstArchive(
  verifiable: Verifiable,
  options: {
    readonly wanted: Wanted;
    readonly repair: boolean;
    readonly recompute: Recompute;
    readonly tell: (command: Command) => Promise<unknown>;
  },
  signal: AbortSignal,
): Promise<DeepVerification> {
  const { recompute, tell } = options;
  refuseOtherPipeline(verifiable, recompute);
  const compare = comparisons(verifiable, recompute, signal);
  const selection = selectionOf(options.wanted, verifiable.claim.rows);
  const sums = await compareSums(verifiable);
  const before = await compare({ selection });
  const { differences } = before;
  if (!options.repair || differences.length === 0) return { sums, deep: before };

  const sumOf = (name: "missing" | "extra" | "altered") => differences.reduce((sum, one) => sum + one[name], 0);
  await tell({
    kind: "repair",
    chunks: differences.flatMap(({ chunk }) => chunk ?? []).slice(0, MOST_NAMED),
    places: differences.length,
    missing: sumOf("missing"),
    extra: sumOf("extra"),
    altered: sumOf("altered"),
  });
  const mender = new Mender(verifiable.client);
  const these = selectionOfDifferences(differences);
  await whileWritable(verifiable.client, ownIndices(verifiable), async () => {
    await compare({ selection: these, found: (found) => mender.clear(found) });
    await compare({ selection: these, found: (found) => mender.write(found) });
  });
  const after = await compare({ selection: these });
  await tell({ kind: "repaired", ...mender.mended, left: after.differences.length });
  const left = new Set(after.differences.map(placeOf));
  return {
    sums: await compareSums(verifiable),
    deep: { ...before, differences: differences.map((one) => ({ ...one, repaired: !left.has(placeOf(one)) })) },
    mended: mender.mended,
  };
}

function placeOf({ chunk, file }: DeepComparison["differences"][number]): string {
  return JSON.stringify([chunk, file]);
}

/** @throws ConfigError `PIPELINE_MISMATCH` */
function refuseOtherPipeline({ plan, campaign }: Verifiable, { hash }: Recompute): void {
  if (hash === plan.pinned.pipeline) return;
  throw new ConfigError(
    "PIPELINE_MISMATCH",
    `campaign ${campaign.record.id} was loaded by the pipeline ${plan.pinned.pipeline}, this version makes ${hash} of its rules; ` +
      "verify --deep with the version that loaded it",
    { context: { pinned: plan.pinned.pipeline, here: hash } },
  );
}

/** Those of its months and its revision. */
function ownIndices({ plan, indices }: Verifiable): string[] {
  const { indexPattern: pattern, revision } = plan.pinned;
  const own = new Set(plan.months.flatMap((month) => indexNamesOf({ pattern, revision }, month)));
  return indices.filter((index) => own.has(index));
}

/** Each comparison sees the store as it is when it begins. */
function comparisons({ plan, claim, client, cluster, indices }: Verifiable, recompute: Recompute, signal: AbortSignal) {
  return async (how: Pick<DeepTask, "selection" | "found">): Promise<DeepComparison> => {
    await cluster.refresh(indices);
    const { indexPattern: pattern, revision } = plan.pinned;
    // Other months and revisions are not this campaign's, whatever stands in them.
    const months = plan.months.map((month) => monthWildcard({ pattern, revision }, month));
    await using stored = await StoredDocuments.open(client, months);
    const storedFiles = (await cluster.countsByFile(indices)).keys();
    const { rows, lengths } = claim;
    const task = {
      plan,
      rows,
      lengths,
      rejected: (row: (typeof rows)[number]) => claim.rejected(row),
      recompute,
      stored,
    };
    return await compareDeep({ ...task, storedFiles, ...how }, signal);
  };
}
