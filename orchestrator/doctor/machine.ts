import { readFileSync } from "node:fs";
import { availableParallelism, hostname } from "node:os";
import { isLoopback, lowLimitsHere } from "../../worker/contract/bootstrap-checks.ts";
import type { Check, DoctorContext, Finding } from "../doctor.ts";
import { lookAtDisks, roomText, type DiskRoom } from "../disk-space.ts";
import { atGateway, bindingProblem, gatewayPrefix } from "../gateway/index.ts";
import { createLog } from "../log.ts";
import { embeddedServices } from "../services/index.ts";

/** What the machine itself has to give: memory, disk, addresses. */
export const machineChecks: readonly Check[] = [
  { name: "memory", run: checkMemory },
  { name: "disk", run: checkDisk },
  { name: "limits", run: checkLimits },
  { name: "gateway host", run: checkGatewayHost },
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

/** Of this machine; an agent tells those of its node. On loopback Elasticsearch does not insist on any. */
async function checkLimits({ resolved }: DoctorContext): Promise<Finding> {
  const { network, batch } = resolved.config;
  if (network.gateway.placement === "command" && batch.system !== "local") {
    return { level: "ok", text: "nothing runs on this machine; those of nodes are looked at there" };
  }
  const low = lowLimitsHere().filter(({ fatal }) => !fatal || !isLoopback(network.gatewayAddress));
  const worst = low.find(({ fatal }) => fatal) ?? low[0];
  if (!worst) return { level: "ok", text: "nofile and vm.max_map_count are high enough for Elasticsearch" };
  return {
    level: worst.fatal ? "missing" : "warning",
    text: `${hostname()}: ${low.map(({ text }) => text).join("; ")}`,
    remedy: worst.remedy,
  };
}

async function checkPorts({ resolved }: DoctorContext): Promise<Finding> {
  const { batch } = resolved.config;
  if (batch.system !== "local") return { level: "ok", text: "the nodes' are found when they start" };
  for (const address of batch.local.nodes) {
    const problem = await bindingProblem(address);
    if (problem === undefined) continue;
    return {
      level: "missing",
      text: `nothing can listen on ${address}: ${problem}`,
      remedy: "give this machine the address, or correct batch.local.nodes",
    };
  }
  return { level: "ok", text: `free ones can be had on ${batch.local.nodes.join(", ")}` };
}

/** What runs there is started there; so is this look at it. */
async function checkGatewayHost({ resolved, signal }: DoctorContext): Promise<Finding> {
  const { network, services } = resolved.config;
  const { gatewayAddress, outsideAddress = gatewayAddress } = network;
  const addresses = [...new Set([gatewayAddress, outsideAddress])];
  const log = createLog({ level: "error" });
  const request = { act: "check", embedded: embeddedServices(services), addresses } as const;
  const { missingPackages, unusable } = await atGateway(network, request, log, signal);
  const where = gatewayPrefix(network).join(" ") || "this machine";
  if (missingPackages.length > 0) {
    return {
      level: "missing",
      text: `the embedded services need Debian packages that are not installed: ${missingPackages.join(" ")} (${where})`,
      remedy: `apt-get install --no-install-recommends ${missingPackages.join(" ")} there, or name your own under services`,
    };
  }
  const [first] = unusable;
  if (first) {
    return {
      level: "missing",
      text: `nothing can listen on ${first.address}: ${first.problem} (${where})`,
      remedy: `give that host the address, or correct ${first.address === gatewayAddress ? "network.gatewayAddress" : "network.outsideAddress"}`,
    };
  }
  return { level: "ok", text: `${where}: haproxy, and ports on ${addresses.join(" and ")}` };
}

/** On the gateway host's loopback there is no network of our own to keep others out with. */
async function checkExposure({ resolved }: DoctorContext): Promise<Finding> {
  const { network, services } = resolved.config;
  const open = [
    ...(services.graphite.carbon === undefined ? ["carbon"] : []),
    ...(services.graphite.web === undefined && services.graphite.carbon === undefined ? ["graphite-web"] : []),
  ];
  if (network.gateway.placement === "namespace" || open.length === 0) {
    return { level: "ok", text: "nothing without authentication listens where others reach it" };
  }
  return {
    level: "warning",
    text: `${open.join(" and ")} have no authentication of their own and listen on loopback: every local user of the gateway host can reach them, read the metrics and write some`,
    remedy:
      "use a machine without other users, or name your own with services.graphite.carbon and services.graphite.web",
  };
}
