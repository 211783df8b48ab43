import { matchesGlob } from "node:path";
import { ConfigError } from "../../worker/contract/errors.ts";
import type { LedgerRow } from "../../worker/contract/ledger.ts";
import type { Selection } from "./deep.ts";
import type { ChunkDifference } from "./deep-result.ts";

/** What an operator wants to have compared; nothing said means everything. */
export interface Wanted {
  /** Patterns of files' paths in the archive. */
  readonly files: readonly string[];
  readonly chunks: readonly string[];
}

/** @throws ConfigError `USAGE` for a chunk that the ledger has not */
export function selectionOf({ files, chunks }: Wanted, rows: readonly LedgerRow[]): Selection {
  const known = new Set(rows.map(({ chunk }) => chunk));
  const unknown = chunks.find((chunk) => !known.has(chunk));
  if (unknown !== undefined) {
    throw new ConfigError(
      "USAGE",
      `--chunk ${unknown}: the ledger has no such chunk; ledger.ndjson and verify name them`,
    );
  }
  const ids = new Set(chunks);
  const isFile = (path: string): boolean => files.length === 0 || files.some((glob) => matchesGlob(path, glob));
  return {
    chunk: ({ chunk }, path) => (ids.size === 0 || ids.has(chunk)) && isFile(path),
    strays: (path) => ids.size === 0 && (path === undefined ? files.length === 0 : isFile(path)),
  };
}

/** Exactly what was found to differ. */
export function selectionOfDifferences(differences: readonly ChunkDifference[]): Selection {
  const chunks = new Set(differences.flatMap(({ chunk }) => chunk ?? []));
  const strays = new Set(differences.filter(({ chunk }) => chunk === undefined).map(({ file }) => file));
  return { chunk: ({ chunk }) => chunks.has(chunk), strays: (path) => strays.has(path) };
}
