import { rm } from "node:fs/promises";
import { join } from "node:path";
import { removeDeadAttachSockets } from "../worker/contract/attach-sockets.ts";
import { describeError, StoreError } from "../worker/contract/errors.ts";
import { siteOfGateway } from "./campaign-gateway.ts";
import { decide, step, stepAgain, until, type CampaignContext } from "./context.ts";
import { atGateway } from "./gateway/index.ts";
import type { NodeGroups } from "./node-groups.ts";
import { stagingDirOf } from "./node-specs.ts";
import { createReminder } from "./reminder.ts";
import { rowsOf } from "./revisions/carried.ts";
import { destroySecrets } from "./security/index.ts";
import { collectRejects, exportLedger, isExported } from "./ledger-export.ts";
import { liveJobs } from "./view.ts";

/** Jobs that were asked to drain and do not end within this time are cancelled, and then again in this interval. */
const DRAIN_PATIENCE_MS = 20_000;
const CANCEL_AGAIN_MS = 30_000;
/** A job that is still there so long after its qdel is reported. */
const CANCEL_PATIENCE_MS = 120_000;

/**
 * The first half of a teardown, whose order is jobs → master and gateway → staging → keys in Redis → secrets; the ledger and the
 * rejects that would go with them are exported here, unless finishing has done it. From any half-built state, any number of times; each
 * step is repeatable.
 * @throws StoreError `TEARDOWN_INCOMPLETE` (retryable) when jobs do not end: secrets and keys are kept then
 */
export async function endJobs(ctx: CampaignContext, groups: NodeGroups): Promise<void> {
  await step(ctx, "end-jobs", async () => {
    await ctx.spool.close();
    await groups.drain(liveJobs(ctx.view), "teardown");
    const started = Date.now();
    const isCancelDue = createReminder(DRAIN_PATIENCE_MS, CANCEL_AGAIN_MS);
    await until(
      async () => {
        await groups.poll();
        const left = liveJobs(ctx.view);
        // What a lost answer of qsub left in the queue counts, too.
        if (left.length === 0 && (await groups.sweep())) return true;
        const waited = Date.now() - started;
        const notStarted = left.filter((job) => job.certifiedAt === undefined);
        await groups.cancel(notStarted, "teardown");
        if (isCancelDue()) await groups.cancel(left, "did not drain in time");
        if (waited > CANCEL_PATIENCE_MS) {
          // Without one of ours, it is one that nobody knows, or a batch system that does not tell.
          if (left.length === 0) throw incomplete([{ name: `gh-${ctx.record.tag}-…` }]);
          throw incomplete(left.map(({ name, jobId }) => ({ name, ...(jobId === undefined ? {} : { id: jobId }) })));
        }
        return false;
      },
      ctx.signal,
      300,
    );
  });
  await step(ctx, "export-what-there-is", async () => {
    if (await isExported(ctx.paths)) return;
    const rows = await rowsOf(ctx);
    await exportLedger(ctx.paths, rows);
    const missing = await collectRejects(ctx.paths, rows);
    if (missing.length > 0) {
      await decide(ctx, { type: "warning", text: `rejected documents are missing: ${missing.join(", ")}` });
    }
  });
}

/**
 * The second half, when nobody looks at Redis or Elasticsearch any more: they may not be reachable without the gateway. All of it
 * is done whatever the journal says, since whoever takes over in mid-teardown may have made gateway and keys again to get here.
 */
export async function removeTraces(ctx: CampaignContext): Promise<void> {
  await stepAgain(ctx, "stop-gateway", () => stop(ctx));
  await stepAgain(ctx, "clear-staging", () => clearStaging(ctx));
  await stepAgain(ctx, "forget", () => forget(ctx));
}

async function stop(ctx: CampaignContext): Promise<void> {
  await atGateway(ctx.config.network, { act: "stop", dir: ctx.paths.gateway }, ctx.log, ctx.signal);
}

async function clearStaging(ctx: CampaignContext): Promise<void> {
  await rm(stagingDirOf(ctx.config, ctx.record.id, ctx.paths), { recursive: true, force: true });
  await rm(ctx.paths.staging, { recursive: true, force: true });
  for (const job of ctx.view.jobs.values())
    await rm(join(ctx.state.scratch, job.name), { recursive: true, force: true });
  // Of nodes whose agent was killed and could not do it itself.
  removeDeadAttachSockets(process.getuid?.() === 0 ? ctx.config.elasticsearch.runAsUid : (process.getuid?.() ?? 0));
}

/**
 * Ends once more what may be there of a campaign that has ended: a job that surfaced after its end, a gateway that somebody started,
 * files, keys, secrets.
 * @throws StoreError `TEARDOWN_INCOMPLETE` (retryable) when jobs do not end
 */
export async function sweep(ctx: CampaignContext): Promise<void> {
  const isCancelDue = createReminder(0, CANCEL_AGAIN_MS);
  const giveUpAt = Date.now() + CANCEL_PATIENCE_MS;
  await until(
    async () => {
      const left = (await ctx.batch.list(ctx.signal)).filter(
        (job) => job.name.startsWith(`gh-${ctx.record.tag}-`) && job.state !== "finished",
      );
      if (left.length === 0) return true;
      if (Date.now() > giveUpAt) throw incomplete(left);
      if (isCancelDue()) for (const { id } of left) await ctx.batch.cancel(id, ctx.signal);
      return false;
    },
    ctx.signal,
    300,
  );
  await ctx.spool.disconnect();
  await stop(ctx);
  await clearStaging(ctx);
  await forget(ctx);
}

function incomplete(jobs: readonly { readonly name: string; readonly id?: string }[]): StoreError {
  return new StoreError(
    "TEARDOWN_INCOMPLETE",
    `these jobs do not end: ${jobs.map(({ name, id }) => `${name} (${id ?? "?"})`).join(", ")}; look at them with qstat, then run teardown again`,
    { retryable: true },
  );
}

/**
 * The last part: the campaign's keys and users in Redis, and its secrets. Its own user could not remove itself: the site's
 * administrator does it, on the gateway host.
 */
async function forget(ctx: CampaignContext): Promise<void> {
  const { config, record, state, log, signal } = ctx;
  const { id: campaign, tag } = record;
  try {
    const request = { act: "forget", site: siteOfGateway(config, state), campaign, tag } as const;
    await atGateway(config.network, request, log, signal);
  } catch (error) {
    await decide(ctx, {
      type: "warning",
      text: `the campaign's keys are still in Redis: ${describeError(error)}; run teardown again`,
    });
  }
  try {
    await ctx.nodeFiles.forgetSecrets();
  } catch (error) {
    await decide(ctx, {
      type: "warning",
      text: `the secrets that nodes were given are still in ${ctx.nodeFiles.paths.secrets}: ${describeError(error)}; run teardown again`,
    });
  }
  await destroySecrets(ctx.paths.secrets);
}
