import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadCampaign } from "../../orchestrator/campaign-store.ts";
import type { Diagnosis } from "../../orchestrator/doctor.ts";
import { packageRoot } from "../../orchestrator/runtimes/package-root.ts";
import type { Manifest } from "../../orchestrator/sample/index.ts";
import { campaignStatus, type CampaignStatus } from "../../orchestrator/status.ts";
import { describeWith, privateStateDir } from "../support/index.ts";

const run = promisify(execFile);

/** The environment of a user who has no checkout: nothing of this one's on PATH, nothing that npm told its scripts. */
const env = Object.fromEntries(
  Object.entries(process.env)
    .filter(
      ([name]) => !/^npm_(?!config_(?!local_prefix))/i.test(name) && !name.startsWith("VITEST") && name !== "NODE_ENV",
    )
    .map(([name, value]) => [name, name === "PATH" ? withoutCheckout(value ?? "") : value]),
);

function withoutCheckout(path: string): string {
  return path
    .split(delimiter)
    .filter((dir) => !dir.startsWith(packageRoot()))
    .join(delimiter);
}

describeWith(["elasticsearch", "redis", "haproxy", "carbon", "graphite-web", "7z"], "the packed package", () => {
  const stateDir = privateStateDir("package");
  const home = join(stateDir, "home");
  const packed = join(stateDir, "packed");

  beforeAll(async () => {
    for (const dir of [home, packed]) mkdirSync(dir);
    await run("npm", ["pack", "--pack-destination", packed], { cwd: packageRoot(), env });
    writeFileSync(join(home, "package.json"), "{}\n");
    const [tarball] = readdirSync(packed);
    const quietly = ["--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"];
    await run("npm", ["install", ...quietly, join(packed, tarball ?? "nothing")], { cwd: home, env });
  }, 300_000);

  const installed = (...names: string[]): string => join(home, "node_modules", "gridharvest", ...names);

  it("holds bundles and the launcher, and none of the sources", () => {
    const { length } = readdirSync(installed("dist")).filter((name) => name.endsWith(".mjs"));
    expect(length).toBe(5);
    expect(readdirSync(installed("orchestrator"))).toEqual(["cli"]);
    expect(readdirSync(installed("orchestrator", "cli"))).toEqual(["gridharvest.mjs"]);
    for (const folder of ["worker", "pbs", "templates", "test", "setup.mjs"])
      expect(existsSync(installed(folder)), folder).toBe(false);
  });

  it("finds everything with doctor, from another folder and under its own Node", async () => {
    const { stdout } = await run(
      "npx",
      ["--no-install", "gridharvest", "--json", "doctor", "--state-dir", join(stateDir, "state")],
      {
        cwd: home,
        env,
      },
    );
    const { sound, checks } = JSON.parse(stdout) as { sound: boolean; checks: readonly Diagnosis[] };
    expect(checks.filter(({ level }) => level === "missing")).toEqual([]);
    expect(sound).toBe(true);
    const text = (name: string) => checks.find((check) => check.name === name)?.text;
    expect(text("Node")).toMatch(new RegExp(`^v24\\..*, ${home}/node_modules/node-linux-`));
    expect(text("program bundles")).toBe(installed("dist"));
  });

  const gridharvest = (...args: string[]) => run("npx", ["--no-install", "gridharvest", ...args], { cwd: home, env });
  const site = ["--state-dir", join(stateDir, "state"), "--set", `archive.root=${join(stateDir, "archive")}`];
  afterAll(async () => {
    await gridharvest("services", "down", ...site);
  }, 60_000);

  it("makes a sample and plans it: the pipeline, the templates and the worker threads are in the bundle", async () => {
    await gridharvest("sample", "--month", "2013-01", "--lines", "2000", "--out", join(stateDir, "archive"));
    const { stdout } = await gridharvest("--json", "plan", "--month", "2013-01", ...site);
    expect(JSON.parse(stdout)).toMatchObject({ months: ["2013-01"] });
  });

  it("loads it: a whole campaign, to its verified snapshot and its end", async () => {
    const small = ["dataNodes.count=1", "parsers.count=1", "dataNodes.heap=512MiB", "dataNodes.memory=2GiB"];
    const settings = [...small, "elasticsearch.masterHeap=384MiB"].flatMap((pair) => ["--set", pair]);
    const words = ["--month", "2013-01", "--name", "packed", "--finish", "snapshot", "--foreground"];
    const { stdout } = await gridharvest("launch", ...words, ...site, ...settings);
    expect(stdout).toMatch(/^campaign packed \(plan [0-9a-f]{12}\); Ctrl-C cancels the campaign$/m);

    const { paths } = await loadCampaign(join(stateDir, "state"), "packed");
    const { lines } = JSON.parse(readFileSync(join(stateDir, "archive/manifest.json"), "utf8")) as Manifest;
    const status = await campaignStatus(join(stateDir, "state"), "packed");
    expect(status).toMatchObject({ state: "done", documents: lines, snapshot: { verified: true } });
    expect(status.jobs.map(({ state }) => state)).toEqual(["ended", "ended"]);

    // The orchestrator's log is kept, though it ran on the terminal; and what a job ran is what `render` shows.
    const logs = await gridharvest("logs", "packed", ...site);
    expect(logs.stdout).toContain("finishing → tearing-down");
    const rendered = await gridharvest("render", "--role", "parser", ...site);
    const agent = /\S*\/programs-[0-9a-f]{12}\/agent\.mjs/;
    const [used] = agent.exec(readFileSync(join(paths.jobs, nameOf(status, "parser"), "job.pbs"), "utf8")) ?? [];
    expect(used).toContain(join(stateDir, "state", "runtimes"));
    expect(agent.exec(rendered.stdout)?.[0]).toBe(used);
  }, 600_000);

  it("says the same version as its manifest, and helps", async () => {
    const { stdout } = await run("npx", ["--no-install", "gridharvest", "--version"], { cwd: home, env });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

function nameOf({ jobs }: CampaignStatus, role: string): string {
  return jobs.find((job) => job.role === role)?.name ?? "";
}
