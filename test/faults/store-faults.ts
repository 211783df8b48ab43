import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Random } from "../../orchestrator/sample/random.ts";
import type { Chunk } from "../../worker/contract/chunk.ts";
import { ATTEMPT_FIELD, type Ids } from "../../worker/contract/ids.ts";
import { clockOff } from "../support/fake-clock.ts";
import { STAGES, type Fault } from "../support/fault-proxy.ts";
import { EVERY_FAULT } from "../support/every-fault.ts";
import { LOAD_LINES, type Load, type LoadOptions } from "../support/load.ts";
import { FLOOD_STAGE_BYTES, type StoreGround } from "../support/store-ground.ts";
import { waitFor } from "../support/wait-for.ts";

/** A fault of what a load stands on: how it comes, how it is seen that it is there, and how it goes. */
export interface StoreFault {
  readonly name: string;
  /** The way of ids that `npm test` has it with. */
  readonly usually: Ids;
  /** Only when all are asked for: it takes long, or another one is like it. */
  readonly seldom?: true;
  /** The store may lose what it had said to have; of any other fault that is a mistake of ours, also when it is loaded again. */
  readonly mayLose?: true;
  /** What it needs that not every machine has. */
  readonly needs?: "small disk";
  /** The load that it meets, where that is no usual one. */
  readonly load?: Pick<LoadOptions, "eventsPerSecond" | "isStagingFull" | "replicas">;
  /** In mid-load. */
  readonly inject: (load: Load, random: Random) => Promise<Injected>;
}

/** The tag of an attempt that was not committed. */
const LEFT_BEHIND = "leftbehind";

export interface Injected {
  /** True once it has done what it is there for; a fault that is never felt proves nothing. */
  readonly felt: () => boolean | Promise<boolean>;
  readonly heal: () => Promise<unknown>;
  /** What must be seen when the load is over, beside the proof. */
  readonly afterwards?: () => Promise<void> | void;
  /** What it may cost, and nothing else. */
  readonly costs?: { readonly path: string; readonly code: string };
}

/** Something happens to the next so many bulks. */
function toBulks(name: string, usually: Ids, faults: (random: Random) => readonly Fault[]): StoreFault {
  return {
    name,
    usually,
    inject: (load, random) => {
      const { proxy } = load.ground;
      proxy.faults.push(...faults(random));
      return Promise.resolve({ felt: () => proxy.faults.length === 0, heal: () => Promise.resolve() });
    },
  };
}

const times = (n: number, fault: Fault): Fault[] => Array.from({ length: n }, () => fault);
const FULL: Fault = {
  kind: "answer",
  status: 429,
  body: `{"error":{"type":"es_rejected_execution_exception","reason":"rejected execution of coordinating operation"}}`,
};

/** At a random moment of a random bulk, and a little later. */
export const PARSER_KILLED: StoreFault = {
  name: "kill -9 of a parser",
  usually: "store",
  inject: async (load, random) => {
    const victim = load.parsers.length > 0 ? random.pick(load.parsers) : await load.start();
    const when = random.pick(STAGES);
    const millis = random.below(2) === 0 ? 0 : random.below(60);
    const kill = (): void => void setTimeout(() => victim.child.kill("SIGKILL"), millis);
    load.ground.proxy.faults.push(...times(random.below(3), { kind: "pass" }), { kind: "tell", when, tell: kill });
    return { felt: () => victim.child.signalCode === "SIGKILL", heal: () => load.start() };
  },
};

const PROXIES: readonly StoreFault[] = [
  toBulks("an answer cut in its middle", "derived", () => times(2, { kind: "cut-answer" })),
  toBulks("a proxy that resets connections", "store", (random) => [
    ...times(random.between(1, 2), { kind: "reset" }),
    ...times(random.between(1, 2), { kind: "refuse" }),
  ]),
  toBulks("a proxy that truncates requests", "derived", () => times(2, { kind: "cut-request" })),
  toBulks("a proxy that delays", "store", (random) =>
    Array.from({ length: 6 }, () => ({ kind: "delay", millis: random.between(50, 1000) })),
  ),
  toBulks("a storm of 429", "store", () => times(5, FULL)),
  { ...toBulks("a long storm of 429", "derived", () => times(12, FULL)), seldom: true },
];

