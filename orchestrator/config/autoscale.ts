import { z } from "zod";
import { duration } from "./values.ts";

const range = (what: string, least: number) =>
  z
    .strictObject({
      min: z.int().positive().default(least).describe(`Fewest ${what}.`),
      max: z.int().positive().default(16).describe(`Most ${what}.`),
    })
    .prefault({});

export const autoscale = z
  .strictObject({
    target: z
      .strictObject({
        finishBy: z.iso
          .datetime({ offset: true, local: false, message: "not a time; write for example 2026-03-01T06:00:00Z" })
          .optional()
          .describe("The load shall be done by this time, e.g. 2026-03-01T06:00:00Z."),
        eventsPerSecond: z.int().positive().optional().describe("The load shall run at this many events a second."),
      })
      .prefault({})
      .describe("What the number of nodes shall follow: one of the two. Without a target nothing is changed."),
    parsers: range("parsers", 1).describe("How far the number of parsers may go."),
    dataNodes: range("data nodes", 1).describe("How far the number of data nodes may go."),
    tolerance: z
      .number()
      .positive()
      .max(1)
      .default(0.2)
      .describe(
        "By what share the rate may miss its target before nodes are added, or exceed it before they are taken away.",
      ),
    coolDown: duration
      .prefault("5m")
      .describe("Least time between two changes, counted from when all nodes of the last one work."),
  })
  .prefault({})
  .describe("Scaling by itself.");
