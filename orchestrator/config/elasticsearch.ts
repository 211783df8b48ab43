import { z } from "zod";
import { size } from "./values.ts";

export const elasticsearch = z
  .strictObject({
    home: z
      .string()
      .optional()
      .describe("An Elasticsearch 8.19 distribution to use (else ES_HOME, else the tarball, else Maven Central)."),
    tarball: z
      .strictObject({
        file: z.string().describe("Path of the official tar.gz."),
        sha512: z.string().describe("Its published SHA-512."),
      })
      .optional()
      .describe("An official tarball, checked and unpacked once."),
    javaHome: z.string().optional().describe("Java 17 or newer (else ES_JAVA_HOME, JAVA_HOME, the system's)."),
    masterHeap: size.prefault("512MiB").describe("Java heap of the master on the gateway host."),
    index: z
      .strictObject({
        mode: z
          .enum(["standard", "logsdb"])
          .default("standard")
          .describe(
            "Elasticsearch's index.mode: logsdb sorts documents by host and time and keeps them smaller, for more CPU.",
          ),
        source: z
          .enum(["stored", "synthetic"])
          .default("stored")
          .describe(
            "How the document itself is kept: stored as it was sent, or synthetic, made of its fields again: smaller, but then times have milliseconds and numbers their field's form. Elastic's full distribution does that with an Enterprise licence only.",
          ),
        codec: z
          .enum(["default", "best_compression"])
          .default("best_compression")
          .describe("Elasticsearch's index.codec: how what is stored is compressed."),
      })
      .prefault({})
      .describe("How indices keep documents; `plan --compare-mappings` measures what each choice costs."),
    javaOptions: z
      .array(z.string().regex(/^-[^\n]*$/, "begins with -, on one line"))
      .default([])
      .describe("Options of the Java of master and data nodes, behind gridharvest's own in jvm.options."),
    runAsUid: z
      .int()
      .positive()
      .default(20119)
      .describe(
        "User id (and group id) that Elasticsearch and haproxy run as when gridharvest runs as root; needs no passwd entry.",
      ),
  })
  .prefault({})
  .describe("The Elasticsearch runtime.");
