import { Agenda } from "./agenda.ts";
import type { Costs } from "./costs.ts";
import { restoredAtOnce } from "../shards.ts";
import { gatewayLoad, PROXY_CONNECTIONS, type NodeList } from "./gateway.ts";
import { Jobs, type SimulatedJob } from "./jobs.ts";
import { Loading, type Parser, type ParserShape } from "./loading.ts";
import { createDraws } from "./random.ts";
import { Runs } from "./runs.ts";
import { Store } from "./store.ts";
import { replaceInTime, type Walltimes } from "./walltime.ts";
import { plainUnits, togetherFor, type FileGroup } from "./work.ts";

/** A campaign to be simulated. */
export interface Setup {
  readonly files: readonly FileGroup[];
  readonly chunkBytes: number;
  readonly stagingBytes: number;
  /** Daily indices, those beside the month included. */
  readonly indices: number;
  readonly shardsPerIndex: number;
  readonly dataNodes: { readonly count: number; readonly cores: number; readonly replicas: number };
  readonly parsers: ParserShape & { readonly count: number };
  /** Cores that all nodes share; absent where each node has its own. */
  readonly machineCores?: number;
  readonly submissionsPerMinute: number;
  /** Absent: no job's walltime ends. */
  readonly walltimes?: Walltimes;
  /** How parsers learn the data nodes; as the program does it when absent. */
  readonly nodeList?: NodeList;
}

/** Shares of what there is, 0 to 1 and above where it would not be enough, over the time of the load. */
export interface Utilisation {
  readonly archive: number;
  readonly unpack: number;
  /** Cores of the parsers, unpacking included. */
  readonly parse: number;
  /** The busiest leg of a node. */
  readonly network: number;
  /** Cores of the data nodes together, and of the busiest. */
  readonly store: number;
  readonly busiestDataNode: number;
  /** Redis's only thread. */
  readonly spool: number;
  /** The gateway host's leg, and the proxy's connections. */
  readonly gatewayNetwork: number;
  readonly connections: number;
  /** Cores of the machine that all nodes share. */
  readonly machine?: number;
}

/** One run. */
export interface SimulatedRun {
  /** `Infinity` of a load that never ends: what is loaded is lost with its data nodes again and again. */
  readonly seconds: number;
  readonly loadSeconds: number;
  /** Seconds by phase, in order. */
  readonly phases: Readonly<Record<string, number>>;
  readonly nodeHours: { readonly dataNodes: number; readonly parsers: number; readonly total: number };
  readonly lines: number;
  readonly eventsPerSecond: number;
  readonly utilisation: Utilisation;
  /** CPU seconds of the data nodes while loading. */
  readonly storeCpuSeconds: number;
  readonly jobs: number;
  readonly replaced: number;
  /** Bytes that were loaded again, since a data node ended before it was empty. */
  readonly reloadedBytes: number;
  /** Data nodes that hold no shard when the load begins. */
  readonly idleDataNodes: number;
  readonly events: number;
}

/** A share of a single server above which nothing is answered in time any more. */
const SATURATED = 0.98;
/** The orchestrator looks so often whether the load is over. */
const LOOK_SECONDS = 0.5;
/** A load of which so many times as much was lost will never end. */
const MOST_RELOADS = 5;

/**
 * Plays a campaign once. The same seed gives the same run. Pure: no clock, no I/O.
 * @param slowness of the run: by so many times `costs.spread` the logarithm of its costs is off; drawn by the seed when absent
 */
