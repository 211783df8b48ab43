import fc from "fast-check";
import { KEPT_RAW_LINE_BYTES, LONGEST_MESSAGE } from "../../worker/parsers/unparsed.ts";
import { FRAGMENTS } from "./fragments.ts";
import { MOMENTS } from "./origins.ts";

/**
 * Changes a line, one character for each byte. Every position is taken modulo the line's length.
 * @param near seconds of a wall clock around which something happens to the line's file
 */
export type Mutation = (line: string, near?: number) => string;

/** Process ids that are written otherwise, read otherwise, or none. */
const PIDS = ["0", "00", "007", "999999999", "1000000000", "2147483647", "2147483648", "1 2", "1x"];

const anywhere = fc.nat(0xffff);
const fragment = fc.constantFrom(...FRAGMENTS);

/** Lengths at which something changes: the longest message behind any header, what gets the most room, a line of 1 MB, what is kept of one. */
const lengths = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: LONGEST_MESSAGE - 2, max: LONGEST_MESSAGE + 80 }) },
  { weight: 2, arbitrary: fc.constantFrom(65_535, 65_536, 65_537) },
  { weight: 1, arbitrary: fc.constantFrom(1 << 20) },
  { weight: 1, arbitrary: fc.constantFrom(KEPT_RAW_LINE_BYTES - 1, KEPT_RAW_LINE_BYTES, KEPT_RAW_LINE_BYTES + 1) },
);

const small: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(anywhere, fragment).map(([at, text]) => edit(at, 0, text)) },
  {
    weight: 3,
    arbitrary: fc.tuple(anywhere, fc.nat(6), fragment).map(([at, removed, text]) => edit(at, removed, text)),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(anywhere, fc.nat(0xff)).map(([at, byte]) => edit(at, 1, String.fromCharCode(byte))),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(anywhere, fc.integer({ min: 1, max: 20 })).map(([at, removed]) => edit(at, removed, "")),
  },
  { weight: 2, arbitrary: fc.tuple(anywhere, fc.constantFrom(1, 9)).map(([at, more]) => otherDigit(at, more)) },
  { weight: 2, arbitrary: anywhere.map(withoutWord) },
  { weight: 1, arbitrary: anywhere.map((at) => (line: string) => line.slice(0, at % (line.length + 1))) },
  { weight: 1, arbitrary: anywhere.map((at) => (line: string) => line.slice(at % (line.length + 1))) },
  { weight: 1, arbitrary: fc.tuple(anywhere, fc.nat(9)).map(([at, size]) => twice(at, size)) },
  { weight: 1, arbitrary: anywhere.map(otherCase) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...PIDS).map((pid) => (line: string) => line.replace(/\[\d+\]/, `[${pid}]`)),
  },
);

/** Another time at the beginning, near a moment at which something happens, or anywhere. */
const time: fc.Arbitrary<Mutation> = fc
  .record({
    moment: fc.constantFrom(...MOMENTS),
    seconds: fc.integer({ min: -7300, max: 7300 }),
    anywhere: fc.constantFrom(false, false, true),
    years: fc.integer({ min: -9e8, max: 12e8 }),
    form: fc.constantFrom("traditional", "traditional", "traditional", "ISO", "ISO Z", "ISO offset", "ISO fraction"),
    fraction: fc.nat(999_999_999),
  })
  .map(({ moment, seconds, anywhere, years, form, fraction }) => (line, near) => {
    const begin = anywhere ? Date.UTC(1999, 6) / 1000 + years : (near ?? Date.parse(`${moment}Z`) / 1000);
    return otherTime(new Date((begin + seconds) * 1000), form, fraction)(line);
  });

/** Most lines get few changes. */
export const mutations: fc.Arbitrary<readonly Mutation[]> = fc
  .tuple(fc.option(time, { freq: 2 }), fc.array(small, { maxLength: 3, size: "max" }))
  .map(([first, rest]) => (first ? [first, ...rest] : rest));

/** Makes a line so long. */
export const stretches: fc.Arbitrary<Mutation> = fc
  .tuple(
    anywhere,
    fc.constantFrom("x", " ", "\0", "\xff", '"', "\x01", "\xc3\xa9", "\xe2\x82\xac", "a b ", "-1"),
    lengths,
  )
  .map(([place, filling, length]) => (line) => {
    const at = place % (line.length + 1);
    const missing = Math.max(0, length - line.length);
    return line.slice(0, at) + filling.repeat(Math.ceil(missing / filling.length)).slice(0, missing) + line.slice(at);
  });

function edit(place: number, removed: number, inserted: string): Mutation {
  return (line) => {
    const at = place % (line.length + 1);
    return line.slice(0, at) + inserted + line.slice(at + removed);
  };
}

/** One of the line's digits becomes the next one, or the one before. */
function otherDigit(which: number, more: number): Mutation {
  return (line) => {
    const digits = [...line.matchAll(/\d/g)];
    const digit = digits[which % Math.max(1, digits.length)];
    return digit ? edit(digit.index, 1, String((Number(digit[0]) + more) % 10))(line) : line;
  };
}

/** What stands between two blanks goes; the blanks stay. */
function withoutWord(which: number): Mutation {
  return (line) => {
    const words = line.split(" ");
    return words.with(which % words.length, "").join(" ");
  };
}

function twice(place: number, size: number): Mutation {
  return (line) => {
    const at = place % (line.length + 1);
    return line.slice(0, at) + line.slice(Math.max(0, at - size));
  };
}

function otherCase(place: number): Mutation {
  return (line) => {
    const at = place % (line.length + 1);
    const letter = line.charAt(at);
    return edit(at, 1, letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase())(line);
  };
}

const TIMESTAMP = /^(<\d+> ?)?(?:[A-Za-z]{3} {1,2}\d{1,2} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-][\d:]+)?)/;
const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";

function otherTime(at: Date, form: string, fraction: number): Mutation {
  const iso = at.toISOString().slice(0, 19);
  const day = String(at.getUTCDate());
  const digits = String(fraction);
  const texts: Readonly<Record<string, string>> = {
    traditional: `${MONTHS.slice(at.getUTCMonth() * 3).slice(0, 3)} ${day.padStart(2)} ${iso.slice(11)}`,
    ISO: iso,
    "ISO Z": `${iso}Z`,
    "ISO offset": `${iso}${fraction % 2 === 0 ? "+" : "-"}${digits.slice(-2).padStart(2, "0")}:${fraction % 3 === 0 ? "30" : "00"}`,
    "ISO fraction": `${iso}.${digits}${fraction % 2 === 0 ? "Z" : "+01:00"}`,
  };
  return (line) => line.replace(TIMESTAMP, (_, priority: string | undefined) => (priority ?? "") + texts[form]!);
}
