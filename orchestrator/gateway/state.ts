import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { parseJson } from "../../worker/contract/json.ts";
import type { ProcessIdentity } from "../../worker/contract/process.ts";

const endpoint = z.strictObject({ host: z.string(), port: z.int() });
const identity = z.strictObject({ pid: z.int(), startTicks: z.number() });

/** What a gateway is to be: written by `startGateway` to `gateway.json`, read by the supervisor. No secrets. */
export const gatewaySpecSchema = z.strictObject({
  campaign: z.string(),
  /** Address of the gateway host on the nodes' network: where proxy and transport listen. */
  address: z.string(),
  /** Chosen once for the life of the campaign; nodes were told. */
  ports: z.strictObject({
    redis: z.int(),
    carbon: z.int(),
    elasticsearch: z.int(),
    transport: z.int(),
    masterHttp: z.int(),
  }),
  /** What stands behind the proxy. */
  backends: z.strictObject({ redis: endpoint, carbon: endpoint }),
  elasticsearch: z.strictObject({
    home: z.string(),
    javaHome: z.string(),
    heapBytes: z.int().positive(),
    clusterName: z.string(),
    /** `path.repo`. */
    repositories: z.array(z.string()),
  }),
  secretsDir: z.string(),
  /** Unprivileged user of haproxy and the master when the supervisor runs as root. */
  runAs: z.strictObject({ uid: z.int(), gid: z.int() }).optional(),
  orphanGraceSeconds: z.number().positive(),
});
export type GatewaySpec = z.infer<typeof gatewaySpecSchema>;

/** What the supervisor says of itself in `processes.json`. */
const gatewayProcessesSchema = z.strictObject({
  supervisor: identity,
  haproxy: identity.optional(),
  /** The launcher of the master and the server below it. */
  master: z.array(identity),
  /** Why it ended; absent while it runs. */
  ended: z.string().optional(),
});
export type GatewayProcesses = z.infer<typeof gatewayProcessesSchema>;

/** The gateway of a campaign as the orchestrator uses it. */
export interface GatewayState {
  readonly campaign: string;
  readonly address: string;
  /** Where nodes reach Redis and carbon: TLS, a client certificate of the campaign. */
  readonly redis: { readonly host: string; readonly port: number };
  readonly carbon: { readonly host: string; readonly port: number };
  /** `host:port` of the master's transport, the seed host of data nodes. */
  readonly transport: string;
  /** `https://host:port` of Elasticsearch behind the proxy, for orchestrator and operators. */
  readonly elasticsearchUrl: string;
  /** `https://host:port` of the master itself, which only the gateway host reaches: for checking a revocation. */
  readonly masterUrl: string;
  readonly supervisor: ProcessIdentity;
}

const SPEC_FILE = "gateway.json";
const PROCESSES_FILE = "processes.json";

export async function readGatewaySpec(dir: string): Promise<GatewaySpec | undefined> {
  const text = await readText(join(dir, SPEC_FILE));
  return text === undefined ? undefined : gatewaySpecSchema.parse(JSON.parse(text));
}

export async function writeGatewaySpec(dir: string, spec: GatewaySpec): Promise<void> {
  await replaceFile(join(dir, SPEC_FILE), `${JSON.stringify(spec, null, 2)}\n`);
}

/** Undefined when no supervisor ever ran, or its file is damaged. */
export async function readProcesses(dir: string): Promise<GatewayProcesses | undefined> {
  const text = await readText(join(dir, PROCESSES_FILE));
  if (text === undefined) return undefined;
  const parsed = gatewayProcessesSchema.safeParse(parseJson(text));
  return parsed.success ? parsed.data : undefined;
}

export async function writeProcesses(dir: string, processes: GatewayProcesses): Promise<void> {
  await replaceFile(join(dir, PROCESSES_FILE), `${JSON.stringify(processes, null, 2)}\n`);
}

/** The state that others see, from the two files. */
export function gatewayState(spec: GatewaySpec, supervisor: ProcessIdentity): GatewayState {
  const { address, ports } = spec;
  return {
    campaign: spec.campaign,
    address,
    redis: { host: address, port: ports.redis },
    carbon: { host: address, port: ports.carbon },
    transport: `${address}:${String(ports.transport)}`,
    elasticsearchUrl: `https://${address}:${String(ports.elasticsearch)}`,
    masterUrl: `https://127.0.0.1:${String(ports.masterHttp)}`,
    supervisor,
  };
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function replaceFile(file: string, text: string): Promise<void> {
  const draft = `${file}.tmp`;
  await writeFile(draft, text);
  await rename(draft, file);
}
