/** One machine on the way to the frontend, or the frontend itself, and who we are there. */
export interface SshHost {
  readonly host: string;
  readonly port: number;
  /** Default: the user that runs us. */
  readonly user?: string | undefined;
  /** Private key. */
  readonly identityFile?: string | undefined;
  /** File with the key's passphrase. */
  readonly passphraseFile?: string | undefined;
  /** Socket of an agent. Default: that of `SSH_AUTH_SOCK` when there is no `identityFile`. */
  readonly agent?: string | undefined;
  /** Fingerprint `SHA256:…` of its key. */
  readonly hostKey?: string | undefined;
  /** File that holds its key, when there is no `hostKey`. */
  readonly knownHosts: string;
}

/** The way to a frontend. Times in seconds. */
export interface SshOptions extends SshHost {
  /** Passed in this order. */
  readonly jump: readonly SshHost[];
  /** A connection over which nothing came back for three times as long is dead. */
  readonly keepAliveSeconds: number;
  /** Time limit of connecting and logging in, for each host. */
  readonly connectTimeoutSeconds: number;
  /** Commands at once over the one connection; the others wait. */
  readonly sessions: number;
  /** Directories of the frontend that are searched before the account's PATH. */
  readonly commandDirs: readonly string[];
}

/** Where a warning goes. */
export interface AccessLog {
  warn(message: string, facts?: Readonly<Record<string, string | number | boolean>>): void;
}

/** After so many intervals without an answer a connection counts as dead. */
export const KEEPALIVE_MOST_SILENCES = 3;

export function nameOf({ host, port }: Pick<SshHost, "host" | "port">): string {
  return port === 22 ? host : `${host}:${String(port)}`;
}
