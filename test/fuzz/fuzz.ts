import { setImmediate } from "node:timers/promises";
import { batchSeed, type Batch, type Part } from "./part.ts";

/** What a run came to, by part. */
export interface FuzzResult {
  readonly parts: readonly PartResult[];
}

export interface PartResult {
  readonly name: string;
  readonly batches: number;
  readonly lines: number;
  readonly overBudget: number;
  readonly met: Readonly<Record<string, number>>;
  readonly milliseconds: number;
  /** The first difference, with all that is needed to see it again. The part's run ends with it. */
  readonly failure: string | undefined;
}

/** How long to go on, and how to go about it. */
export interface FuzzOptions {
  readonly seed: number;
  readonly seconds: number;
  /** `cpu` counts what this process has used, so that a busy machine does no less. */
  readonly clock?: "wall" | "cpu";
  /** Ends with the first difference, else the other parts go on. */
  readonly untilFound?: boolean;
  /** Milliseconds that making a failing case smaller may take. */
  readonly patience?: number;
}

const PATIENCE_MS = 20_000;

/**
 * Lets parts take turns until the time is over, and at least once each: batch after batch, each with a seed of its own from the run's. How many
 * there are depends on the machine; what each holds does not.
 */
export async function fuzz(
  parts: readonly Part[],
  { seed, seconds, clock = "wall", untilFound = false, patience = PATIENCE_MS }: FuzzOptions,
): Promise<FuzzResult> {
  const now = clock === "cpu" ? cpuMilliseconds : () => performance.now();
  const until = now() + seconds * 1000;
  const running = parts.map((part) => new Running(part, seed));
  for (let next: Running | undefined; (next = mostBehind(running, now() >= until));) {
    next.runBatch(patience);
    if (untilFound && next.failure !== undefined) break;
    // Whoever waits for us gets a turn.
    await setImmediate();
  }
  return { parts: running.map((one) => one.result()) };
}

function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The part that has had the least of its share; when the time is over, one that has had none. */
function mostBehind(running: readonly Running[], timeIsOver: boolean): Running | undefined {
  return running
    .filter(({ failure, batches }) => failure === undefined && (!timeIsOver || batches === 0))
    .toSorted((a, b) => a.milliseconds / a.part.weight - b.milliseconds / b.part.weight)[0];
}

class Running {
  readonly part: Part;
  readonly #seed: number;
  readonly #met: Record<string, number> = {};
  batches = 0;
  milliseconds = 0;
  failure: string | undefined;
  #lines = 0;
  #overBudget = 0;

  constructor(part: Part, seed: number) {
    this.part = part;
    this.#seed = seed;
  }

  runBatch(patience: number): void {
    const { name } = this.part;
    const seed = batchSeed(this.#seed, name, this.batches++);
    const start = performance.now();
    const { lines, overBudget, met, failure } = batchOf(this.part, seed, patience);
    this.milliseconds += performance.now() - start;
    this.#lines += lines;
    this.#overBudget += overBudget;
    for (const [thing, times] of Object.entries(met)) this.#met[thing] = (this.#met[thing] ?? 0) + times;
    if (failure === undefined) return;
    this.failure = failureText(name, seed, `batch ${String(this.batches)} of seed ${String(this.#seed)}`, failure);
  }

  result(): PartResult {
    const { batches, milliseconds, failure } = this;
    const { name } = this.part;
    return { name, batches, milliseconds, failure, lines: this.#lines, overBudget: this.#overBudget, met: this.#met };
  }
}

/** What throws is a difference as well. */
function batchOf(part: Part, seed: number, patience: number): Batch {
  try {
    return part.batch(seed, patience);
  } catch (error) {
    return { lines: 0, overBudget: 0, met: {}, failure: `throws:    ${(error as Error).stack ?? String(error)}` };
  }
}

/** One batch again, by its own seed. */
export function fuzzBatch(part: Part, seed: number): PartResult {
  const start = performance.now();
  const { failure, ...batch } = batchOf(part, seed, PATIENCE_MS);
  return {
    ...batch,
    name: part.name,
    batches: 1,
    milliseconds: performance.now() - start,
    failure: failure && failureText(part.name, seed, "again", failure),
  };
}

function failureText(part: string, seed: number, which: string, failure: string): string {
  return [
    `engine and reference differ (${part}, ${which})`,
    failure,
    `again:     npm run fuzz -- --part ${part} --batch ${String(seed)}`,
  ].join("\n");
}

/** The figures of a run, a line for each part. */
export function figuresOf({ parts }: FuzzResult): string {
  return parts
    .map(({ name, batches, lines, overBudget, met, milliseconds }) => {
      const things = Object.entries(met).map(([thing, times]) => `${thing} ${String(times)}`);
      return [
        `${name.padEnd(12)} ${lines.toLocaleString("en")} lines in ${String(batches)} batches, ${(milliseconds / 1000).toFixed(0)} s`,
        ...(overBudget > 0 ? [`${String(overBudget)} cases over budget`] : []),
        ...(things.length > 0 ? [things.join(", ")] : []),
      ].join("; ");
    })
    .join("\n");
}
