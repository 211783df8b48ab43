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
}

export const DEMO_USAGE = `npm run demo -- [--keep] [--json] [--lines N] [--state-dir DIR]

Makes a month of logs (1,000,000 lines), loads it with a campaign of 2 data nodes and 2, then 3 parsers on the local
batch system, compares what Elasticsearch holds with what was made, saves a snapshot, and tears everything down.

  --keep            leave the cluster up, and say how to look at it and how to end it
  --json            print the result as one JSON object, the last line on stdout
  --lines N         lines of log to make (default 1000000)
  --state-dir DIR   where everything is kept (default: that of gridharvest)
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
      },
    }));
  } catch (error) {
    throw new ConfigError("USAGE", `${describeError(error)}\n${DEMO_USAGE}`);
  }
  const { keep, json, help, "state-dir": stateDir } = values;
  if (!/^[1-9]\d{0,11}$/.test(values.lines)) {
    throw new ConfigError("USAGE", `--lines ${values.lines}: write a whole number, 1 or more`);
  }
  return { keep, json, help, lines: Number(values.lines), ...(stateDir === undefined ? {} : { stateDir }) };
}
