import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import type { Redis } from "ioredis";
import { joinMac } from "../contract/join-mac.ts";
import type { CampaignKeys } from "../contract/keys.ts";
import {
  issuedCertificatesSchema,
  type IssuedCertificates,
  type JoinRequest,
  type NodeSecrets,
} from "../contract/node.ts";
import { createKeyPair, createSigningRequest } from "../contract/private-key.ts";
import { AgentEnded } from "./end.ts";
import { pause } from "./life.ts";
import type { AgentLog } from "./log.ts";
import { persistently } from "./spool-connection.ts";

/** What a node is after joining: an address and certificates for it. `key` is secret and was never anywhere else. */
export interface Joined {
  readonly address: string;
  readonly key: string;
  readonly certificates: Extract<IssuedCertificates, { kind: "issued" }>;
}

export interface JoinContext {
  readonly redis: Redis;
  readonly keys: CampaignKeys;
  readonly secrets: NodeSecrets;
  readonly jobName: string;
  readonly instance: string;
  /** As the batch system told the job. */
  readonly jobId: string;
  readonly log: AgentLog;
}

const LOOK_MS = 200;
/** An orchestrator that lost Redis's data never saw the request. */
const ASK_AGAIN_MS = 60_000;

/**
 * Takes the job's name for this agent.
 * @throws AgentEnded `second-agent` when another one has it
 */
export async function claimName(context: JoinContext, signal: AbortSignal): Promise<void> {
  const { redis, keys, jobName, instance, log } = context;
  const key = keys.claim(jobName);
  const holder = await persistently(
    "claiming the job's name",
    async () => {
      // An answer that got lost may have been a success: then the holder is us.
      if ((await redis.set(key, instance, "NX")) === "OK") return instance;
      return redis.get(key);
    },
    signal,
    log,
  );
  if (holder !== instance) {
    throw new AgentEnded("second-agent", `another agent (${holder ?? "?"}) holds the job name ${jobName}`);
  }
}

/**
 * Makes a key and has it certified for the address that the batch system leased to this job.
 * @throws AgentEnded `refused`, `foreign-address`; the signal's reason when it aborts
 */
export async function joinCampaign(context: JoinContext, signal: AbortSignal): Promise<Joined> {
  const { redis, keys, secrets, jobName, instance, jobId, log } = context;
  const pair = await createKeyPair();
  const csr = await createSigningRequest(pair, jobName);
  const claim = { jobName, instance, jobId, addresses: ownAddresses(), csr };
  const request: JoinRequest = { ...claim, mac: joinMac(secrets.joinToken, claim) };

  let askedAt: number | undefined;
  for (;;) {
    signal.throwIfAborted();
    if (askedAt === undefined || performance.now() - askedAt > ASK_AGAIN_MS) {
      await persistently(
        "asking for certificates",
        () => redis.xadd(keys.join, "*", "request", JSON.stringify(request)),
        signal,
        log,
      );
      askedAt = performance.now();
    }
    const text = await persistently(
      "waiting for certificates",
      () => redis.get(keys.certificates(jobName)),
      signal,
      log,
    );
    const answer = text === null ? undefined : issuedCertificatesSchema.safeParse(JSON.parse(text)).data;
    // What stands there may be the answer to an earlier agent.
    if (answer?.instance === instance) {
      if (answer.kind === "refused") throw new AgentEnded("refused", `the orchestrator refused: ${answer.reason}`);
      await checkOwnAddress(answer.address);
      return { address: answer.address, key: pair.privateKeyPem, certificates: answer };
    }
    await pause(LOOK_MS, signal);
  }
}

/** Every address of this machine's interfaces. */
function ownAddresses(): string[] {
  const interfaces = Object.values(networkInterfaces());
  return [...new Set(interfaces.flatMap((entries) => (entries ?? []).map(({ address }) => address)))];
}

/** @throws AgentEnded `foreign-address` when nothing can listen at the address here */
function checkOwnAddress(address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) =>
      reject(
        new AgentEnded("foreign-address", `this machine does not have the leased address ${address}: ${error.message}`),
      ),
    );
    server.listen({ host: address, port: 0 }, () => server.close(() => resolve()));
  });
}