/** The last of them; it comes back with its data. */
const DATA_NODE_KILLED: StoreFault = {
  name: "kill -9 of the data node that has the only copy",
  usually: "derived",
  mayLose: true,
  async inject(load) {
    const node = load.ground.data.at(-1);
    if (!node) throw new Error("there is no data node");
    // The proxy takes connections that the node does not: at the node's own address there is nobody.
    await load.campaign.setDataNode(node.url, "killed");
    await node.kill();
    const failed = await load.figure("failed");
    return {
      // Or all that is on its way is with other nodes by then, which wait for the lost node's shards.
      felt: async () => (await load.figure("failed")) > failed || (await hasWaitingBulk(load.ground.store)),
      heal: () => node.start(),
    };
  },
};

const STORE: readonly StoreFault[] = [
  DATA_NODE_KILLED,
  {
    name: "a read-only index block",
    usually: "store",
    async inject({ campaign, ground }) {
      const [index = ""] = await indicesOf(ground.store, campaign.indices);
      const block = (isBlocked: true | null) =>
        ground.store.request("PUT", `/${index}/_settings`, { "index.blocks.write": isBlocked });
      await block(true);
      return { felt: async () => (await campaign.parse.getDelayedCount()) > 0, heal: () => block(null) };
    },
  },
  {
    name: "the store's disk full, and freed",
    usually: "store",
    needs: "small disk",
    // Elasticsearch looks at its disk every ten seconds.
    load: { eventsPerSecond: 300 },
    async inject(load) {
      const { campaign, ground } = load;
      const { store, disk } = ground;
      const throttled = await load.figure("throttled");
      disk?.fill(FLOOD_STAGE_BYTES / 2);
      const isBlocked = async (): Promise<boolean> =>
        JSON.stringify(await store.request("GET", `/${campaign.indices}/_settings`)).includes("read_only_allow_delete");
      return {
        felt: async () => (await isBlocked()) && (await load.figure("throttled")) > throttled,
        // Elasticsearch opens the indices by itself when it looks again.
        heal: () => Promise.resolve(disk?.free()),
        async afterwards() {
          expect(await isBlocked()).toBe(false);
        },
      };
    },
  },
  {
    name: "the store's disk full to the last byte, and freed",
    // What a failed bulk left in memory answers the next one with 409, and is gone when its shard fails.
    usually: "derived",
    mayLose: true,
    needs: "small disk",
    load: { eventsPerSecond: 300 },
    async inject(load) {
      const { store, disk } = load.ground;
      const threshold = "cluster.routing.allocation.disk.threshold_enabled";
      const guard = (isOn: null | false) =>
        store.request("PUT", "/_cluster/settings", { persistent: { [threshold]: isOn } });
      // Nobody holds the store back before the end.
      await guard(false);
      disk?.fill(0);
      // A bulk may fail as a whole, or each of its documents since their shard has failed.
      const refused = async (): Promise<number> => (await load.figure("failed")) + (await load.figure("throttled"));
      const before = await refused();
      return {
        felt: async () => {
          // What the store deletes, as after a flush, would be room enough for the rest of the load.
          disk?.fill(0);
          // A node that cannot write its state down gives itself up as master, and bulks in flight then wait for one.
          return load.problems().length > 0 || (await refused()) > before || (await hasNoMaster(store));
        },
        async heal() {
          disk?.free();
          // It stands for election again by itself.
          await waitFor("the store to have a master again", () => guard(null), { timeoutMs: 120_000, everyMs: 500 });
          // What an operator does where Elasticsearch has given a shard up.
          await store.request("POST", "/_cluster/reroute?retry_failed=true");
        },
      };
    },
  },
  {
    name: "documents that the store had, and loses",
    usually: "store",
    mayLose: true,
    async inject({ campaign, ground: { client, redis } }) {
      const index = campaign.indices;
      const found = await waitFor("some documents", async () => {
        await client.indices.refresh({ index });
        const { hits } = await client.search<Record<string, unknown>>({ index, size: 5 });
        return hits.hits.length === 5 && hits.hits;
      });
      const operations = found.flatMap<object>(({ _index, _id = "" }) => ({ delete: { _index, _id } }));
      // Where the store makes the ids, an attempt that nobody committed has left as many in the same files, which hides the loss from counting.
      for (const { _index, _source: source } of found) {
        if (source?.[ATTEMPT_FIELD] === undefined) continue;
        await redis.client.hset(campaign.keys.attempts, LEFT_BEHIND, "nobody's");
        operations.push({ create: { _index } }, { ...source, [ATTEMPT_FIELD]: LEFT_BEHIND });
      }
      const { items } = await client.bulk({ operations, refresh: true });
      return {
        felt: () => items.filter((item) => item.delete?.result === "deleted").length === 5,
        heal: () => Promise.resolve(),
      };
    },
  },
];

