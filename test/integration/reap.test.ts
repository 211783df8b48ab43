import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { JournalEntry } from "../../orchestrator/journal.ts";
import { jobNameOf } from "../../orchestrator/node-specs.ts";
import { ownerOfThisProcess, writeOwner } from "../../orchestrator/owner-file.ts";
import { statePaths } from "../../orchestrator/paths.ts";
import { campaignKeys } from "../../worker/contract/keys.ts";
import { writeCampaignDirectory } from "../support/campaign-directory.ts";
import { gridharvest, type Outcome } from "../support/gridharvest.ts";
import { localBench, submitJob, untilState, type BatchBench } from "../support/batch-jobs.ts";
import { describeWith, privateStateDir } from "../support/index.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

const root = privateStateDir("reap");
const never = new AbortController().signal;

interface Reaped {
  readonly dryRun: boolean;
  readonly campaigns: readonly {
    readonly tag: string;
    readonly campaign?: string;
    readonly owner: string;
    readonly chosen: boolean;
    readonly jobs: readonly { readonly id: string; readonly name: string }[];
  }[];
  readonly ended: readonly { readonly name: string }[];
  readonly left: readonly { readonly name: string; readonly problem?: string }[];
}

const names = (jobs: readonly { readonly name: string }[]): readonly string[] => jobs.map(({ name }) => name).sort();

