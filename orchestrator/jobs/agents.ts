import { parseJson } from "../../worker/contract/json.ts";
import {
  heartbeatSchema,
  nodeRegistrationSchema,
  type Heartbeat,
  type NodeRegistration,
} from "../../worker/contract/node.ts";
import type { CampaignContext } from "../context.ts";
import { liveJobs } from "../view.ts";

export interface JobUsage {
  rssBytes: number;
  cpuSeconds: number;
}

/** What the agents say in Redis. */
export interface Agents {
  /** By job name; jobs that have ended are left out. */
  registrations(): Promise<ReadonlyMap<string, NodeRegistration>>;
  heartbeats(): Promise<ReadonlyMap<string, Heartbeat>>;
  /** Highest resident memory and CPU seconds seen of each job. */
  readonly usage: ReadonlyMap<string, JobUsage>;
}

export function createAgents(ctx: CampaignContext): Agents {
  const usage = new Map<string, JobUsage>();
  return {
    usage,
    async registrations() {
      const all = await ctx.redis.hgetall(ctx.keys.nodes);
      const map = new Map<string, NodeRegistration>();
      for (const [jobName, text] of Object.entries(all)) {
        const parsed = nodeRegistrationSchema.safeParse(parseJson(text));
        if (parsed.success && ctx.view.jobs.get(jobName)?.ended === undefined) map.set(jobName, parsed.data);
      }
      return map;
    },
    async heartbeats() {
      const names = liveJobs(ctx.view).map((job) => job.name);
      const map = new Map<string, Heartbeat>();
      if (names.length === 0) return map;
      const texts = await ctx.redis.mget(names.map((name) => ctx.keys.heartbeat(name)));
      texts.forEach((text, i) => {
        const name = names[i];
        if (text === null || name === undefined) return;
        const parsed = heartbeatSchema.safeParse(parseJson(text));
        if (!parsed.success) return;
        map.set(name, parsed.data);
        const seen = usage.get(name) ?? { rssBytes: 0, cpuSeconds: 0 };
        usage.set(name, {
          rssBytes: Math.max(seen.rssBytes, parsed.data.rssBytes),
          cpuSeconds: Math.max(seen.cpuSeconds, parsed.data.cpuSeconds),
        });
      });
      return map;
    },
  };
}