const REDIS: readonly StoreFault[] = [
  {
    name: "kill -9 of Redis",
    usually: "derived",
    async inject({ ground: { redis } }) {
      await redis.kill();
      return { felt: () => redis.client.status !== "ready", heal: () => redis.start() };
    },
  },
  {
    name: "Redis at its memory limit",
    usually: "store",
    async inject({ ground: { redis }, campaign }) {
      await redis.client.config("SET", "maxmemory", "1mb");
      await expect(redis.client.set("more", "x")).rejects.toThrow(/^OOM /);
      return {
        // A lock that could not be renewed: what its holder does from then on must count for nothing. Or, where the fault before this one made
        // each chunk wait, that nobody can take one.
        felt: async () => {
          const active = await campaign.parse.getActive();
          const locks = await Promise.all(
            active.map(({ id = "" }) => redis.client.exists(`${campaign.parse.toKey(id)}:lock`)),
          );
          return active.length === 0 || locks.includes(0);
        },
        heal: () => redis.client.config("SET", "maxmemory", "0"),
      };
    },
  },
];

const CARBON_AWAY_SECONDS = EVERY_FAULT ? 60 : 6;

const CARBON: StoreFault = {
  name: `carbon away for ${String(CARBON_AWAY_SECONDS)} s`,
  usually: "derived",
  load: { eventsPerSecond: LOAD_LINES / (2 * CARBON_AWAY_SECONDS) },
  async inject(load) {
    const { carbon } = load.ground;
    const since = Date.now();
    await carbon.leave();
    return {
      felt: () => Date.now() - since > 1000 * CARBON_AWAY_SECONDS,
      heal: () => carbon.comeBack(),
      afterwards: () => {
        expectEveryPoint(load);
      },
    };
  },
};

const FILES: readonly StoreFault[] = [
  {
    name: "staging disk full",
    usually: "derived",
    needs: "small disk",
    load: { isStagingFull: true },
    inject: ({ campaign, stagingDisk }) =>
      Promise.resolve({
        felt: async () =>
          (await campaign.unpack.getDelayed()).some(({ failedReason }) => failedReason?.includes("ENOSPC")),
        heal: () => Promise.resolve(stagingDisk?.free()),
      }),
  },
  {
    name: "an archive file removed in mid-load",
    usually: "store",
    async inject({ campaign }) {
      // One of which a part is loaded, another is in work, and a third waits: what is open is read to its end.
      const path = await waitFor(
        "a plain file in work",
        async () => {
          const [{ source, range, origin }] = (await campaign.parse.getActive()).map(({ data }) => data) as [Chunk];
          return source.kind === "plain" && range.start > 0 && range.end < source.size && origin.path;
        },
        { everyMs: 5 },
      );
      rmSync(join(campaign.dir, "archive", path));
      return {
        felt: async () => (await campaign.parse.getFailedCount()) > 0,
        heal: () => Promise.resolve(),
        costs: { path, code: "FILE_MISSING" },
      };
    },
  },
];