/** Jobs on the embedded batch system, which run until somebody ends them. */
describe("jobs of campaigns on the embedded batch system", () => {
  let sites = 0;
  let stateDir: string;
  let bench: BatchBench;

  async function site(): Promise<void> {
    stateDir = join(root, `site-${String(++sites)}`);
    // Where a campaign's jobs would be: the bench's batch system is the state directory's.
    bench = await localBench(stateDir);
  }
  afterEach(async () => {
    for (const { id, state } of await bench.system.list(never)) {
      if (state !== "finished") await bench.system.cancel(id, never);
    }
    const left = async (): Promise<number> =>
      (await bench.system.list(never)).filter(({ state }) => state !== "finished").length;
    await expect.poll(left, { timeout: 30_000 }).toBe(0);
  });

  const submit = async (...jobs: readonly string[]): Promise<void> => {
    for (const name of jobs) await submitJob(bench, name, "sleep 1000");
  };
  const reap = async (...words: readonly string[]): Promise<Reaped> => {
    const { code, out, err } = await gridharvest("reap", "--state-dir", stateDir, "--json", ...words);
    expect(code, err).toBe(0);
    return JSON.parse(out) as Reaped;
  };
  const living = async (): Promise<readonly string[]> =>
    names((await bench.system.list(never)).filter(({ state }) => state !== "finished"));

  /** A campaign's directory. @returns its tag */
  const campaign = async (name: string, ...story: readonly JournalEntry[]): Promise<string> =>
    (await writeCampaignDirectory(stateDir, name, story)).record.tag;
  const running: JournalEntry = { type: "transition", event: "booted", from: "booting", to: "running" };
  const done: JournalEntry = { type: "transition", event: "torn-down-done", from: "tearing-down", to: "done" };

  it("are found and ended when neither a directory nor Redis knows the campaign", async () => {
    await site();
    // The host has two slots for each of two nodes: the fifth waits.
    await submit("gh-k3f9a-d1", "gh-k3f9a-p1", "gh-other-p1", "simulation", "gh-k3f9a-p2");
    const first = (await bench.system.list(never)).find(({ name }) => name === "gh-k3f9a-d1")?.id ?? "";
    await untilState(bench, first, "running");

    const shown = await reap();
    expect(shown.campaigns.map(({ tag, owner, chosen, jobs }) => [tag, owner, chosen, names(jobs)])).toEqual([
      ["k3f9a", "unknown", false, ["gh-k3f9a-d1", "gh-k3f9a-p1", "gh-k3f9a-p2"]],
      ["other", "unknown", false, ["gh-other-p1"]],
    ]);
    const all = await reap("--all", "--yes");
    expect(names(all.ended)).toEqual([]);
    for (const words of [["--dry-run", "--yes"], []]) {
      const tried = await reap("--campaign", "k3f9a", ...words);
      expect(tried).toMatchObject({ dryRun: true, ended: [], left: [] });
    }
    expect(await living()).toHaveLength(5);

    const reaped = await reap("--campaign", "k3f9a", "--yes");
    expect(names(reaped.ended)).toEqual(["gh-k3f9a-d1", "gh-k3f9a-p1", "gh-k3f9a-p2"]);
    expect(reaped).toMatchObject({ dryRun: false, left: [] });
    expect(await living()).toEqual(["gh-other-p1", "simulation"]);
    expect(await reap("--campaign", "k3f9a", "--yes")).toMatchObject({ ended: [], left: [] });
  });

  it("of the id that launch gave are found after the directory was removed", async () => {
    await site();
    const tag = await campaign("2013-01-xxxxx", running);
    const made = `2013-01-${tag}`;
    await submit(jobNameOf(tag, "parser", 1));
    rmSync(statePaths(stateDir).campaigns, { recursive: true });
    expect(names((await reap("--campaign", made, "--yes")).ended)).toEqual([`gh-${tag}-p1`]);
  });

  it("are left alone while an orchestrator lives, unless the campaign is named by its id", async () => {
    await site();
    const alive = await campaign("alive", running);
    const gone = await campaign("gone", running);
    const over = await campaign("over", running, done);
    const pidFile = join(statePaths(stateDir).campaigns, "alive/orchestrator.pid");
    await writeOwner(pidFile, ownerOfThisProcess());
    await submit(`gh-${alive}-p1`, `gh-${gone}-p1`, `gh-${over}-p1`, "gh-other-p1");

    const refused = await gridharvest("reap", "--state-dir", stateDir, "--campaign", alive, "--yes", "--json");
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.out)).toMatchObject({ error: { code: "CAMPAIGN_OWNED" } });

    const all = await reap("--all", "--yes");
    expect(names(all.ended)).toEqual([`gh-${gone}-p1`, `gh-${over}-p1`].sort());
    expect(await living()).toEqual([`gh-${alive}-p1`, "gh-other-p1"].sort());

    expect(names((await reap("--campaign", "alive", "--yes")).ended)).toEqual([`gh-${alive}-p1`]);
    expect(await living()).toEqual(["gh-other-p1"]);
  });

  it("where none was ever submitted there is nothing to do, and nothing is made", async () => {
    await site();
    rmSync(join(stateDir, "batch"), { recursive: true });
    const { code, out } = await gridharvest("reap", "--state-dir", stateDir, "--campaign", "k3f9a", "--yes");
    expect({ code, out }).toEqual({
      code: 0,
      out: `the batch system has no jobs of campaigns that are ${userInfo().username}'s\n`,
    });
    expect(readdirSync(stateDir)).not.toContain("batch");
    bench = await localBench(stateDir);
  });

  it("people get a table, and what to do next", async () => {
    await site();
    await campaign("gone", running);
    await submit("gh-k3f9a-p1");
    const shown = await gridharvest("reap", "--state-dir", stateDir);
    expect(shown.out).toMatch(/^k3f9a +\d\S* +gh-k3f9a-p1 +(queued|running) .*nobody here knows it$/m);
    expect(shown.out).toMatch(/say whose jobs shall end with --campaign ID\|TAG or --all\n$/);
    const ended = await gridharvest("reap", "--state-dir", stateDir, "--campaign", "k3f9a", "--yes");
    expect(ended.out).toMatch(/^ended 1 jobs$/m);
  });

  describeWith(["redis"], "whose campaign only Redis knows", () => {
    let redis: TestRedis;
    beforeAll(async () => {
      redis = await startRedis(join(root, "redis-of-reap"));
    });
    afterAll(() => redis.stop());

    it("are left alone while Redis has a sign of life of their orchestrator", async () => {
      await site();
      const keys = campaignKeys("january");
      await redis.client.hset(keys.leases, "gh-k3f9a-p1", "{}");
      await redis.client.set(keys.alive, "1");
      await submit("gh-k3f9a-p1");
      const url = `services.redis.url=redis://127.0.0.1:${String(redis.port)}`;

      const refused = await gridharvest("reap", "--state-dir", stateDir, "--set", url, "--campaign", "k3f9a", "--yes");
      expect(refused).toMatchObject({ code: 1, err: expect.stringContaining("the campaign january") as string });
      expect((await reap("--set", url, "--all", "--yes")).ended).toEqual([]);

      await redis.client.del(keys.alive);
      const reaped = await reap("--set", url, "--all", "--yes");
      expect(reaped.campaigns).toMatchObject([{ campaign: "january", owner: "gone", chosen: true }]);
      expect(names(reaped.ended)).toEqual(["gh-k3f9a-p1"]);
    });
  });
});

