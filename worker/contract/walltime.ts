/** When a node begins to drain and when it stops, in seconds before its walltime ends. */
export interface WalltimeMargins {
  readonly drain: number;
  readonly stop: number;
}

/**
 * A parser stops taking chunks two minutes before the end, a short job a fifth of its walltime before; everything is stopped
 * half a minute before the batch system would do it. Pure.
 */
export function walltimeMargins(walltimeSeconds: number): WalltimeMargins {
  return { drain: Math.min(120, walltimeSeconds / 5), stop: Math.min(30, walltimeSeconds / 20) };
}
