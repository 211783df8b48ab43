import { parseArgs } from "node:util";
import { ConfigError } from "../../../worker/contract/errors.ts";
import { wholeNumbers } from "../whole-number.ts";

/** What `npm run bench -- tuner` can be told. */
export interface TunerOptions {
  /** Rounds over the grid of fixed settings, whose medians count. */
  readonly rounds: number;
  /** How long each setting is measured in a round. */
  readonly seconds: number;
  /** Lines of the file that is loaded again and again. */
  readonly lines: number;
  /** Load nothing: the simulated stores alone. */
  readonly simulateOnly: boolean;
}

const USAGE = `npm run bench -- tuner [options] [--json]
  --rounds N        rounds over the grid of fixed settings, whose median counts (5)
  --seconds N       how long each setting is measured in a round (4)
  --lines N         lines of the file that is loaded again and again (500000)
  --simulate-only   no real node: the simulated stores alone`;

/** @throws ConfigError `USAGE` */
export function readOptions(args: readonly string[]): TunerOptions {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        rounds: { type: "string", default: "5" },
        seconds: { type: "string", default: "4" },
        lines: { type: "string", default: "500000" },
        "simulate-only": { type: "boolean", default: false },
      },
    }));
  } catch (error) {
    throw new ConfigError("USAGE", `${(error as Error).message}\n${USAGE}`);
  }
  const whole = wholeNumbers(USAGE);
  return {
    rounds: whole("rounds", values.rounds, 1),
    seconds: whole("seconds", values.seconds, 1),
    lines: whole("lines", values.lines, 10_000),
    simulateOnly: values["simulate-only"],
  };
}