/** A Torque of programs on PATH: qstat prints the files of a directory, qdel removes one, unless it is told not to. */
describe("jobs of campaigns on a site's batch system", () => {
  let servers = 0;
  let dir: string;
  const path = process.env["PATH"];
  afterEach(() => void (process.env["PATH"] = path));

  function server(qdel: string): void {
    dir = join(root, `server-${String(++servers)}`);
    mkdirSync(join(dir, "jobs"), { recursive: true });
    const bin = join(dir, "bin");
    mkdirSync(bin);
    const program = (name: string, body: string): void =>
      writeFileSync(join(bin, name), `#!/bin/sh\necho "${name} $*" >> '${dir}/calls'\ncd '${dir}/jobs'\n${body}\n`, {
        mode: 0o755,
      });
    program("qstat", `[ -z "$(ls)" ] || { echo '<Data>'; cat *; echo '</Data>'; }`);
    program("qdel", qdel);
    process.env["PATH"] = `${bin}${delimiter}${path ?? ""}`;
  }
  const job = (number: number, name: string, owner = userInfo().username): void =>
    writeFileSync(
      join(dir, "jobs", `${String(number)}.server`),
      `<Job><Job_Id>${String(number)}.server</Job_Id><Job_Name>${name}</Job_Name><Job_Owner>${owner}@head</Job_Owner><job_state>R</job_state></Job>`,
    );
  const calls = (program: string): readonly string[] =>
    readFileSync(join(dir, "calls"), "utf8")
      .split("\n")
      .filter((line) => line.startsWith(`${program} `));
  const reap = (...words: readonly string[]): Promise<Outcome> =>
    gridharvest("reap", "--state-dir", dir, "--set", "batch.system=torque", "--json", "--campaign", "k3f9a", ...words);

  it("are ended one by one, and nobody else's are touched", async () => {
    server('rm -f "$1"');
    job(1, "gh-k3f9a-d1");
    job(2, "gh-k3f9a-p1");
    job(3, "gh-k3f9a-p2", "somebody");
    job(4, "gh-k3f9a-p1x");
    const { code, out } = await reap("--yes");
    expect(code).toBe(0);
    expect(names((JSON.parse(out) as Reaped).ended)).toEqual(["gh-k3f9a-d1", "gh-k3f9a-p1"]);
    expect(calls("qdel")).toEqual(["qdel 1.server", "qdel 2.server"]);
    expect(readdirSync(join(dir, "jobs"))).toEqual(["3.server", "4.server"]);
  });

  it("that do not go are told, with what the batch system said", async () => {
    server('echo "qdel: Server could not connect to MOM $1" >&2; exit 205');
    job(7, "gh-k3f9a-p1");
    const { code, out, err } = await reap("--yes", "--wait", "1");
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      ended: [],
      left: [{ id: "7.server", name: "gh-k3f9a-p1", problem: expect.stringContaining("could not connect") as string }],
    });
    expect(err).toContain("1 jobs did not go within 1 s");
  });
});

it.each([
  [["--yes"], "say whose jobs shall end"],
  [["--all", "--campaign", "k3f9a"], "write one of them"],
  [["--wait", "soon"], "write whole seconds"],
])("reap %j is refused", async (words, message) => {
  const { code, err } = await gridharvest("reap", "--state-dir", join(root, "nothing"), ...words);
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(message) as string });
});
