import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../orchestrator/sample/random.ts";
import { IDS } from "../../worker/contract/ids.ts";
import { EngineCopy } from "../fuzz/plant.ts";
import { makeSite, type TestSite } from "../support/campaign.ts";
import { SERVICE_FAULTS } from "../support/campaign-faults.ts";
import { EVERY_FAULT } from "../support/every-fault.ts";
import { describeWith, privateStateDir } from "../support/index.ts";
import { startClusterGround, startStoreGround, type StoreGround } from "../support/store-ground.ts";
import { meet, meetings } from "./meet.ts";
import { PLANTED_IN_THE_SINK } from "./planted-in-the-sink.ts";
import { CLUSTER_FAULTS, PARSER_KILLED, PASSING_FAULTS, STORE_FAULTS, type StoreFault } from "./store-faults.ts";

/**
 * Faults of the store and of what is around it, under a load by real parsers: each line must stand in the store once, as an export and a script
 * outside the product see it. Each fault once in `npm test`; with `npm run test:faults -- store` all of them with each way of ids, 50 kills, and a
 * quarter of an hour of what chance brings. `GRIDHARVEST_FAULT_SEED` brings another run's chance back. In `npm test`
 * `grid.test.ts` has those of whole campaigns, and `node-loss.test.ts` that of a data node among several.
 */
const SEED = Number(process.env["GRIDHARVEST_FAULT_SEED"] ?? 20130114);
const KILLS = EVERY_FAULT ? 50 : 3;
const KILLS_OF_A_LOAD = 10;
const MIX_MINUTES = EVERY_FAULT ? 15 : 0;
const FAULTS_OF_A_MIX = 3;

describeWith(["redis", "elasticsearch", "faketime"], `faults of the store (seed ${String(SEED)})`, () => {
  const dir = privateStateDir("store-faults");
  let ground: StoreGround;
  beforeAll(async () => {
    ground = await startStoreGround(dir);
  });
  afterAll(() => ground.close());

  const isPossible = ({ needs }: StoreFault): boolean => needs === undefined || ground.disk !== undefined;

  it.for(meetings(STORE_FAULTS, EVERY_FAULT))("$name, ids: $ids", async (meeting, { skip }) => {
    if (!meeting.faults.every(isPossible)) skip("a container without the right to mount has no small disk to fill");
    await meet(ground, { ...meeting, seed: SEED });
  });

  it.each(EVERY_FAULT ? IDS : ([PARSER_KILLED.usually] as const))(
    `kill -9 of a parser at ${String(KILLS)} random instants, ids: %s`,
    async (ids) => {
      for (let killed = 0; killed < KILLS; killed += KILLS_OF_A_LOAD) {
        const faults = Array<StoreFault>(Math.min(KILLS - killed, KILLS_OF_A_LOAD)).fill(PARSER_KILLED);
        const { again } = await meet(ground, { faults, ids, seed: SEED, name: `kills from the ${String(killed)}th` });
        expect(again).toBeGreaterThan(0);
      }
    },
    (5 + KILLS / 2) * 60_000,
  );

  it(
    `what chance brings in ${String(MIX_MINUTES)} minutes`,
    async () => {
      const end = Date.now() + MIX_MINUTES * 60_000;
      const possible = PASSING_FAULTS.filter(isPossible);
      let n = 0;
      do {
        const name = `mix ${String(n)}`;
        const random = new Random(SEED, name);
        const faults = Array.from({ length: FAULTS_OF_A_MIX }, () => random.pick(possible));
        const met = faults.map((fault) => fault.name).join(", ");
        await meet(ground, { faults, ids: random.pick(IDS), seed: SEED, name: `${name} (${met})` });
        n += 1;
      } while (Date.now() < end);
    },
    (MIX_MINUTES + 10) * 60_000,
  );

  describe("whose suite", () => {
    let copy: EngineCopy;
    beforeAll(async () => {
      copy = await EngineCopy.make();
    });
    afterAll(() => copy[Symbol.asyncDispose]());

    it.for(PLANTED_IN_THE_SINK)("goes red: $name", async ({ meets, ids, says, ...edit }) => {
      await copy.plant(edit);
      try {
        const load = { parserEntry: copy.file("worker/parser.ts") };
        const faults = STORE_FAULTS.filter(({ name }) => name === meets);
        expect(faults).toHaveLength(1);
        await expect(meet(ground, { faults, ids, seed: SEED, name: edit.name, load })).rejects.toThrow(says);
      } finally {
        await copy.restore(edit);
      }
    });
  });
});

if (EVERY_FAULT) {
  describeWith(["redis", "elasticsearch"], `faults of a store of several nodes (seed ${String(SEED)})`, () => {
    const dir = privateStateDir("cluster-faults");
    let ground: StoreGround;
    beforeAll(async () => {
      ground = await startClusterGround(dir);
    }, 300_000);
    afterAll(() => ground.close());

    it.for(meetings(CLUSTER_FAULTS, EVERY_FAULT))("$name, ids: $ids", async (meeting) => {
      const dataNodes = ground.data.map(({ url }) => url);
      await meet(ground, { ...meeting, seed: SEED, load: { dataNodes } });
    });
  });

  describeWith(["redis", "elasticsearch", "haproxy", "carbon", "7z"], "faults of what is around a campaign", () => {
    const dir = privateStateDir("store-campaign");
    let site: TestSite;
    beforeAll(async () => {
      site = await makeSite(dir);
    }, 120_000);
    afterEach(async () => {
      await site.endAll();
    }, 120_000);
    afterAll(async () => {
      await site.down();
    }, 60_000);

    const cases = SERVICE_FAULTS.flatMap((fault, n) =>
      IDS.map((ids) => ({ fault, name: fault.name, ids, id: `${ids}-${String(n)}` })),
    );
    it.for(cases)("$name, ids: $ids", async ({ fault, ids, id }) => {
      await site.launch(id, [`plan.ids=${ids}`, "limits.eventsPerSecond=300"]);
      await site.untilChunks(id, 10);
      await fault.happen(id, site);
      site.unleash(id);
      await site.conclude(id);
      // One for the data node, one for the parser: whoever came meanwhile submitted none again.
      expect(await site.jobNames(id)).toHaveLength(2);
    });
  });
}
