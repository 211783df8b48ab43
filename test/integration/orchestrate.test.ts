import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { progressFile, writeFileAtomic } from "../../orchestrator/campaign-store.ts";
import { createIo } from "../../orchestrator/cli/io.ts";
import { sendCommand } from "../../orchestrator/commands.ts";
import { runInForeground } from "../../orchestrator/foreground.ts";
import { openJournal } from "../../orchestrator/journal.ts";
import { orchestrate } from "../../orchestrator/orchestrate.ts";
import { ownerOfThisProcess, writeOwner } from "../../orchestrator/owner-file.ts";
import { readProgress } from "../../orchestrator/progress.ts";
import { campaignStatus } from "../../orchestrator/status.ts";
import { teardownCampaign } from "../../orchestrator/teardown-campaign.ts";
import { campaignKeys } from "../../worker/contract/keys.ts";
import { identifyProcess, type ProcessIdentity } from "../../worker/contract/process.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { heldJournal, makeQuietCampaign, quietLog, type QuietCampaign } from "../support/quiet-campaign.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";

const never = new AbortController().signal;

/** What an orchestrator does whatever its cluster does: these campaigns have none, and their gateway cannot come up. */
describeWith(["redis", "haproxy"], "an orchestrator", () => {
  const dir = privateStateDir("orchestrate");
  let redis: TestRedis;
  let names = 0;
  let running: { readonly stop: AbortController; readonly ended: Promise<unknown> } | undefined;
  beforeAll(async () => {
    redis = await startRedis(dir);
  });
  afterAll(() => redis.stop());
  afterEach(async () => {
    running?.stop.abort();
    await running?.ended;
    running = undefined;
  });

  const held = (): Promise<QuietCampaign> => {
    const name = `quiet-${String(++names)}`;
    return makeQuietCampaign(join(dir, name), name, redis, heldJournal(name));
  };
  /** Starts the campaign's orchestrator in this process; `ended` is what it threw, or the state that it left. */
  const start = ({ id, config }: QuietCampaign): { stop: AbortController; ended: Promise<unknown> } => {
    const stop = new AbortController();
    const ended = orchestrate({ stateDir: config.stateDir, id, log: quietLog, signal: stop.signal }).catch(
      (error: unknown) => error,
    );
    running = { stop, ended };
    return running;
  };
  const untilOwned = ({ paths }: QuietCampaign): Promise<unknown> =>
    Promise.race([
      waitFor("the orchestrator to own the campaign", () => existsSync(paths.orchestratorPid)),
      ...(running ? [running.ended.then((how) => Promise.reject(how as Error))] : []),
    ]);
  const teardown = ({ id, config }: QuietCampaign) => {
    const io = createIo({ stdout: new PassThrough(), stderr: new PassThrough() }, { json: true, level: "error" });
    return teardownCampaign(config, id, { ...io, log: quietLog }, never);
  };
  const keysOf = ({ id }: QuietCampaign): Promise<string[]> => redis.client.keys(campaignKeys(id).everything);

  it("keeps what is held, though its gateway does not come up, and says why", async () => {
    const campaign = await held();
    start(campaign);
    const { warnings } = await waitFor("the warning", async () => {
      const view = await campaign.view();
      return view.warnings.length > 0 ? view : undefined;
    });
    expect(warnings).toEqual([expect.stringMatching(/^held: .*192\.0\.2\.1/)]);
    expect((await campaign.view()).state).toBe("held");
    // Its own runtime is what it goes on with: the configuration's is not there.
    expect((await campaign.view()).steps.get("runtime")?.result).toMatchObject({ javaHome: "/nowhere/java" });
    await sendCommand(redis.client, campaignKeys(campaign.id), { kind: "teardown" }, never);
    expect(await running?.ended).toBe("failed");
    expect(await keysOf(campaign)).toEqual([]);
    expect(existsSync(campaign.paths.secrets)).toBe(false);
  });

  it("stops when it is told to while Redis is away, and what it held is there to be adopted", async () => {
    const campaign = await held();
    const { stop, ended } = start(campaign);
    await untilOwned(campaign);
    await redis.kill();
    try {
      stop.abort(new Error("enough"));
      expect(await ended).toMatchObject({ message: "enough" });
      expect(existsSync(campaign.paths.orchestratorPid)).toBe(false);
    } finally {
      await redis.start();
    }
    expect((await campaign.view()).state).toBe("held");
    expect((await teardown(campaign)).state).toBe("failed");
  });

  it("gets on with everything else when what agents wrote is no JSON", async () => {
    const campaign = await held();
    const keys = campaignKeys(campaign.id);
    await redis.client.xadd(keys.join, "*", "request", "{");
    await redis.client.hset(keys.nodes, "gh-abcde-p1", "{");
    await redis.client.xadd(keys.commands, "*", "command", "{");
    start(campaign);
    await waitFor("the look at its jobs", () => readProgress(progressFile(campaign.paths)));
    const verify = sendCommand(redis.client, keys, { kind: "pause" }, never);
    await expect(verify).rejects.toMatchObject({ code: "COMMAND_REFUSED" });
  });

  it("answers a command while the batch system does not answer", async () => {
    const name = `quiet-${String(++names)}`;
    const campaign = await makeQuietCampaign(join(dir, name), name, redis, [
      ...heldJournal(name),
      { type: "submit-intent", jobName: "gh-abcde-p1", role: "parser" },
      { type: "submitted", jobName: "gh-abcde-p1", jobId: "1.nowhere", found: false },
    ]);
    start(campaign);
    await untilOwned(campaign);
    const qstat = await waitFor("a qstat that hangs", () => stopProgram("qstat", campaign.state.batch), { everyMs: 5 });
    try {
      const refusal = sendCommand(redis.client, campaignKeys(name), { kind: "pause" }, never);
      await expect(refusal).rejects.toMatchObject({ code: "COMMAND_REFUSED" });
      expect(identifyProcess(qstat.pid)).toEqual(qstat);
    } finally {
      process.kill(qstat.pid, "SIGCONT");
    }
  });

  it("leaves the campaign to the one that has it, and that one's file in its place", async () => {
    const campaign = await held();
    start(campaign);
    await untilOwned(campaign);
    const { id, config } = campaign;
    await expect(orchestrate({ stateDir: config.stateDir, id, log: quietLog, signal: never })).rejects.toMatchObject({
      code: "CAMPAIGN_OWNED",
    });
    expect(existsSync(campaign.paths.orchestratorPid)).toBe(true);
  });

  it("acts on nothing more once another one has begun to write", async () => {
    const campaign = await held();
    const { ended } = start(campaign);
    await untilOwned(campaign);
    const other = await openJournal(campaign.paths.journal, 99, "there");
    const sent = sendCommand(redis.client, campaignKeys(campaign.id), { kind: "teardown" }, never, 10_000);
    await expect(sent).rejects.toMatchObject({ code: expect.any(String) as string });
    expect(await ended).toMatchObject({ code: "CAMPAIGN_LOST" });
    await other.close();
    expect((await campaign.view()).state).toBe("held");
  });

  it("in the foreground ends the campaign at the first interruption", async () => {
    const campaign = await held();
    const interruption = new AbortController();
    const run = runInForeground(campaign.config.stateDir, campaign.id, quietLog, interruption.signal);
    await untilOwned(campaign);
    interruption.abort(new Error("Ctrl-C"));
    await expect(run).rejects.toThrow("Ctrl-C");
    expect((await campaign.view()).state).toBe("failed");
    expect(await keysOf(campaign)).toEqual([]);
  });

  it("tears down from the id alone: no plan, no Elasticsearch, a damaged record of the gateway", async () => {
    const name = `quiet-${String(++names)}`;
    const campaign = await makeQuietCampaign(join(dir, name), name, redis, []);
    mkdirSync(campaign.paths.gateway, { recursive: true });
    writeFileSync(join(campaign.paths.gateway, "processes.json"), "{");
    expect((await teardown(campaign)).state).toBe("cancelled");
    expect(await keysOf(campaign)).toEqual([]);
    const later = await held();
    rmSync(later.paths.plan, { force: true });
    expect((await teardown(later)).state).toBe("failed");
  });

  it("of another host is talked to as long as it shows a sign of life, and then replaced", async () => {
    const campaign = await held();
    await writeOwner(campaign.paths.orchestratorPid, { ...ownerOfThisProcess(), host: "elsewhere" });
    await writeFileAtomic(
      progressFile(campaign.paths),
      JSON.stringify({ at: Date.now(), parse: {}, unpack: {}, lines: {}, jobs: {} }),
    );
    expect((await campaignStatus(campaign.config.stateDir, campaign.id)).orchestrator.alive).toBe(true);
    expect((await teardown(campaign)).state).toBe("failed");
  });

  it("torn down again, ends what has surfaced since", async () => {
    const campaign = await held();
    expect((await teardown(campaign)).state).toBe("failed");
    const batch = await campaign.batch();
    mkdirSync(campaign.paths.staging, { recursive: true });
    const scriptFile = join(campaign.paths.dir, "late.sh");
    writeFileSync(scriptFile, `#!/bin/sh\n#PBS -N gh-${campaign.tag}-p1\nsleep 1000\n`, { mode: 0o755 });
    const id = await batch.submit(
      {
        name: `gh-${campaign.tag}-p1`,
        cpus: 1,
        memoryBytes: 2 ** 26,
        walltimeSeconds: 600,
        outputFile: join(campaign.paths.dir, "late.out"),
        errorFile: join(campaign.paths.dir, "late.err"),
        scriptFile,
        extraDirectives: [],
      },
      never,
    );
    await redis.client.set(campaignKeys(campaign.id).epoch, 3);
    expect((await teardown(campaign)).state).toBe("failed");
    expect((await batch.status([id], never)).get(id)?.state ?? "finished").toBe("finished");
    expect(existsSync(campaign.paths.staging)).toBe(false);
    expect(await keysOf(campaign)).toEqual([]);
  });
});

/** Stops a process of the embedded batch system as if it hung; undefined when none runs now. */
function stopProgram(program: string, batchDir: string): ProcessIdentity | undefined {
  for (const name of readdirSync("/proc")) {
    try {
      if (!readFileSync(`/proc/${name}/cmdline`, "latin1").split("\0").includes(program)) continue;
      if (!readFileSync(`/proc/${name}/environ`, "latin1").includes(batchDir)) continue;
      process.kill(Number(name), "SIGSTOP");
      const identity = identifyProcess(Number(name));
      if (identity) return identity;
    } catch {
      // No process, or it has ended.
    }
  }
  return undefined;
}
