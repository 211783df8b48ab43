import type { Finding } from "../doctor.ts";

/** Certificates begin in the past by more than this; Kerberos bears five minutes. */
const MOST_SKEW_SECONDS = 60;

/** Between two moments here, epoch milliseconds, a clock elsewhere was looked at. */
export interface LookedWithin {
  readonly since: number;
  readonly until: number;
}

/**
 * What is wrong with a clock elsewhere, if more is wrong than the time that the look took can explain. Pure.
 * @param seconds what it showed, epoch seconds
 */
export function judgeClock(host: string, seconds: number, { since, until }: LookedWithin): Finding | undefined {
  const behind = since / 1000 - 1 - seconds;
  const ahead = seconds - until / 1000;
  const skew = Math.max(behind, ahead);
  if (!(skew >= MOST_SKEW_SECONDS)) return undefined;
  return {
    level: "missing",
    text: `the clock of ${host} is ${String(Math.round(skew))} s ${ahead > behind ? "ahead of" : "behind"} the one here`,
    remedy: "set both by NTP (chronyc tracking, timedatectl): certificates and leases are good for a span of time",
  };
}
