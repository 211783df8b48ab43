import type { Agenda } from "./agenda.ts";

/** Work that waits for one of a station's servers. */
type Work = (release: () => void) => void;

/**
 * Servers with one queue, first come, first served: the cores of a node, a network leg, a single-threaded service. It keeps count of how
 * busy it was.
 */
export class Station {
  /** By how much work takes longer here than on a whole server. */
  readonly stretch: number;
  readonly #agenda: Agenda;
  readonly #servers: number;
  readonly #queue: Work[] = [];
  #head = 0;
  #busy = 0;
  #busySeconds = 0;
  #since = 0;

  /** @param capacity servers; of 1.5 there are two, and work takes 4/3 of the time on each */
  constructor(agenda: Agenda, capacity: number) {
    this.#agenda = agenda;
    this.#servers = Math.max(1, Math.ceil(capacity));
    this.stretch = this.#servers / capacity;
  }

  get servers(): number {
    return this.#servers;
  }

  /** Seconds of work done so far, over all servers. */
  get busySeconds(): number {
    return this.#busySeconds + this.#busy * (this.#agenda.now - this.#since);
  }

  /** Calls `work` once a server is free; it is taken until `release` is called. */
  acquire(work: Work): void {
    if (this.#busy < this.#servers) this.#begin(work);
    else this.#queue.push(work);
  }

  /** Work of a known length. */
  run(seconds: number, done: () => void): void {
    this.acquire((release) =>
      this.#agenda.after(seconds * this.stretch, () => {
        release();
        done();
      }),
    );
  }

  #count(change: number): void {
    const { now } = this.#agenda;
    this.#busySeconds += this.#busy * (now - this.#since);
    this.#since = now;
    this.#busy += change;
  }

  #begin(work: Work): void {
    this.#count(1);
    work(() => {
      this.#count(-1);
      const next = this.#queue[this.#head];
      if (next === undefined) return;
      this.#head++;
      if (this.#head > 1000 && this.#head * 2 > this.#queue.length) {
        this.#queue.splice(0, this.#head);
        this.#head = 0;
      }
      this.#begin(next);
    });
  }
}
