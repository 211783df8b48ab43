import { z } from "zod";
import { encodingProblem } from "../../worker/contract/encodings.ts";
import { timeZone } from "./values.ts";

/** Where the year comes from that a path does not name. */
const year = z.union([z.int().min(1970).max(9998), z.string()]).transform((value, ctx) => {
  if (value === "file-date" || typeof value === "number") return value;
  // An environment variable is text.
  if (/^(?:19[7-9]|[2-8]\d|9[0-8])\d+$/.test(value) && value.length === 4) return Number(value);
  ctx.addIssue({ code: "custom", message: "not a year; write file-date, or a year such as 2013" });
  return z.NEVER;
});

const encoding = z.string().superRefine((label, ctx) => {
  const problem = encodingProblem(label);
  if (problem !== undefined) ctx.addIssue({ code: "custom", message: problem });
});

export const archive = z
  .strictObject({
    root: z
      .string()
      .default("archive")
      .describe("Directory of the archive. Relative paths start at the configuration file."),
    timeZone: timeZone.default("UTC").describe("IANA time zone of the local times in the logs."),
    hostZones: z
      .array(
        z.strictObject({
          host: z.string().min(1).describe("Name or address of hosts; `*` matches any characters, `?` one."),
          timeZone: timeZone.describe("IANA time zone of their local times."),
        }),
      )
      .default([])
      .describe(
        'Hosts whose clocks show another zone than archive.timeZone, e.g. `- { host: "*.example.ca", timeZone: America/St_Johns }`. The first that fits the host that a line names counts, else the one that fits the host of its path.',
      ),
    year: year
      .prefault("file-date")
      .describe(
        "Year of files whose path names none: `file-date` takes the one that fits their modification, a year such as 2013 stands for all of them, where copying lost their dates.",
      ),
    encoding: encoding
      .optional()
      .describe(
        "Encoding of lines that are not UTF-8, e.g. iso-8859-2, windows-1250 or latin1; they get the tag _decoded. Without one such lines are kept with their bytes and count as unparsed.",
      ),
    layout: z
      .strictObject({
        prefer: z
          .enum(["both", "per-host", "per-service"])
          .default("both")
          .describe(
            "Which copy to load where lines stand both per host and per service: both, per-host or per-service. `both` loses nothing and loads the overlap twice; `plan` shows it.",
          ),
        clash: z
          .enum(["refuse", "plain", "compressed"])
          .default("refuse")
          .describe(
            "What to do with `syslog` beside `syslog.gz`: refuse the plan, or take the plain or the compressed one.",
          ),
        patterns: z
          .array(
            z.strictObject({
              path: z
                .string()
                .describe(
                  "Path below the root with {year} {month} {day} {host} {service}; `*` matches within one folder. Without a year, or a month, see archive.year.",
                ),
              service: z.string().optional().describe("Service of the files, where the path does not name it."),
              kind: z
                .enum(["per-host", "per-service"])
                .describe("Whether a file holds one host's lines or one service's."),
              encoding: encoding
                .optional()
                .describe("Encoding of their lines that are not UTF-8; else archive.encoding."),
            }),
          )
          .default([
            { path: "hosts/{year}/{month}/{host}/{service}", kind: "per-host" },
            { path: "hosts/auth/{year}/{month}/auth.log.{year}{month}{day}", service: "auth", kind: "per-service" },
            { path: "hosts/pbs/{year}/{month}/log.{year}{month}{day}", service: "pbs", kind: "per-service" },
          ])
          .describe(
            "How paths name the month; the first pattern that matches counts. Compression suffixes are taken off first.",
          ),
      })
      .prefault({})
      .describe("Where a file's month, host and service stand in its path."),
  })
  .prefault({})
  .describe("The archive of historical logs.");
