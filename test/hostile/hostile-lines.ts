import type { Origin } from "../../worker/contract/chunk.ts";

/** A file of lines that nobody should write, and what they go through. */
export interface HostileLines {
  readonly name: string;
  /** The file. Made when it is wanted, since some are large. */
  readonly content: () => string | Uint8Array;
  /** The YAML of filters; absent: the default pipelines. */
  readonly filters?: string;
  /** What differs from an ordinary file. */
  readonly origin?: Partial<Origin>;
}

/** The header of most of them. */
export const HEADER = "Jan 14 10:00:00 h p[1]: ";

/** So many lines. */
export function each(n: number, line: (n: number) => string): string {
  return Array.from({ length: n }, (_, at) => `${line(at)}\n`).join("");
}
