import { join } from "node:path";
import type { JobSpec } from "../pbs/batch-system.ts";
import type { NodeRole } from "../worker/contract/keys.ts";
import type { NodeSpec } from "../worker/contract/node.ts";
import type { Config } from "./config-schema.ts";
import type { NodePrograms } from "./context.ts";
import type { CampaignPaths, StatePaths } from "./paths.ts";

/** What a node of a campaign is made from: pure, so that `render` shows exactly what would be submitted. */
export interface NodeInputs {
  readonly campaign: string;
  readonly config: Config;
  readonly paths: CampaignPaths;
  readonly state: StatePaths;
  readonly programs: NodePrograms;
  readonly gateway: {
    readonly redis: { readonly host: string; readonly port: number };
    readonly carbon: { readonly host: string; readonly port: number };
    /** `host:port` of the master's transport. */
    readonly transport: string;
  };
  /** Whether jobs run as root, and Elasticsearch therefore as another user. */
  readonly asRoot: boolean;
}

const ROLE_LETTERS: Readonly<Record<NodeRole, string>> = { "es-data": "d", parser: "p" };

/** `gh-k3f9a-d1`: at most 15 characters, unique in the site as long as tags are. */
export function jobNameOf(tag: string, role: NodeRole, number: number): string {
  return `gh-${tag}-${ROLE_LETTERS[role]}${String(number)}`;
}

/** The number at the end of a job name. */
export function jobNumber(jobName: string): number {
  return Number(/(\d+)$/.exec(jobName)?.[1] ?? 0);
}

/** The campaign's tag and the job's own part of a job name; undefined for a name that no campaign gives. Roles that came later count too. */
export function readJobName(jobName: string): { readonly tag: string; readonly node: string } | undefined {
  const [, tag, node] = /^gh-([a-z0-9]{5})-([a-z]\d+)$/.exec(jobName) ?? [];
  return tag === undefined || node === undefined ? undefined : { tag, node };
}

export function resourcesOf(
  config: Pick<Config, "dataNodes" | "parsers">,
  role: NodeRole,
): Config["dataNodes"] | Config["parsers"] {
  return role === "es-data" ? config.dataNodes : config.parsers;
}

export function jobDirOf(paths: CampaignPaths, jobName: string): string {
  return join(paths.jobs, jobName);
}

/** @param excludeHosts hosts in quarantine */
export function jobSpecOf(
  inputs: Pick<NodeInputs, "config" | "paths">,
  role: NodeRole,
  jobName: string,
  excludeHosts: readonly string[] = [],
): JobSpec {
  const resources = resourcesOf(inputs.config, role);
  const dir = jobDirOf(inputs.paths, jobName);
  return {
    name: jobName,
    ...(resources.queue === undefined ? {} : { queue: resources.queue }),
    cpus: resources.cpus,
    memoryBytes: resources.memory,
    walltimeSeconds: Math.ceil(resources.walltime),
    outputFile: join(dir, "job.out"),
    errorFile: join(dir, "job.err"),
    scriptFile: join(dir, "job.pbs"),
    extraDirectives: resources.extraDirectives,
    properties: resources.properties,
    excludeHosts,
  };
}

export function nodeSpecOf(inputs: NodeInputs, role: NodeRole, jobName: string): NodeSpec {
  const { config, paths, programs } = inputs;
  return {
    campaign: inputs.campaign,
    jobName,
    role,
    jobDir: jobDirOf(paths, jobName),
    secretsFile: join(paths.secrets, `${jobName}.json`),
    scratchDir: inputs.state.scratch,
    gateway: { redis: inputs.gateway.redis, carbon: inputs.gateway.carbon },
    orphanGraceSeconds: role === "es-data" ? config.dataNodes.orphanGrace : config.parsers.orphanGrace,
    heartbeatSeconds: 3,
    walltimeSeconds: Math.ceil(resourcesOf(config, role).walltime),
    ...(inputs.asRoot ? { runAs: { uid: config.elasticsearch.runAsUid, gid: config.elasticsearch.runAsUid } } : {}),
    metrics: { prefix: config.metrics.prefix, intervalSeconds: config.metrics.interval },
    ...(role === "es-data"
      ? {
          elasticsearch: {
            home: programs.elasticsearchHome,
            javaHome: programs.javaHome,
            clusterName: `gridharvest-${inputs.campaign}`,
            seedHosts: [inputs.gateway.transport],
            heapBytes: config.dataNodes.heap,
            javaOptions: config.elasticsearch.javaOptions,
            repositories: [repositoryDir(config, inputs.state)],
          },
        }
      : {
          parser: {
            bundle: programs.parser,
            slots: config.parsers.slots,
            unpackSlots: config.parsers.unpackSlots,
            requestsInFlight: config.parsers.requestsInFlight,
            bulkBytes: config.parsers.bulkBytes,
            rejectsDir: join(paths.staging, "rejects"),
            lockSeconds: config.parsers.lock,
          },
        }),
  };
}

/** The snapshot repository: a directory that every Elasticsearch node of the campaign knows from its start. */
export function repositoryDir(config: Config, state: StatePaths): string {
  return config.snapshot.repository ?? state.snapshots;
}

/**
 * The campaign's own part of it: two clusters must never write to one repository.
 * @source Elasticsearch reference, "Snapshot and restore: multiple clusters"
 */
export function campaignRepositoryDir(config: Config, state: StatePaths, campaign: string): string {
  return join(repositoryDir(config, state), campaign);
}

/** Where blocks of unpacked files stand. */
export function stagingDirOf(config: Config, campaign: string, paths: CampaignPaths): string {
  return config.staging.dir === undefined ? paths.staging : join(config.staging.dir, `gridharvest-${campaign}`);
}
