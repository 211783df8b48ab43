import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import type { Duplex } from "node:stream";
import type {
  AgentAuthMethod,
  Client,
  ConnectConfig,
  ParsedKey,
  PublicKeyAuthMethod,
  ServerHostKeyAlgorithm,
} from "ssh2";
import { BackfillError, ConfigError } from "../../worker/contract/errors.ts";
import { fingerprintOf, judgeHostKey, keyTypeOf, knownKeyTypes, type HostKeyPin } from "./host-key.ts";
import { unreachable } from "./kept.ts";
import { KEEPALIVE_MOST_SILENCES, nameOf, type SshHost, type SshOptions } from "./options.ts";

/** The signature algorithms of each type of host key, those that are asked for first standing first. */
const ALGORITHMS: readonly (readonly [type: RegExp, algorithms: readonly ServerHostKeyAlgorithm[]])[] = [
  [/^ssh-ed25519$/, ["ssh-ed25519"]],
  [/^ecdsa-/, ["ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"]],
  [/^ssh-rsa$/, ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"]],
];

/**
 * Logs in to one host with its key, an agent, or both.
 * @param socket opens the way to it anew for each attempt: a server that shows another type of key than the one that is pinned is asked again
 * @throws ConfigError `SSH_KEY_UNUSABLE`, `SSH_HOST_KEY`, `SSH_AUTH_REFUSED`; GridError `SSH_UNREACHABLE` (retryable)
 */
export async function logIn(
  host: SshHost,
  options: Pick<SshOptions, "keepAliveSeconds" | "connectTimeoutSeconds">,
  socket: () => Promise<Duplex | undefined>,
): Promise<Client> {
  const credentials = await credentialsOf(host);
  const pin = await pinOf(host);
  let first: BackfillError | undefined;
  for (const algorithms of offersFor(pin, host)) {
    try {
      return await attempt(host, options, credentials, pin, algorithms, await socket());
    } catch (error) {
      if (!(error instanceof BackfillError)) throw error;
      // Only a key that is not the pinned one is a reason to ask for one of another type.
      if (first === undefined && error.code !== "SSH_HOST_KEY") throw error;
      first ??= error;
    }
  }
  throw first ?? unreachable(host, "it offers no type of host key that is known here");
}

/** What to ask for: of a file's keys the types that it knows first; for a fingerprint, which does not tell its type, one type after the other. */
function offersFor(pin: HostKeyPin, { host, port }: SshHost): ServerHostKeyAlgorithm[][] {
  const all = ALGORITHMS.flatMap(([, algorithms]) => algorithms);
  if (pin.kind === "fingerprint") return [all, ...ALGORITHMS.map(([, algorithms]) => [...algorithms])];
  const types = knownKeyTypes(pin.text, host, port);
  const known = ALGORITHMS.filter(([type]) => types.some((name) => type.test(name))).flatMap(([, names]) => names);
  return [[...new Set([...known, ...all])]];
}

async function attempt(
  host: SshHost,
  options: Pick<SshOptions, "keepAliveSeconds" | "connectTimeoutSeconds">,
  credentials: Credentials,
  pin: HostKeyPin,
  algorithms: ServerHostKeyAlgorithm[],
  sock: Duplex | undefined,
): Promise<Client> {
  const { Client } = (await import("ssh2")).default;
  const client = new Client();
  let refusal: ConfigError | undefined;
  const config: ConnectConfig = {
    host: host.host,
    port: host.port,
    ...(sock === undefined ? {} : { sock }),
    username: credentials.user,
    authHandler: credentials.methods,
    algorithms: { serverHostKey: algorithms },
    readyTimeout: options.connectTimeoutSeconds * 1000,
    keepaliveInterval: options.keepAliveSeconds * 1000,
    keepaliveCountMax: KEEPALIVE_MOST_SILENCES,
    hostVerifier: (key: Buffer) => {
      refusal = refusalOf(host, pin, key);
      return refusal === undefined;
    },
  };
  return await new Promise((resolve, reject) => {
    let agentFault = "";
    const fail = (error: Error & { level?: string }): void => {
      // ssh2 says so and goes on to the next way of logging in.
      if (error.level === "agent") {
        agentFault = error.message;
        return;
      }
      client.destroy();
      reject(refusal ?? explain(host, credentials, error, agentFault));
    };
    client.on("error", fail);
    client.once("close", () => fail(new Error("it closed the connection")));
    client.once("ready", () => {
      client.removeAllListeners("close").off("error", fail);
      resolve(client);
    });
    client.connect(config);
  });
}

/** Why the key is not trusted, and how to pin it; undefined when it is. */
function refusalOf(host: SshHost, pin: HostKeyPin, key: Buffer): ConfigError | undefined {
  const verdict = judgeHostKey(pin, host.host, host.port, key);
  const name = nameOf(host);
  const seen = `${keyTypeOf(key)} ${fingerprintOf(key)}`;
  const where = pin.kind === "fingerprint" ? "hostKey" : pin.file;
  const line = `${host.port === 22 ? host.host : `[${host.host}]:${String(host.port)}`} ${keyTypeOf(key)} ${key.toString("base64")}`;
  const pinIt =
    pin.kind === "fingerprint"
      ? `set hostKey: ${fingerprintOf(key)}`
      : `set hostKey: ${fingerprintOf(key)}, or add to ${pin.file} the line\n${line}`;
  const context = { host: name, seen: fingerprintOf(key) };
  switch (verdict.kind) {
    case "trusted":
      return undefined;
    case "unknown":
      return new ConfigError(
        "SSH_HOST_KEY",
        `the host key of ${name} is not known in ${where}: it shows ${seen}; when that is its key (its administrator or \`ssh-keygen -lf\` there says so), ${pinIt}`,
        { context },
      );
    case "revoked":
      return new ConfigError(
        "SSH_HOST_KEY",
        `the host key of ${name} is revoked in ${where}: it shows ${seen}; ask its administrator for the new one`,
        { context },
      );
    case "changed":
      return new ConfigError(
        "SSH_HOST_KEY",
        `the host key of ${name} has changed: ${where} has ${verdict.expected.join(", ")}, it shows ${seen}; somebody may be in between, so ask its administrator, and only when the new key is right ${pinIt}`,
        { context: { ...context, expected: verdict.expected.join(", ") } },
      );
  }
}

function explain(
  host: SshHost,
  credentials: Credentials,
  error: Error & { level?: string },
  agentFault: string,
): Error {
  if (error.level !== "client-authentication") return unreachable(host, error.message, error);
  return new ConfigError(
    "SSH_AUTH_REFUSED",
    `${nameOf(host)} does not let ${credentials.user} in with ${credentials.shown}${agentFault === "" ? "" : ` (${agentFault})`}; see that the user is right and that the public key stands in its ~/.ssh/authorized_keys there, or set user, identityFile or agent`,
    { cause: error, context: { host: nameOf(host), user: credentials.user } },
  );
}

interface Credentials {
  readonly user: string;
  readonly methods: (PublicKeyAuthMethod | AgentAuthMethod)[];
  /** For messages. */
  readonly shown: string;
}

async function credentialsOf(host: SshHost): Promise<Credentials> {
  const user = host.user ?? userInfo().username;
  const { SSH_AUTH_SOCK } = process.env;
  const agent = host.agent ?? (host.identityFile === undefined ? SSH_AUTH_SOCK : undefined);
  const methods: Credentials["methods"] = [
    ...(host.identityFile === undefined
      ? []
      : [{ type: "publickey" as const, username: user, key: await privateKey(host, host.identityFile) }]),
    ...(agent === undefined || agent === "" ? [] : [{ type: "agent" as const, username: user, agent }]),
  ];
  if (methods.length === 0) {
    throw new ConfigError(
      "SSH_KEY_UNUSABLE",
      `there is nothing to log in to ${nameOf(host)} with; set identityFile, or start an agent that SSH_AUTH_SOCK names`,
    );
  }
  const shown = [host.identityFile, agent === undefined ? undefined : `the agent ${agent}`].filter(Boolean);
  return { user, methods, shown: shown.join(" and ") };
}

async function privateKey(host: SshHost, file: string): Promise<ParsedKey> {
  const { utils } = (await import("ssh2")).default;
  const passphrase =
    host.passphraseFile === undefined ? undefined : await readOwn(host.passphraseFile, "passphraseFile");
  const key = utils.parseKey(await readOwn(file, "identityFile"), passphrase?.toString("utf8").replace(/\r?\n$/, ""));
  if (!(key instanceof Error)) return key;
  throw new ConfigError(
    "SSH_KEY_UNUSABLE",
    `the private key ${file} for ${nameOf(host)} cannot be used: ${key.message}; set passphraseFile to a file with its passphrase, use an agent, or name another key`,
    { context: { file } },
  );
}

async function pinOf(host: SshHost): Promise<HostKeyPin> {
  if (host.hostKey !== undefined) return { kind: "fingerprint", fingerprint: host.hostKey };
  let text = "";
  try {
    text = await readFile(host.knownHosts, "utf8");
  } catch (error) {
    // A file that nobody has made yet knows nobody.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw unusable(host.knownHosts, "knownHosts", error);
  }
  return { kind: "known-hosts", file: host.knownHosts, text };
}

async function readOwn(file: string, setting: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw unusable(file, setting, error);
  }
}

function unusable(file: string, setting: string, error: unknown): ConfigError {
  return new ConfigError(
    "SSH_KEY_UNUSABLE",
    `${setting} ${file} cannot be read: ${(error as Error).message}; name a file that the user who runs gridharvest can read`,
    { cause: error, context: { file } },
  );
}
