import { z } from "zod";
import { IDS } from "../../worker/contract/ids.ts";
import { DEFAULT_INDEX_PATTERN } from "../../worker/contract/index-names.ts";
import { size } from "./values.ts";

export const plan = z
  .strictObject({
    chunkBytes: size.prefault("8MiB").describe("Decompressed bytes of one chunk, the unit of work and of repetition."),
    indexPattern: z
      .string()
      .refine(
        (p) =>
          ["{day}", "{month}", "{revision}"].every((name) => p.includes(name)) &&
          /^[a-z0-9][a-z0-9._-]*$/.test(p.replaceAll(/\{(day|month|revision)\}/g, "x")),
        {
          message: "must contain {day}, {month} and {revision}, in lower case letters, digits, `.`, `_`, `-`",
        },
      )
      .default(DEFAULT_INDEX_PATTERN)
      .describe("Name of the daily indices."),
    revision: z.int().positive().default(1).describe("Revision of the month: a higher one is loaded beside the lower."),
    repeated: z
      .enum(["count", "expand"])
      .default("count")
      .describe(
        "What becomes of a line `last message repeated n times`: count keeps the one line with the field repeated: n, expand writes the message out n times, tagged _repeated, and every count of lines then counts them n times.",
      ),
    ids: z
      .enum(IDS)
      .default("store")
      .describe(
        "Who makes the ids of documents: the store, which costs it less; documents then carry the field @attempt, and what attempts left that were not committed is deleted before the result is saved. Or derived from file and offset: then what is sent twice is written once, and at no time stand more documents there than lines.",
      ),
  })
  .prefault({})
  .describe("What decides the result of a plan.");
