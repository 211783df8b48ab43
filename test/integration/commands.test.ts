import { setTimeout as sleep } from "node:timers/promises";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "bullmq";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { CampaignEvent } from "../../orchestrator/campaign.ts";
import { handleCommands } from "../../orchestrator/command-handler.ts";
import type { Command } from "../../orchestrator/commands.ts";
import { move, type CampaignContext } from "../../orchestrator/context.ts";
import { openJournal, readJournal, type Journal, type JournalEntry } from "../../orchestrator/journal.ts";
import { endLoad } from "../../orchestrator/load-end.ts";
import { createLog } from "../../orchestrator/log.ts";
import { ownerOfThisProcess, writeOwner } from "../../orchestrator/owner-file.ts";
import { campaignPaths } from "../../orchestrator/paths.ts";
import type { Plan } from "../../orchestrator/plan.ts";
import { replayRejects } from "../../orchestrator/replay/replay-rejects.ts";
import { readReplayRules, writeReplayRules } from "../../orchestrator/replay/rules-file.ts";
import { servingFile } from "../../orchestrator/serving/serving-file.ts";
import { createSpool, type Spool } from "../../orchestrator/spool.ts";
import { tellOrchestrator } from "../../orchestrator/tell.ts";
import { viewOf } from "../../orchestrator/view.ts";
import type { Chunk } from "../../worker/contract/chunk.ts";
import type { BackfillError } from "../../worker/contract/errors.ts";
import { campaignKeys, PARSE_QUEUE } from "../../worker/contract/keys.ts";
import type { Replay } from "../../worker/contract/replay.ts";
import { NO_RULES } from "../../worker/contract/rules.ts";
import { REPLAY_JOB } from "../../worker/contract/spool.ts";
import { pipelineHash } from "../../worker/pipeline.ts";
import { createQueues } from "../../worker/spool.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";
import { originOf } from "../support/parser-campaign.ts";
import { writeCampaignDirectory } from "../support/campaign-directory.ts";
import { startRedis, type TestRedis } from "../support/redis-server.ts";
import { gridharvest, type Outcome } from "../support/gridharvest.ts";

/**
 * What the command line asks of a living orchestrator, and what becomes of it. The orchestrator's own ear, journal and table of moves
 * run in this process; of its work only the moves are there.
 */
