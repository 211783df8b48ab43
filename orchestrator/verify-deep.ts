import { ConfigError } from "../worker/contract/errors.ts";
import type { Command } from "./commands.ts";
import type { Recompute } from "../worker/contract/recompute.ts";
import type { Rules } from "../worker/contract/rules.ts";
import { indexNamesOf, monthWildcard } from "../worker/contract/index-names.ts";
import type { SiteConfig } from "./launch.ts";
import { campaignPaths } from "./paths.ts";
import { compareDeep, type DeepTask } from "./proof/deep.ts";
import type { DeepComparison } from "./proof/deep-result.ts";
import { keptForms } from "./proof/kept-form.ts";
import { Mender, whileWritable, type Mended } from "./proof/mend.ts";
import { selectionOf, selectionOfDifferences, type Wanted } from "./proof/selection.ts";
import { StoredDocuments } from "./proof/stored-documents.ts";
import type { StoreComparison } from "./reconcile.ts";
import { readReplayRules } from "./replay/rules-file.ts";
import { isReplay } from "./replay/sums.ts";
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
    const { plan, campaign } = verifiable;
    const { record, paths, state } = campaign;
    // Who only serves has loaded nothing again.
    const loaded = record.serves ? campaignPaths(state.campaigns, record.serves.campaign) : paths;
    const rulesOf = (pipeline: string): Promise<Rules> =>
      pipeline === plan.pinned.pipeline ? Promise.resolve(plan.rules) : readReplayRules(loaded, pipeline);
    const made = new Map<string, Promise<Recompute>>();
    const recompute = (pipeline: string): Promise<Recompute> => {
      const known = made.get(pipeline) ?? rulesOf(pipeline).then(options.recompute);
      made.set(pipeline, known);
      return known;
    };
    return await verifyAgainstArchive(
      verifiable,
      { ...options, recompute, tell: (command) => tellOrchestrator(site, id, command, signal) },
      signal,
    );
  });
}

/**
 * `verifyDeep` of a cluster that is at hand.
 * @param options.recompute of the pipeline with this hash
 * @param options.tell asks the orchestrator; what it throws ends the repair before anything is written
 */
export async function verifyAgainstArchive(
  verifiable: Verifiable,
  options: {
    readonly wanted: Wanted;
    readonly repair: boolean;
    readonly recompute: (pipeline: string) => Promise<Recompute>;
    readonly tell: (command: Command) => Promise<unknown>;
  },
  signal: AbortSignal,
): Promise<DeepVerification> {
  const { tell } = options;
  const recompute = async (pipeline: string): Promise<Recompute> =>
    refuseOther(verifiable, pipeline, await options.recompute(pipeline));
  const compare = comparisons(verifiable, recompute, signal);
  const chunks = verifiable.claim.rows.filter((row) => !isReplay(row));
  const selection = selectionOf(options.wanted, chunks);
  await recompute(verifiable.plan.pinned.pipeline);
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
function refuseOther({ campaign }: Verifiable, pipeline: string, recompute: Recompute): Recompute {
  const { hash } = recompute;
  if (hash === pipeline) return recompute;
  throw new ConfigError(
    "PIPELINE_MISMATCH",
    `campaign ${campaign.record.id} was loaded by the pipeline ${pipeline}, this version makes ${hash} of its rules; ` +
      "verify --deep with the version that loaded it",
    { context: { pinned: pipeline, here: hash } },
  );
}

/** Those of its months and its revision. */
function ownIndices({ plan, indices }: Verifiable): string[] {
  const { indexPattern: pattern, revision } = plan.pinned;
  const own = new Set(plan.months.flatMap((month) => indexNamesOf({ pattern, revision }, month)));
  return indices.filter((index) => own.has(index));
}

/** Each comparison sees the store as it is when it begins. */
function comparisons(
  { plan, claim, client, cluster, indices }: Verifiable,
  recompute: DeepTask["recompute"],
  signal: AbortSignal,
) {
  return async (how: Pick<DeepTask, "selection" | "found">): Promise<DeepComparison> => {
    await cluster.refresh(indices);
    const { indexPattern: pattern, revision } = plan.pinned;
    // Other months and revisions are not this campaign's, whatever stands in them.
    const months = plan.months.map((month) => monthWildcard({ pattern, revision }, month));
    await using stored = await StoredDocuments.open(client, months);
    const kept = await keptForms(client, indices);
    const storedFiles = (await cluster.countsByFile(indices)).keys();
    const { rows, lengths } = claim;
    const task = {
      plan,
      rows,
      lengths,
      rejected: (row: (typeof rows)[number]) => claim.rejected(row),
      recompute,
      stored,
      kept,
    };
    return await compareDeep({ ...task, storedFiles, ...how }, signal);
  };
}
