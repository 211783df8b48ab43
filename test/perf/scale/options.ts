import { parseArgs } from "node:util";
import { ConfigError } from "../../../worker/contract/errors.ts";

/** What one real campaign is made with. */
export interface Shape {
  readonly dataNodes: number;
  readonly parsers: number;
  readonly chunkBytes: number;
}

/** What `npm run bench -- scale` can be told. */
export interface ScaleOptions {
  /** Lines of the archive that is loaded. */
  readonly lines: number;
  /** Cores that a data node and a parser may use. */
  readonly dataNodeCores: number;
  readonly parserCores: number;
  /** Only the run that is calibrated on and the three that are predicted. */
  readonly quick: boolean;
  /** To be predicted and loaded besides. */
  readonly shapes: readonly Shape[];
  /** Load nothing: the simulator's curve alone, by costs that were measured before. */
  readonly simulateOnly: boolean;
}

export const USAGE = `npm run bench -- scale [options] [--json]
  --lines N              lines of the archive that is loaded in each run (400000)
  --data-node-cores N    cores that each data node may use (0.3)
  --parser-cores N       cores that each parser may use (0.1)
  --quick                only the run that is calibrated on and the three that are predicted
  --shape D,P,K          predict and load also D data nodes, P parsers, chunks of K KiB; may be given several times
  --simulate-only        no real run: the simulator's curve with its default costs`;

/** @throws ConfigError `USAGE` */
export function readOptions(args: readonly string[]): ScaleOptions {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        lines: { type: "string", default: "400000" },
        "data-node-cores": { type: "string", default: "0.3" },
        "parser-cores": { type: "string", default: "0.1" },
        quick: { type: "boolean", default: false },
        shape: { type: "string", multiple: true, default: [] },
        "simulate-only": { type: "boolean", default: false },
      },
    }));
  } catch (error) {
    throw new ConfigError("USAGE", `${(error as Error).message}\n${USAGE}`);
  }
  const number = (name: string, text: string, least: number): number => {
    if (/^\d+(\.\d+)?$/.test(text) && Number(text) >= least) return Number(text);
    throw new ConfigError("USAGE", `--${name} ${text}: write a number, ${String(least)} or more\n${USAGE}`);
  };
  return {
    lines: Math.round(number("lines", values.lines, 10_000)),
    dataNodeCores: number("data-node-cores", values["data-node-cores"], 0.05),
    parserCores: number("parser-cores", values["parser-cores"], 0.02),
    quick: values.quick,
    shapes: values.shape.map((text) => {
      const match = /^([1-9]\d?),([1-9]\d?),([1-9]\d{0,5})$/.exec(text);
      if (!match)
        throw new ConfigError("USAGE", `--shape ${text}: write data nodes, parsers, KiB of a chunk: 1,4,512\n${USAGE}`);
      const [dataNodes = 0, parsers = 0, kibibytes = 0] = match.slice(1).map(Number);
      return { dataNodes, parsers, chunkBytes: kibibytes * 2 ** 10 };
    }),
    simulateOnly: values["simulate-only"],
  };
}
