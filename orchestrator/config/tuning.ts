import { z } from "zod";
import { size } from "./values.ts";

export const tuning = z
  .strictObject({
    mode: z
      .enum(["auto", "fixed"])
      .default("auto")
      .describe(
        "auto: parsers.bulkBytes and parsers.requestsInFlight are where it begins, and the orchestrator looks for what is fastest while it loads; fixed: they stay.",
      ),
    bulkBytes: z
      .strictObject({
        min: size.prefault("64KiB").describe("Smallest bulk body that it may set."),
        max: size.prefault("8MiB").describe("Largest bulk body that it may set."),
      })
      .prefault({})
      .describe("How far the size of bulk bodies may go."),
    requestsInFlight: z
      .strictObject({
        min: z.int().positive().default(1).describe("Fewest requests of one parser in flight at once."),
        max: z.int().positive().default(16).describe("Most requests of one parser in flight at once."),
      })
      .prefault({})
      .describe("How far the number of bulk requests of one parser may go."),
    inFlightBytes: size
      .optional()
      .describe(
        "Most bytes of bulk bodies that one parser may have in flight at once, an eighth of parsers.memory when absent; its memory needs about three times as much.",
      ),
  })
  .prefault({})
  .describe("The search for the bulk size and the number of requests with which the load is fastest.");
