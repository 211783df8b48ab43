import { z } from "zod";
import { archive } from "./config/archive.ts";
import { autoscale } from "./config/autoscale.ts";
import { batch } from "./config/batch.ts";
import { elasticsearch } from "./config/elasticsearch.ts";
import { limits } from "./config/limits.ts";
import { network } from "./config/network.ts";
import { dataNodes, parsers } from "./config/nodes.ts";
import { notify } from "./config/notify.ts";
import { pipelines } from "./config/pipelines.ts";
import { plan } from "./config/plan.ts";
import { services } from "./config/services.ts";
import { serving } from "./config/serving.ts";
import { tuning } from "./config/tuning.ts";
import { duration, size } from "./config/values.ts";

/**
 * The one schema of the configuration file, its larger sections each from a file of `config/`. Strict: an unknown key is an error. Every field is
 * described with its unit, and has its default there. The commented example and the types are made from it.
 */
export const configSchema = z.strictObject({
  stateDir: z
    .string()
    .optional()
    .describe(
      "Everything that gridharvest keeps stands below this directory. Default: /var/lib/gridharvest as root, else ~/.local/state/gridharvest.",
    ),
  archive,
  plan,
  pipelines,
  dataNodes,
  parsers,
  batch,
  autoscale,
  tuning,
  network,
  elasticsearch,
  services,
  staging: z
    .strictObject({
      dir: z
        .string()
        .optional()
        .describe("Shared directory for blocks of unpacked files; in the campaign directory when absent."),
      limit: size.prefault("512MiB").describe("Most bytes of staged blocks at once."),
    })
    .prefault({})
    .describe("Staging space of compressed files."),
  snapshot: z
    .strictObject({
      repository: z
        .string()
        .optional()
        .describe("Shared directory of the snapshot repository; <stateDir>/snapshots when absent."),
    })
    .prefault({})
    .describe("Where the result is saved."),
  finish: z
    .enum(["snapshot", "keep"])
    .default("snapshot")
    .describe("After the load: save a snapshot and tear down, or save it and keep the cluster up."),
  keepFor: duration.prefault("4h").describe("How long `finish: keep` serves before it tears down."),
  serving,
  limits,
  budget: z
    .strictObject({
      nodeHours: z
        .number()
        .positive()
        .describe(
          "Node-hours of a campaign, those of running nodes up to now included, after which nothing more is submitted. Nodes that run go on until their walltime.",
        ),
    })
    .optional()
    .describe("What a campaign may cost; as much as it takes when absent."),
  notify,
  metrics: z
    .strictObject({
      prefix: z
        .string()
        .regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/)
        .default("gridharvest")
        .describe("First part of every metric path."),
      interval: duration.prefault("5s").describe("How often metrics are sent."),
    })
    .prefault({})
    .describe("Graphite metrics."),
});

/** The configuration with all defaults, sizes in bytes, durations in seconds. */
export type Config = z.output<typeof configSchema>;
