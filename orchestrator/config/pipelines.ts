import { z } from "zod";
import { STANDARD_BANKS } from "../../worker/contract/grok.ts";

/** A pipeline that stands in the configuration file itself; whoever reads the file makes it of the mapping that is written there. */
const inlinePipeline = z.strictObject({
  text: z.string(),
  file: z.string(),
  line: z.int().positive(),
  column: z.int().positive(),
});
/** A pipeline that is written in the configuration file, with its place. */
export type InlinePipeline = z.infer<typeof inlinePipeline>;

const named = (what: string) =>
  z.record(
    z.string().regex(/^[A-Za-z0-9_]+$/, { message: `not a name of ${what}; write letters, digits and _` }),
    z.string(),
  );

export const pipelines = z
  .strictObject({
    services: z
      .record(
        z.string().min(1),
        z.union([z.string().min(1), inlinePipeline], {
          error: "is no pipeline; name its YAML file, or write it below, with name: and filters:",
        }),
      )
      .default({})
      .describe(
        "Pipelines of your own: service → YAML file, or the pipeline itself (`name:`, `filters:`). One for auth, pbs or syslog replaces that of the program; that of syslog is also for files of services without one.",
      ),
    patterns: z
      .array(z.string().min(1))
      .default([])
      .describe(
        "Directories of grok pattern files that pipelines may use; later ones win, and all of them over the banks.",
      ),
    definitions: named("a pattern")
      .default({})
      .describe("Grok patterns: name → expression. They win over those of files."),
    bank: z
      .enum(STANDARD_BANKS)
      .default(STANDARD_BANKS[0])
      .describe("The standard patterns that pipelines may name beside gridharvest's own."),
    databases: named("a database")
      .default({})
      .describe(
        "MaxMind databases for geoip filters: name → .mmdb file, e.g. `city: /data/GeoLite2-City.mmdb`. All nodes must see the file under this path.",
      ),
  })
  .prefault({})
  .describe("What is done with lines.");