describeWith(["redis"], "commands to a living orchestrator", () => {
  const stateDir = privateStateDir("commands");
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis(stateDir);
  });
  afterAll(() => redis.stop());

  /** What an orchestrator has of a campaign that its journal leaves where it is. */
  const contextOf = async (
    { record, paths }: Awaited<ReturnType<typeof writeCampaignDirectory>>,
    epoch: number,
    parts: Partial<CampaignContext>,
  ): Promise<CampaignContext> => {
    const journal = await openJournal(paths.journal, epoch, "here");
    const rest = { redis: redis.client, keys: campaignKeys(record.id), log: createLog({ level: "error" }) };
    const ctx = { ...parts, record, paths, config: record.config, journal, view: viewOf(journal.records), ...rest };
    return ctx as unknown as CampaignContext;
  };
  /** Does something while an orchestrator listens; `goOn` is what follows once it has obeyed. */
  const whileListening = async <T>(
    id: string,
    story: readonly (CampaignEvent | JournalEntry)[],
    goOn: readonly CampaignEvent[],
    act: () => Promise<T>,
    parts: Partial<CampaignContext> = {},
  ): Promise<T> => {
    const campaign = await writeCampaignDirectory(stateDir, id, story, {
      "services.redis.url": `redis://127.0.0.1:${String(redis.port)}`,
      "services.graphite.carbon": "127.0.0.1:1",
    });
    await writeOwner(campaign.paths.orchestratorPid, ownerOfThisProcess());
    const ctx = await contextOf(campaign, 2, parts);
    const { journal, keys, view } = ctx;
    await redis.client.set(keys.alive, "2");
    const before = view.state;
    const listening = new AbortController();
    const orchestrator = (async () => {
      let left = [...goOn];
      while (!listening.signal.aborted) {
        await handleCommands(ctx);
        if (view.state !== before) {
          for (const event of left) expect(await move(ctx, event)).toBe(true);
          left = [];
        }
        await sleep(20);
      }
    })();
    try {
      return await act();
    } finally {
      listening.abort();
      await orchestrator;
      await journal.close();
    }
  };
  const tell = (
    words: readonly [command: string, id: string],
    story: readonly CampaignEvent[],
    goOn: readonly CampaignEvent[],
  ): Promise<Outcome> =>
    whileListening(words[1], story, goOn, () => gridharvest(...words, "--state-dir", stateDir, "--json"));
  const eventsOf = async (dir: string) =>
    (await readJournal(dir)).records.flatMap((record) => (record.type === "transition" ? [record.event] : []));
  const lastOf = ({ out }: Outcome): unknown => JSON.parse(out.trimEnd().split("\n").at(-1) ?? "");

  const held = ["start", "booted", "drained", "hold"] as const;

  it("verify of a held campaign waits for what comes of it", async () => {
    const good = await tell(["verify", "good"], held, ["finished", "torn-down-done"]);
    expect(lastOf(good)).toMatchObject({ state: "done", verified: true });
    expect(good.code).toBe(0);
    const bad = await tell(["verify", "bad"], held, ["hold"]);
    expect(lastOf(bad)).toMatchObject({ state: "held", verified: false });
    expect(bad.err).toMatch(/campaign bad is held[^]*gridharvest resume bad \| verify bad \| teardown bad/);
    expect(bad.code).toBe(1);
  });

  const over: JournalEntry[] = [
    { type: "step", name: "drain-parsers", status: "started" },
    { type: "step", name: "revoke-loader", status: "started" },
    { type: "step", name: "revoke-loader", status: "done" },
  ];
  it.each([
    ["serves", ["start", "booted", "drained", "serve"], true],
    ["is held after its load", ["start", "booted", "drained", ...over, "hold"], true],
    ["is held in its load", ["start", "booted", "hold"], false],
    ["is held while its parsers end", ["start", "booted", "drained", ...over.slice(0, 2), "hold"], false],
    ["loads", ["start", "booted"], false],
  ] as const)(
    "documents of a campaign that %s may be mended or not, and it is written down",
    async (how, story, may) => {
      const id = how.replaceAll(" ", "-");
      const site = { stateDir } as Parameters<typeof tellOrchestrator>[0];
      const { signal } = new AbortController();
      const sums = { places: 1, missing: 1, extra: 0, altered: 0 };
      const done = { created: 1, replaced: 0, deleted: 0, left: 0 };
      await whileListening(id, story, [], async () => {
        const asked = tellOrchestrator(site, id, { kind: "repair", chunks: ["c-0"], ...sums }, signal);
        if (!may) {
          await expect(asked).rejects.toMatchObject({ code: "COMMAND_REFUSED" });
          return;
        }
        expect(await asked).toMatchObject({ ok: true });
        await tellOrchestrator(site, id, { kind: "repaired", ...done }, signal);
      });
      const { records } = await readJournal(`${stateDir}/campaigns/${id}/journal`);
      const told = records.flatMap((record) => (record.type === "command" ? [record.args] : []));
      expect(told).toEqual([
        { kind: "repair", chunks: ["c-0"], ...sums },
        ...(may ? [{ kind: "repaired", ...done }] : []),
      ]);
      expect(viewOf(records).warnings).toEqual(
        may ? ["documents were mended by the operator: 1 created, 0 replaced, 0 deleted"] : [],
      );
    },
  );

  describe("rejected documents are loaded again", () => {
    const files = ["a", "b"].map((path) => ({ origin: originOf(path, "logs-{day}") }));
    const plan = { files, rules: NO_RULES, pinned: { pipeline: "own" } } as unknown as Plan;
    const idsOf = ({ origin: { fileId } }: (typeof files)[number]): string => `${fileId}-0`;
    const [first = "", second = ""] = files.map(idsOf);
    const pathsOf = (id: string) => campaignPaths(join(stateDir, "campaigns"), id);

    /** Parsers that commit what waits, until so much is done: of the first chunk three documents are rejected, and no more of its replay. */
    const parsers = async (id: string, spool: Spool, done: number): Promise<void> => {
      const worker = new Worker<Chunk | Replay>(
        PARSE_QUEUE,
        ({ id: chunk = "", data }) => {
          const replay =
            "of" in data ? { of: data.of, chunk: data.chunk, attempt: 1, pipeline: data.pipeline } : undefined;
          const counts = { rejected: chunk === first ? 3 : 0 };
          return Promise.resolve({ chunk, fileId: chunk.split("-")[0], attempt: 1, counts, ...(replay && { replay }) });
        },
        {
          connection: { host: "127.0.0.1", port: redis.port, maxRetriesPerRequest: null },
          prefix: campaignKeys(id).queuePrefix,
        },
      );
      await waitFor("the spool to be done", async () => (await spool.counts()).parse.completed === done);
      await worker.close();
    };
    /** Two committed chunks. */
    const spoolOf = async (id: string): Promise<Spool> => {
      const spool = createSpool(redis.client, campaignKeys(id));
      await spool.addChunks(files.map((file) => ({ id: idsOf(file), ...file }) as unknown as Chunk));
      await parsers(id, spool, 2);
      return spool;
    };
    /** What a command makes of two committed chunks. */
    const replay = async (
      id: string,
      story: readonly (CampaignEvent | JournalEntry)[],
      command: { readonly pipeline?: string; readonly service?: string } = {},
      prepare: () => Promise<void> = () => Promise.resolve(),
    ) => {
      const spool = await spoolOf(id);
      const { parse, unpack } = createQueues(redis.client, campaignKeys(id));
      const told: Command = { kind: "replay", pipeline: "own", ...command };
      const act = async () => {
        await prepare();
        const site = { stateDir } as Parameters<typeof tellOrchestrator>[0];
        return await tellOrchestrator(site, id, told, new AbortController().signal);
      };
      try {
        const reply = await whileListening(id, story, [], act, { spool, plan }).then(
          ({ text }) => ({ text, code: undefined }),
          (error: BackfillError) => ({ text: error.message, code: error.code }),
        );
        const waiting = (await parse.getJobs(["waiting"])).map(({ name, data }) => ({ name, ...data }));
        const isClosed = await parse.isPaused();
        return { ...reply, waiting, isClosed };
      } finally {
        await Promise.all([spool.disconnect(), parse.close(), unpack.close()]);
      }
    };
    const served = ["start", "booted", "drained", ...over, "serve"] as const;

    it.each([
      ["loads", ["start", "booted"], /^3 rejected documents of 1 chunks are loaded again$/],
      ["is paused", ["start", "booted", "pause"], /loaded again, once `gridharvest resume \S+` lets it go on$/],
      ["is held in its load", ["start", "booted", "hold"], /loaded again, once `gridharvest resume/],
    ] as const)("of one that %s, by its own parsers", async (how, story, text) => {
      const id = `replay-${how.replaceAll(" ", "-")}`;
      const done = await replay(id, story);
      expect(done.text).toMatch(text);
      expect(done).toMatchObject({ code: undefined, isClosed: false });
      expect(done.waiting).toMatchObject([
        { name: REPLAY_JOB, id: `${first}-r1`, of: first, chunk: first, pipeline: "own", origin: files[0]?.origin },
      ]);
      expect(await eventsOf(`${stateDir}/campaigns/${id}/journal`)).toEqual(story);
    });

    it.each([
      ["serves", served],
      ["is held after its load", ["start", "booted", "drained", ...over, "hold"]],
    ] as const)(
      "of one that %s it goes back to loading, its spool closed until parsers find their rejects",
      async (how, story) => {
        const id = `replay-${how.replaceAll(" ", "-")}`;
        const done = await replay(id, story);
        expect(done.text).toMatch(/parsers are submitted/);
        expect(done).toMatchObject({ isClosed: true, waiting: [{ id: `${first}-r1` }] });
        const { records } = await readJournal(`${stateDir}/campaigns/${id}/journal`);
        expect(viewOf(records)).toMatchObject({ state: "running", loadIsOver: false });
      },
    );

    it.each([
      ["boots", ["start"], /wait until it is running/],
      ["is being checked", ["start", "booted", "drained"], /wait until it serves or is held/],
      [
        "is held while its parsers end",
        ["start", "booted", "drained", ...over.slice(0, 2), "hold"],
        /gridharvest verify \S+` checks it again/,
      ],
    ] as const)("of one that %s not, and it says what to do", async (how, story, remedy) => {
      const done = await replay(`replay-${how.replaceAll(" ", "-")}`, story);
      expect(done).toMatchObject({
        code: "COMMAND_REFUSED",
        waiting: [],
        text: expect.stringMatching(remedy) as string,
      });
    });

    it("by another pipeline, whose rules parsers find by its hash", async () => {
      const rules = { ...NO_RULES, otherwise: "mended" };
      const missing = await replay("replay-missing", ["start", "booted"], { pipeline: "mended" });
      const file = join(pathsOf("replay-missing").replays, "mended.json");
      expect(missing).toMatchObject({
        code: "COMMAND_REFUSED",
        waiting: [],
        text: expect.stringContaining(file) as string,
      });
      const id = "replay-mended";
      const prepare = () => writeReplayRules(pathsOf(id), "mended", rules);
      const done = await replay(id, ["start", "booted"], { pipeline: "mended" }, prepare);
      expect(done).toMatchObject({ code: undefined, waiting: [{ id: `${first}-r1`, pipeline: "mended" }] });
      const told = await redis.client.get(campaignKeys(id).replayRules("mended"));
      expect(JSON.parse(told ?? "")).toEqual(rules);
    });

    it("by a file, of which the command line makes rules that stay in the campaign's directory; what waits already is not added again", async () => {
      const id = "replay-file";
      const file = join(stateDir, "mended.yaml");
      await writeFile(file, "name: syslog\nfilters:\n  - mutate: { remove_field: [pid] }\n");
      let said: Outcome | undefined;
      const prepare = async () => {
        said = await gridharvest("rejects", id, "--replay", "--pipeline", file, "--state-dir", stateDir, "--json");
      };
      const again = await replay(id, ["start", "booted"], { service: "syslog" }, prepare);
      expect(said).toMatchObject({ code: 0, out: expect.stringMatching(/3 rejected documents of 1 chunks/) as string });
      expect(again.text).toMatch(/, 1 of which waited already$/);
      const { records } = await readJournal(pathsOf(id).journal);
      const [told] = records.flatMap((record) => (record.type === "command" ? [record.args as Command] : []));
      const { pipeline } = told as Extract<Command, { kind: "replay" }>;
      expect(told).toEqual({ kind: "replay", pipeline, service: "syslog" });
      expect(again.waiting).toMatchObject([{ id: `${first}-r1`, pipeline }]);
      const rules = await readReplayRules(pathsOf(id), pipeline);
      expect(pipelineHash(rules)).toBe(pipeline);
      expect(rules).toMatchObject({ pipelines: [{ services: ["syslog"], file }], otherwise: "syslog" });

      await writeFile(file, "name: syslog\nfilters:\n  - mutate: { remove_feld: [pid] }\n");
      const broken = await gridharvest("rejects", id, "--replay", "--pipeline", file, "--state-dir", stateDir);
      expect(broken).toMatchObject({
        code: 2,
        err: expect.stringMatching(/mended\.yaml:3:\d+: .*remove_feld/) as string,
      });
    });

    it("of one that serves not while an index is not there", async () => {
      const id = "replay-unready";
      const serving = { at: 0, indices: 34, ready: 33 };
      const prepare = () => writeFile(servingFile(pathsOf(id)), JSON.stringify(serving));
      const done = await replay(id, served, {}, prepare);
      expect(done).toMatchObject({
        code: "COMMAND_REFUSED",
        waiting: [],
        text: expect.stringContaining("1 of its 34 indices are not there") as string,
      });
    });

    describe("in the moment in which their load ends", () => {
      const own = { pipeline: "own" };
      const spools: Spool[] = [];
      const journals: Journal[] = [];
      afterEach(async () => {
        await Promise.all(spools.splice(0).map((spool) => spool.disconnect()));
        await Promise.all(journals.splice(0).map((journal) => journal.close()));
      });
      /** A running campaign whose chunks are all committed, and further orchestrators that take it up as the one before has left it. */
      const running = async (id: string) => {
        const campaign = await writeCampaignDirectory(stateDir, id, ["start", "booted"]);
        const spool = await spoolOf(id);
        spools.push(spool);
        const takeUp = async (epoch: number, parts: Partial<Spool> = {}) => {
          const ctx = await contextOf(campaign, epoch, { plan, spool: { ...spool, ...parts } });
          journals.push(ctx.journal);
          return ctx;
        };
        return { spool, takeUp };
      };
      /** Where something waits until the test lets it go on. */
      const gate = () => {
        const [arrived, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
        const pass = async (): Promise<void> => {
          arrived.resolve();
          await opened.promise;
        };
        return { arrived: arrived.promise, open: opened.resolve, pass };
      };

      it("not once the spool was seen drained, and nothing of it is left there", async () => {
        const { spool, takeUp } = await running("replay-late");
        const { arrived, open, pass } = gate();
        const ctx = await takeUp(2, { isDrained: () => spool.isDrained().finally(pass) });
        await writeReplayRules(ctx.paths, "mended", NO_RULES);
        const ended = endLoad(ctx);
        await arrived;
        const reply = replayRejects(ctx, { pipeline: "mended" });
        open();
        expect(await ended).toBe(true);
        expect(await reply).toMatchObject({
          ok: false,
          text: expect.stringMatching(/while it is finishing/) as string,
        });
        expect(ctx.view.state).toBe("finishing");
        expect((await spool.counts()).parse).toMatchObject({ waiting: 0, completed: 2 });
        expect(await redis.client.exists(ctx.keys.replayRules("mended"))).toBe(0);
      });

      it("before it is seen drained: the load goes on until they are done", async () => {
        const { spool, takeUp } = await running("replay-in-time");
        const { arrived, open, pass } = gate();
        const order: string[] = [];
        const ctx = await takeUp(2, {
          async addReplays(replays) {
            await pass();
            const added = await spool.addReplays(replays);
            order.push("added");
            return added;
          },
          isDrained() {
            order.push("looked");
            return spool.isDrained();
          },
        });
        const reply = replayRejects(ctx, own);
        await arrived;
        const ended = endLoad(ctx);
        open();
        expect(await reply).toMatchObject({ ok: true });
        expect(await ended).toBe(false);
        expect(order).toEqual(["added", "looked"]);
        expect(ctx.view.state).toBe("running");
        await parsers("replay-in-time", spool, 3);
        expect(await endLoad(ctx)).toBe(true);
        expect(ctx.view.state).toBe("finishing");
      });

      it("once, when the orchestrator dies before it has written down that they wait", async () => {
        const { spool, takeUp } = await running("replay-crash");
        expect(await replayRejects(await takeUp(2), own)).toMatchObject({ ok: true });
        const next = await takeUp(3);
        expect(await endLoad(next)).toBe(false);
        // The command was not taken up as far as the journal knows.
        expect((await replayRejects(next, own)).text).toMatch(/, 1 of which waited already$/);
        await parsers("replay-crash", spool, 3);
        expect((await replayRejects(next, own)).text).toMatch(/nothing to load again/);
        expect(await endLoad(next)).toBe(true);
        expect((await spool.counts()).parse).toMatchObject({ waiting: 0, completed: 3 });
      });
    });

    it("is nothing where nothing of a service is rejected", async () => {
      const done = await replay("replay-none", served, { service: "auth" });
      expect(done).toMatchObject({
        waiting: [],
        isClosed: false,
        text: expect.stringContaining("nothing to load again") as string,
      });
      expect((await eventsOf(`${stateDir}/campaigns/replay-none/journal`)).at(-1)).toBe("serve");
      expect(second).not.toBe(first);
    });
  });

  it.each([
    ["booting", ["start"], "cancel", "cancelled"],
    ["running", ["start", "booted"], "cancel", "cancelled"],
    ["held", held, "release", "failed"],
    ["serving", ["start", "booted", "drained", "serve"], "release", "done"],
  ] as const)("teardown of a campaign that is %s", async (state, story, event, outcome) => {
    const id = `torn-${state}`;
    const torn = await tell(["teardown", id], story, [`torn-down-${outcome}`]);
    expect(lastOf(torn)).toMatchObject({ state: outcome, reason: "torn down by the operator" });
    expect(torn.code).toBe(0);
    expect((await eventsOf(`${stateDir}/campaigns/${id}/journal`)).slice(-2)).toEqual([event, `torn-down-${outcome}`]);
  });
});
