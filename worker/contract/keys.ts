/**
 * Every Redis key of a campaign is made here.
 *
 * Families, so that Redis's ACLs can tell them apart by pattern:
 * `q` the BullMQ queues, `control` what the orchestrator says (agents only read it),
 * `agents` what agents say, `gateway` what the gateway's supervisor says to the orchestrator,
 * `staging` and `bucket` the shared counters of the parsers, `attempts` the tags that they put into documents.
 */
export function campaignPrefix(campaign: string): string {
  return `gh:${campaign}`;
}

/**
 * Hash campaign → `until weight events bytes`: who loads just now, until when that holds (seconds since 1970), and what it needs a second, `Infinity` where its
 * part holds it up. The one key that a site's campaigns share.
 */
export const SITE_SHARES = "gh-site:shares";

export interface CampaignKeys {
  /** BullMQ's `prefix` option. */
  readonly queuePrefix: string;
  /** String with a time to live: the fencing epoch of the orchestrator that is alive. */
  readonly alive: string;
  /** String: the tag of the campaign that has these keys. Two users of one Redis may choose the same name. */
  readonly identity: string;
  /** Integer: the last fencing epoch that was handed out. */
  readonly epoch: string;
  /** Hash job name → JSON `LeaseRecord`. A job that is not here is not ours. */
  readonly leases: string;
  /** String JSON `IssuedCertificates` for one job. */
  certificates(jobName: string): string;
  /** Present when the job shall drain and end. */
  drain(jobName: string): string;
  /** String `revoked` once parsers may no longer write; es-data agents take the user out of the file realm. */
  readonly loaderCredential: string;
  /** Integer, absent as 0: when it changes, documents were lost, and parsers end the attempts at chunks that they have in work. */
  readonly loadGeneration: string;
  /** String JSON `Rules`: what parsers do with lines. There before any parser is. */
  readonly rules: string;
  /** The same of a pipeline that replays name by its hash, beside the campaign's own. There before the first of them is. */
  replayRules(pipeline: string): string;
  /** Hash of live knobs: `eventsPerSecond`, `bytesPerSecond`, absent or 0 = unlimited; `order`. */
  readonly knobs: string;
  /** Hash of what the tuner lets each parser have on its way: `bulkBytes`, `requestsInFlight`; absent = as each was started. */
  readonly tuning: string;
  /** Stream of commands from the command line to the orchestrator. */
  readonly commands: string;
  /** Hash stream id → JSON reply. */
  readonly replies: string;
  /** String: agent's instance id; set if absent, so that a second agent of the same job name ends itself. */
  claim(jobName: string): string;
  /** Stream of JSON `JoinRequest`. */
  readonly join: string;
  /** Hash job name → JSON `NodeRegistration`. Written by `node-list.ts` alone, and where a life is forgotten. */
  readonly nodes: string;
  /** String: another one whenever the list's data nodes may have changed. */
  readonly nodesVersion: string;
  /** String JSON `Heartbeat` with a time to live. */
  heartbeat(jobName: string): string;
  /** Hash job name → JSON `ParserFigures`, what parsers have done and where their time went. */
  readonly figures: string;
  /** String JSON `GatewayReport` with a time to live. */
  readonly gatewayReport: string;
  /** Hash chunk id → bytes of staged blocks, and the counter of their sum. */
  readonly stagedBlocks: string;
  readonly stagedBytes: string;
  /** Hash: the token buckets, see `rate-bucket.ts`. */
  readonly bucket: string;
  /** Hash tag → chunk id of every delivery of a chunk, where the store makes the ids; see `Ids`. */
  readonly attempts: string;
  /** Matches all of them, for teardown. */
  readonly everything: string;
}

export function campaignKeys(campaign: string): CampaignKeys {
  const p = campaignPrefix(campaign);
  return {
    queuePrefix: `${p}:q`,
    alive: `${p}:control:alive`,
    identity: `${p}:control:identity`,
    epoch: `${p}:control:epoch`,
    leases: `${p}:control:leases`,
    certificates: (jobName) => `${p}:control:certificates:${jobName}`,
    drain: (jobName) => `${p}:control:drain:${jobName}`,
    loaderCredential: `${p}:control:loader-credential`,
    loadGeneration: `${p}:control:load-generation`,
    rules: `${p}:control:rules`,
    replayRules: (pipeline) => `${p}:control:rules:${pipeline}`,
    knobs: `${p}:control:knobs`,
    tuning: `${p}:control:tuning`,
    commands: `${p}:control:commands`,
    replies: `${p}:control:replies`,
    claim: (jobName) => `${p}:agents:claim:${jobName}`,
    join: `${p}:agents:join`,
    nodes: `${p}:agents:nodes`,
    nodesVersion: `${p}:agents:nodes-version`,
    heartbeat: (jobName) => `${p}:agents:heartbeat:${jobName}`,
    figures: `${p}:agents:figures`,
    gatewayReport: `${p}:gateway:report`,
    stagedBlocks: `${p}:staging:blocks`,
    stagedBytes: `${p}:staging:bytes`,
    bucket: `${p}:bucket`,
    attempts: `${p}:attempts`,
    everything: `${p}:*`,
  };
}

/** The names of the two BullMQ queues. */
export const PARSE_QUEUE = "parse";
export const UNPACK_QUEUE = "unpack";

/**
 * The ACL rules of the Redis user of a role, as arguments of `ACL SETUSER` after the
 * password. Agents read `control` and write `agents`; parsers also work the spool; the orchestrator has all keys of its campaign, and says in the site's that it loads.
 * `INFO` is what BullMQ asks for a connection's server version.
 */
export function aclRules(campaign: string, role: RedisRole): readonly string[] {
  const p = campaignPrefix(campaign);
  const common = ["resetkeys", "resetchannels", "-@all", "+@all", "-@admin", "-@dangerous", "+info"];
  if (role === "orchestrator") return [...common, `~${p}:*`, `~${SITE_SHARES}`];
  const keys = [`%R~${p}:control:*`, `~${p}:agents:*`];
  if (role === "parser") keys.push(`~${p}:q:*`, `~${p}:staging:*`, `~${p}:bucket`, `~${p}:attempts`);
  return [...common, ...keys];
}

/** The roles that a batch job can have. */
export type NodeRole = "es-data" | "parser";
export const NODE_ROLES: readonly NodeRole[] = ["es-data", "parser"];

/** Who has a Redis user in each campaign. */
export type RedisRole = NodeRole | "orchestrator";
export const REDIS_ROLES: readonly RedisRole[] = [...NODE_ROLES, "orchestrator"];
