import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { Access } from "../../orchestrator/access.ts";
import { readGatewaySpec } from "../../orchestrator/gateway/state.ts";
import { enterNamespace, listNamespaces } from "../../orchestrator/network/index.ts";
import { campaignPaths, statePaths } from "../../orchestrator/paths.ts";
import { describeWith, peersOf, privateStateDir, waitFor } from "../support/index.ts";
import { leftoverProcesses } from "../support/processes.ts";
import { describeReach, isOpen, reachability, type Place, type Reach } from "../support/reachability.ts";
import { keptPlaces, searchCampaign, SecretSearch, secretsOf, strangersMayRead } from "../support/secret-search.ts";
import { makeSlurmSite, type SlurmSite } from "../support/slurm-site.ts";

/**
 * Whole campaigns on a grid of its own: a real Slurm behind an sshd, its hosts on a private network, the gateway with a leg on each
 * side, and an orchestrator that reaches the frontend's sshd and the proxy and nothing else.
 */
describeWith(["namespaces", "slurm", "redis", "haproxy", "elasticsearch"], "a campaign on Slurm", () => {
  const dir = privateStateDir("slurm-campaign");
  const prefix = `c${process.pid.toString(36).slice(-4)}`;
  let grid: SlurmSite;

  beforeAll(async () => {
    grid = await makeSlurmSite(dir, { prefix });
  }, 180_000);
  afterEach(async () => {
    await grid.site.endAll();
  }, 240_000);
  afterAll(async () => {
    await grid.site.down();
    await grid.bed.stop();
    await waitFor("the last processes to end", () => leftoverProcesses(dir).length === 0);
    expect(listNamespaces(prefix)).toEqual([]);
  }, 120_000);

  const gatewayDir = (id: string): string => campaignPaths(statePaths(grid.site.stateDir).campaigns, id).gateway;
  const places = (): readonly Place[] => {
    const { network } = grid.bed;
    const spaces = [network.gateway, network.outside, ...(network.head ? [network.head] : []), ...network.members];
    return spaces.map(({ name, namespace }) => ({ name, enter: enterNamespace(namespace) }));
  };

  it("loads a month exactly: Slurm's own ids, commands by ssh, nothing reachable but what must be, no secret anywhere", async () => {
    const { bed, site } = grid;
    // A qsub from here would not find the batch system.
    const here = [...enterNamespace(bed.network.outside.namespace), "qsub", "-N", "x", "/bin/true"];
    expect(() => execFileSync(here[0] ?? "", here.slice(1), { stdio: "pipe" })).toThrow(/configuration source/);

    const id = await site.launch("flagship", [], ["--data-nodes", "2", "--parsers", "2"]);
    await site.untilChunks(id, 5);
    const view = await site.view(id);
    const slurm = await grid.jobs();
    for (const job of view.jobs.values()) {
      expect(job.jobId).toMatch(/^\d+$/);
      expect(slurm.get(job.name)).toEqual([{ id: job.jobId, state: "RUNNING", host: job.hosts[0] }]);
    }
    expect(view.jobs.size).toBe(4);

    const rows = await reachability(places());
    expect(wrongDoors(rows, await portsOf(id))).toEqual([]);
    expect(describeReach(rows, kindOf)).toEqual(tableInArchitecture());
    const { pid } = site.orchestrator(id);
    const spec = await readGatewaySpec(gatewayDir(id));
    const outside = bed.network.gateway.addresses.outside ?? "";
    const allowed = [
      `${bed.ssh.host}:${String(bed.ssh.port)}`,
      ...[spec?.ports.outsideRedis, spec?.ports.outsideCarbon, spec?.ports.elasticsearch, spec?.ports.graphiteWeb].map(
        (port) => `${outside}:${String(port)}`,
      ),
    ];
    const peers = await waitFor("the orchestrator to be connected", () => {
      const found = peersOf([pid]);
      return found.length > 1 && found;
    });
    expect(peers.filter((peer) => !allowed.includes(peer))).toEqual([]);

    // Three authorities' keys, those of clients and servers, users of Elasticsearch and Redis, the jobs' tokens.
    const secrets = secretsOf({ stateDir: site.stateDir, id });
    expect(secrets.length).toBeGreaterThan(30);
    expect(secrets.every(({ value }) => value.length >= 30)).toBe(true);
    const paths = campaignPaths(statePaths(site.stateDir).campaigns, id);
    const there = new SecretSearch(secrets);
    there.files(paths.secrets);
    expect(new Set(there.result.found.map((line) => line.split(": ")[1])).size).toBeGreaterThan(15);
    for (const name of readdirSync(paths.secrets)) {
      expect([name, statSync(join(paths.secrets, name)).mode & 0o777]).toEqual([name, 0o600]);
    }
    const said = {
      "qstat -f": (await bed.onHead(["qstat", "-f"])).stdout,
      "scontrol show job": (await bed.onHead(["scontrol", "show", "job"])).stdout,
      "commands by ssh": bed.sshCommands().join("\n"),
      "sshd's log": readFileSync(bed.logs.sshd, "utf8"),
      "slurmctld's log": readFileSync(bed.logs.slurmctld, "utf8"),
    };
    const campaign = { stateDir: site.stateDir, id, jobs: [...view.jobs.keys()], texts: said };
    for (const place of keptPlaces(campaign)) expect(strangersMayRead(place)).toEqual([]);
    const search = searchCampaign(campaign, secrets);
    expect(search.found).toEqual([]);
    expect(search.places).toBeGreaterThan(200);

    const { report } = await site.conclude(id);
    expect(report.lines.duplicate).toBe(0);
    expect(report.jobs.every(({ exit }) => exit === 0)).toBe(true);
    // Each job was submitted once, by ssh; the ids are those of Slurm.
    for (const name of view.jobs.keys()) {
      expect(bed.sshCommands().filter((line) => /\bqsub\b/.test(line) && line.includes(name))).toHaveLength(1);
    }
    expect(readFileSync(bed.logs.sshd, "utf8")).toContain("Accepted publickey for root");
    await expectNoJobs();
    expect(existsSync(paths.secrets)).toBe(false);
    expect(readdirSync(paths.dir).filter((name) => name.startsWith("secrets"))).toEqual([]);
    await waitFor("the last processes of the campaign to end", () => {
      const look = new SecretSearch(secrets);
      look.processes();
      return look.result.found.length === 0;
    });
    const after = new SecretSearch(secrets.filter(({ name }) => !name.includes("administrator")));
    after.processes();
    after.files(site.stateDir);
    expect(after.result.found).toEqual([]);
    console.info(
      `${String(secrets.length)} secrets: none in ${String(search.places)} places while the campaign ran, none in ${String(after.result.places)} afterwards`,
    );
  }, 600_000);

  it("two campaigns of two sites on one host, at once: neither meets the other", async () => {
    const { bed, site } = grid;
    const second = join(dir, "second");
    mkdirSync(second);
    // Somebody else: another state directory with services of its own, another user for Elasticsearch.
    const other = await makeSlurmSite(second, {
      prefix,
      bed,
      lines: 8_000,
      settings: { elasticsearch: { runAsUid: 65533 } },
    });
    const [only, ...idle] = bed.nodes.map(({ name }) => name);
    await bed.onHead(["scontrol", "update", `NodeName=${idle.join(",")}`, "State=DRAIN", "Reason=test"]);
    try {
      const names = await Promise.all([
        site.launch("mine", ["limits.eventsPerSecond=100"]),
        other.site.launch("theirs", ["limits.eventsPerSecond=100"]),
      ]);
      await Promise.all([site.untilChunks("mine", 2), other.site.untilChunks("theirs", 2)]);
      const views = await Promise.all([site.view("mine"), other.site.view("theirs")]);
      expect(views.map(({ state }) => state)).toEqual(["running", "running"]);
      const hosts = views.flatMap(({ jobs }) => [...jobs.values()].map((job) => job.hosts[0]));
      expect(hosts).toEqual([only, only, only, only]);
      // Who has everything of theirs gets nothing out of mine.
      const [mine, theirs] = [site, other.site].map(({ stateDir }, n) =>
        readAccess(campaignPaths(statePaths(stateDir).campaigns, names[n] ?? "").secrets),
      );
      const mixed = join(dir, "mixed.json");
      writeFileSync(mixed, JSON.stringify({ ...theirs, url: mine?.url, ca: mine?.ca }));
      const program = join(import.meta.dirname, "../support/search.ts");
      const [command, ...words] = [
        ...enterNamespace(bed.network.outside.namespace),
        process.execPath,
        program,
        mixed,
        "/",
      ];
      expect(() => execFileSync(command ?? "", words, { stdio: "pipe" })).toThrow(
        /alert|reset|hang up|ECONNRESET|EPROTO/i,
      );
      site.unleash("mine");
      other.site.unleash("theirs");
      await Promise.all([site.conclude("mine"), other.site.conclude("theirs")]);
      await expectNoJobs();
    } finally {
      await bed.onHead(["scontrol", "update", `NodeName=${idle.join(",")}`, "State=RESUME"]);
      await other.site.endAll();
      await other.site.down();
    }
  }, 600_000);

  const readAccess = (secrets: string): Access =>
    JSON.parse(readFileSync(join(secrets, "access.json"), "utf8")) as Access;

  /** Slurm has no job of a campaign that has not ended, and its hosts run nothing of one. */
  async function expectNoJobs(): Promise<void> {
    await grid.untilNoJobs();
    const scratch = statePaths(grid.site.stateDir).scratch;
    expect(leftoverProcesses(scratch)).toEqual([]);
  }

  /** The proxy's and the master's ports, by who may use them. */
  async function portsOf(
    id: string,
  ): Promise<{ readonly inside: readonly number[]; readonly outside: readonly number[] }> {
    const ports = (await readGatewaySpec(gatewayDir(id)))?.ports;
    if (!ports) throw new Error("the gateway has no spec");
    return {
      inside: [ports.redis, ports.carbon, ports.transport],
      outside: [ports.outsideRedis, ports.outsideCarbon, ports.elasticsearch, ports.graphiteWeb],
    };
  }

  const kindOf = (name: string): string => (/^dn\d+$/.test(name) ? "member" : name);

  /** Whoever answers somebody who must not get through. */
  function wrongDoors(
    rows: readonly Reach[],
    ports: { readonly inside: readonly number[]; readonly outside: readonly number[] },
  ): readonly Reach[] {
    return rows.filter((row) => {
      if (!isOpen(row) || row.from === row.place) return false;
      const [from, to] = [kindOf(row.from), kindOf(row.place)];
      const isSlurm = /^slurm/.test(row.program);
      if (from === "outside") {
        return !(to === "gateway" && ports.outside.includes(row.port)) && !(to === "head" && row.program === "sshd");
      }
      if (to === "gateway") return from !== "member" || !ports.inside.includes(row.port);
      if (to === "member" && (from === "member" || from === "gateway") && row.program === "java") return false;
      return !isSlurm || !["member", "head"].includes(from) || !["member", "head"].includes(to);
    });
  }

  /** The rows of the table in ARCHITECTURE.md. */
  function tableInArchitecture(): readonly string[] {
    const text = readFileSync(join(import.meta.dirname, "../../ARCHITECTURE.md"), "utf8");
    const [, table = ""] = /<!-- reachability -->\n+([^]*?)\n+<!-- end -->/.exec(text) ?? [];
    return table.split("\n");
  }
});
