import { z } from "zod";
import { duration, size } from "./values.ts";

const nodeResources = {
  cpus: z.int().positive().describe("Cores of one job."),
  memory: size.describe("Memory of one job."),
  walltime: duration.describe("Walltime of one job."),
  queue: z.string().optional().describe("Queue of the batch system; the site's default queue when absent."),
  properties: z
    .array(z.string())
    .default([])
    .describe(
      "What hosts must have, by the site's names: properties of Torque, resources (`cluster=zia`, or `big` for big=True) of OpenPBS, features of Slurm.",
    ),
  extraDirectives: z
    .array(z.string())
    .default([])
    .describe(
      "Lines of the site that are added after `#PBS `, as they are; one that begins with `#` is a line of its own, as `#SBATCH --qos=long`.",
    ),
};

export const dataNodes = z
  .strictObject({
    count: z.int().positive().default(2).describe("Elasticsearch data nodes, one batch job each."),
    ...nodeResources,
    cpus: nodeResources.cpus.default(1).describe("Cores of one job."),
    memory: nodeResources.memory.prefault("3GiB").describe("Memory of one job."),
    walltime: nodeResources.walltime.prefault("12h").describe("Walltime of one job."),
    heap: size.prefault("1GiB").describe("Java heap of one data node."),
    orphanGrace: duration
      .prefault("60m")
      .describe("A data node without a sign of life from an orchestrator ends itself after this long."),
    replicas: z
      .int()
      .min(0)
      .max(1)
      .default(0)
      .describe(
        "Copies of each shard beside the first while loading. With 1 a lost data node costs nothing; without, what it held is loaded again. `plan` says what either costs.",
      ),
    onLoss: z
      .enum(["reload", "fail"])
      .default("reload")
      .describe(
        "When documents go with a data node before they are saved: `reload` their chunks into empty shards, or let the campaign `fail`.",
      ),
    lossPatience: duration
      .prefault("2m")
      .describe(
        "How long a data node that has left the cluster, and whose job still runs, may take to come back before what it held counts as lost.",
      ),
  })
  .prefault({})
  .describe("The jobs of the role es-data.");

export const parsers = z
  .strictObject({
    count: z.int().positive().default(2).describe("Parser workers, one batch job each."),
    ...nodeResources,
    cpus: nodeResources.cpus.default(1).describe("Cores of one job."),
    memory: nodeResources.memory.prefault("1GiB").describe("Memory of one job."),
    walltime: nodeResources.walltime.prefault("12h").describe("Walltime of one job."),
    slots: z.int().positive().default(1).describe("Chunks that one parser works on at once."),
    unpackSlots: z
      .int()
      .positive()
      .default(1)
      .describe("Compressed files that one parser unpacks at once, beside the slots for parsing."),
    requestsInFlight: z.int().positive().default(2).describe("Bulk requests of one chunk in flight at once."),
    bulkBytes: size.prefault("4MiB").describe("Size of one bulk body."),
    orphanGrace: duration
      .prefault("5m")
      .describe("A parser without a sign of life from an orchestrator ends itself after this long."),
    lock: duration
      .prefault("30s")
      .describe("BullMQ's lock on a chunk; a killed parser's chunk is taken up again after about this long."),
  })
  .prefault({})
  .describe("The jobs of the role parser.");
