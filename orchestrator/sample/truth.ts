import type { MonthClock } from "./clock.ts";
import { DIRT_KINDS, UNPARSED_AS, type DirtKind } from "./dirt.ts";
import type { Scene } from "./scene.ts";

/** One file of the archive, or one member of a 7z. */
export interface ManifestFile {
  /** Path below the archive's root, as it stands on the disk. */
  readonly path: string;
  /** Path inside it, when it is a 7z. */
  readonly member?: string;
  /** The path that documents name: without `.gz` and `.7z`, with the member's behind it. */
  readonly identity: string;
  readonly lines: number;
  /** After decompression. */
  readonly bytes: number;
}

/** `manifest.json`: what a sample holds, counted while it was written. */
export interface Manifest {
  readonly version: 1;
  readonly options: {
    readonly month: string;
    readonly lines: number;
    readonly seed: number;
    readonly hosts: number;
    readonly overlap: boolean;
    readonly timeZone: string;
    readonly unterminated: number;
  };
  /** Lines in all files together. More than `options.lines` only with `overlap`, where some stand twice. */
  readonly lines: number;
  /** Bytes after decompression, and on the disk. */
  readonly bytes: number;
  readonly bytesOnDisk: number;
  readonly files: readonly ManifestFile[];
  /** Lines by the day (`YYYY-MM-DD`, local) of their time; those without one by the first day that their path names. */
  readonly days: Readonly<Record<string, number>>;
  /** Lines with a header by program. */
  readonly programs: Readonly<Record<string, number>>;
  /** Lines without a header, which have no program. */
  readonly withoutProgram: number;
  readonly ssh: {
    /** Lines by event and result's word, e.g. `AUTHN Failed`. */
    readonly results: Readonly<Record<string, number>>;
    /** The same by remote address or name; `AUTHZ` names none. */
    readonly remotes: Readonly<Record<string, Readonly<Record<string, number>>>>;
  };
  /** Dirty lines by kind; `unterminated` counts files whose last line has no line end. */
  readonly dirty: Readonly<Record<DirtKind | "unterminated", number>>;
  /** Lines that are stored without having been understood, by the kind that is stored with them. */
  readonly unparsed: { readonly total: number; readonly kinds: Readonly<Record<string, number>> };
  /** Distinct messages (without header); estimated by linear counting, exact to about 0.1 %. */
  readonly distinctMessages: number;
}

/** 8 MiB of bits: a million messages are counted to about a hundred. */
const BITMAP_BITS = 26;

/** Counts what is written. */
export class Truth {
  readonly #clock: MonthClock;
  readonly #days: number[];
  readonly #programs = new Map<string, number>();
  #withoutProgram = 0;
  readonly #results = new Map<string, number>();
  readonly #remotes = new Map<string, Map<string, number>>();
  readonly #dirty = new Map<DirtKind | "unterminated", number>();
  readonly #files: ManifestFile[] = [];
  readonly #bitmap = new Uint32Array(2 ** (BITMAP_BITS - 5));
  #lines = 0;

  constructor(clock: MonthClock) {
    this.#clock = clock;
    this.#days = Array.from({ length: clock.days }, () => 0);
  }

  get lines(): number {
    return this.#lines;
  }

  /**
   * Counts the scene's line.
   * @param day counted from 0, that the line falls on
   * @param dirt its kind when it is dirty
   */
  count(scene: Scene, day: number, dirt: DirtKind | undefined): void {
    this.#lines++;
    this.#days[day] = (this.#days[day] ?? 0) + 1;
    if (dirt !== undefined) add(this.#dirty, dirt);
    if (scene.program === "") this.#withoutProgram++;
    else add(this.#programs, scene.program);
    this.#note(scene.message);
    if (scene.ssh === "") return;
    add(this.#results, scene.ssh);
    if (scene.remote === "") return;
    const results = this.#remotes.get(scene.remote) ?? new Map<string, number>();
    this.#remotes.set(scene.remote, results);
    add(results, scene.ssh);
  }

  file(file: ManifestFile, unterminated: boolean): void {
    this.#files.push(file);
    if (unterminated) add(this.#dirty, "unterminated");
  }

  manifest(options: Manifest["options"], bytesOnDisk: number): Manifest {
    const files = this.#files.toSorted((a, b) => (a.identity < b.identity ? -1 : 1));
    const kinds = new Map<string, number>();
    for (const kind of DIRT_KINDS) {
      const as = UNPARSED_AS[kind];
      if (as !== undefined) add(kinds, as, this.#dirty.get(kind) ?? 0);
    }
    const dirty = { unterminated: this.#dirty.get("unterminated") ?? 0 } as Record<DirtKind | "unterminated", number>;
    for (const kind of DIRT_KINDS) dirty[kind] = this.#dirty.get(kind) ?? 0;
    return {
      version: 1,
      options,
      lines: this.#lines,
      bytes: files.reduce((sum, file) => sum + file.bytes, 0),
      bytesOnDisk,
      files,
      days: Object.fromEntries(this.#days.map((lines, day) => [this.#clock.dayName(day), lines])),
      programs: sorted(this.#programs),
      withoutProgram: this.#withoutProgram,
      ssh: {
        results: sorted(this.#results),
        remotes: Object.fromEntries(
          [...this.#remotes]
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([remote, results]) => [remote, sorted(results)]),
        ),
      },
      dirty,
      unparsed: { total: [...kinds.values()].reduce((a, b) => a + b, 0), kinds: sorted(kinds) },
      distinctMessages: this.#distinct(),
    };
  }

  #note(message: string): void {
    let h = 0x811c9dc5;
    // The tail of a giant line tells it from others as well as all of it.
    for (let i = Math.max(0, message.length - 400); i < message.length; i++) {
      h = Math.imul(h ^ message.charCodeAt(i), 0x01000193);
    }
    h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
    h ^= h >>> 13;
    const bit = h >>> (32 - BITMAP_BITS);
    const word = bit >>> 5;
    this.#bitmap[word] = (this.#bitmap[word] ?? 0) | (1 << (bit & 31));
  }

  /** @source Whang, Vander-Zanden, Taylor: A linear-time probabilistic counting algorithm, 1990 */
  #distinct(): number {
    let set = 0;
    for (let word of this.#bitmap) for (; word !== 0; word &= word - 1) set++;
    const size = 2 ** BITMAP_BITS;
    return Math.round(-size * Math.log((size - Math.min(set, size - 1)) / size));
  }
}

function add<K>(map: Map<K, number>, key: K, n = 1): void {
  map.set(key, (map.get(key) ?? 0) + n);
}

/** Largest first. */
function sorted(map: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...map].toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)));
}
