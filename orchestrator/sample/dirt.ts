import type { Random } from "./random.ts";
import { say, utf8, type Scene } from "./scene.ts";

/**
 * Dirty lines: what stands in real archives and is no clean syslog line. They are sown evenly over all lines, the kinds
 * in turn, so that every sample of some thousand lines holds each.
 */
export const DIRT_KINDS = [
  /** A line of a message of several lines, without a header. */
  "continuation",
  "empty",
  /** A name in Latin-2, not UTF-8, in a line with a good header. */
  "latin2",
  /** NUL bytes in a line with a good header, as a crash leaves them. */
  "nul",
  /** A good line that ends in CR LF. Not unparsed. */
  "crlf",
  /** Bytes without a header that are not UTF-8. */
  "binary",
  /** A header with a date that does not exist. */
  "bad-date",
  /** A good line of 200 KB. Not unparsed. */
  "long",
] as const;
export type DirtKind = (typeof DIRT_KINDS)[number];

/** How a kind counts once it is loaded: the kind of unparsed line, or nothing for lines that are read well. */
export const UNPARSED_AS: Readonly<Record<DirtKind, string | undefined>> = {
  continuation: "no-header",
  empty: "empty",
  latin2: "bad-utf8",
  nul: "nul",
  crlf: undefined,
  binary: "bad-utf8",
  "bad-date": "bad-date",
  long: undefined,
};

/** The order in which they come. `long` has a rhythm of its own. */
const TURNS: readonly DirtKind[] = [
  "continuation",
  "latin2",
  "crlf",
  "empty",
  "nul",
  "continuation",
  "bad-date",
  "latin2",
  "binary",
  "crlf",
  "continuation",
  "empty",
];

/** One line in this many is dirty; one in so many is a long one. */
const DIRTY_EVERY = 250;
const LONG_EVERY = 200_000;
const LONG_BYTES = 200_000;

/** Decides which lines are dirty, over the whole archive. */
export class DirtSower {
  #sinceDirty: number;
  #sinceLong: number;
  #turn = 0;

  constructor(lines: number) {
    this.#sinceDirty = Math.floor(DIRTY_EVERY / 2);
    // A small sample has one long line, too, but not one that would be all of it.
    this.#sinceLong = lines < 10_000 ? -LONG_EVERY : LONG_EVERY - Math.floor(Math.min(lines, LONG_EVERY) / 2);
  }

  /** What the next line is; undefined for a clean one. */
  next(): DirtKind | undefined {
    if (++this.#sinceLong >= LONG_EVERY) {
      this.#sinceLong = 0;
      return "long";
    }
    if (++this.#sinceDirty < DIRTY_EVERY) return undefined;
    this.#sinceDirty = 0;
    return TURNS[this.#turn++ % TURNS.length];
  }
}

/** How a line is written. */
export type DirtyForm =
  /** A header is put before the message. */
  | "line"
  /** The message is the whole line; it has no program and no date of its own. */
  | "bare"
  /** As `line`, with a CR before its line feed. */
  | "crlf";

const CONTINUATIONS = [
  "\tat org.grid.perun.dispatcher.TaskScheduler.run(TaskScheduler.java:%)",
  "    Traceback (most recent call last): stage %",
  "  --- end of report % ---",
  "Caused by: java.net.ConnectException: Connection refused after % ms",
];
const LATIN2 = ["Dvo\xf8\xe1k", "\xaealud", "Ku\xe8era", "N\xecmec", "\xa9koda", "R\xf9\xbei\xe8ka"];
const WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"];

/**
 * Turns the scene's line into a dirty one of this kind.
 * @param program who says it where the kind has a header; fits the file that the line stands in
 */
export function soil(scene: Scene, kind: DirtKind, program: string): DirtyForm {
  const { random } = scene;
  const pid = program === "kernel" ? 0 : random.between(1000, 32000);
  switch (kind) {
    case "continuation":
      bare(scene, random.pick(CONTINUATIONS).replace("%", String(random.next())));
      return "bare";
    case "empty":
      bare(scene, "");
      return "bare";
    case "latin2":
      say(
        scene,
        program,
        pid,
        `record ${random.hex(8)} changed by ${random.pick(LATIN2)} (${random.pick(LATIN2)}), status ${String(random.below(100))}`,
      );
      return "line";
    case "nul":
      say(scene, program, pid, `buffer ${random.hex(8)} flushed before halt${"\0".repeat(random.between(1, 60))}`);
      return "line";
    case "crlf":
      return "crlf";
    case "binary":
      bare(scene, junk(random));
      return "bare";
    case "bad-date":
      bare(
        scene,
        `Foo ${String(random.between(40, 99))} 04:03:02 ${scene.host.name} garbled[${String(pid)}]: clock of sender ${random.hex(6)} was not set`,
      );
      return "bare";
    case "long":
      say(scene, program, pid, longMessage(random));
      return "line";
  }
}

function bare(scene: Scene, line: string): void {
  say(scene, "", 0, line);
}

/** Not UTF-8 from its first byte on, and without NUL or line ends. */
function junk(random: Random): string {
  let line = "\xff\xfe";
  for (let i = random.between(20, 120); i > 0; i--) line += String.fromCharCode(random.between(14, 255));
  return line;
}

function longMessage(random: Random): string {
  const parts = [utf8("výpis úlohy: ")];
  for (let length = 0; length < LONG_BYTES;) {
    const word = `${random.pick(WORDS)}=${String(random.below(100_000))} `;
    parts.push(word);
    length += word.length;
  }
  return parts.join("");
}