const CLOCK: StoreFault = {
  name: "a clock that jumps two hours ahead and three back",
  usually: "derived",
  async inject(load) {
    const { campaign, ground } = load;
    const file = join(campaign.dir, "clock");
    const set = (seconds: number): void => writeFileSync(file, `${seconds >= 0 ? "+" : ""}${String(seconds)}\n`);
    set(0);
    const { LD_PRELOAD = "" } = clockOff("+0");
    // Timers and what is measured go on: it is the time of day that jumps.
    const clock = { FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: "1", DONT_FAKE_MONOTONIC: "1" };
    const others = load.parsers;
    await load.start({ env: { ...clock, LD_PRELOAD: LD_PRELOAD.replace("libfaketime.so", "libfaketimeMT.so") } });
    for (const other of others) {
      other.send("drain");
      await other.exited;
    }
    set(7200);
    const isAhead = async (): Promise<boolean> => {
      const jobs = [...(await campaign.parse.getActive()), ...(await campaign.parse.getCompleted(0, 0))];
      return jobs.some(({ processedOn = 0 }) => processedOn > Date.now() + 3_600_000);
    };
    let asked = false;
    return {
      async felt() {
        if (!(await isAhead())) return false;
        // A node that does not answer is left alone for a while, by a clock that then jumps back.
        if (!asked) ground.proxy.faults.push({ kind: "refuse" });
        asked = true;
        return ground.proxy.faults.length === 0;
      },
      heal: () => Promise.resolve(set(-3600)),
    };
  },
};

/** Of a cluster of several nodes. */
export const CLUSTER_FAULTS: readonly StoreFault[] = [
  { ...DATA_NODE_KILLED, name: "kill -9 of a data node, without replicas" },
  { ...DATA_NODE_KILLED, name: "kill -9 of a data node, with replicas", load: { replicas: 1 } },
  {
    name: "kill -9 of the master",
    usually: "store",
    async inject(load) {
      const { store, data } = load.ground;
      const [asked] = data;
      await store.kill();
      return {
        // The data nodes know it, and whatever is to go on without a master has had its chance.
        felt: async () => asked === undefined || (await hasNoMaster(asked)),
        heal: () => store.start(),
      };
    },
  },
];

/** Each is met by a load of its own. */
export const STORE_FAULTS: readonly StoreFault[] = [...PROXIES, ...STORE, ...REDIS, CARBON, ...FILES, CLOCK];

/** Those that leave a load as they found it, so that several may meet one load. */
export const PASSING_FAULTS: readonly StoreFault[] = [
  PARSER_KILLED,
  ...PROXIES.filter(({ seldom }) => !seldom),
  ...STORE.filter(({ seldom }) => !seldom),
  ...REDIS,
];

/** Whether a bulk waits in the cluster, at least ten times as long as one takes there. */
async function hasWaitingBulk(node: StoreGround["store"]): Promise<boolean> {
  const query = "actions=indices:data/write/bulk&group_by=none";
  const { tasks = [] } = (await node.request("GET", `/_tasks?${query}`).catch(() => ({}))) as {
    readonly tasks?: readonly { readonly running_time_in_nanos: number }[];
  };
  return tasks.some((task) => task.running_time_in_nanos > 3e9);
}

/** As a node sees it that is asked for nothing but what it knows itself. */
async function hasNoMaster(node: StoreGround["store"]): Promise<boolean> {
  const health = await node.request("GET", "/_cluster/health?local=true&master_timeout=1s").catch(() => undefined);
  return health === undefined || health["status"] === "red";
}

/** The points of each parser, of which none was killed, add up to all that was read, and no second is missing. */
function expectEveryPoint({ ground, campaign }: Load): void {
  let read = 0;
  for (const [path, points] of ground.carbon.points) {
    if (!path.startsWith(`gridharvest.${campaign.id}.`) || !path.endsWith(".lines.read")) continue;
    const seconds = [...points.keys()].toSorted((a, b) => a - b);
    expect(seconds).toEqual(seconds.map((_, n) => (seconds[0] ?? 0) + n));
    for (const value of points.values()) read += value;
  }
  expect(read).toBe(LOAD_LINES);
}

async function indicesOf(store: Load["ground"]["store"], pattern: string): Promise<readonly string[]> {
  const settings = await store.request("GET", `/${pattern}/_settings`);
  // Lines of each load go to the days from the 10th to the 12th.
  return Object.keys(settings).filter((index) => /2013\.01\.1[0-2]/.test(index));
}
