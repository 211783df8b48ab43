/** Hosts and programs are few; a file that makes them up must not fill the memory. */
const MOST_NAMES = 4096;
const BUCKETS = 1024;

interface Entry<T> {
  readonly name: Uint8Array;
  readonly value: T;
  readonly next: Entry<T> | undefined;
}

/** What belongs to a name, found by the bytes of its name: no text is made for a name that is known. */
export class NameTable<T> {
  readonly #make: (name: string) => T;
  /** A longer one is nobody's, and not worth being kept. */
  static readonly longest = 256;
  #buckets: (Entry<T> | undefined)[] = new Array<undefined>(BUCKETS).fill(undefined);
  #count = 0;

  /** @param make for a name that is seen for the first time, and again when it was forgotten: always the same */
  constructor(make: (name: string) => T) {
    this.#make = make;
  }

  /** @param src valid UTF-8 in `[start, end)`, which is not empty */
  of(src: Buffer, start: number, end: number): T {
    const length = end - start;
    const middle = src[start + (length >> 1)]!;
    const bucket = (length * 131 + src[start]! * 31 + middle * 17 + src[end - 1]! * 7) & (BUCKETS - 1);
    for (let entry = this.#buckets[bucket]; entry; entry = entry.next) {
      const { name } = entry;
      if (name.length !== length) continue;
      let i = 0;
      while (i < length && name[i] === src[start + i]) i++;
      if (i === length) return entry.value;
    }
    if (this.#count >= MOST_NAMES) {
      this.#buckets = new Array<undefined>(BUCKETS).fill(undefined);
      this.#count = 0;
    }
    const value = this.#make(src.toString("utf8", start, end));
    this.#buckets[bucket] = { name: Uint8Array.from(src.subarray(start, end)), value, next: this.#buckets[bucket] };
    this.#count++;
    return value;
  }
}
