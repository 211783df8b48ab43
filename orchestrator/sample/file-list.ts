import type { MonthClock } from "./clock.ts";
import type { CheckedOptions } from "./options.ts";
import type { Host, Population } from "./population.ts";
import { apportion, Random } from "./random.ts";

/** One file that shall be written. */
export interface FileSpec {
  readonly kind: "auth" | "pbs" | "syslog" | "kern";
  /** Path as it is after decompression and extraction, below the archive's root. */
  readonly path: string;
  readonly lines: number;
  /** Days that its lines fall on, from 0. */
  readonly firstDay: number;
  readonly endDay: number;
  /** The sender, of a file per host. */
  readonly host?: Host;
  readonly gzip: boolean;
  /** Whether it goes into the day's 7z. */
  readonly packed: boolean;
}

/** The day whose files stand in one .7z, from 0: the 17th, or another when the zone has no such day. */
export function packedDay(clock: MonthClock): number {
  const weights = clock.dayWeights("machines");
  return (weights[16] ?? 0) > 0 ? 16 : weights.findIndex((weight) => weight > 0);
}

/** Shares of the lines by kind; `shortLived` are syslog and kern of machines that lived on the packed day only. */
const SHARES = { auth: 25, pbs: 10, syslog: 57.5, kern: 6, shortLived: 1.5 };

/** Share of the files per host, and every n-th of the daily ones, that are gzipped. */
const GZIPPED = 0.2;
const GZIPPED_AUTH_EVERY = 6;
const GZIPPED_PBS_EVERY = 5;

/**
 * Every file of the sample in the order of writing: pbs and auth by day, then host by host. The sum of their lines is
 * exactly the number asked for. Files without lines are left out.
 */
export function listFiles(options: CheckedOptions, clock: MonthClock, population: Population): readonly FileSpec[] {
  const { lines, seed, month } = options;
  const random = new Random(seed, "files");
  const folder = month.replace("-", "/");
  const packed = packedDay(clock);
  const shortLived = population.shortLived.length > 0 ? SHARES.shortLived : 0;
  const [auth = 0, pbs = 0, syslog = 0, kern = 0, brief = 0] = apportion(lines, [
    SHARES.auth,
    SHARES.pbs,
    SHARES.syslog,
    SHARES.kern,
    shortLived,
  ]);
  const files: FileSpec[] = [];
  const daily = (kind: "auth" | "pbs", total: number, weights: readonly number[], gzippedEvery: number): void => {
    apportion(total, weights).forEach((n, day) => {
      const stem = kind === "auth" ? "auth.log" : "log";
      const path = `hosts/${kind}/${folder}/${stem}.${clock.dayName(day).replaceAll("-", "")}`;
      const inPack = day === packed;
      files.push({
        kind,
        path,
        lines: n,
        firstDay: day,
        endDay: day + 1,
        gzip: !inPack && day % gzippedEvery === 2,
        packed: inPack,
      });
    });
  };
  daily("pbs", pbs, clock.dayWeights("machines"), GZIPPED_PBS_EVERY);
  const attacked = clock
    .dayWeights("people")
    .map((weight) => weight * (random.chance(0.1) ? 2.2 : 0.8 + random.below(50) / 100));
  daily("auth", auth, attacked, GZIPPED_AUTH_EVERY);

  const perHost = (
    kind: "syslog" | "kern",
    hosts: readonly Host[],
    total: number,
    weights: readonly number[],
  ): FileSpec[] =>
    apportion(total, weights).map((n, i) => {
      const host = hosts[i] as Host;
      const inPack = hosts === population.shortLived;
      return {
        kind,
        path: `hosts/${folder}/${host.ip}/${kind === "kern" ? "kern.log" : "syslog"}`,
        lines: n,
        firstDay: inPack ? packed : 0,
        endDay: inPack ? packed + 1 : clock.days,
        host,
        gzip: random.chance(GZIPPED) && !inPack,
        packed: inPack,
      };
    });
  const { hosts } = population;
  const ranks = shuffledRanks(random, hosts.length);
  const syslogs = perHost(
    "syslog",
    hosts,
    syslog,
    ranks.map((rank) => 1 / (rank + 1) ** 0.9),
  );
  // Not every machine's kernel has something to say.
  const noisy = hosts.map((_, i) => (i === 0 || random.chance(0.6) ? 1 / (random.below(hosts.length) + 1) ** 0.5 : 0));
  const kerns = perHost("kern", hosts, kern, noisy);
  for (const [i, file] of syslogs.entries()) files.push(file, kerns[i] as FileSpec);
  if (brief > 0) {
    const equal = population.shortLived.map(() => 1);
    const briefKern = Math.floor(brief / 10);
    const all = perHost("syslog", population.shortLived, brief - briefKern, equal);
    for (const [i, file] of perHost("kern", population.shortLived, briefKern, equal).entries()) {
      files.push(all[i] as FileSpec, file);
    }
  }
  return files.filter((file) => file.lines > 0);
}

/** Each number below `count` once, in random order: the busiest host is anywhere. */
function shuffledRanks(random: Random, count: number): number[] {
  const ranks = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [ranks[i], ranks[j]] = [ranks[j] as number, ranks[i] as number];
  }
  return ranks;
}
