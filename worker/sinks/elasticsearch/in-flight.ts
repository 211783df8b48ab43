/**
 * How many requests a parser has under way for its own safety: what it is told, halved by a 429 at once, since orders come too late for that, and
 * one more again for each round of answers without one. Reads no clock.
 */
export class InFlight {
  readonly #told: () => number;
  /** Infinite while nothing holds it back. */
  #own = Number.POSITIVE_INFINITY;
  /** So many answers are still of requests that were sent before `#own` changed: they say nothing new. */
  #old = 0;

  /** @param told how many it may have, as that is now */
  constructor(told: () => number) {
    this.#told = told;
  }

  get limit(): number {
    return Math.max(1, Math.min(this.#told(), this.#own));
  }

  /** A request was answered. */
  answered(throttled: boolean): void {
    if (this.#own >= this.#told()) this.#own = Number.POSITIVE_INFINITY;
    if (this.#old > 0) {
      this.#old -= 1;
      return;
    }
    if (throttled) this.#change(Math.floor(this.limit / 2));
    else if (this.#own < this.#told()) this.#change(this.#own + 1);
  }

  #change(own: number): void {
    this.#old = this.limit - 1;
    this.#own = Math.max(1, own);
  }
}
