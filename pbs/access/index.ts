import type { CommandRunner } from "../batch-system.ts";
import { localCommandRunner, localExec } from "../command.ts";
import { commandFiles } from "./command-files.ts";
import { commandRunner, type Exec } from "./exec.ts";
import type { FileStore } from "./file-store.ts";
import { localFiles } from "./local-files.ts";
import { opensshExec } from "./openssh.ts";
import { nameOf, type AccessLog, type SshOptions } from "./options.ts";
import { sftpFiles } from "./sftp-files.ts";
import { createSshConnection } from "./ssh-connection.ts";
import { sshExec } from "./ssh-exec.ts";
import { watchTicket, type KerberosOptions } from "./ticket.ts";

export type { Exec, ExecOptions, ExecResult } from "./exec.ts";
export type { FileStat, FileStore } from "./file-store.ts";
export type { AccessLog, SshHost, SshOptions } from "./options.ts";

/** The way over a frontend: through ssh2, or the system's ssh. */
export interface FrontendOptions extends SshOptions {
  readonly kind: "ssh" | "openssh";
  /** `shared`: this machine and the nodes see the same files under the same paths. Otherwise they are written and read over the connection. */
  readonly files: "shared" | "sftp";
  /** Time limit of each operation on a file. */
  readonly fileTimeoutSeconds: number;
  /** Watches the ticket that logins through the system's ssh need. */
  readonly kerberos?: KerberosOptions | undefined;
}

/** How commands and files get to the batch system. */
export type AccessOptions = { readonly kind: "local" } | FrontendOptions;

/** The way to the batch system, opened. Nothing is connected before it is needed. */
export interface Access {
  /** The frontend, for messages; undefined on this machine. */
  readonly frontend: string | undefined;
  readonly exec: Exec;
  /** The same, for a batch system. */
  readonly runner: CommandRunner;
  /** What nodes see. */
  readonly files: FileStore;
  /** Runs commands where these files are: here when they are shared. */
  readonly fileExec: Exec;
  /** Ends the connection, and with it what still goes on. */
  readonly close: () => void;
}

/** @param binDirs directories of this machine that are searched before PATH when the access is local */
export function openAccess(options: AccessOptions, log: AccessLog, binDirs: readonly string[] = []): Access {
  if (options.kind === "local") {
    const exec = localExec(binDirs);
    return {
      frontend: undefined,
      exec,
      runner: commandRunner(exec),
      files: localFiles(),
      fileExec: exec,
      close: () => undefined,
    };
  }
  const frontend = nameOf(options);
  const life = new AbortController();
  const { exec, files, end } = connectionOf(options, log, life.signal);
  return {
    frontend,
    exec,
    runner: commandRunner(exec),
    ...(options.files === "shared" ? { files: localFiles(), fileExec: localExec() } : { files, fileExec: exec }),
    close() {
      life.abort(new Error(`the access to ${frontend} was closed`));
      end();
    },
  };
}

function connectionOf(
  options: FrontendOptions,
  log: AccessLog,
  life: AbortSignal,
): { readonly exec: Exec; readonly files: FileStore; readonly end: () => void } {
  const limits = [nameOf(options), options.fileTimeoutSeconds, life] as const;
  if (options.kind === "openssh") {
    const ticket = options.kerberos && watchTicket(options.kerberos, localCommandRunner(), log);
    const { exec, close } = opensshExec(options, log, () => ticket?.look(life) ?? Promise.resolve());
    const end = (): void => {
      ticket?.stop();
      close();
    };
    return { exec, files: commandFiles(exec, ...limits), end };
  }
  const connection = createSshConnection(options, log);
  return {
    exec: sshExec(connection, options),
    files: sftpFiles(connection, ...limits),
    end: () => connection.close(),
  };
}
