/**
 * Deterministic random numbers for the sample: sfc32 (Chris Doty-Humphrey's small fast counter), 32 bits a call.
 * A stream is named, so that a file's content depends on the seed and the file's name only, never on what was
 * written before it.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, name: string) {
    const text = `${String(seed)}/${name}`;
    this.#a = hashText(text, 0x811c9dc5);
    this.#b = hashText(text, 0x2545f491);
    this.#c = hashText(text, 0x9e3779b9);
    for (let i = 0; i < 12; i++) this.next();
  }

  /** An integer from 0 to 2³² − 1. */
  next(): number {
    const t = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    this.#c |= 0;
    return t >>> 0;
  }

  /** An integer from 0 to `count` − 1; `count` up to 2²¹. */
  below(count: number): number {
    return Math.floor((this.next() * count) / 4294967296);
  }

  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.next() < probability * 4294967296;
  }

  /** One of the items, each as likely. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** Digits of a number of fixed width, zeros in front. */
  digits(width: number): string {
    return String(this.below(10 ** Math.min(width, 6))).padStart(width, "0");
  }

  /** Hexadecimal digits, up to 8. */
  hex(width: number): string {
    return this.next().toString(16).padStart(8, "0").slice(0, width);
  }
}

/** FNV-1a with a final mix, so that short names that differ in one character give unrelated states. */
export function hashText(text: string, basis: number): number {
  let h = basis;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const TABLE_BITS = 16;

/**
 * Draws indices with given weights in one table look-up. Weights below 1/65536 of the sum may never be drawn.
 * @throws RangeError when no weight is positive
 */
export class WeightedTable {
  readonly #table: Uint16Array;

  constructor(weights: readonly number[]) {
    const sum = weights.reduce((a, b) => a + b, 0);
    if (!(sum > 0)) throw new RangeError("no weight is positive");
    this.#table = new Uint16Array(1 << TABLE_BITS);
    let reached = 0;
    let from = 0;
    weights.forEach((weight, index) => {
      reached += weight;
      const to = Math.round((reached / sum) * (1 << TABLE_BITS));
      this.#table.fill(index, from, to);
      from = Math.max(from, to);
    });
  }

  draw(random: Random): number {
    return this.#table[random.next() >>> (32 - TABLE_BITS)] ?? 0;
  }
}

/** Zipf's law: the n-th of `count` things is drawn with a weight of 1 / n^exponent. */
export function zipf(count: number, exponent: number): WeightedTable {
  return new WeightedTable(Array.from({ length: count }, (_, i) => 1 / (i + 1) ** exponent));
}

/** Splits `total` into integers in proportion to the weights; their sum is exactly `total`. */
export function apportion(total: number, weights: readonly number[]): readonly number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  if (!(sum > 0)) return weights.map(() => 0);
  let reached = 0;
  let before = 0;
  return weights.map((weight, i) => {
    reached += weight;
    // The last one takes what rounding of the sum itself would lose.
    const upTo = i === weights.length - 1 ? total : Math.floor((reached / sum) * total);
    const share = upTo - before;
    before = upTo;
    return share;
  });
}
