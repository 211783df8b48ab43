import { expect } from "vitest";
import { readProcesses } from "../../orchestrator/gateway/state.ts";
import { campaignPaths, statePaths } from "../../orchestrator/paths.ts";
import { readRecord } from "../../orchestrator/services/record.ts";
import { isAlive, signalProcess, type ProcessIdentity } from "../../worker/contract/process.ts";
import type { TestSite } from "./campaign.ts";
import { waitFor } from "./wait-for.ts";

/** What happens to a campaign while it loads, and how it is seen that the campaign has got over it. */
export interface CampaignFault {
  readonly name: string;
  /** @returns when the campaign was itself again. Anything lost or doubled shows at the end of the campaign */
  happen(id: string, site: TestSite): Promise<void>;
}

const LONG = { timeoutMs: 300_000, everyMs: 250 };

/** Kills it, and waits until it is gone. */
export async function killProcess(identity: ProcessIdentity | undefined): Promise<void> {
  if (!identity) throw new Error("there is nothing to kill");
  expect(signalProcess(identity, "SIGKILL")).toBe(true);
  await waitFor("the killed process to be gone", () => !isAlive(identity));
}

/** The load goes on. */
export async function untilMore(site: TestSite, id: string, chunks = 3): Promise<void> {
  const { done } = (await site.status(id)).chunks;
  await site.untilChunks(id, done + chunks);
}

const processesOf = (id: string, site: TestSite) =>
  readProcesses(campaignPaths(statePaths(site.stateDir).campaigns, id).gateway);

/** It is killed, and another one comes in its place. */
function killed(
  name: string,
  find: (id: string, site: TestSite) => Promise<ProcessIdentity | undefined>,
): CampaignFault {
  return {
    name: `${name} killed`,
    async happen(id, site) {
      const before = await find(id, site);
      await killProcess(before);
      await waitFor(
        `${name} to be started again`,
        async () => {
          const now = await find(id, site);
          return now !== undefined && now.pid !== before?.pid && isAlive(now);
        },
        LONG,
      );
      await untilMore(site, id);
    },
  };
}

/** Each process of a campaign's gateway, its Redis and its orchestrator is killed, and a second orchestrator comes. */
export const SERVICE_FAULTS: readonly CampaignFault[] = [
  killed("haproxy", async (id, site) => (await processesOf(id, site))?.haproxy),
  killed("Redis", (_, site) => Promise.resolve(readRecord(statePaths(site.stateDir).services).redis?.process)),
  // The server, of which the launcher is the parent.
  killed("the master", async (id, site) => (await processesOf(id, site))?.master.at(-1)),
  killed("the gateway's supervisor", async (id, site) => (await processesOf(id, site))?.supervisor),
  {
    name: "the orchestrator killed",
    async happen(id, site) {
      const { owners } = await site.view(id);
      await killProcess(site.orchestrator(id));
      expect((await site.call("adopt", id, "--detach")).code).toBe(0);
      await untilMore(site, id);
      expect((await site.view(id)).owners).toBeGreaterThan(owners);
    },
  },
  {
    name: "a second orchestrator",
    async happen(id, site) {
      const { owners } = await site.view(id);
      const first = site.orchestrator(id);
      const { code, stdout } = await site.orchestrate(id);
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: "CAMPAIGN_OWNED" } });
      await untilMore(site, id);
      expect(site.orchestrator(id)).toEqual(first);
      expect((await site.view(id)).owners).toBe(owners);
    },
  },
];
