/** So many things at once; the others wait in the order in which they came. The number may turn out to be smaller than was thought. */
export interface Slots {
  /** Waits for a slot. @returns what gives it back @throws the signal's reason */
  take(signal: AbortSignal): Promise<() => void>;
  /** The server takes no more than this many, but at least one. */
  lower(to: number): void;
  readonly taken: number;
}

export function createSlots(most: number): Slots {
  let limit = most;
  let taken = 0;
  const waiting = new Set<() => void>();

  const grant = (): (() => void) => {
    taken += 1;
    let given = false;
    return () => {
      if (given) return;
      given = true;
      taken -= 1;
      for (const start of waiting) if (taken < limit) start();
    };
  };

  return {
    take(signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error);
        if (taken < limit) return resolve(grant());
        const start = (): void => {
          leave();
          resolve(grant());
        };
        const onAbort = (): void => {
          leave();
          reject(signal.reason as Error);
        };
        const leave = (): void => {
          waiting.delete(start);
          signal.removeEventListener("abort", onAbort);
        };
        waiting.add(start);
        signal.addEventListener("abort", onAbort);
      });
    },
    lower(to) {
      limit = Math.max(1, Math.min(limit, to));
    },
    get taken() {
      return taken;
    },
  };
}
