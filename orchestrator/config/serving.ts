import { z } from "zod";

export const serving = z
  .strictObject({
    replicas: z
      .int()
      .nonnegative()
      .max(5)
      .default(1)
      .describe(
        "Copies of each index beside the first while a cluster serves, as many as there are further data nodes. Without any, what a lost data node held is restored from the snapshot.",
      ),
    alias: z
      .string()
      .refine((a) => a.includes("{month}") && /^[a-z0-9][a-z0-9._-]*$/.test(a.replaceAll("{month}", "x")), {
        message: "must contain {month}, in lower case letters, digits, `.`, `_`, `-`",
      })
      .default("logs-{month}")
      .describe("Alias by which a month is searched, whichever revision of it is to be read."),
    keepRevisions: z
      .int()
      .positive()
      .default(2)
      .describe("Revisions of a month that stay when another one takes its place, that one among them."),
    segments: z
      .int()
      .nonnegative()
      .max(100)
      .default(0)
      .describe(
        "After the load each shard is merged into at most so many segments before it is saved, for faster searches; 1 takes longest. 0 leaves them as they are.",
      ),
    readOnly: z
      .boolean()
      .default(false)
      .describe("Whether the indices stay closed for writing after the load, also for operators."),
  })
  .prefault({})
  .describe("A cluster that serves searches, one of a campaign or a permanent one.");
