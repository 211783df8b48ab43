import type { Config } from "../config-schema.ts";
import type { Report } from "../report.ts";
import { calibrate } from "./calibrate.ts";
import type { Costs } from "./costs.ts";
import { segmentsOf } from "../index-size.ts";
import { setupOf } from "./setup.ts";
import { indexCount, restoredAtOnce, shardsOfDay } from "../shards.ts";
import { groupFiles } from "./work.ts";

/** CPU of a parser before it takes a chunk: Node, the bundle, the pipeline. */
const PARSER_START_CPU_SECONDS = 2;

/**
 * What things cost in a campaign that has finished.
 * @param indicesPerChunk to so many indices its chunks' documents went, on average
 * @param machineCores that its nodes shared
 */
export function costsOfReport(
  report: Report,
  config: Config,
  indicesPerChunk: number,
  machineCores: number | undefined,
  before: Costs,
): Costs {
  const { observed, phases, lines, documents, bytes } = report;
  const files = groupFiles(
    report.perFile
      .filter((file) => file.bytes > 0)
      .map((file) => ({ bytes: file.bytes, packed: false, indicesPerChunk })),
  );
  const indices = indexCount(report.months);
  const shardsPerIndex = shardsOfDay(report.months, config.dataNodes.count, report.planned);
  const days = { indices, shardsPerIndex };
  const nodes = (role: string): Report["jobs"] => report.jobs.filter((job) => job.role === role && job.seconds > 0);
  const parsers = nodes("parser");
  const longest = Math.max(0, ...parsers.map((job) => job.seconds));
  // Some may have come later, or gone.
  const count = longest > 0 ? Math.max(1, Math.round(parsers.reduce((sum, job) => sum + job.seconds, 0) / longest)) : 1;
  const setup = setupOf({ ...config, parsers: { ...config.parsers, count } }, files, days, machineCores);
  const parserCpu = parsers.reduce((sum, job) => sum + Math.max(0, job.cpuSeconds - PARSER_START_CPU_SECONDS), 0);
  const parseCpuSeconds = (report.parseMicrosPerLine * lines.read) / 1e6;
  const costs = calibrate(
    { ...setup, dataNodes: { ...setup.dataNodes, count: Math.max(1, config.dataNodes.count) } },
    {
      loadSeconds: report.loadSeconds,
      storeCpuSeconds: (report.storeMicrosPerDocument * documents * (1 + config.dataNodes.replicas)) / 1e6,
      parseCpuSeconds,
      parserCpuSeconds: Math.max(parseCpuSeconds, parserCpu),
      lines: lines.read,
      documents,
      bytes,
      storeBytes: report.storeBytes,
    },
    before,
  );
  const phase = (name: string): number => phases[name] ?? 0;
  const moved = observed.shardBytesPerSecond;
  const boot = observed.bootSeconds["es-data"] ?? before.bootSeconds.dataNode;
  const parserBoot = observed.bootSeconds.parser ?? before.bootSeconds.parser;
  const wait = observed.queueWaitSeconds;
  const prepare = Math.ceil(indices / 8) * before.indexSeconds + (report.chunks * before.spoolMicrosPerChunk) / 1e6;
  const withDocuments = Object.values(report.perIndex).filter((count) => count > 0).length;
  return {
    ...costs,
    indexDocuments: documents / Math.max(1, withDocuments * shardsPerIndex),
    indexSegments: segmentsOf(config.serving.segments),
    queueWaitSeconds: { dataNode: wait["es-data"], parser: wait.parser },
    bootSeconds: { dataNode: boot, parser: parserBoot },
    launchSeconds: Math.max(0, phase("boot") - boot - wait["es-data"] - prepare),
    finishSeconds: Math.max(0, phase("finish") - phase("finish: snapshot") - phase("finish: verify-snapshot")),
    verifySecondsPerIndex: Math.max(
      0,
      (phase("finish: verify-snapshot") / indices) * restoredAtOnce(indices, Math.max(1, nodes("es-data").length)) -
        report.storeBytes / indices / before.snapshotBytesPerSecond,
    ),
    teardownSeconds: phase("teardown"),
    ...(moved === undefined ? {} : { moveBytesPerSecond: moved }),
  };
}
