/**
 * How many chunks a parser works on at once. A slot is one chunk of ordinary size; of small ones it takes as many as make one
 * bulk request together, since their requests are bundled (see `sinks/elasticsearch/bundles.ts`) and each would
 * otherwise wait alone for Redis and the store.
 */
export interface Admission {
  /** Waits for room, in the order of the calls. Returns what gives the room back. */
  enter(bytes: number, signal: AbortSignal): Promise<() => void>;
  /** How many chunks to take from the spool, as the sizes of the last ones tell. To be asked when a chunk was taken. */
  concurrency(bytes: number): number;
}

/** Most small chunks in one slot. */
export const MOST_IN_SLOT = 32;
/** How fast the estimate of a chunk's size follows smaller ones; larger ones count at once. */
const DECAY = 0.7;
/** What sums of fractions may be off by. */
const EXACT = 1e-6;

/** @param slotSize what fills a slot, as it is now: the bytes of one bulk request */
export function createAdmission(slots: number, slotSize: () => number): Admission {
  const weightOf = (bytes: number): number => Math.min(1, Math.max(bytes / slotSize(), 1 / MOST_IN_SLOT));
  const waiting: { readonly weight: number; readonly admit: () => void }[] = [];
  // In slots.
  let free = slots;
  let usual = 1;

  function pump(): void {
    for (let next = waiting[0]; next !== undefined && next.weight <= free + EXACT; next = waiting[0]) {
      waiting.shift();
      free -= next.weight;
      next.admit();
    }
  }

  return {
    enter(bytes, signal) {
      const weight = weightOf(bytes);
      let left = false;
      const leave = (): void => {
        if (left) return;
        left = true;
        free += weight;
        pump();
      };
      return new Promise((resolve, reject) => {
        const aborted = (): void => {
          const at = waiting.indexOf(entry);
          if (at >= 0) waiting.splice(at, 1);
          reject(signal.reason as Error);
          pump();
        };
        const entry = {
          weight,
          admit: () => {
            signal.removeEventListener("abort", aborted);
            resolve(leave);
          },
        };
        if (signal.aborted) {
          aborted();
          return;
        }
        signal.addEventListener("abort", aborted, { once: true });
        waiting.push(entry);
        pump();
      });
    },
    concurrency(bytes) {
      const weight = weightOf(bytes);
      usual = Math.max(weight, usual * DECAY + weight * (1 - DECAY));
      return Math.max(slots, Math.min(slots * MOST_IN_SLOT, Math.floor(slots / usual + EXACT)));
    },
  };
}
