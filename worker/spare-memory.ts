/** Sizes are rounded up to this, so that blocks of nearly one size share memory. */
const STEP = 64 * 1024;
/** Output for each byte of input on ordinary lines; the buffer grows when a block needs more. */
const EXPANSION = 4.5;
/** Room for what documents begin and end with. */
const LEAST_ROOM = 65_536;
/** A buffer so many times larger than what is wanted is left for something that wants it. */
const WASTE = 4;

/** How much memory a body wants, for a block of so many bytes. More is taken where that is not enough. */
export function roomFor(blockBytes: number): number {
  return LEAST_ROOM + Math.ceil(blockBytes * EXPANSION);
}

/**
 * Memory of blocks and bodies, a megabyte and more each, for using it again. New memory for every block is cleared by the kernel, page
 * by page, and found again by collections of the whole heap: together up to a fifth of all that parsing costs.
 */
export class SpareMemory {
  readonly #most: number;
  /** The one given last at the end: it is still in the processor's cache. */
  readonly #spare: ArrayBuffer[] = [];

  /** @param most so many buffers are kept; the oldest goes first */
  constructor(most: number) {
    this.#most = most;
  }

  /** At least so many bytes, of any content, that nobody else uses. */
  take(bytes: number): ArrayBuffer {
    const at = this.#spare.findLastIndex(({ byteLength }) => byteLength >= bytes && byteLength <= bytes * WASTE + STEP);
    const [found] = at < 0 ? [] : this.#spare.splice(at, 1);
    return found ?? new ArrayBuffer(Math.ceil(bytes / STEP) * STEP);
  }

  /** The caller, and whoever had it from the caller, uses it no more. */
  give(memory: ArrayBuffer): void {
    this.#spare.push(memory);
    if (this.#spare.length > this.#most) this.#spare.shift();
  }
}
