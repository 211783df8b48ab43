import { availableParallelism } from "node:os";
import type { Config } from "./config-schema.ts";

/** Cores that all nodes share: of the batch systems only the embedded one runs its nodes on this machine. */
export function machineCores(config: Pick<Config, "batch">): number | undefined {
  return config.batch.system === "local" ? availableParallelism() : undefined;
}
