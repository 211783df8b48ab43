/** A fault to be planted in a copy of the engine: one edit of one file, whose text must stand there exactly once. */
export interface PlantedFault {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Planted in `npm test` too, not only when all are asked for. */
  readonly always?: true;
}

/** Mistakes that people make in such code. Each must be found within a minute. */
export const PLANTED_FAULTS: readonly PlantedFault[] = [
  {
    name: "a time zone is a second off where its clock is set",
    file: "worker/time/time-zone.ts",
    from: "if (isEarly && fold === 0) return early;",
    to: "if (isEarly && fold === 0) return early + (before === after ? 0 : 1);",
    always: true,
  },
  {
    name: "the last byte of a text is left out",
    file: "worker/pipeline/generate-tree.ts",
    from: "return `w.text(x, y);`;",
    to: "return `w.text(x, y - 1);`;",
    always: true,
  },
  {
    name: "the escape of one character is another's",
    file: "worker/parsers/json-writer.ts",
    from: '12: "f"',
    to: '12: "v"',
    always: true,
  },
  {
    name: "a character that needs an escape is not seen among four",
    file: "worker/parsers/json-writer.ts",
    from: "((word - 0x20202020) & ~word)",
    to: "((word - 0x1f1f1f1f) & ~word)",
  },
  {
    name: "the message of an ordinary line lacks its last byte",
    file: "worker/parsers/ordinary-program.ts",
    from: "to.set(to.sub(from.sub(end))),",
    to: "to.set(to.sub(from.sub(end)).sub(1)),",
    always: true,
  },
  {
    name: "an offset of one digit is written with a zero",
    file: "worker/parsers/ordinary-program.ts",
    from: ".add(number.lt(10)))",
    to: ")",
  },
  {
    name: "an ordinary line has the minute of the one before it",
    file: "worker/parsers/ordinary-program.ts",
    from: ".or(at.word(8).ne(constant(PLACES.state + STATE.memo).word(8))),",
    to: ",",
  },
  {
    name: "a number in front of which stands a zero is taken for a process id as it is",
    file: "worker/parsers/ordinary-program.ts",
    from: "when(pidStart.byte().eq(48).and(hash.gt(1)), unusual),",
    to: "",
  },
  {
    name: "the day of an index is that of the other side of Greenwich",
    file: "worker/time/calendar.ts",
    from: "(utc + this.#clock.offsetAt(utc)) / DAY",
    to: "(utc - this.#clock.offsetAt(utc)) / DAY",
  },
  {
    name: "half a year away is the future",
    file: "worker/time/year.ts",
    from: "ahead >= 6 ? year - 1",
    to: "ahead > 6 ? year - 1",
  },
  {
    name: "the second of two equal times begins a line later",
    file: "worker/time/calendar.ts",
    from: "offset >= second.offset &&",
    to: "offset > second.offset &&",
  },
  {
    name: "a leap second is no leap second",
    file: "worker/parsers/timestamp.ts",
    from: "this.second = this.leap ? 59 : seconds;",
    to: "this.second = this.leap ? 58 : seconds;",
  },
  {
    name: "a fraction has a digit less",
    file: "worker/time/instant.ts",
    from: "export const FRACTION_DIGITS = 9;",
    to: "export const FRACTION_DIGITS = 8;",
  },
  {
    name: "the largest pid is too large",
    file: "worker/parsers/syslog-header.ts",
    from: "pid > LARGEST_PID",
    to: "pid >= LARGEST_PID",
  },
  {
    name: "a number of times has a digit less",
    file: "worker/parsers/repeated.ts",
    from: "const MOST_DIGITS = 9;",
    to: "const MOST_DIGITS = 8;",
  },
  {
    name: "the first case of each dispatch is lost",
    file: "worker/pipeline/dispatch.ts",
    from: "cases: [...cases.values()].map(",
    to: "cases: [...cases.values()].slice(1).map(",
  },
  {
    name: "a prefix is compared but for its last byte",
    file: "worker/parsers/byte-search.ts",
    from: "for (let i = 0; i < text.length; i++) if (src[start + i] !== text[i]) return false;",
    to: "for (let i = 0; i < text.length - 1; i++) if (src[start + i] !== text[i]) return false;",
  },
  {
    name: "hosts and programs are compared but for their first byte",
    file: "worker/parsers/name-table.ts",
    from: "let i = 0;",
    to: "let i = 1;",
  },
  {
    name: "what a document begins with is kept when its fraction has other digits",
    file: "worker/parsers/document-opening.ts",
    from: " || digits !== this.#digits",
    to: "",
  },
  {
    name: "lines of a block that is not UTF-8 all through are taken for UTF-8",
    file: "worker/pipeline.ts",
    from: "? lookedUntil : start;",
    to: "? lookedUntil : start + 1;",
  },
  {
    name: "tags are in the opposite order",
    file: "worker/pipeline/specialise.ts",
    from: "value: [...there.value, tag]",
    to: "value: [tag, ...there.value]",
  },
  {
    name: "a capture that holds the word false counts as true",
    file: "worker/pipeline/write-captures.ts",
    from: "end - start === 5 &&",
    to: "end - start === 6 &&",
  },
  {
    name: "a number keeps its zeros",
    file: "worker/pipeline/write-captures.ts",
    from: "(src[start] !== 48 || length === 1)",
    to: "(src[start] !== 48 || length <= 2)",
  },
  {
    name: "a group that took no part keeps what it held",
    file: "worker/regex/generate.ts",
    from: "if (forked || rounds || seen.has(group)) conditional.add(group);",
    to: "if (rounds || seen.has(group)) conditional.add(group);",
  },
  {
    name: "a greedy repetition gives back one character too few",
    file: "worker/regex/generate.ts",
    from: ": `y + ${String(min)}`;",
    to: ": `y + ${String(min + 1)}`;",
  },
  {
    name: "a word ends a character later",
    file: "worker/regex/machine.ts",
    from: "(at < end && isWordAt(src, at))",
    to: "(at < end - 1 && isWordAt(src, at))",
  },
];
