import { hostname } from "node:os";
import { createGraphiteSender, createMeter, type Meter } from "../monitoring/index.ts";
import type { Budgets } from "../worker/contract/tuning.ts";
import type { NodeFigures } from "./cluster.ts";
import type { CampaignContext } from "./context.ts";
import type { NodeGroups } from "./node-groups.ts";
import type { QueueCounts } from "./spool.ts";
import { liveJobs, type Reload } from "./view.ts";

/** What the orchestrator reports to Graphite: its queues and jobs, and the data nodes' own figures on their behalf. */
export interface Figures {
  queues(parse: QueueCounts, unpack: QueueCounts, stagedBytes: number): void;
  /** What was lost with data nodes. */
  reloads(reloads: readonly Reload[]): void;
  /** What each parser may have on its way to the store, and how often that was changed so far. */
  tuning(budgets: Budgets, decisions: number): void;
  jobs(groups: NodeGroups): void;
  nodes(figures: Readonly<Record<string, NodeFigures>>): void;
  close(): Promise<void>;
}

export function createFigures(ctx: CampaignContext): Figures {
  const sender = createGraphiteSender({
    ...ctx.access.carbon,
    onState: (state, reason) => ctx.log.debug(`carbon is ${state}`, { reason }),
  });
  const common = {
    prefix: ctx.config.metrics.prefix,
    campaign: ctx.record.id,
    intervalSeconds: ctx.config.metrics.interval,
    sender,
  };
  const own = createMeter({ ...common, role: "orchestrator", host: hostname() });
  const meters = new Map<string, Meter<"es-data">>();

  return {
    queues(parse, unpack, stagedBytes) {
      own.gauge("parse-queue.waiting", parse.waiting);
      own.gauge("parse-queue.active", parse.active);
      own.gauge("parse-queue.completed", parse.completed);
      own.gauge("parse-queue.failed", parse.failed);
      own.gauge("parse-queue.delayed", parse.delayed);
      own.gauge("unpack-queue.waiting", unpack.waiting);
      own.gauge("unpack-queue.active", unpack.active);
      own.gauge("unpack-queue.completed", unpack.completed);
      own.gauge("unpack-queue.failed", unpack.failed);
      own.gauge("unpack-queue.delayed", unpack.delayed);
      own.gauge("staging.bytes", stagedBytes);
      const { user, system } = process.cpuUsage();
      own.total("process.cpu", (user + system) / 1e6);
      own.gauge("process.rss", process.memoryUsage.rss());
    },
    reloads(reloads) {
      const chunks = reloads.map(({ done }) => (done ? done.chunks + done.attempts : 0));
      own.gauge(
        "parse-queue.reloaded",
        chunks.reduce((sum, n) => sum + n, 0),
      );
    },
    tuning({ bulkBytes, requestsInFlight }, decisions) {
      own.gauge("tuning.bulk-size", bulkBytes);
      own.gauge("tuning.requests", requestsInFlight);
      own.total("tuning.decisions", decisions);
    },
    jobs(groups) {
      const counts = { queued: 0, held: 0, running: 0, exiting: 0, unknown: 0, finished: 0 };
      for (const job of liveJobs(ctx.view)) counts[groups.lastStatus(job.name)?.state ?? "queued"] += 1;
      counts.finished = ctx.view.jobs.size - liveJobs(ctx.view).length;
      own.gauge("jobs.queued", counts.queued);
      own.gauge("jobs.held", counts.held);
      own.gauge("jobs.running", counts.running);
      own.gauge("jobs.exiting", counts.exiting);
      own.gauge("jobs.finished", counts.finished);
    },
    nodes(figures) {
      for (const [name, node] of Object.entries(figures)) {
        const job = ctx.view.jobs.get(name);
        if (job?.role !== "es-data") continue;
        let meter = meters.get(name);
        if (!meter) {
          meter = createMeter({ ...common, role: "es-data", host: job.address ?? name, instance: name });
          meters.set(name, meter);
        }
        meter.gauge("store.documents", node.documents);
        meter.gauge("store.bytes", node.storeBytes);
        meter.total("indexing.documents", node.indexed);
        meter.total("indexing.time", node.indexMillis / 1000);
        meter.total("indexing.throttled", node.throttledMillis / 1000);
        meter.total("merges.time", node.mergeMillis / 1000);
        meter.gauge("merges.current", node.mergesRunning);
        meter.total("gc.time", node.gcMillis / 1000);
        meter.gauge("heap.percent", node.heapPercent);
        meter.gauge("write-pool.queue", node.writeQueue);
        meter.gauge("write-pool.active", node.writeActive);
        meter.total("process.cpu", node.cpuMillis / 1000);
      }
    },
    async close() {
      await Promise.all([own.close(), ...[...meters.values()].map((meter) => meter.close())]);
      await sender.close();
    },
  };
}
