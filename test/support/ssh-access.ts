import { openAccess, type Access } from "../../pbs/access/index.ts";
import type { FrontendOptions } from "../../pbs/access/index.ts";
import type { SshHost } from "../../pbs/access/options.ts";
import type { SshServer } from "./ssh-server.ts";

/** A test's server as a host of the configuration. */
export function hostOf(server: SshServer, more: Partial<SshHost> = {}): SshHost {
  const { address: host, port, user, identityFile, knownHosts } = server;
  return { host, port, user, identityFile, knownHosts, ...more };
}

/** The way to a test's server; files go over the connection. Whoever opens it closes it. */
export function accessTo(server: SshServer, more: Partial<FrontendOptions> = {}): Access {
  return openAccess(
    {
      kind: "ssh",
      files: "sftp",
      fileTimeoutSeconds: 60,
      ...hostOf(server),
      jump: [],
      keepAliveSeconds: 15,
      connectTimeoutSeconds: 20,
      sessions: 8,
      commandDirs: [],
      ...more,
    },
    { warn: () => undefined },
  );
}
