import { indexCount, shardsOfDay } from "../../../orchestrator/shards.ts";
import type { Costs } from "../../../orchestrator/simulation/costs.ts";
import { forecast } from "../../../orchestrator/simulation/forecast.ts";
import type { Setup } from "../../../orchestrator/simulation/simulate.ts";
import { monthOf } from "../../../orchestrator/simulation/work.ts";
import type { Row } from "../benchmark.ts";
import { textTable } from "../table.ts";

/** What the simulator says of a grid of so many nodes. */
export interface CurveRow extends Row {
  readonly dataNodes: number;
  readonly parsers: number;
  readonly bytes: number;
  readonly shardsPerDay: number;
  readonly seconds: number;
  readonly bootSeconds: number;
  readonly loadSeconds: number;
  readonly verifySeconds: number;
  readonly eventsPerSecond: number;
  /** Of one data node and two parsers with their part of the bytes. */
  readonly efficiency: number;
  readonly idleDataNodes: number;
  readonly archive: number;
  readonly gatewayNetwork: number;
  readonly connections: number;
  readonly redis: number;
  readonly limit: string;
}

/** Any month of 31 days. */
const MONTH = "2013-01";
const CHUNK = 8 * 2 ** 20;
/** A data node's part: more nodes are for more bytes. */
const BYTES_PER_DATA_NODE = 13e9;
/** Nodes, of which a third are data nodes. */
const SIZES = [3, 12, 24, 64, 256, 1000];

function setupFor(dataNodes: number, parsers: number, bytes: number, costs: Costs): Setup {
  const indexBytes = (bytes / costs.lineBytes) * costs.documentsPerLine * costs.indexBytesPerDocument;
  return {
    files: monthOf(bytes, { chunkBytes: CHUNK, packed: false }),
    chunkBytes: CHUNK,
    stagingBytes: 2 ** 29,
    indices: indexCount([MONTH]),
    shardsPerIndex: shardsOfDay([MONTH], dataNodes, { indexBytes }),
    dataNodes: { count: dataNodes, cores: 1, replicas: 0 },
    parsers: { count: parsers, cores: 1, slots: 1, unpackSlots: 1, requestsInFlight: 2, bulkBytes: 4 * 2 ** 20 },
    submissionsPerMinute: 60,
  };
}

/** The load grows with the nodes, so that what does not grow with them shows. */
export function curve(costs: Costs): readonly CurveRow[] {
  let one: number | undefined;
  return SIZES.map((nodes) => {
    const dataNodes = Math.floor(nodes / 3);
    const parsers = nodes - dataNodes;
    const bytes = dataNodes * BYTES_PER_DATA_NODE;
    const setup = setupFor(dataNodes, parsers, bytes, costs);
    const { typical, limit } = forecast(setup, costs, { runs: 1 });
    const each = typical.eventsPerSecond / dataNodes;
    one ??= each;
    return {
      name: `simulated: ${String(nodes)} nodes`,
      dataNodes,
      parsers,
      bytes,
      shardsPerDay: setup.shardsPerIndex,
      seconds: typical.seconds,
      bootSeconds: typical.phases["boot"] ?? 0,
      loadSeconds: typical.loadSeconds,
      verifySeconds: typical.phases["verify-snapshot"] ?? 0,
      eventsPerSecond: typical.eventsPerSecond,
      efficiency: each / one,
      idleDataNodes: typical.idleDataNodes,
      archive: typical.utilisation.archive,
      gatewayNetwork: typical.utilisation.gatewayNetwork,
      connections: typical.utilisation.connections,
      redis: typical.utilisation.spool,
      limit: limit.stage,
    };
  });
}

export function curveText(rows: readonly CurveRow[]): string {
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  return `simulated, ${String(BYTES_PER_DATA_NODE / 1e9)} GB for each data node, each node a core of its own\n${textTable<CurveRow>(
    [
      { title: "data nodes", right: true, text: (row) => String(row.dataNodes) },
      { title: "parsers", right: true, text: (row) => String(row.parsers) },
      { title: "GB", right: true, text: (row) => (row.bytes / 1e9).toFixed(0) },
      { title: "shards a day", right: true, text: (row) => String(row.shardsPerDay) },
      { title: "boot s", right: true, text: (row) => row.bootSeconds.toFixed(0) },
      { title: "load s", right: true, text: (row) => row.loadSeconds.toFixed(0) },
      { title: "verify s", right: true, text: (row) => row.verifySeconds.toFixed(0) },
      { title: "events/s", right: true, text: (row) => Math.round(row.eventsPerSecond).toLocaleString("en-US") },
      { title: "efficiency", right: true, text: (row) => row.efficiency.toFixed(2) },
      { title: "idle data nodes", right: true, text: (row) => String(row.idleDataNodes) },
      { title: "archive", right: true, text: (row) => percent(row.archive) },
      { title: "gateway network", right: true, text: (row) => percent(row.gatewayNetwork) },
      { title: "connections", right: true, text: (row) => percent(row.connections) },
      { title: "Redis", right: true, text: (row) => percent(row.redis) },
      { title: "limit", text: (row) => row.limit },
    ],
    rows,
  )}`;
}
