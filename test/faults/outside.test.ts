import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { readProcesses } from "../../orchestrator/gateway/state.ts";
import { campaignPaths, statePaths } from "../../orchestrator/paths.ts";
import { killProcess } from "../support/campaign-faults.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { makeSite, type TestSite } from "../support/campaign.ts";
import { jobsInside, makeTwoSpaces, type TwoSpaces } from "../support/two-spaces.ts";

/**
 * Campaigns whose orchestrator stands outside: in a network namespace of its own, from which one address leads to the proxy's
 * outside leg and nothing to Redis, carbon, graphite-web, the master or a node.
 */
describeWith(
  ["namespaces", "redis", "haproxy", "elasticsearch"],
  "an orchestrator that reaches the proxy alone",
  () => {
    const dir = privateStateDir("outside");
    let spaces: TwoSpaces;
    let site: TestSite;

    beforeAll(async () => {
      spaces = makeTwoSpaces();
      mkdirSync(join(dir, "bin"));
      const path = `${jobsInside(join(dir, "bin"), spaces)}:${process.env["PATH"] ?? ""}`;
      site = await makeSite(dir, {
        settings: {
          network: {
            provider: "namespaces",
            gatewayAddress: "127.0.3.1",
            outsideAddress: spaces.address,
            gateway: { placement: "namespace" },
            namespaces: { gateway: spaces.inside },
          },
        },
        prefix: [...spaces.enter("outside"), "env", `PATH=${path}`],
        besideRedis: spaces.enter("inside"),
      });
    }, 120_000);
    afterEach(async () => {
      await site.endAll();
    }, 180_000);
    afterAll(async () => {
      await site.down();
      // Whoever runs in a namespace keeps it alive; nobody may.
      expect([...spaces.listeners("inside"), ...spaces.listeners("outside")]).toEqual([]);
      spaces.remove();
    }, 60_000);

    const gatewayDir = (id: string): string => campaignPaths(statePaths(site.stateDir).campaigns, id).gateway;
    it("takes commands through the proxy, shows the dashboards there, and leaves nothing of a cancelled campaign", async () => {
      const id = await site.launch("told-from-outside", ["limits.eventsPerSecond=300"]);
      await site.until(id, "running");
      expect((await site.call("pause", id)).code).toBe(0);
      await waitFor("the pause", async () => (await site.status(id)).state === "paused");
      const dashboards = await site.call("dashboard", id);
      expect(dashboards.code).toBe(0);
      expect(dashboards.stdout).toContain(`https://${spaces.address}:`);
      expect((await site.call("dashboard")).code).toBe(2);
      expect((await site.call("services", "status")).code).toBe(0);
      expect((await site.call("cancel", id)).code).toBe(0);
      await waitFor(`${id} to be cancelled`, async () => (await site.status(id)).state === "cancelled", {
        timeoutMs: 120_000,
      });
      await site.expectNothingLeft(id);
      expect((await site.call("teardown", id)).code).toBe(0);
    });

    it("ends a campaign whose orchestrator and gateway are gone", async () => {
      const id = await site.launch("abandoned", ["limits.eventsPerSecond=300"]);
      await site.until(id, "running");
      await killProcess(site.orchestrator(id));
      await killProcess((await readProcesses(gatewayDir(id)))?.supervisor);
      expect((await site.call("teardown", id)).code).toBe(0);
      expect((await site.status(id)).state).toBe("cancelled");
      await site.expectNothingLeft(id);
      expect(readFileSync(join(gatewayDir(id), "gateway.json"), "utf8")).not.toContain("PRIVATE KEY");
    });
  },
);
