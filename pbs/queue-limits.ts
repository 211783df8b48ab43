import type { JobSpec } from "./batch-system.ts";

/** What a job asks for that a queue can limit. */
export type LimitedResource = "walltimeSeconds" | "memoryBytes" | "cpus";

export interface QueueLimit {
  /** As the batch system calls it: `resources_max.walltime`, `MaxTime`. */
  readonly name: string;
  readonly resource: LimitedResource;
  readonly bound: "most" | "least";
  readonly value: number;
}

/** What a queue says of itself. */
export interface QueueLimits {
  readonly queue: string;
  readonly isDefault: boolean;
  /** Whether it takes jobs. */
  readonly accepts: boolean;
  /** Whether its jobs are started. */
  readonly starts: boolean;
  readonly limits: readonly QueueLimit[];
}

/** A limit that a job does not keep, for people. */
export interface ExceededLimit {
  readonly limit: string;
  readonly allowed: string;
  readonly asked: string;
}

/** Every limit of the queue that the job exceeds, or falls short of. Pure. */
export function exceededLimits(
  spec: Pick<JobSpec, LimitedResource>,
  { accepts, limits }: QueueLimits,
): readonly ExceededLimit[] {
  const exceeded: ExceededLimit[] = accepts ? [] : [{ limit: "enabled", allowed: "no jobs", asked: "a job" }];
  for (const { name, resource, bound, value } of limits) {
    const asked = spec[resource];
    if (bound === "most" ? asked <= value : asked >= value) continue;
    exceeded.push({
      limit: name,
      allowed: `at ${bound} ${amount(resource, value)}`,
      asked: amount(resource, asked),
    });
  }
  return exceeded;
}

function amount(resource: LimitedResource, value: number): string {
  switch (resource) {
    case "walltimeSeconds":
      return walltimeText(value);
    case "memoryBytes":
      return `${String(Math.round(value / 2 ** 20))} MiB`;
    case "cpus":
      return `${String(value)} ${value === 1 ? "core" : "cores"}`;
  }
}

/** `HH:MM:SS`; hours may have more than two digits. */
export function walltimeText(seconds: number): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
}
