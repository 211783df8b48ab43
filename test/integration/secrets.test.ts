import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { campaignPaths, statePaths } from "../../orchestrator/paths.ts";
import { makeSite, type TestSite } from "../support/campaign.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { keptPlaces, searchCampaign, SecretSearch, secretsOf } from "../support/secret-search.ts";

/** A real campaign, searched for every one of its secrets while it runs and when it is over. */
describeWith(["redis", "haproxy", "elasticsearch"], "the secrets of a campaign", () => {
  const dir = privateStateDir("secrets");
  let site: TestSite;
  beforeAll(async () => {
    site = await makeSite(dir, { lines: 4_000 });
  }, 120_000);
  afterEach(async () => {
    await site.endAll();
  }, 180_000);
  afterAll(async () => {
    await site.down();
  }, 60_000);

  it("stand in files of their owner's alone, nowhere else, and are gone after the teardown", async () => {
    const id = await site.launch("searched", ["limits.eventsPerSecond=400"]);
    await site.untilChunks(id, 3);
    const state = statePaths(site.stateDir);
    const paths = campaignPaths(state.campaigns, id);
    const secrets = secretsOf({ stateDir: site.stateDir, id });
    // Three authorities' keys, those of clients and servers, users of Elasticsearch and Redis, two jobs' tokens.
    expect(secrets.length).toBeGreaterThan(30);
    expect(secrets.every(({ value }) => value.length >= 30)).toBe(true);

    const campaign = {
      stateDir: site.stateDir,
      id,
      jobs: [...(await site.view(id)).jobs.keys()],
      texts: { "qstat -f": execFileSync(join(state.batch, "bin", "qstat"), ["-f"], { encoding: "utf8" }) },
    };
    const there = new SecretSearch(secrets);
    there.files(paths.secrets);
    expect(new Set(there.result.found.map((line) => line.split(": ")[1])).size).toBeGreaterThan(15);
    for (const place of keptPlaces(campaign)) expect(strangersMayRead(place)).toEqual([]);
    for (const name of readdirSync(paths.secrets)) {
      expect([name, statSync(join(paths.secrets, name)).mode & 0o777]).toEqual([name, 0o600]);
    }

    const running = searchCampaign(campaign, secrets);
    expect(running.found).toEqual([]);
    expect(running.places).toBeGreaterThan(200);

    await site.conclude(id);
    expect(existsSync(paths.secrets)).toBe(false);
    expect(readdirSync(paths.dir).filter((name) => name.startsWith("secrets"))).toEqual([]);
    const after = new SecretSearch(secrets.filter(({ name }) => !name.includes("administrator")));
    await waitFor("the last processes of the campaign to end", () => {
      const look = new SecretSearch(secrets);
      look.processes();
      return look.result.found.length === 0;
    });
    after.processes();
    after.files(site.stateDir);
    expect(after.result.found).toEqual([]);
    console.info(
      `${String(secrets.length)} secrets: none in ${String(running.places)} places while the campaign ran, none in ${String(after.result.places)} afterwards`,
    );
  }, 600_000);
});

/** Files at or below the path that others than their owner may read. */
function strangersMayRead(path: string): string[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return [];
  if (stat.isFile()) return (stat.mode & 0o077) === 0 ? [] : [path];
  // Below a directory that others cannot enter nothing can be read.
  if ((stat.mode & 0o077) === 0) return [];
  return readdirSync(path).flatMap((name) => strangersMayRead(join(path, name)));
}
