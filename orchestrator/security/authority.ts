import { webcrypto } from "node:crypto";
import { isIP } from "node:net";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KEY_ALGORITHM,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  type PublicKey,
} from "../../worker/contract/x509.ts";
import { createKeyPair } from "../../worker/contract/private-key.ts";

/** A certificate and its private key, PEM. `key` is secret. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/** An authority of one campaign: a self-signed certificate and the key that signs. */
export type Authority = Identity;

/** What a certificate says of its holder. */
export interface Subject {
  readonly commonName: string;
  /** `OU`: what the proxy admits by. */
  readonly unit: string;
  /** Addresses and names that the holder may serve under. */
  readonly addresses?: readonly string[];
  readonly usage: readonly ("server" | "client")[];
}

const DAY_MS = 86_400_000;
/**
 * A few weeks, whatever the walltime: a campaign may wait in the queue, be held, be served. Everything ends with
 * the campaign, when its authorities are deleted and nobody trusts them any more.
 */
const AUTHORITY_DAYS = 56;
const CERTIFICATE_DAYS = 42;
/** Clocks of a grid differ. */
const SKEW_MS = 3_600_000;

function randomSerial(): string {
  const bytes = Buffer.from(webcrypto.getRandomValues(new Uint8Array(16)));
  // Positive and of full length whatever the encoder makes of leading zeros.
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}

/** Makes an authority that can sign leaf certificates only. */
export async function createAuthority(commonName: string): Promise<Authority> {
  const pair = await createKeyPair();
  const now = Date.now();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    keys: pair.keys,
    serialNumber: randomSerial(),
    notBefore: new Date(now - SKEW_MS),
    notAfter: new Date(now + AUTHORITY_DAYS * DAY_MS),
    signingAlgorithm: KEY_ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(pair.keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString("pem")}\n`, key: pair.privateKeyPem };
}

/** Signs a certificate for a public key. Returns PEM. */
export async function signCertificate(
  authority: Authority,
  publicKey: PublicKey | webcrypto.CryptoKey,
  subject: Subject,
): Promise<string> {
  const issuer = new X509Certificate(authority.certificate);
  const signingKey = await webcrypto.subtle.importKey(
    "pkcs8",
    PemConverter.decodeFirst(authority.key),
    KEY_ALGORITHM,
    false,
    ["sign"],
  );
  const now = Date.now();
  const names = (subject.addresses ?? []).map((name) => ({
    type: isIP(name) === 0 ? ("dns" as const) : ("ip" as const),
    value: name,
  }));
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: [subject.commonName] }, { OU: [subject.unit] }],
    issuer: issuer.subjectName,
    publicKey,
    signingKey,
    signingAlgorithm: KEY_ALGORITHM,
    serialNumber: randomSerial(),
    notBefore: new Date(now - SKEW_MS),
    notAfter: new Date(Math.min(now + CERTIFICATE_DAYS * DAY_MS, issuer.notAfter.getTime())),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension(
        subject.usage.map((use) => (use === "server" ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth)),
      ),
      ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension(names)]),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return `${certificate.toString("pem")}\n`;
}

/** A fresh key pair with its certificate. */
export async function createIdentity(authority: Authority, subject: Subject): Promise<Identity> {
  const pair = await createKeyPair();
  return { certificate: await signCertificate(authority, pair.keys.publicKey, subject), key: pair.privateKeyPem };
}
