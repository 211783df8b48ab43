import { z } from "zod";

export const services = z
  .strictObject({
    redis: z
      .strictObject({
        url: z.string().optional().describe("redis://host:port of the site's Redis; embedded when absent."),
        passwordFile: z.string().optional().describe("File with `user:password` or the password."),
      })
      .prefault({})
      .describe("One Redis serves all campaigns of a site."),
    graphite: z
      .strictObject({
        carbon: z.string().optional().describe("host:port of carbon's plaintext listener; embedded when absent."),
        web: z.string().optional().describe("URL of graphite-web; embedded when absent."),
      })
      .prefault({})
      .describe("Where metrics go and are looked at."),
    runAsUid: z
      .int()
      .positive()
      .default(20120)
      .describe(
        "User id (and group id) that the embedded services run as when gridharvest runs as root; needs no passwd entry.",
      ),
  })
  .prefault({})
  .describe("Services that outlive campaigns.");
