import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import type { Check, DoctorContext, Finding } from "../doctor.ts";
import { lookAtDisks, roomText, type DiskRoom } from "../disk-space.ts";

/** What the machine itself has to give: memory, disk, addresses. */
export const machineChecks: readonly Check[] = [
  { name: "memory", run: checkMemory },
  { name: "disk", run: checkDisk },
  { name: "ports", run: checkPorts },
  { name: "reachability", run: checkExposure },
];

const GiB = 2 ** 30;
const inGiB = (bytes: number): string => `${(bytes / GiB).toFixed(1)} GiB`;

/** A small month's indices and snapshot. */
const SPARE_BYTES = 2 * GiB;

/** Of Elasticsearch's memory, outside the heap: measured 730 MB resident at a heap of 512 MiB. */
const OUTSIDE_HEAP = 300 * 2 ** 20;

async function checkMemory({ resolved }: DoctorContext): Promise<Finding> {
  const { config } = resolved;
  const available = Number(/^MemAvailable:\s+(\d+) kB/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1] ?? 0) * 1024;
  // The local batch system runs the nodes here; the gateway host is this machine in any case.
  const nodes = config.dataNodes.count * config.dataNodes.memory + config.parsers.count * config.parsers.memory;
  const needed = nodes + config.elasticsearch.masterHeap + OUTSIDE_HEAP;
  const cores = availableParallelism();
  const text = `${inGiB(available)} available, ${inGiB(needed)} promised to ${config.dataNodes.count} data nodes, ${config.parsers.count} parsers and the master; ${cores} cores`;
  if (available >= needed) return { level: "ok", text };
  return {
    level: "warning",
    text,
    remedy: "lower dataNodes.count, dataNodes.memory or parsers.count: what does not fit is killed by the system",
  };
}

async function checkDisk({ resolved, paths }: DoctorContext): Promise<Finding> {
  const disks = await lookAtDisks({ ...resolved.config, stateDir: paths.stateDir });
  return judgeDisks(disks);
}

/** Below what any campaign needs nothing can be loaded; little more is to be known. Exported for its test. */
export function judgeDisks(disks: readonly DiskRoom[]): Finding {
  const text = disks.map(roomText).join("; ");
  const remedy = "make room, or set stateDir; `gridharvest plan` says how large the indices will be";
  if (disks.some((disk) => disk.freeBytes < disk.neededBytes)) return { level: "missing", text, remedy };
  const scarce = disks.some((disk) => disk.freeBytes < disk.neededBytes + SPARE_BYTES);
  return scarce ? { level: "warning", text, remedy } : { level: "ok", text };
}

async function checkPorts({ resolved }: DoctorContext): Promise<Finding> {
  const { network, batch } = resolved.config;
  const addresses = [...new Set([network.gatewayAddress, ...(batch.system === "local" ? batch.local.nodes : [])])];
  for (const address of addresses) {
    const problem = await bindingProblem(address);
    if (problem === undefined) continue;
    return {
      level: "missing",
      text: `nothing can listen on ${address}: ${problem}`,
      remedy: `give this machine the address, or correct ${address === network.gatewayAddress ? "network.gatewayAddress" : "batch.local.nodes"}`,
    };
  }
  return { level: "ok", text: `free ones can be had on ${addresses.join(", ")}` };
}

async function bindingProblem(host: string): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port: 0 }, () => server.close(() => resolve(undefined)));
  });
}

/** On loopback there is no network of our own to keep others out with. */
async function checkExposure({ resolved }: DoctorContext): Promise<Finding> {
  const { network, services } = resolved.config;
  const open = [
    ...(services.graphite.carbon === undefined ? ["carbon"] : []),
    ...(services.graphite.web === undefined && services.graphite.carbon === undefined ? ["graphite-web"] : []),
  ];
  if (network.provider !== "loopback" || open.length === 0) {
    return { level: "ok", text: "nothing without authentication listens where others reach it" };
  }
  return {
    level: "warning",
    text: `${open.join(" and ")} have no authentication of their own and listen on loopback: every local user of this machine can reach them, read the metrics and write some`,
    remedy:
      "use a machine without other users, or name your own with services.graphite.carbon and services.graphite.web",
  };
}
