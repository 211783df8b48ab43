import type { BucketUse } from "../worker/contract/rate-bucket.ts";

/**
 * How a limit is divided among those that load under it: weighted max-min fairness. Whoever needs less than the part of its weight has what it needs, and room to
 * grow; what it leaves is divided by weight among those that press against their parts. Pure.
 */

/** What one of them asks for. */
export interface Claim {
  readonly weight: number;
  /** A second; infinite of one that presses against its part. */
  readonly demand: number;
}

/** Of what somebody uses so much is its demand: room in which it can be seen to grow. */
const HEADROOM = 1.5;
/** Whoever uses so much of its part presses against it. With the headroom above, nobody does who uses no more than before. */
const PRESSING = 0.8;
/** Of its weight's part everybody keeps so much, so that what it begins with again leaves no long debt. */
const LEAST = 0.1;

/**
 * What a campaign asks for by what it has used of its part.
 * @param own its own limit, a second; 0 = none
 */
export function demandOf({ used, unused }: BucketUse, own: number): number {
  const demand = used >= PRESSING * (used + unused) ? Infinity : used * HEADROOM;
  return Math.min(demand, own > 0 ? own : Infinity);
}

/** The part of each, a second. They add up to the limit. */
export function divide(limit: number, claims: readonly Claim[]): readonly number[] {
  const weights = claims.reduce((sum, { weight }) => sum + weight, 0);
  const fair = claims.map(({ weight }) => (limit * weight) / weights);
  const parts = fill(
    limit,
    claims.map(({ weight, demand }, i) => ({ weight, demand: Math.max(demand, LEAST * fair[i]!) })),
  );
  // Where nobody presses the rest is room for all.
  const rest = limit - parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part, i) => part + (Math.max(0, rest) * fair[i]!) / limit);
}

/** Fills up everybody at the same time, by weight, each to its demand, until there is nothing left. */
function fill(limit: number, claims: readonly Claim[]): readonly number[] {
  const parts = claims.map(() => 0);
  let left = limit;
  let weights = claims.reduce((sum, { weight }) => sum + weight, 0);
  // Those that are full first come first; whoever is not takes its weight's part of what is left then.
  const level = claims.map(({ weight, demand }) => demand / weight);
  const order = [...claims.keys()].sort((a, b) => (level[a] === level[b] ? 0 : level[a]! - level[b]!));
  for (const i of order) {
    const { weight, demand } = claims[i]!;
    const part = Math.min(demand, (left * weight) / weights);
    parts[i] = part;
    left -= part;
    weights -= weight;
  }
  return parts;
}
