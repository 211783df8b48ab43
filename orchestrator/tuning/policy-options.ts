import { ConfigError } from "../../worker/contract/errors.ts";
import { nearest } from "../../worker/contract/nearest.ts";
import { size } from "../config/values.ts";
import type { TuningPolicy } from "./policy.ts";

/**
 * A policy with some values changed, each written `key=value`: `windowSeconds=8`, `bulkBytes.max=4MiB`.
 * @throws ConfigError `USAGE`
 */
export function policyWith(policy: TuningPolicy, pairs: readonly string[]): TuningPolicy {
  const values = new Map(flat(policy));
  for (const pair of pairs) {
    const [key = "", text = ""] = pair.split(/=(.*)/s);
    if (!values.has(key)) {
      const near = nearest(key, [...values.keys()]);
      throw new ConfigError(
        "USAGE",
        `--policy ${pair}: there is no ${key === "" ? "key" : key}${near === undefined ? "" : `; do you mean ${near}?`}; there are ${[...values.keys()].join(", ")}`,
      );
    }
    const number = key.toLowerCase().includes("bytes") ? size.safeParse(numeric(text) ?? text).data : numeric(text);
    if (number === undefined || number < 0) {
      throw new ConfigError("USAGE", `--policy ${pair}: write a number, or for bytes a size such as 4MiB`);
    }
    values.set(key, number);
  }
  const value = (key: string): number => values.get(key) ?? 0;
  const range = (key: string) => ({ min: value(`${key}.min`), max: value(`${key}.max`) });
  const plain = Object.fromEntries([...values].filter(([key]) => !key.includes(".")));
  return {
    ...policy,
    ...plain,
    bulkBytes: range("bulkBytes"),
    requestsInFlight: range("requestsInFlight"),
  };
}

function flat(policy: TuningPolicy): [string, number][] {
  return Object.entries(policy).flatMap(([key, value]: [string, number | { min: number; max: number }]) =>
    typeof value === "number"
      ? [[key, value] as [string, number]]
      : [[`${key}.min`, value.min] as [string, number], [`${key}.max`, value.max] as [string, number]],
  );
}

function numeric(text: string): number | undefined {
  const value = Number(text);
  return text.trim() === "" || !Number.isFinite(value) ? undefined : value;
}
