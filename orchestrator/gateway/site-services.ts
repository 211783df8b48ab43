import { isDeepStrictEqual } from "node:util";
import { BackfillError } from "../../worker/contract/errors.ts";
import type { Log } from "../log.ts";
import { statePaths } from "../paths.ts";
import {
  ensureServices,
  keepServices,
  readServices,
  SERVICE_TITLES,
  type EmbeddedName,
  type Services,
} from "../services/index.ts";
import type { GatewayReport, GatewaySite } from "./state.ts";

/**
 * The services of the site as the gateway host sees them. Embedded ones that die are started again from here, since this is
 * where they run. One may then listen elsewhere, whoever started it: `refresh` finds out, and `moved` of the time before aborts.
 */
export interface SiteServices {
  current(): Services;
  moved(): AbortSignal;
  /** Costs a file and three reads in `/proc`. */
  refresh(): Promise<void>;
  /** What was started again so far. */
  repairs(): GatewayReport["repairs"];
  /** Keeps the embedded ones alive until the signal aborts. Never rejects. */
  keep(signal: AbortSignal): Promise<void>;
}

/** Repairs that are told: the last ones. */
const MOST_REPAIRS = 20;

/**
 * Finds the services; starts embedded ones that do not run, say after this machine was booted anew.
 * @param needed which of them must run
 */
export async function findSiteServices(
  site: GatewaySite,
  log: Log,
  signal: AbortSignal,
  needed?: readonly EmbeddedName[],
): Promise<SiteServices> {
  const paths = statePaths(site.stateDir);
  const find = async (): Promise<Services> => {
    try {
      return await readServices(site, paths, needed);
    } catch (error) {
      if (!(error instanceof BackfillError) || error.code !== "SERVICES_DOWN") throw error;
      return await ensureServices(site, paths, log, signal, needed);
    }
  };
  let current = await find();
  let moved = new AbortController();
  const repairs: GatewayReport["repairs"] = [];
  return {
    current: () => current,
    moved: () => moved.signal,
    async refresh() {
      // Services that are down are where they were, until they are up again.
      const now = await readServices(site, paths, needed).catch(() => current);
      if (isDeepStrictEqual(now, current)) return;
      log.info("services of the site have moved");
      current = now;
      moved.abort();
      moved = new AbortController();
    },
    repairs: () => repairs,
    async keep(until) {
      if (!Object.values(current.embedded).some(Boolean)) return;
      await keepServices(site, paths, log, until, {
        onRepaired: (names) => {
          repairs.push({ at: Date.now(), services: names.map((name) => SERVICE_TITLES[name]) });
          if (repairs.length > MOST_REPAIRS) repairs.shift();
        },
      });
    },
  };
}
