import { parseArgs } from "node:util";
import type { Config } from "../../../orchestrator/config-schema.ts";
import { ConfigError } from "../../../worker/contract/errors.ts";
import { wholeNumbers } from "../whole-number.ts";

/** What `npm run bench -- ingest` can be told. */
export interface IngestOptions {
  /** Measured rounds, whose medians count. */
  readonly rounds: number;
  /** Rounds before them, until Elasticsearch's and the contenders' code is compiled. */
  readonly warmUps: number;
  /** Distinct lines of the file. */
  readonly lines: number;
  /** Of the ceiling and of the parser. */
  readonly bulkBytes: number;
  readonly inFlight: number;
  /** Only contenders whose names begin so. */
  readonly only: readonly string[];
  /** Whether contenders are killed in mid-load, too. */
  readonly kills: boolean;
}

const USAGE = `npm run bench -- ingest [options] [--json]
  --rounds N       measured rounds, whose median counts (5)
  --warm-ups N     rounds before them (1)
  --lines N        distinct lines of the file (500000)
  --bulk-bytes N   bytes of a bulk body, of the ceiling and the parser (parsers.bulkBytes)
  --in-flight N    bulks under way at once, likewise (parsers.requestsInFlight)
  --only NAME      contenders whose names begin so; may be repeated
  --no-kills       nobody is killed in mid-load`;

const whole = wholeNumbers(USAGE);

/** @throws ConfigError `USAGE` */
export function readOptions(args: readonly string[], { parsers }: Pick<Config, "parsers">): IngestOptions {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        rounds: { type: "string", default: "5" },
        "warm-ups": { type: "string", default: "1" },
        lines: { type: "string", default: "500000" },
        "bulk-bytes": { type: "string", default: String(parsers.bulkBytes) },
        "in-flight": { type: "string", default: String(parsers.requestsInFlight) },
        only: { type: "string", multiple: true, default: [] },
        "no-kills": { type: "boolean", default: false },
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
    kills: !values["no-kills"],
  };
}
