import { parseArgs } from "node:util";
import { ConfigError } from "../../../worker/contract/errors.ts";
import { wholeNumbers } from "../whole-number.ts";

/** What `npm run bench -- parse` can be told. */
export interface ParseBenchOptions {
  /** Timed rounds; the figures are medians of them. */
  readonly rounds: number;
  /** Distinct lines of the sample. */
  readonly lines: number;
  /** Lines of the public log, which is repeated. */
  readonly linuxLines: number;
  /** Only contenders whose names begin so. */
  readonly only: readonly string[];
  /** The core that single-threaded work is bound to; absent: none. */
  readonly pin: string | undefined;
  /** Length of the file for the memory figure; 0: it is left out. */
  readonly memoryBytes: number;
}

export const USAGE = `npm run bench -- parse [options] [--json]
  --rounds N         timed rounds, whose median counts (5)
  --lines N          distinct lines of the sample (500000)
  --linux-lines N    lines of the public log, repeated (200000; 0 leaves it out)
  --only NAME        contenders whose names begin so; may be repeated
  --pin CORE|none    the core that each contender is bound to (0)
  --memory-bytes N   length of the file for the memory figure (2000000000; 0 leaves memory and two cores out)`;

const whole = wholeNumbers(USAGE);

/** @throws ConfigError `USAGE` */
export function readOptions(args: readonly string[]): ParseBenchOptions {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        rounds: { type: "string", default: "5" },
        lines: { type: "string", default: "500000" },
        "linux-lines": { type: "string", default: "200000" },
        only: { type: "string", multiple: true, default: [] },
        pin: { type: "string", default: "0" },
        "memory-bytes": { type: "string", default: "2000000000" },
      },
    }));
  } catch (error) {
    throw new ConfigError("USAGE", `${(error as Error).message}\n${USAGE}`);
  }
  if (values.pin !== "none") whole("pin", values.pin, 0);
  return {
    rounds: whole("rounds", values.rounds, 1),
    lines: whole("lines", values.lines, 1000),
    linuxLines: whole("linux-lines", values["linux-lines"], 0),
    only: values.only,
    pin: values.pin === "none" ? undefined : values.pin,
    memoryBytes: whole("memory-bytes", values["memory-bytes"], 0),
  };
}
