import { openAccess, type Access, type AccessLog, type AccessOptions } from "../pbs/access/index.ts";
import type { Config } from "./config-schema.ts";

/** The configured way to the batch system. @throws Error when the configuration was not checked */
export function accessOptionsOf(config: Config): AccessOptions {
  const { access, commandTimeout } = config.batch;
  const { kind, host } = access;
  if (kind === "local") return { kind };
  if (host === undefined) throw new Error("batch.access.host is missing from a configuration that was not checked");
  const { warnBefore, keytab, principal } = access.kerberos;
  // Whoever logs in with a key needs no ticket.
  const watched = kind === "openssh" && access.identityFile === undefined;
  return {
    kind,
    host,
    port: access.port,
    user: access.user,
    identityFile: access.identityFile,
    passphraseFile: access.passphraseFile,
    agent: access.agent,
    hostKey: access.hostKey,
    knownHosts: access.knownHosts,
    jump: access.jump,
    keepAliveSeconds: access.keepAlive,
    connectTimeoutSeconds: access.connectTimeout,
    sessions: access.sessions,
    commandDirs: access.commandDirs,
    files: access.files,
    fileTimeoutSeconds: commandTimeout,
    kerberos: watched ? { warnBeforeSeconds: warnBefore, keytab, principal } : undefined,
  };
}

/** Opens it. Whoever opens it closes it. */
export function openBatchAccess(config: Config, log: AccessLog): Access {
  return openAccess(accessOptionsOf(config), log);
}

/** Opens it for as long as the work takes. */
export async function withBatchAccess<T>(
  config: Config,
  log: AccessLog,
  work: (access: Access) => Promise<T>,
): Promise<T> {
  const access = openBatchAccess(config, log);
  try {
    return await work(access);
  } finally {
    access.close();
  }
}
