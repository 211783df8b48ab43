import type { RedisOptions } from "ioredis";

/** Where a Redis is and who we are there. `password` is a secret: never log it, never put it into an error. */
export interface RedisEndpoint {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
}

/** The services of a site, as every campaign uses them: the operator's or the embedded ones. */
export interface Services {
  readonly redis: RedisEndpoint;
  /** Carbon's plaintext listener. */
  readonly carbon: { readonly host: string; readonly port: number };
  /** Absent when carbon is the operator's and no `services.graphite.web` is configured. */
  readonly graphiteWeb?: { readonly url: string };
  /** Which of them gridharvest runs itself. */
  readonly embedded: { readonly redis: boolean; readonly carbon: boolean; readonly graphiteWeb: boolean };
}

/** Longest pause between two attempts to reach a Redis that is away. */
const LONGEST_RETRY_MS = 2_000;

/**
 * Options for ioredis and for BullMQ's `connection`: commands wait for ever while Redis is away
 * (`maxRetriesPerRequest: null`, which BullMQ demands of workers), connecting is tried again every
 * 50 ms to 2 s.
 */
export function redisOptions(redis: RedisEndpoint): RedisOptions {
  return {
    host: redis.host,
    port: redis.port,
    ...(redis.username === undefined ? {} : { username: redis.username }),
    ...(redis.password === undefined ? {} : { password: redis.password }),
    maxRetriesPerRequest: null,
    retryStrategy: (attempt) => Math.min(50 * attempt, LONGEST_RETRY_MS),
  };
}
