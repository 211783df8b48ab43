import { ConfigError } from "../../worker/contract/errors.ts";

/** A reader of options that are whole numbers. @param usage stands below each complaint */
export function wholeNumbers(usage: string): (option: string, text: string, least: number) => number {
  return (option, text, least) => {
    if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
    throw new ConfigError("USAGE", `--${option} ${text}: write a whole number of at least ${least}\n${usage}`);
  };
}
