import { z } from "zod";
import { ORDERS } from "../../worker/contract/spool.ts";
import { WINDOW } from "../time-window.ts";
import { size, timeZone } from "./values.ts";

export const limits = z
  .strictObject({
    eventsPerSecond: z
      .int()
      .nonnegative()
      .default(0)
      .describe("Most events a second of the whole campaign; 0 = no limit."),
    bytesPerSecond: size.prefault(0).describe("Most bytes a second of the whole campaign; 0 = no limit."),
    window: z
      .string()
      .regex(WINDOW, { message: "is no time of day; write for example 22:00-06:00" })
      .optional()
      .describe(
        "Time of day in which it loads, e.g. 22:00-06:00; outside of it the load is paused. All day when absent.",
      ),
    timeZone: timeZone.optional().describe("IANA time zone of limits.window; that of this machine when absent."),
    order: z
      .enum(ORDERS)
      .default("spread")
      .describe(
        "What is loaded first: spread over all days, so that all daily indices and with them all data nodes work at once, or the oldest or the newest, by the day that the file's path names.",
      ),
    weight: z
      .number()
      .positive()
      .max(1000)
      .default(1)
      .describe("Of the campaign, when limits.site is divided among those that load at the same time."),
    site: z
      .strictObject({
        eventsPerSecond: z.int().nonnegative().default(0).describe("Most events a second; 0 = no limit."),
        bytesPerSecond: size.prefault(0).describe("Most bytes a second; 0 = no limit."),
      })
      .prefault({})
      .describe(
        "What all campaigns of the site, those of its Redis, may load together: each that loads has its part by its weight, and what one does not need of it the others have. The same in every campaign's configuration.",
      ),
  })
  .prefault({})
  .describe("How fast it may load, when, and in which order.");
