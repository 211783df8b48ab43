import { parseArgs } from "node:util";
import { ConfigError, describeError } from "../../worker/contract/errors.ts";

export interface DemoOptions {
  /** Leave the cluster and the services up. */
  readonly keep: boolean;
  /** Print the result as one JSON object, the last line on stdout; everything else goes to stderr. */
  readonly json: boolean;
  readonly help: boolean;
  readonly lines: number;
  readonly stateDir?: string;
  /** `local` is the embedded batch system, `slurm` a Slurm on hosts of its own on this machine, made for the demo. */
  readonly batch: "local" | "slurm";
  /** A configuration file whose settings count above the demo's own. */
  readonly settings?: string;
}

export const DEMO_USAGE = `npm run demo -- [--keep] [--json] [--lines N] [--state-dir DIR] [--batch slurm] [--settings FILE]

Makes a month of logs (1,000,000 lines), loads it with a campaign of 2 data nodes and 2, then 3 parsers on the embedded
batch system, compares what Elasticsearch holds with what was made, saves a snapshot, and tears everything down.

  --keep            leave the cluster up, and say how to look at it and how to end it
  --json            print the result as one JSON object, the last line on stdout
  --lines N         lines of log to make (default 1000000)
  --state-dir DIR   where everything is kept (default: that of gridharvest)
  --batch slurm     on a grid of its own instead: a real Slurm behind an sshd, each host in network namespaces of
                    its own, a gateway with two legs, and everybody else outside (root; the grid ends with the demo)
  --settings FILE   a configuration file whose settings count above the demo's own, e.g. those of your site
`;

/** @throws ConfigError `USAGE` */
export function parseDemoOptions(argv: readonly string[]): DemoOptions {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: {
        keep: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
        lines: { type: "string", default: "1000000" },
        "state-dir": { type: "string" },
        batch: { type: "string", default: "local" },
        settings: { type: "string" },
      },
    }));
  } catch (error) {
    throw new ConfigError("USAGE", `${describeError(error)}\n${DEMO_USAGE}`);
  }
  const { keep, json, help, "state-dir": stateDir, batch, settings } = values;
  if (batch !== "local" && batch !== "slurm") {
    throw new ConfigError(
      "USAGE",
      `--batch ${batch}: write local or slurm; for a site of your own name its --settings`,
    );
  }
  if (batch === "slurm" && (keep || settings !== undefined)) {
    throw new ConfigError(
      "USAGE",
      `--batch slurm goes without ${keep ? "--keep: its grid ends with the demo" : "--settings: it brings its own"}`,
    );
  }
  if (!/^[1-9]\d{0,11}$/.test(values.lines)) {
    throw new ConfigError("USAGE", `--lines ${values.lines}: write a whole number, 1 or more`);
  }
  return {
    keep,
    json,
    help,
    lines: Number(values.lines),
    batch,
    ...(stateDir === undefined ? {} : { stateDir }),
    ...(settings === undefined ? {} : { settings }),
  };
}
