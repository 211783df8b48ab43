import { Redis } from "ioredis";
import { describeError } from "../contract/errors.ts";
import type { NodeSecrets, NodeSpec } from "../contract/node.ts";
import { pause } from "../contract/pause.ts";
import type { AgentLog } from "./log.ts";

/** A certificate and its key, PEM. */
export interface ClientIdentity {
  readonly certificate: string;
  readonly key: string;
}

const ANSWER_MS = 5_000;
const RETRY_MS = 500;

/**
 * The agent's own connection to Redis, through the proxy. Commands fail when there is no answer within five seconds,
 * so that an agent notices that it is alone; the connection itself is tried again for ever.
 */
export function connectRedis(spec: NodeSpec, secrets: NodeSecrets, identity: ClientIdentity): Redis {
  const redis = new Redis({
    ...spec.gateway.redis,
    ...secrets.redis,
    tls: { ca: secrets.httpAuthority, cert: identity.certificate, key: identity.key },
    maxRetriesPerRequest: 1,
    commandTimeout: ANSWER_MS,
    connectTimeout: ANSWER_MS,
    retryStrategy: (attempt) => Math.min(100 * attempt, 2_000),
  });
  // Each command that suffers from it fails by itself.
  redis.on("error", () => undefined);
  return redis;
}

/** Repeats what needs Redis until it works. @throws the signal's reason when it aborts */
export async function persistently<T>(
  what: string,
  request: () => Promise<T>,
  signal: AbortSignal,
  log: AgentLog,
): Promise<T> {
  for (let failures = 0; ; failures++) {
    signal.throwIfAborted();
    try {
      return await request();
    } catch (error) {
      if (failures === 0) log(`${what}: ${describeError(error)}; trying again until it works`);
    }
    await pause(RETRY_MS, signal);
  }
}
