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
import { pause } from "../contract/pause.ts";
import { AgentEnded } from "./end.ts";
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
/** The orchestrator looks at its jobs every few seconds; its batch system may be away for a while. */
const FREED_WITHIN_MS = 120_000;
const FREED_LOOK_MS = 1_000;
/** An orchestrator that lost Redis's data never saw the request. */
const ASK_AGAIN_MS = 60_000;

/**
 * Takes the job's name for this agent. A name whose holder beats no more belongs to an earlier life of the job, which the
 * batch system has run once more under the same id; the orchestrator finds that out and frees the name.
 * @param patienceMs how long to wait for that
 * @throws AgentEnded `second-agent` when another one has it and keeps it
 */
export async function claimName(
  context: JoinContext,
  signal: AbortSignal,
  patienceMs = FREED_WITHIN_MS,
): Promise<void> {
  const { redis, keys, jobName, instance, log } = context;
  const begin = performance.now();
  let lastBeat: string | null = null;
  for (let looks = 0; ; looks++) {
    const holder = await persistently(
      "claiming the job's name",
      async () => {
        // An answer that got lost may have been a success: then the holder is us.
        if ((await redis.set(keys.claim(jobName), instance, "NX")) === "OK") return instance;
        return redis.get(keys.claim(jobName));
      },
      signal,
      log,
    );
    if (holder === instance) return;
    // It went in between.
    if (holder === null) continue;
    const beat = await persistently(
      "looking for the holder's heartbeat",
      () => redis.get(keys.heartbeat(jobName)),
      signal,
      log,
    );
    // A beat outlives its agent for some seconds; a second one does not.
    const lives = looks > 0 && beat !== null && beat !== lastBeat;
    lastBeat = beat;
    if (lives || performance.now() - begin > patienceMs) {
      throw new AgentEnded("second-agent", `another agent (${holder}) holds the job name ${jobName}`);
    }
    if (looks === 0) log(`another agent (${holder}) holds the job name; waiting to see whether it lives`);
    await pause(FREED_LOOK_MS, signal);
    signal.throwIfAborted();
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
