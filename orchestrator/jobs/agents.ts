import { parseJson } from "../../worker/contract/json.ts";
import {
  heartbeatSchema,
  nodeRegistrationSchema,
  type Heartbeat,
  type LeaseRecord,
  type NodeRegistration,
} from "../../worker/contract/node.ts";
import { newVersion, NODES_VERSION, withdrawNode } from "../../worker/contract/node-list.ts";
import type { CampaignContext } from "../context.ts";
import { liveJobs } from "../view.ts";
import type { AgentLine } from "./world.ts";

export interface JobUsage {
  rssBytes: number;
  cpuSeconds: number;
}

// What belongs to another life by now stays.
const FORGET_LIFE = `${NODES_VERSION}
local function is_its(text)
  if not text then return false end
  if ARGV[1] == '' then return true end
  local ok, said = pcall(cjson.decode, text)
  return ok and type(said) == 'table' and said['instance'] == ARGV[1]
end
local beat = redis.call('GET', KEYS[2])
local claim = redis.call('GET', KEYS[1])
if claim and (claim == ARGV[1] or (ARGV[1] == '' and not beat)) then redis.call('DEL', KEYS[1]) end
if ARGV[1] ~= '' and is_its(beat) then redis.call('DEL', KEYS[2]) end
local node = redis.call('HGET', KEYS[3], ARGV[2])
if is_its(node) and (ARGV[1] ~= '' or not beat) then
  redis.call('HDEL', KEYS[3], ARGV[2])
  if changes(node) then redis.call('SET', KEYS[4], ARGV[3]) end
end
return 1`;

/** The agents' side of Redis, and the highest figures that they told. */
export interface Agents extends AgentLine {
  /** Highest resident memory and CPU seconds seen of each job. */
  readonly usage: ReadonlyMap<string, JobUsage>;
}

export function createAgents(ctx: Pick<CampaignContext, "redis" | "keys" | "view">): Agents {
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
    async lease(job, jobId) {
      const record: LeaseRecord = { jobName: job.name, jobId, role: job.role };
      await ctx.redis.hset(ctx.keys.leases, job.name, JSON.stringify(record));
    },
    async askToDrain(jobName, reason) {
      await ctx.redis.set(ctx.keys.drain(jobName), reason);
    },
    async withdraw(jobName) {
      await withdrawNode(ctx.redis, ctx.keys, jobName);
    },
    async forgetLife(jobName, instance) {
      const { keys, redis } = ctx;
      await redis.eval(
        FORGET_LIFE,
        4,
        keys.claim(jobName),
        keys.heartbeat(jobName),
        keys.nodes,
        keys.nodesVersion,
        instance ?? "",
        jobName,
        newVersion(),
      );
    },
  };
}
