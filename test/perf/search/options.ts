import { parseArgs } from "node:util";
import { ConfigError } from "../../../worker/contract/errors.ts";
import { wholeNumbers } from "../whole-number.ts";

/** What `npm run bench -- search` can be told. */
export interface SearchOptions {
  /** Measured rounds, whose medians count. */
  readonly rounds: number;
  /** Lines of the month. */
  readonly lines: number;
}

const USAGE = `npm run bench -- search [options] [--json]
  --rounds N   measured rounds, whose median counts (5)
  --lines N    lines of the month, about 130 bytes each (10000000)`;

/** @throws ConfigError `USAGE` */
export function readOptions(args: readonly string[]): SearchOptions {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: { rounds: { type: "string", default: "5" }, lines: { type: "string", default: "10000000" } },
    }));
  } catch (error) {
    throw new ConfigError("USAGE", `${(error as Error).message}\n${USAGE}`);
  }
  const whole = wholeNumbers(USAGE);
  return { rounds: whole("rounds", values.rounds, 1), lines: whole("lines", values.lines, 100_000) };
}
