import { Redis } from "ioredis";
import type { Log } from "../log.ts";
import { statePaths } from "../paths.ts";
import { claimCampaign, forgetCampaign } from "../redis-users.ts";
import {
  ensureServices,
  missingPackages,
  readServices,
  redisOptions,
  servicesStatus,
  stopServices,
  type EmbeddedName,
  type ServiceStatus,
} from "../services/index.ts";
import { bindingProblem } from "./ports.ts";
import { checkGatewayPrograms } from "./provision.ts";
import { readGateway, startGateway, type GatewayOptions } from "./start.ts";
import type { GatewaySite, GatewayState } from "./state.ts";
import { stopGateway } from "./stop.ts";

/** What is asked of the gateway host: where the gateway and the services of the site run, and whoever asks may not be. */
export type GatewayRequest =
  /** Whether proxy and services can run there: throws for a proxy that cannot, tells of the rest. */
  | { readonly act: "check"; readonly embedded: readonly EmbeddedName[]; readonly addresses: readonly string[] }
  | { readonly act: "services-up"; readonly site: GatewaySite; readonly needed?: readonly EmbeddedName[] }
  | { readonly act: "services-down"; readonly stateDir: string }
  | { readonly act: "services-status"; readonly site: GatewaySite }
  /** Makes sure that no other campaign of the site's Redis has the name. */
  | { readonly act: "claim"; readonly site: GatewaySite; readonly campaign: string; readonly tag: string }
  | { readonly act: "start"; readonly options: GatewayOptions }
  /** The gateway of a directory, when its supervisor is alive. */
  | { readonly act: "find"; readonly dir: string }
  | { readonly act: "stop"; readonly dir: string }
  /** Removes a campaign's keys and users from Redis, as the site's administrator. */
  | { readonly act: "forget"; readonly site: GatewaySite; readonly campaign: string; readonly tag: string };

export interface GatewayAnswers {
  readonly check: {
    readonly missingPackages: readonly string[];
    readonly unusable: readonly { readonly address: string; readonly problem: string }[];
  };
  readonly "services-up": null;
  readonly "services-down": readonly string[];
  readonly "services-status": readonly ServiceStatus[];
  readonly claim: null;
  readonly start: GatewayState;
  readonly find: GatewayState | null;
  readonly stop: null;
  readonly forget: null;
}

const ANSWER_MS = 30_000;

/** Does what is asked, on this machine. */
export async function carryOut<R extends GatewayRequest>(
  request: R,
  log: Log,
  signal: AbortSignal,
): Promise<GatewayAnswers[R["act"]]> {
  return (await act(request, log, signal)) as GatewayAnswers[R["act"]];
}

async function act(
  request: GatewayRequest,
  log: Log,
  signal: AbortSignal,
): Promise<GatewayAnswers[GatewayRequest["act"]]> {
  switch (request.act) {
    case "check":
      await checkGatewayPrograms();
      return { missingPackages: missingPackages(request.embedded), unusable: await unusableOf(request.addresses) };
    case "services-up":
      await ensureServices(request.site, statePaths(request.site.stateDir), log, signal, request.needed);
      return null;
    case "services-down":
      return await stopServices(statePaths(request.stateDir), log);
    case "services-status":
      return await servicesStatus(request.site, statePaths(request.site.stateDir));
    case "claim":
      await asAdministrator(request.site, (redis) => claimCampaign(redis, request.campaign, request.tag));
      return null;
    case "start":
      return await startGateway(request.options, log, signal);
    case "find":
      return (await readGateway(request.dir)) ?? null;
    case "stop":
      await stopGateway(request.dir, log);
      return null;
    case "forget":
      await asAdministrator(request.site, (redis) => forgetCampaign(redis, request.campaign, request.tag));
      return null;
  }
}

async function unusableOf(addresses: readonly string[]): Promise<GatewayAnswers["check"]["unusable"]> {
  const found = await Promise.all(
    addresses.map(async (address) => ({ address, problem: await bindingProblem(address) })),
  );
  return found.flatMap(({ address, problem }) => (problem === undefined ? [] : [{ address, problem }]));
}

/** Something that a campaign's own user of Redis may not do. */
async function asAdministrator(site: GatewaySite, work: (redis: Redis) => Promise<void>): Promise<void> {
  const services = await readServices(site, statePaths(site.stateDir));
  const redis = new Redis({ ...redisOptions(services.redis), maxRetriesPerRequest: 3, commandTimeout: ANSWER_MS });
  redis.on("error", () => undefined);
  try {
    await work(redis);
  } finally {
    redis.disconnect();
  }
}
