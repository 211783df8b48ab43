import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isGoing } from "../../../../orchestrator/jobs/forecast.ts";
import { liveJobs } from "../../../../orchestrator/view.ts";
import { SimulatedGrid, SIMULATED_POLICY, type Submitting } from "../../../support/simulated-grid.ts";

/** Something that happens to the grid. */
type Happening =
  | { readonly kind: "time"; readonly ticks: number }
  | { readonly kind: "submitting"; readonly how: Submitting }
  | { readonly kind: "server" | "store" | "agents"; readonly away: boolean }
  | { readonly kind: "kill" | "delete" | "requeue"; readonly which: number }
  | { readonly kind: "scale"; readonly dataNodes: number; readonly parsers: number }
  | { readonly kind: "crash"; readonly steps: number }
  | { readonly kind: "bad-host"; readonly host: string };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("time" as const), ticks: fc.integer({ min: 1, max: 60 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("submitting" as const),
      how: fc.constantFrom<Submitting>(
        "well",
        "well",
        "answer-lost",
        "never-arrived",
        "late",
        "too-late",
        "refused",
        "no-server",
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("server" as const, "store", "agents"), away: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("kill" as const, "delete", "requeue"), which: fc.nat(9) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("scale" as const),
      dataNodes: fc.integer({ min: 1, max: 4 }),
      parsers: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("crash" as const), steps: fc.nat(40) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("bad-host" as const), host: fc.constantFrom("n1", "n2", "n3") }),
  },
);

const TICK_MS = 5_000;

async function happen(grid: SimulatedGrid, what: Happening): Promise<void> {
  switch (what.kind) {
    case "time":
      for (let i = 0; i < what.ticks; i++) await tick(grid);
      return;
    case "submitting":
      grid.submitting = what.how;
      return;
    case "server":
      grid.serverAway = what.away;
      return;
    case "store":
      grid.storeAway = what.away;
      return;
    case "agents":
      grid.agentsSilent = what.away;
      return;
    case "kill":
      grid.killNode(what.which);
      return;
    case "delete":
      grid.deleteJob(what.which);
      return;
    case "requeue":
      grid.requeue(what.which);
      return;
    case "scale":
      grid.setTargets(what.dataNodes, what.parsers);
      return;
    case "crash":
      grid.crashIn = what.steps;
      await tick(grid);
      return;
    case "bad-host":
      grid.badHosts.add(what.host);
      return;
  }
}

/** One round, after which what must never be is not. */
async function tick(grid: SimulatedGrid): Promise<void> {
  await grid.tick(TICK_MS);
  expect(
    [...grid.submissions].filter(([, times]) => times > 1),
    "names that were submitted twice",
  ).toEqual([]);
  const names = grid.listed().map((job) => job.name);
  expect(names.length, "jobs of one name in the batch system").toBe(new Set(names).size);
  expect(grid.shardsThrownAway, "shards on nodes that the orchestrator ended").toBe(0);
}

async function pass(grid: SimulatedGrid, seconds: number): Promise<void> {
  for (let ms = 0; ms < seconds * 1000; ms += TICK_MS) await tick(grid);
}

/** As many nodes work as there shall be, every job of the server is known, and nobody is stuck on his way out. */
function expectSettled(grid: SimulatedGrid): void {
  const { view } = grid;
  const live = liveJobs(view);
  const known = new Map(live.map((job) => [job.jobId, job]));
  expect(
    grid
      .listed()
      .filter((job) => !known.has(job.id))
      .map((job) => job.name),
    "strays",
  ).toEqual([]);
  for (const job of live) {
    expect(job.jobId, `${job.name} has an id`).toBeDefined();
    expect(grid.leases.get(job.name), `lease of ${job.name}`).toBe(job.jobId);
    // Replacing one takes a minute or two; an hour of peace leaves nobody behind.
    const leftAt = job.leaving?.at ?? job.drainingAt ?? job.cancelledAt ?? job.lost?.at ?? grid.now;
    expect(grid.now - leftAt, `${job.name} is on its way out`).toBeLessThan(300_000);
  }
  const staying = (role: "es-data" | "parser") => live.filter((job) => job.role === role && !isGoing(job)).length;
  expect(staying("es-data")).toBeGreaterThanOrEqual(view.targets.dataNodes);
  expect(staying("parser")).toBeGreaterThanOrEqual(view.targets.parsers);
  expect([...view.breakers.keys()], "open breakers").toEqual([]);
}

