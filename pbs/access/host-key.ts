import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/**
 * Whether a server's key is the one that it must have. Pure. A key is trusted because the configuration pins its fingerprint, or because a
 * known_hosts file holds it; never because it is the first one seen.
 */

/** What the server must show: a fingerprint `SHA256:…`, or what a known_hosts file says. */
export type HostKeyPin =
  | { readonly kind: "fingerprint"; readonly fingerprint: string }
  | { readonly kind: "known-hosts"; readonly file: string; readonly text: string };

/** `expected` holds the fingerprints that were trusted. */
export type HostKeyVerdict =
  | { readonly kind: "trusted" }
  | { readonly kind: "unknown" }
  | { readonly kind: "revoked" }
  | { readonly kind: "changed"; readonly expected: readonly string[] };

/** @param key the public key as the server sent it (RFC 4253, 6.6) */
export function judgeHostKey(pin: HostKeyPin, host: string, port: number, key: Buffer): HostKeyVerdict {
  if (pin.kind === "fingerprint") {
    const expected = pin.fingerprint.replace(/=+$/, "");
    return fingerprintOf(key) === expected ? { kind: "trusted" } : { kind: "changed", expected: [expected] };
  }
  const entries = knownHosts(pin.text).filter((entry) => entry.matches(host, port));
  const same = entries.filter((entry) => entry.key.equals(key));
  if (same.some(({ marker }) => marker === "revoked")) return { kind: "revoked" };
  const plain = entries.filter(({ marker }) => marker === undefined);
  if (plain.some((entry) => same.includes(entry))) return { kind: "trusted" };
  if (plain.length === 0) return { kind: "unknown" };
  return { kind: "changed", expected: plain.map((entry) => fingerprintOf(entry.key)) };
}

/** The key types that the file knows for a server, to be asked for first: a server shows one key only. */
export function knownKeyTypes(text: string, host: string, port: number): readonly string[] {
  const entries = knownHosts(text).filter(({ marker, matches }) => marker === undefined && matches(host, port));
  return [...new Set(entries.map(({ key }) => keyTypeOf(key)))];
}

/** `SHA256:…` without padding, as OpenSSH prints it. */
export function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/** The name that the key itself begins with, e.g. `ssh-ed25519`. */
export function keyTypeOf(key: Buffer): string {
  if (key.length < 4) return "";
  return key.subarray(4, 4 + key.readUInt32BE(0)).toString("latin1");
}

interface KnownHost {
  readonly marker?: string;
  readonly key: Buffer;
  readonly matches: (host: string, port: number) => boolean;
}

/**
 * The entries of a known_hosts file. Lines that are no entries are passed over, as ssh does; certificate authorities too, since ssh2 takes no
 * certificates for host keys.
 * @source sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"
 */
function knownHosts(text: string): readonly KnownHost[] {
  return text.split(/\r?\n/).flatMap((line): KnownHost[] => {
    const words = line.trim().split(/\s+/);
    const marker = words[0]?.startsWith("@") === true ? words.shift()?.slice(1) : undefined;
    const [names = "", type = "", base64 = ""] = words;
    const key = Buffer.from(base64, "base64");
    if (names === "" || names.startsWith("#") || type === "" || keyTypeOf(key) !== type) return [];
    return [{ ...(marker === undefined ? {} : { marker }), key, matches: matcherOf(names) }];
  });
}

function matcherOf(names: string): KnownHost["matches"] {
  return (host, port) => {
    const name = port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${String(port)}`;
    if (names.startsWith("|1|")) return matchesHash(names, name);
    const patterns = names.toLowerCase().split(",");
    if (patterns.some((pattern) => pattern.startsWith("!") && matchesPattern(pattern.slice(1), name))) return false;
    return patterns.some((pattern) => matchesPattern(pattern, name));
  };
}

/** `|1|salt|HMAC-SHA1 of the name`. */
function matchesHash(hashed: string, name: string): boolean {
  const [, , salt = "", hash = ""] = hashed.split("|");
  const expected = Buffer.from(hash, "base64");
  const actual = createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function matchesPattern(pattern: string, name: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`).test(name);
}
