import type { webcrypto } from "node:crypto";
import { KEY_ALGORITHM, PemConverter, Pkcs10CertificateRequestGenerator } from "./x509.ts";

/** A key pair that can be written to a file and signed with. */
export interface KeyPair {
  readonly keys: webcrypto.CryptoKeyPair;
  /** PKCS #8 in PEM: what Elasticsearch, haproxy and Node read. Secret. */
  readonly privateKeyPem: string;
}

/** Makes an ECDSA P-256 key pair. About a millisecond. */
export async function createKeyPair(): Promise<KeyPair> {
  const keys = await crypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { keys, privateKeyPem: `${PemConverter.encode(pkcs8, "PRIVATE KEY")}\n` };
}

/** A PKCS #10 request in PEM for the key. Its subject is for people: the authority takes none of it over. */
export async function createSigningRequest({ keys }: KeyPair, commonName: string): Promise<string> {
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [commonName] }],
    keys,
    signingAlgorithm: KEY_ALGORITHM,
  });
  return `${request.toString("pem")}\n`;
}