describe("the job keeper, on a simulated grid", () => {
  it("whatever happens: no job twice, no lease lost, nothing thrown away, and no state without an exit", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { minLength: 1, maxLength: 40 }), async (happenings) => {
        const grid = new SimulatedGrid();
        for (const what of happenings) await happen(grid, what);
        grid.calm();
        // Breakers, quarantines and dead nodes take their time.
        await pass(grid, 2400);
        expectSettled(grid);
        // From now on nothing may be lost, and no rate may drop, for two walltimes.
        const outlived = grid.shardsOutlived;
        const { dataNodes, parsers } = grid.view.targets;
        for (let seconds = 0; seconds < 2400; seconds += TICK_MS / 1000) {
          await tick(grid);
          expect(grid.working("es-data")).toBeGreaterThanOrEqual(dataNodes);
          expect(grid.working("parser")).toBeGreaterThanOrEqual(parsers);
        }
        expect(grid.shardsOutlived).toBe(outlived);
        expectSettled(grid);
      }),
      { numRuns: Number(process.env["GRIDHARVEST_RUNS"] ?? 25) },
    );
  }, 120_000);

  it("a batch server that is away, or forgets for a moment, for half an hour in all: it costs nothing but time", async () => {
    const spell = fc.record({
      how: fc.constantFrom("away", "forgets", "well"),
      ticks: fc.integer({ min: 1, max: 11 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(spell, { minLength: 5, maxLength: 60 }), fc.nat(60), async (spells, begin) => {
        const grid = new SimulatedGrid(LONG);
        await pass(grid, begin);
        for (const { how, ticks } of spells) {
          grid.serverAway = how === "away";
          // A restarted server has read its jobs within the minute.
          grid.serverForgets = how === "forgets";
          for (let i = 0; i < ticks; i++) await tick(grid);
          grid.serverForgets = false;
          await tick(grid);
        }
        grid.calm();
        await pass(grid, 600);
        expectSettled(grid);
        expectNothingHappened(grid);
      }),
      { numRuns: 25 },
    );
  }, 120_000);

  it("a batch server that is away for half an hour at a stretch", async () => {
    const grid = new SimulatedGrid(LONG);
    await pass(grid, 120);
    grid.serverAway = true;
    await pass(grid, 1800);
    expect(grid.working("es-data")).toBe(2);
    grid.calm();
    await pass(grid, 60);
    expectSettled(grid);
    expectNothingHappened(grid);
  });

  it("a node that dies is given up within 30 s, while the batch system still says that it runs", async () => {
    const grid = new SimulatedGrid(LONG);
    await pass(grid, 120);
    const [victim] = [...grid.view.jobs.values()];
    grid.killNode(0);
    await pass(grid, 30);
    expect(victim?.lost?.how).toMatch(/no heartbeat for \d+ s while others are heard/);
    expect(grid.listed().find((job) => job.name === victim?.name)?.state).toBe("running");
    // A qdel of a job whose node is lost takes a minute; nobody waits for it.
    await pass(grid, 60);
    expect(grid.working("es-data")).toBe(2);
    await pass(grid, 120);
    expect(victim?.ended?.how).toMatch(/its node was lost/);
    // Its Elasticsearch may come back from behind a cut link, and gets nothing then.
    expect([...grid.excluded]).toEqual([victim?.name]);
    expectSettled(grid);
  });

  it("the host of a job that had failed by the next look is known", async () => {
    const grid = new SimulatedGrid(LONG);
    for (const host of ["n1", "n2", "n3", "n4", "n5", "n6"]) grid.badHosts.add(host);
    await pass(grid, 30);
    const [first] = [...grid.view.jobs.values()];
    expect(first).toMatchObject({ ended: { exit: 1 }, hosts: [expect.stringMatching(/^n\d$/)] });
    expect(first?.startedAt).toBeLessThanOrEqual(first?.ended?.at ?? 0);
  });

  it("a job that is run once more under its id has its name again, and is no duplicate", async () => {
    const grid = new SimulatedGrid(LONG);
    await pass(grid, 120);
    const [job] = [...grid.view.jobs.values()];
    grid.requeue(0);
    await pass(grid, 200);
    expect(job?.pastLives).toMatchObject([{ up: true, how: "it is queued again" }]);
    expect(job).toMatchObject({ jobId: "1.server", instance: "1.server/1" });
    expect(job?.upAt).toBeGreaterThan(job?.startedAt ?? Infinity);
    expect(grid.submissions.size).toBe(4);
    expectSettled(grid);
  });

  it("a submission that arrives after its answer was given up as lost is waited for, not repeated", async () => {
    const grid = new SimulatedGrid(LONG);
    grid.submitting = "late";
    await tick(grid);
    grid.submitting = "well";
    await pass(grid, 300);
    expectSettled(grid);
    // One of each role was asked for, then the next look came first; the other ones went well.
    expect(grid.jobs.size).toBe(4);
    expect([...grid.view.jobs.values()].filter((job) => job.ended)).toEqual([]);
  });

  it("one that arrives when nobody waits for it any more is deleted", async () => {
    const grid = new SimulatedGrid(LONG);
    grid.submitting = "too-late";
    await tick(grid);
    grid.submitting = "well";
    await pass(grid, 120);
    const abandoned = [...grid.view.jobs.values()].filter((job) => job.ended?.how === "never submitted");
    expect(abandoned).toHaveLength(2);
    await pass(grid, 900);
    for (const { name } of abandoned) {
      expect([...grid.jobs.values()].find((job) => job.name === name)).toMatchObject({ state: "finished", exit: 271 });
    }
    expectSettled(grid);
  });

  it("jobs of one role that can go nowhere do not keep those of the other from being submitted", async () => {
    const grid = new SimulatedGrid(LONG);
    grid.placeless = "es-data";
    await pass(grid, 60);
    expect(grid.working("parser")).toBe(2);
    expect(grid.submissions.size).toBe(2);
    grid.calm();
    await pass(grid, 120);
    expectSettled(grid);
  });

  it("a qdel that failed is repeated", async () => {
    const grid = new SimulatedGrid(LONG);
    await pass(grid, 120);
    const [victim] = [...grid.view.jobs.values()];
    grid.killNode(0);
    grid.serverAway = true;
    await pass(grid, 60);
    expect(victim).toMatchObject({ cancelled: true });
    grid.calm();
    await pass(grid, 240);
    expect(victim?.ended).toBeDefined();
    expectSettled(grid);
  });

  it("a replacement goes on where a dead orchestrator left it, wherever that is", async () => {
    for (let steps = 0; steps < 60; steps++) {
      const grid = new SimulatedGrid();
      await pass(grid, 120);
      const before = grid.records.length;
      // The steps of a replacement are few and far between: each round dies a little later than the one before.
      for (let seconds = 120; seconds < 1500; seconds += 5) {
        if (grid.records.length > before && seconds % 20 === 0) grid.crashIn = steps;
        await tick(grid);
      }
      grid.calm();
      expect(grid.shardsOutlived, `dying after ${String(steps)} steps`).toBe(0);
      await pass(grid, 300);
      expectSettled(grid);
    }
  }, 60_000);
});

/** Jobs that live for a day: whatever happens in an hour is no replacement. */
const LONG = { ...SIMULATED_POLICY, walltimeSeconds: { "es-data": 86_400, parser: 86_400 } };

function expectNothingHappened(grid: SimulatedGrid): void {
  const { view } = grid;
  const jobs = [...view.jobs.values()];
  // What was not submitted at first, since the server was away, was submitted under another name.
  expect(jobs.filter((job) => job.ended !== undefined && job.submittedAt !== undefined)).toEqual([]);
  expect(jobs.filter((job) => job.lost ?? (job.cancelled || job.draining || job.leaving))).toEqual([]);
  expect(jobs.filter((job) => job.ended === undefined)).toHaveLength(4);
  expect(grid.shardsOutlived).toBe(0);
}
