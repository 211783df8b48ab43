/** What a benchmark measured of one thing. */
export interface Row {
  readonly name: string;
  readonly [figure: string]: unknown;
}

/** A figure that was aimed at. `measured` is null when it could not be measured; it is then not met. */
export interface Goal {
  readonly name: string;
  readonly target: number;
  readonly measured: number | null;
  readonly met: boolean;
}

/** The last line of every benchmark with `--json`. */
export interface BenchResult {
  readonly bench: string;
  readonly rows: readonly Row[];
  readonly goals: readonly Goal[];
}

/** What a benchmark may use while it runs. */
export interface BenchContext {
  /** Aborted by Ctrl-C: the benchmark ends its processes and removes its files. */
  readonly signal: AbortSignal;
  /** Tells how far it is. */
  readonly say: (text: string) => void;
}

/** `npm run bench -- NAME`. */
export interface Benchmark {
  readonly name: string;
  /** One line, for the list of names. */
  readonly about: string;
  /** @returns the figures, and the same as a text for people. A goal that is not met is no error. */
  run(args: readonly string[], context: BenchContext): Promise<{ readonly result: BenchResult; readonly text: string }>;
}

/** A goal for a figure that should be large. */
export function atLeast(name: string, target: number, measured: number | undefined): Goal {
  return { name, target, measured: measured ?? null, met: measured !== undefined && measured >= target };
}

/** A goal for a figure that should be small. */
export function atMost(name: string, target: number, measured: number | undefined): Goal {
  return { name, target, measured: measured ?? null, met: measured !== undefined && measured <= target };
}
