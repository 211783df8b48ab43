import { parseArgs } from "node:util";
import { ConfigError } from "../../../worker/contract/errors.ts";
import { wholeNumbers } from "../whole-number.ts";

/** What `npm run bench -- ids` can be told. */
export interface IdsBenchOptions {
  /** Measured rounds, whose medians count. */
  readonly rounds: number;
  /** Rounds before them, until Elasticsearch's code is compiled. */
  readonly warmUps: number;
  /** Distinct lines of the sample, each loaded once in every way and round. */
  readonly lines: number;
  readonly bulkBytes: number;
  readonly inFlight: number;
  /** Only ways whose names begin so. */
  readonly only: readonly string[];
}

const USAGE = `npm run bench -- ids [options] [--json]
  --rounds N       measured rounds, whose median counts (5)
  --warm-ups N     rounds before them (2)
  --lines N        distinct lines of the sample (200000)
  --bulk-bytes N   bytes of a bulk body (4194304)
  --in-flight N    bulks under way at once (2)
  --only NAME      the way of that name; may be repeated`;

const whole = wholeNumbers(USAGE);

/** @throws ConfigError `USAGE` */
export function readOptions(args: readonly string[]): IdsBenchOptions {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        rounds: { type: "string", default: "5" },
        "warm-ups": { type: "string", default: "2" },
        lines: { type: "string", default: "200000" },
        "bulk-bytes": { type: "string", default: "4194304" },
        "in-flight": { type: "string", default: "2" },
        only: { type: "string", multiple: true, default: [] },
      },
    }));
  } catch (error) {
    throw new ConfigError("USAGE", `${(error as Error).message}\n${USAGE}`);
  }
  return {
    rounds: whole("rounds", values.rounds, 1),
    warmUps: whole("warm-ups", values["warm-ups"], 0),
    lines: whole("lines", values.lines, 1000),
    bulkBytes: whole("bulk-bytes", values["bulk-bytes"], 10_000),
    inFlight: whole("in-flight", values["in-flight"], 1),
    only: values.only,
  };
}
