import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GridError } from "../../../worker/contract/errors.ts";
import { runTool } from "../../runtimes/run-tool.ts";

/** What a client needs to log in on the bed's head. */
export interface SshPlace {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Private key that may log in, without a passphrase. */
  readonly identityFile: string;
  /** `SHA256:…` of the host's key, as `ssh-keygen -l` prints it. */
  readonly hostKey: string;
  /** A known_hosts file with the host's key alone. */
  readonly knownHosts: string;
}

const USER = "root";
const PORT = 22;

/** The files of an sshd, made in its directory. */
export interface SshFiles {
  readonly place: SshPlace;
  readonly config: string;
  /** Every command line that arrived, one a line; sshd's own log does not show them. */
  readonly commands: string;
}

/**
 * Makes keys and configuration of an sshd that lets its one key in and nothing else.
 * @param environment what every command finds
 * @param environmentFile lines for a shell that say what it finds besides; it need not be there
 * @source sshd_config(5)
 */
export async function prepareSshd(
  dir: string,
  address: string,
  environment: Readonly<Record<string, string>>,
  environmentFile: string,
): Promise<SshFiles> {
  const file = (name: string): string => join(dir, name);
  for (const key of ["host", "client"])
    await keygen("-q", "-t", "ed25519", "-N", "", "-C", "slurm-bed", "-f", file(key));
  writeFileSync(file("authorized_keys"), readFileSync(file("client.pub")), { mode: 0o600 });
  const [type = "", key = ""] = readFileSync(file("host.pub"), "utf8").split(" ");
  writeFileSync(file("known_hosts"), `${address} ${type} ${key}\n`);
  writeFileSync(file("record"), recorder(file("commands"), environmentFile), { mode: 0o755 });
  writeFileSync(file("commands"), "");
  const setEnv = Object.entries(environment).map(([name, value]) => `"${name}=${value}"`);
  writeFileSync(
    file("sshd_config"),
    `ListenAddress ${address}
Port ${PORT}
HostKey ${file("host")}
PidFile none
AuthorizedKeysFile ${file("authorized_keys")}
AllowUsers ${USER}
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
# The bed may stand in a temporary directory that others can write to further up.
StrictModes no
LogLevel VERBOSE
Subsystem sftp internal-sftp
SetEnv ${setEnv.join(" ")}
ForceCommand ${file("record")}
`,
  );
  const fingerprint = (await keygen("-l", "-E", "sha256", "-f", file("host.pub"))).split(" ")[1] ?? "";
  return {
    place: {
      host: address,
      port: PORT,
      user: USER,
      identityFile: file("client"),
      hostKey: fingerprint,
      knownHosts: file("known_hosts"),
    },
    config: file("sshd_config"),
    commands: file("commands"),
  };
}

/** Runs what was asked for as sshd itself does, once it is written down. */
function recorder(file: string, environmentFile: string): string {
  return `#!/bin/sh
printf '%s\\n' "$SSH_ORIGINAL_COMMAND" >> '${file}'
[ ! -f '${environmentFile}' ] || . '${environmentFile}'
case $SSH_ORIGINAL_COMMAND in
  "") exec "\${SHELL:-/bin/sh}" -l ;;
  internal-sftp*) exec /usr/lib/openssh/sftp-server ;;
esac
exec "\${SHELL:-/bin/sh}" -c "$SSH_ORIGINAL_COMMAND"
`;
}

async function keygen(...args: readonly string[]): Promise<string> {
  const { code, tail } = await runTool("ssh-keygen", args);
  if (code === 0) return tail;
  throw new GridError("SLURM_BED_FAILED", `ssh-keygen ${args.join(" ")} failed (exit ${String(code)}): ${tail}`);
}