export function simulate(setup: Setup, costs: Costs, seed: number, slowness?: number): SimulatedRun {
  const agenda = new Agenda();
  const draws = createDraws(seed, "nodes");
  const speed =
    slowness === undefined ? createDraws(seed, "run").factor(costs.spread) : Math.exp(slowness * costs.spread);
  const runs = new Runs(agenda, costs, setup.machineCores, speed);
  const { indices, shardsPerIndex, dataNodes, parsers } = setup;
  const store = new Store(
    agenda,
    costs,
    { cores: dataNodes.cores, indices, shardsPerIndex, replicas: dataNodes.replicas },
    runs,
    draws,
  );
  const background = gatewayLoad(dataNodes.count, parsers.count, costs, setup.nodeList);
  const sizes = { chunkBytes: setup.chunkBytes, bulkBytes: parsers.bulkBytes };
  const together = togetherFor(setup.files, sizes, parsers.count * parsers.slots);
  const cutting = { ...sizes, indices, together };
  const packed = setup.files.flatMap((group) => (group.packed ? Array.from({ length: group.count }, () => group) : []));
  const units = plainUnits(setup.files, cutting);
  const chunks = units.reduce((sum, unit) => sum + unit.chunks, 0);
  const loading = new Loading(
    {
      agenda,
      costs,
      runs,
      store,
      cutting,
      shape: parsers,
      redisBusy: Math.min(SATURATED, background.redis),
      stagingBytes: setup.stagingBytes,
    },
    units,
    packed,
  );
  const jobs = new Jobs(agenda, costs, setup.submissionsPerMinute, draws);

  let dataUp = 0;
  let parsersUp = 0;
  let readyAt = Infinity;
  let openAt = Infinity;
  let idleDataNodes = 0;
  const parserJobs = new Map<Parser, SimulatedJob>();
  const { walltimes } = setup;

  const joinParser = (job: SimulatedJob): void => {
    parsersUp++;
    const parser = loading.join(draws.factor(costs.nodeSpread));
    parserJobs.set(parser, job);
    if (walltimes)
      replaceInTime.parser(
        { agenda, costs, jobs, loading, walltimes, isOver: () => loading.isDone },
        job,
        parser,
        joinParser,
      );
    begin();
  };
  const joinData = (job: SimulatedJob): void => {
    dataUp++;
    const node = store.join();
    if (walltimes)
      replaceInTime.dataNode(
        { agenda, costs, jobs, loading, walltimes, isOver: () => loading.isDone },
        job,
        node,
        store,
      );
    begin();
  };
  const begin = (): void => {
    if (readyAt < Infinity || dataUp < dataNodes.count || parsersUp === 0) return;
    readyAt = Math.max(agenda.now, costs.gatewaySeconds);
    const prepare = Math.ceil(indices / 8) * costs.indexSeconds + (chunks * costs.spoolMicrosPerChunk) / 1e6;
    agenda.after(readyAt - agenda.now + prepare, () => {
      store.create();
      const used = new Set(store.shards.map(({ node }) => node));
      idleDataNodes = store.nodes.length - used.size;
      openAt = agenda.now;
      loading.open();
    });
  };
  for (let i = 0; i < dataNodes.count; i++) jobs.submit("dataNode", joinData);
  for (let i = 0; i < parsers.count; i++) jobs.submit("parser", joinParser);
  const submitted = agenda.now;
  const bytes = setup.files.reduce((sum, group) => sum + group.count * group.bytes, 0);
  const isEndless = (): boolean => loading.reloadedBytes > MOST_RELOADS * bytes;
  agenda.run(() => loading.isDone || isEndless());

  const loadEnd = agenda.now;
  const loadSeconds = isEndless() ? Infinity : Math.max(0, loadEnd - openAt) + LOOK_SECONDS / 2;
  const storeBytes = store.nodes.map((_, node) =>
    store.shards.filter((shard) => shard.node === node).reduce((sum, { bytes }) => sum + bytes, 0),
  );
  const phases = {
    launch: costs.launchSeconds,
    boot: readyAt - submitted,
    prepare: openAt - readyAt,
    load: loadSeconds,
    finish: costs.finishSeconds,
    snapshot: Math.max(0, ...storeBytes) / costs.snapshotBytesPerSecond,
    "verify-snapshot": verifySeconds(store, setup, costs),
    teardown: costs.teardownSeconds,
  };
  const seconds = Object.values(phases).reduce((sum, phase) => sum + phase, 0);
  const after = isEndless() ? 0 : seconds - phases.launch - phases.boot - phases.prepare - loadSeconds;
  const running = (role: "dataNode" | "parser"): number =>
    jobs.all.filter((job) => job.role === role && job.startedAt !== undefined && job.endedAt === undefined).length;
  const dataHours = (jobs.ranSeconds("dataNode") + running("dataNode") * after) / 3600;
  const parserHours = jobs.ranSeconds("parser") / 3600;
  const lines = loading.committedBytes / costs.lineBytes;
  const share = (busySeconds: number, servers: number): number =>
    loadSeconds > 0 ? busySeconds / servers / loadSeconds : 0;
  const busy = store.nodes.map((node) => node.cpuSeconds);
  const storeCpuSeconds = busy.reduce((sum, one) => sum + one, 0);
  const parserCores = parsers.count * parsers.cores;
  return {
    seconds,
    loadSeconds,
    phases,
    nodeHours: { dataNodes: dataHours, parsers: parserHours, total: dataHours + parserHours },
    lines,
    eventsPerSecond: loadSeconds > 0 ? lines / loadSeconds : 0,
    utilisation: {
      archive: share(loading.archive.busySeconds, 1),
      unpack: share(loading.unpackCoreSeconds, parserCores),
      parse: share(loading.unpackCoreSeconds + loading.parseCoreSeconds, parserCores),
      network: share(Math.max(0, ...[...store.nodes, ...loading.parsers].map((node) => node.network.busySeconds)), 1),
      store: share(storeCpuSeconds, dataNodes.count * dataNodes.cores),
      busiestDataNode: share(Math.max(0, ...busy), dataNodes.cores),
      spool: background.redis + share(loading.redis.busySeconds, 1) * (1 - Math.min(SATURATED, background.redis)),
      gatewayNetwork: setup.machineCores === undefined ? background.bytesPerSecond / costs.gatewayBytesPerSecond : 0,
      connections: background.connections / PROXY_CONNECTIONS,
      ...(runs.machine ? { machine: share(runs.machine.busySeconds, runs.machine.servers) } : {}),
    },
    storeCpuSeconds,
    jobs: jobs.all.length,
    replaced: jobs.all.length - dataNodes.count - parsers.count,
    reloadedBytes: loading.reloadedBytes,
    idleDataNodes,
    events: agenda.events,
  };
}

/** Some indices are restored at once, the shards of one too; each shard by the node that it is put on. */
function verifySeconds(store: Store, setup: Setup, costs: Costs): number {
  const { indices, shardsPerIndex, dataNodes } = setup;
  const atOnce = restoredAtOnce(indices, dataNodes.count);
  const largest = Math.max(0, ...store.shards.map((shard) => shard.bytes));
  const shardsOfNode = Math.ceil((atOnce * shardsPerIndex) / dataNodes.count);
  const round = costs.verifySecondsPerIndex + (largest * shardsOfNode) / costs.snapshotBytesPerSecond;
  return Math.ceil(indices / atOnce) * round;
}
