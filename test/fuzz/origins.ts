import fc from "fast-check";
import type { Origin } from "../../worker/contract/chunk.ts";

/**
 * Zones of every kind, each with local times around which its clock is set: skipped, shown twice, half an hour, at midnight, by something
 * that is no quarter of an hour.
 */
const ZONES: readonly { readonly timeZone: string; readonly changes: readonly string[] }[] = [
  { timeZone: "UTC", changes: ["2013-01-01T00:00:00", "2012-02-29T00:00:00"] },
  { timeZone: "Europe/Prague", changes: ["2013-03-31T02:00:00", "2013-10-27T02:00:00", "2012-10-28T02:00:00"] },
  { timeZone: "America/St_Johns", changes: ["2013-03-10T02:00:00", "2013-11-03T01:00:00", "2010-11-07T00:01:00"] },
  { timeZone: "Australia/Lord_Howe", changes: ["2013-04-07T01:30:00", "2013-10-06T02:00:00"] },
  { timeZone: "America/Sao_Paulo", changes: ["2013-02-17T00:00:00", "2013-10-20T00:00:00"] },
  { timeZone: "Africa/Monrovia", changes: ["1972-01-07T00:00:00"] },
  { timeZone: "Asia/Kathmandu", changes: ["1986-01-01T00:00:00"] },
  { timeZone: "Pacific/Apia", changes: ["2011-12-30T00:00:00"] },
];

/** Local times near which something happens: changes of clocks, ends of months and years. */
export const MOMENTS: readonly string[] = [
  ...ZONES.flatMap(({ changes }) => changes),
  "2012-12-31T23:59:59",
  "2012-02-28T23:59:59",
  "2013-02-28T23:59:59",
  "2013-07-01T00:00:00",
];

const zone = fc.constantFrom(...ZONES.map(({ timeZone }) => timeZone));
const two = (n: number): string => String(n).padStart(2, "0");

/** Months in which something happens, and all others. */
const month = fc.oneof(
  fc.constantFrom(...new Set(MOMENTS.map((moment) => moment.slice(0, 7)))),
  fc
    .tuple(fc.integer({ min: 1971, max: 2037 }), fc.integer({ min: 1, max: 12 }))
    .map(([year, of]) => `${String(year)}-${two(of)}`),
);

const hostZones = fc.array(
  fc.record({ host: fc.constantFrom("h", "host", "h*", "*.cz", "node1*", "combo", "10.*", "?", "*"), timeZone: zone }),
  { minLength: 1, maxLength: 3 },
);

/** Where files come to the second of two times. */
const secondFolds = fc.array(
  fc.tuple(fc.constantFrom(...ZONES), fc.nat(2), fc.nat(2000)).map(([{ timeZone, changes }, which, offset]) => ({
    timeZone,
    from: Date.parse(`${changes[which % changes.length]!}Z`) / 1000,
    offset,
  })),
  { minLength: 1, maxLength: 2 },
);

/** Origins of every kind. What an origin need not say is not said in most. */
export const origins: fc.Arbitrary<Origin> = fc
  .record(
    {
      fileId: fc.constantFrom("0123456789ab", "vvvvvvvvvvvv", "000000000000"),
      path: fc.constantFrom("messages", 'hosts/a "file"\\.log', "hosts/žluťoučký/\u2028kůň", "x".repeat(300)),
      month,
      day: fc.integer({ min: 1, max: 28 }),
      last: fc.option(fc.integer({ min: 1, max: 28 })),
      timeZone: zone,
      hostZones: rarely(hostZones),
      secondFolds: rarely(secondFolds),
      encoding: rarely(
        fc.constantFrom("windows-1250", "iso-8859-2", "latin1", "koi8-r", "euc-jp", "shift_jis", "gb18030", "big5"),
      ),
      repeated: rarely(fc.constant("expand" as const)),
      service: fc.constantFrom("auth", "syslog", "pbs", "messages"),
      collector: rarely(fc.constantFrom("10.0.0.1", '"\\', "é")),
      index: fc.constantFrom(
        { pattern: "logs-{day}-m{month}-r{revision}", revision: 1 },
        { pattern: "x-{revision}-{month}-{day}", revision: 12 },
      ),
      dropPrograms: fc.oneof(
        { weight: 4, arbitrary: fc.constant<string[]>([]) },
        { weight: 1, arbitrary: fc.subarray(["sshd", "kern", "CRON", "pbs_", "a", "é", "http"]) },
      ),
    },
    { noNullPrototype: true },
  )
  .map(({ day, last, hostZones, secondFolds, encoding, repeated, collector, ...rest }) => {
    const near = secondFolds && new Date(secondFolds[0]!.from * 1000).toISOString();
    const month = near?.slice(0, 7) ?? rest.month;
    return {
      ...rest,
      month,
      // The first fold is of the file's own zone; another may be that of its hosts.
      timeZone: secondFolds?.[0]?.timeZone ?? rest.timeZone,
      firstDay: `${month}-${two(day)}`,
      ...(last !== null && { lastDay: `${month}-${two(last)}` }),
      ...(hostZones && { hostZones }),
      ...(secondFolds && { secondFolds }),
      ...(encoding !== null && { encoding }),
      ...(repeated !== null && { repeated }),
      ...(collector !== null && { collector }),
      // With one of the two names, so that nothing more is drawn.
      ...(rest.index.revision === 12 && { ids: "store" as const }),
    };
  });

function rarely<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: value });
}
