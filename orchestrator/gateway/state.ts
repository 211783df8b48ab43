import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { parseJson } from "../../worker/contract/json.ts";
import { configSchema } from "../config-schema.ts";

const identity = z.strictObject({ pid: z.int(), startTicks: z.number() });

/** The part of a configuration that tells where the services of a site are, as seen from the gateway host. */
export const siteSchema = z.strictObject({
  stateDir: z.string(),
  services: configSchema.shape.services,
  metrics: configSchema.shape.metrics,
});
export type GatewaySite = z.infer<typeof siteSchema>;

/** What a gateway is to be: written by `startGateway` to `gateway.json`, read by the supervisor. No secrets. */
export const gatewaySpecSchema = z.strictObject({
  campaign: z.string(),
  /** Tells the campaign from another of its name in a Redis that others share. */
  tag: z.string(),
  /** Address of the gateway host on the nodes' network: the proxy's leg for nodes, and the master's transport. */
  address: z.string(),
  /** Address of the proxy's other leg, for orchestrator and operators. */
  outsideAddress: z.string(),
  /** Chosen once for the life of the campaign; nodes were told. */
  ports: z.strictObject({
    /** At `address`. */
    redis: z.int(),
    carbon: z.int(),
    transport: z.int(),
    /** At `outsideAddress`. */
    outsideRedis: z.int(),
    outsideCarbon: z.int(),
    elasticsearch: z.int(),
    graphiteWeb: z.int(),
    /** On loopback: only haproxy talks to it. */
    masterHttp: z.int(),
  }),
  /** The services of the site, which stand behind the proxy. */
  site: siteSchema,
  /** The master. Absent where the proxy is all that is wanted: for ending a campaign. */
  elasticsearch: z
    .strictObject({
      home: z.string(),
      javaHome: z.string(),
      heapBytes: z.int().positive(),
      javaOptions: z.array(z.string()),
      clusterName: z.string(),
      /** `path.repo`. */
      repositories: z.array(z.string()),
    })
    .optional(),
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
  /** True once the users of Redis are made and the proxy listens: nodes and the orchestrator may come. */
  open: z.boolean(),
  /** Why it ended; absent while it runs. */
  ended: z.string().optional(),
});
export type GatewayProcesses = z.infer<typeof gatewayProcessesSchema>;

/** What stands behind the proxy, as the supervisor found it. */
export interface Backends {
  readonly redis: { readonly host: string; readonly port: number };
  readonly carbon: { readonly host: string; readonly port: number };
  /** Absent where the site has none. */
  readonly graphiteWeb?: { readonly url: string };
}

/**
 * What the supervisor tells the orchestrator through Redis. It expires soon after the supervisor's last look, and is made by
 * whoever reaches the nodes, so that nobody else has to.
 */
export const gatewayReportSchema = z.strictObject({
  at: z.number(),
  /** The HTTP addresses of data nodes, and `master`, that were asked and refuse the loader's credential. */
  loaderRefusedBy: z.array(z.string()),
  /** Embedded services that died and were started again, oldest first. */
  repairs: z.array(z.strictObject({ at: z.number(), services: z.array(z.string()) })),
});
export type GatewayReport = z.infer<typeof gatewayReportSchema>;

/** The gateway of a campaign as the orchestrator uses it. */
export interface GatewayState {
  readonly campaign: string;
  readonly address: string;
  /** Where nodes reach Redis and carbon: TLS, a client certificate of the campaign. */
  readonly redis: { readonly host: string; readonly port: number };
  readonly carbon: { readonly host: string; readonly port: number };
  /** `host:port` of the master's transport, the seed host of data nodes. */
  readonly transport: string;
  /** Where orchestrator and operators reach what stands behind the proxy: TLS, a client certificate of the campaign. */
  readonly outside: {
    readonly redis: { readonly host: string; readonly port: number };
    readonly carbon: { readonly host: string; readonly port: number };
    /** Absent where the site has none. */
    readonly graphiteWebUrl?: string;
  };
  /** `https://host:port` of Elasticsearch behind the proxy, for orchestrator and operators. */
  readonly elasticsearchUrl: string;
}

const SPEC_FILE = "gateway.json";
const PROCESSES_FILE = "processes.json";

/** Undefined when no gateway was ever started, or its file is damaged: then one is started with other ports. */
export async function readGatewaySpec(dir: string): Promise<GatewaySpec | undefined> {
  const text = await readText(join(dir, SPEC_FILE));
  return text === undefined ? undefined : gatewaySpecSchema.safeParse(parseJson(text)).data;
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

/** The gateway of a spec, whether it runs or not. Pure. */
export function gatewayState(spec: GatewaySpec): GatewayState {
  const { address, outsideAddress, ports } = spec;
  const { carbon, web } = spec.site.services.graphite;
  const path = web === undefined ? "" : new URL(web).pathname.replace(/\/+$/, "");
  // The embedded one shows what the embedded carbon stores.
  const hasGraphiteWeb = web !== undefined || carbon === undefined;
  return {
    campaign: spec.campaign,
    address,
    redis: { host: address, port: ports.redis },
    carbon: { host: address, port: ports.carbon },
    transport: `${hostInUrl(address)}:${String(ports.transport)}`,
    outside: {
      redis: { host: outsideAddress, port: ports.outsideRedis },
      carbon: { host: outsideAddress, port: ports.outsideCarbon },
      ...(hasGraphiteWeb
        ? { graphiteWebUrl: `https://${hostInUrl(outsideAddress)}:${String(ports.graphiteWeb)}${path}` }
        : {}),
    },
    elasticsearchUrl: `https://${hostInUrl(outsideAddress)}:${String(ports.elasticsearch)}`,
  };
}

/** An IPv6 address stands in brackets. */
function hostInUrl(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
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
