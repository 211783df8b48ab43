import { randomBytes, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { join } from "node:path";
import { GridError } from "../../worker/contract/errors.ts";
import { joinMac } from "../../worker/contract/join-mac.ts";
import type { NodeRole } from "../../worker/contract/keys.ts";
import {
  nodeSecretsSchema,
  type IssuedCertificates,
  type JoinRequest,
  type NodeSecrets,
} from "../../worker/contract/node.ts";
import { Pkcs10CertificateRequest } from "../../worker/contract/x509.ts";
import { redisUserName } from "../redis-users.ts";
import { signCertificate } from "./authority.ts";
import { UNITS, type CampaignSecrets } from "./campaign-secrets.ts";
import { readSecretFile, writeSecretFile } from "./secret-files.ts";

/** Also what keeps a job name of a stranger from naming a file elsewhere. */
const JOB_NAME = /^[A-Za-z][A-Za-z0-9-]{0,14}$/;

function jobFile(dir: string, jobName: string): string {
  if (!JOB_NAME.test(jobName)) throw new GridError("JOB_NAME_BAD", `${JSON.stringify(jobName)} is no job name of ours`);
  return join(dir, `${jobName}.json`);
}

/**
 * Writes the secrets file of a job, once: a second call keeps it, since the job may have read it already.
 * @returns its path
 */
export async function writeJobSecrets(
  secrets: CampaignSecrets,
  job: { readonly jobName: string; readonly role: NodeRole },
): Promise<string> {
  const file = jobFile(secrets.dir, job.jobName);
  if ((await readSecretFile(file)) !== undefined) return file;
  const content: NodeSecrets = {
    redis: { username: redisUserName(secrets.campaign, job.role), password: secrets.redisPasswords[job.role] },
    joinToken: randomBytes(32).toString("hex"),
    proxyClient: secrets.joiningClient,
    httpAuthority: secrets.authorities.http.certificate,
    ...(job.role === "es-data" ? { realm: secrets.realm } : { loader: secrets.users.loader }),
  };
  await writeSecretFile(file, JSON.stringify(content));
  return file;
}

/** Whether the request was signed with the token of the job that it names. False for a job without secrets. */
export async function verifyJoin(secrets: CampaignSecrets, request: JoinRequest): Promise<boolean> {
  if (!JOB_NAME.test(request.jobName)) return false;
  const text = await readSecretFile(jobFile(secrets.dir, request.jobName));
  if (text === undefined) return false;
  // Other secrets stand in files beside the jobs' and have no token.
  const job = nodeSecretsSchema.safeParse(JSON.parse(text)).data;
  if (!job) return false;
  const expected = Buffer.from(joinMac(job.joinToken, request), "hex");
  const given = Buffer.from(request.mac, "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** The certificates of an answer, without what the caller knows itself. */
export type Certificates = Pick<Extract<IssuedCertificates, { kind: "issued" }>, "proxyClient" | "http" | "transport">;

/**
 * Signs what a job of the role gets, for the key of its request. Name and address are the caller's: nothing of the
 * request but the key is taken over.
 * @param address the IP address that the batch system leased to the job
 * @throws GridError `CSR_REFUSED` when the request is not signed with its own key, or the key is of another kind
 */
export async function certify(
  secrets: CampaignSecrets,
  job: { readonly role: NodeRole; readonly jobName: string; readonly address: string; readonly csr: string },
): Promise<Certificates> {
  if (isIP(job.address) === 0) {
    throw new GridError("CSR_REFUSED", `${JSON.stringify(job.address)} of job ${job.jobName} is no IP address`);
  }
  const publicKey = await publicKeyOf(job.jobName, job.csr);
  const subject = { commonName: job.jobName, addresses: [job.address] };
  const { transport, http, proxyClients } = secrets.authorities;
  const proxyClient = await signCertificate(proxyClients, publicKey, {
    commonName: job.jobName,
    unit: UNITS.node,
    usage: ["client"],
  });
  if (job.role !== "es-data") return { proxyClient };
  const [httpCertificate, transportCertificate] = await Promise.all([
    signCertificate(http, publicKey, { ...subject, unit: job.role, usage: ["server"] }),
    signCertificate(transport, publicKey, { ...subject, unit: job.role, usage: ["server", "client"] }),
  ]);
  return {
    proxyClient,
    http: { certificate: httpCertificate, authority: http.certificate },
    transport: { certificate: transportCertificate, authority: transport.certificate },
  };
}

async function publicKeyOf(jobName: string, csr: string): Promise<Pkcs10CertificateRequest["publicKey"]> {
  let request: Pkcs10CertificateRequest;
  let signed: boolean;
  try {
    request = new Pkcs10CertificateRequest(csr);
    signed = await request.verify();
  } catch (cause) {
    throw new GridError("CSR_REFUSED", `the certificate request of job ${jobName} cannot be read`, { cause });
  }
  if (!signed)
    throw new GridError("CSR_REFUSED", `the certificate request of job ${jobName} is not signed with its key`);
  const algorithm = request.publicKey.algorithm as { name: string; namedCurve?: string };
  if (algorithm.name !== "ECDSA" || algorithm.namedCurve !== "P-256") {
    throw new GridError("CSR_REFUSED", `the key of job ${jobName} is ${algorithm.name}, not ECDSA P-256`);
  }
  return request.publicKey;
}
