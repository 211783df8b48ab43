import { z } from "zod";

/**
 * What the orchestrator and the node agents tell each other. Files: `node.json` beside the job
 * script (no secrets) and the job's secrets file (mode 0600). Everything else goes through Redis,
 * which the agent reaches over TLS through the gateway.
 */

const endpoint = z.strictObject({ host: z.string(), port: z.int() });

/** `node.json`: everything about a job that is not secret. */
export const nodeSpecSchema = z.strictObject({
  campaign: z.string(),
  jobName: z.string().max(15),
  role: z.enum(["es-data", "parser"]),
  /** Directory of this job on the shared file system: script, logs, exit status. */
  jobDir: z.string(),
  /** Path of the secrets file. */
  secretsFile: z.string(),
  /** Parent of the node-local working directory; the agent makes `<scratchDir>/<jobName>` and removes it at its end. */
  scratchDir: z.string(),
  gateway: z.strictObject({ redis: endpoint, carbon: endpoint }),
  /** The agent ends itself after this long without a sign of life from an orchestrator. */
  orphanGraceSeconds: z.number().positive(),
  heartbeatSeconds: z.number().positive(),
  /** Epoch of the job's end by walltime is start + this. */
  walltimeSeconds: z.int().positive(),
  /** Unprivileged user for Elasticsearch when the job runs as root. */
  runAs: z.strictObject({ uid: z.int(), gid: z.int() }).optional(),
  metrics: z.strictObject({ prefix: z.string(), intervalSeconds: z.number().positive() }),
  elasticsearch: z
    .strictObject({
      home: z.string(),
      javaHome: z.string(),
      clusterName: z.string(),
      /** Transport addresses `host:port` of the master on the gateway. */
      seedHosts: z.array(z.string()),
      heapBytes: z.int().positive(),
      /** Options of Java beside our own, one a line of `jvm.options`. */
      javaOptions: z.array(z.string()),
      /** `path.repo`: snapshot repositories known since boot. */
      repositories: z.array(z.string()),
    })
    .optional(),
  parser: z
    .strictObject({
      bundle: z.string(),
      /** Parse slots: chunks in work at once. */
      slots: z.int().positive(),
      /** Unpack slots beside them, so that a full staging space always drains. */
      unpackSlots: z.int().positive(),
      /** Bodies of one chunk in flight at once. */
      requestsInFlight: z.int().positive(),
      bulkBytes: z.int().positive(),
      /** Where rejects are written, one file per chunk and attempt. */
      rejectsDir: z.string(),
      lockSeconds: z.number().positive(),
    })
    .optional(),
});
export type NodeSpec = z.infer<typeof nodeSpecSchema>;

/** The secrets file of a job, mode 0600. PEM texts. */
export const nodeSecretsSchema = z.strictObject({
  redis: z.strictObject({ username: z.string(), password: z.string() }),
  /** Shared secret of this one job; it signs the join request. */
  joinToken: z.string(),
  /** Client certificate for the proxy that is good for joining; the agent's own replaces it. */
  proxyClient: z.strictObject({ certificate: z.string(), key: z.string() }),
  /** The authority of the proxy's own certificate and of Elasticsearch's HTTP. */
  httpAuthority: z.string(),
  /** es-data: the files of the file realm, ready to be written. */
  realm: z.strictObject({ users: z.string(), usersRoles: z.string(), roles: z.string() }).optional(),
  /** parser: the credential that can only create documents. */
  loader: z.strictObject({ username: z.string(), password: z.string() }).optional(),
});
export type NodeSecrets = z.infer<typeof nodeSecretsSchema>;

/** An agent asks for certificates. */
export const joinRequestSchema = z.strictObject({
  jobName: z.string(),
  /** Random id of this agent's life. */
  instance: z.string(),
  /** The id that the batch system gave the job, from its environment. Checked, not trusted. */
  jobId: z.string(),
  /** The addresses of the agent's machine. Claims: the orchestrator certifies the one that fits the network's range. */
  addresses: z.array(z.string()),
  csr: z.string(),
  /** See `join-mac.ts`. */
  mac: z.string(),
});
export type JoinRequest = z.infer<typeof joinRequestSchema>;

/** The orchestrator's answer. `refused` ends the agent. */
export const issuedCertificatesSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("issued"),
    instance: z.string(),
    /** The address that the batch system leased to the job: where the agent binds. */
    address: z.string(),
    proxyClient: z.string(),
    http: z.strictObject({ certificate: z.string(), authority: z.string() }).optional(),
    transport: z.strictObject({ certificate: z.string(), authority: z.string() }).optional(),
  }),
  z.strictObject({ kind: z.literal("refused"), instance: z.string(), reason: z.string() }),
]);
export type IssuedCertificates = z.infer<typeof issuedCertificatesSchema>;

/** What a node offers once it works. */
export const nodeRegistrationSchema = z.strictObject({
  jobName: z.string(),
  role: z.enum(["es-data", "parser"]),
  instance: z.string(),
  address: z.string(),
  pid: z.int(),
  startedAt: z.number(),
  /** es-data: `https://address:port` of its HTTP, where parsers send their bulks. */
  httpUrl: z.string().optional(),
});
export type NodeRegistration = z.infer<typeof nodeRegistrationSchema>;

export const AGENT_STATES = ["claiming", "joining", "starting", "running", "draining", "ended"] as const;
export const heartbeatSchema = z.strictObject({
  jobName: z.string(),
  instance: z.string(),
  state: z.enum(AGENT_STATES),
  at: z.number(),
  /** Resident bytes of the node's process tree. */
  rssBytes: z.number(),
  /** CPU seconds that it has used. */
  cpuSeconds: z.number(),
  /** Why it does not get on, when something outside must be mended. */
  problem: z.string().optional(),
});
export type Heartbeat = z.infer<typeof heartbeatSchema>;

/** A job that the orchestrator submitted. */
export interface LeaseRecord {
  readonly jobName: string;
  readonly jobId: string;
  readonly role: "es-data" | "parser";
}
