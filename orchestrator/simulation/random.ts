import { Random } from "../sample/random.ts";

/** Draws of one seed and name. */
export interface Draws {
  /** Evenly between 0 and 1, neither of the two. */
  uniform(): number;
  /** With this mean; 0 of a mean of 0. */
  exponential(mean: number): number;
  /** A factor whose median is 1, and whose logarithm spreads by so much. 1 of a spread of 0. */
  factor(spread: number): number;
}

/** Random numbers that a seed and a name decide. */
export function createDraws(seed: number, name: string): Draws {
  const random = new Random(seed, name);
  const uniform = (): number => (random.next() + 0.5) / 2 ** 32;
  return {
    uniform,
    exponential: (mean) => (mean === 0 ? 0 : -mean * Math.log(uniform())),
    factor: (spread) =>
      spread === 0 ? 1 : Math.exp(spread * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())),
  };
}

/**
 * The value below which a normal variable of mean 0 and deviation 1 is with this probability, to 0.005.
 * @source Winitzki, A handy approximation for the error function and its inverse (2008)
 */
export function normalQuantile(probability: number): number {
  const a = 0.147;
  const x = 2 * probability - 1;
  const log = Math.log(1 - x * x);
  const b = 2 / (Math.PI * a) + log / 2;
  return Math.sign(x) * Math.SQRT2 * Math.sqrt(Math.sqrt(b * b - log / a) - b);
}
