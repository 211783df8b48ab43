import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { removeDeadAttachSockets } from "../worker/contract/attach-sockets.ts";
import { describeError, StoreError } from "../worker/contract/errors.ts";
import { decide, step, until, type CampaignContext } from "./context.ts";
import { stopGateway } from "./gateway/index.ts";
import type { NodeGroups } from "./node-groups.ts";
import { stagingDirOf } from "./node-specs.ts";
import { createReminder } from "./reminder.ts";
import { destroySecrets } from "./security/index.ts";
import { redisUserName } from "./redis-users.ts";
import { NODE_ROLES } from "../worker/contract/keys.ts";
import { collectRejects, exportLedger, isExported } from "./ledger-export.ts";
import type { LedgerRow } from "../worker/contract/ledger.ts";
import { liveJobs } from "./view.ts";

/** Jobs that were asked to drain and do not end within this time are cancelled, and then again in this interval. */
const DRAIN_PATIENCE_MS = 20_000;
const CANCEL_AGAIN_MS = 30_000;
/** A job that is still there so long after its qdel is reported. */
const CANCEL_PATIENCE_MS = 120_000;

/**
 * Ends everything of a campaign, in the order jobs → master and gateway → staging → keys in Redis → secrets; the ledger and the
 * rejects that would go with them are exported first, unless finishing has done it. From any half-built state, any number of times; each step is repeatable.
 * @throws StoreError `TEARDOWN_INCOMPLETE` (retryable) when jobs do not end: secrets and keys are kept then
 */
export async function teardown(ctx: CampaignContext, groups: NodeGroups): Promise<void> {
  await step(ctx, "end-jobs", async () => {
    await ctx.spool.close();
    await groups.drain(liveJobs(ctx.view), "teardown");
    const started = Date.now();
    const isCancelDue = createReminder(DRAIN_PATIENCE_MS, CANCEL_AGAIN_MS);
    await until(
      async () => {
        await groups.poll();
        const left = liveJobs(ctx.view);
        // A job without an id was never answered for; it is looked up by name and cancelled at once.
        const nameless = left.filter((job) => job.jobId === undefined);
        if (nameless.length > 0) await groups.cancel(nameless, "teardown");
        const waited = Date.now() - started;
        const notStarted = left.filter(
          (job) => job.jobId !== undefined && job.certifiedAt === undefined && !job.cancelled,
        );
        if (notStarted.length > 0) await groups.cancel(notStarted, "teardown");
        if (left.length > 0 && isCancelDue()) await groups.cancel(left, "did not drain in time");
        if (waited > CANCEL_PATIENCE_MS && left.length > 0) {
          throw incomplete(left.map(({ name, jobId }) => ({ name, ...(jobId === undefined ? {} : { id: jobId }) })));
        }
        return left.length === 0;
      },
      ctx.signal,
      300,
    );
  });
  await step(ctx, "export-what-there-is", async () => {
    if (await isExported(ctx.paths)) return;
    const rows: LedgerRow[] = [];
    for await (const row of ctx.spool.rows()) rows.push(row);
    await exportLedger(ctx.paths, rows);
    const missing = await collectRejects(ctx.paths, rows);
    if (missing.length > 0) {
      await decide(ctx, { type: "warning", text: `rejected documents are missing: ${missing.join(", ")}` });
    }
  });
  await step(ctx, "stop-gateway", () => stopGateway(ctx.paths.gateway, ctx.log));
  await step(ctx, "clear-staging", () => clearStaging(ctx));
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
  await stopGateway(ctx.paths.gateway, ctx.log);
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
 * The last part, after the final state stands in the journal: the campaign's keys and users in Redis, and its secrets.
 * Nothing may need them any more.
 */
export async function forget(ctx: CampaignContext): Promise<void> {
  // Nobody is to make their users again.
  delete ctx.secrets;
  await ctx.spool.disconnect();
  try {
    await forgetInRedis(ctx.redis, ctx.record.id, ctx.keys.everything);
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

async function forgetInRedis(redis: Redis, campaign: string, pattern: string): Promise<void> {
  let cursor = "0";
  do {
    const [next, keys] = await redis.scan(cursor, "MATCH", pattern.replaceAll(/[[\]?\\]/g, "\\$&"), "COUNT", 1000);
    if (keys.length > 0) await redis.unlink(...keys);
    cursor = next;
  } while (cursor !== "0");
  for (const role of NODE_ROLES) await redis.call("ACL", "DELUSER", redisUserName(campaign, role));
  await redis.call("ACL", "SAVE").catch(() => undefined);
}
