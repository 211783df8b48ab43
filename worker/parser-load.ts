import type { ParserFigures } from "./contract/tuning.ts";
import type { BulkObservation } from "./sinks/elasticsearch/sink.ts";

/** How many of something are going on, and how long in all: what goes on just now counts up to now. */
export class Occupancy {
  #current = 0;
  #millis = 0;
  #since = performance.now();
  readonly #onChange: () => void;

  /** @param onChange called after each change */
  constructor(onChange: () => void = () => undefined) {
    this.#onChange = onChange;
  }

  /** One more begins. Returns what ends it. */
  begin(): () => void {
    this.set(this.#current + 1);
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.set(this.#current - 1);
    };
  }

  set(current: number): void {
    this.#millis = this.millis();
    this.#since = performance.now();
    this.#current = current;
    this.#onChange();
  }

  get current(): number {
    return this.#current;
  }

  /** Milliseconds so far, added over all of them. */
  millis(): number {
    return this.#millis + this.#current * (performance.now() - this.#since);
  }
}

/** Passes items on, and counts the time in which they are waited for. */
export async function* waitedFor<T>(items: AsyncIterable<T>, waiting: Occupancy): AsyncGenerator<T, void, undefined> {
  let isThere = waiting.begin();
  try {
    for await (const item of items) {
      isThere();
      yield item;
      isThere = waiting.begin();
    }
  } finally {
    isThere();
  }
}

/** Where the time of a parser goes: a few numbers that are added to, no I/O, nothing for each line. */
export class ParserLoad {
  readonly reading = new Occupancy(() => this.#look());
  readonly parsing = new Occupancy(() => this.#look());
  readonly sending = new Occupancy(() => this.#look());
  readonly limited = new Occupancy();
  readonly asking = new Occupancy(() => this.#look());
  readonly full = new Occupancy();
  readonly unpacking = new Occupancy();
  readonly unpackReading = new Occupancy();
  readonly #waiting = new Occupancy();
  readonly #asking = new Occupancy();
  readonly #threads = new Occupancy();
  readonly #reading = new Occupancy();
  readonly #idle = new Occupancy();
  readonly #begin = performance.now();
  readonly #slots: number;
  #chunks = 0;
  readonly #bulks = { documents: 0, requests: 0, bytes: 0, latencyMillis: 0, tookMillis: 0, throttled: 0, failed: 0 };

  constructor(slots: number) {
    this.#slots = slots;
    this.#idle.set(slots);
  }

  /** A chunk is in work. Small ones share a slot, so there may be more of them than slots. Returns what ends it. */
  chunk(): () => void {
    this.#count(1);
    return () => this.#count(-1);
  }

  #count(change: number): void {
    this.#chunks += change;
    this.#idle.set(Math.max(0, this.#slots - this.#chunks));
  }

  #look(): void {
    const isAtWork = this.parsing.current > 0 || this.reading.current > 0 || this.asking.current > 0;
    const waits = this.sending.current > 0 && !isAtWork;
    if (this.#waiting.current !== Number(waits)) this.#waiting.set(Number(waits));
    // All blocks of a chunk ask at once.
    this.#asking.set(Math.min(this.asking.current, this.#slots));
    // Blocks that wait for a thread are no work of one. Whoever reads while all threads have work keeps nothing up.
    const threads = Math.min(this.parsing.current, this.#slots);
    this.#threads.set(threads);
    this.#reading.set(Math.min(this.reading.current, this.#slots - threads));
  }

  bulk(bulk: BulkObservation): void {
    const sums = this.#bulks;
    sums.documents += bulk.documents - bulk.retried;
    if (bulk.throttled) sums.throttled += 1;
    if (bulk.failed) {
      sums.failed += 1;
      return;
    }
    sums.requests += 1;
    sums.bytes += bulk.bytes;
    sums.latencyMillis += bulk.millis;
    sums.tookMillis += bulk.tookMillis ?? bulk.millis;
  }

  figures(): ParserFigures {
    const rounded = {
      upMillis: performance.now() - this.#begin,
      ...this.#bulks,
      idleMillis: this.#idle.millis(),
      askMillis: this.#asking.millis(),
      readMillis: this.#reading.millis(),
      limitedMillis: this.limited.millis(),
      waitMillis: this.#waiting.millis(),
      fullMillis: this.full.millis(),
      parseMillis: this.#threads.millis(),
      unpackMillis: this.unpacking.millis(),
      unpackReadMillis: this.unpackReading.millis(),
      mainMillis: performance.eventLoopUtilization().active,
    };
    for (const key of Object.keys(rounded) as (keyof typeof rounded)[]) rounded[key] = Math.round(rounded[key]);
    return { slots: this.#slots, ...rounded };
  }
}
