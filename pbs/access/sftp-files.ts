import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import type { Client, SFTPWrapper } from "ssh2";
import { GridError } from "../../worker/contract/errors.ts";
import { asFilesFailed, draftOf, type FileStore } from "./file-store.ts";
import { withinLimits } from "./exec.ts";
import { orAborted } from "./kept.ts";
import type { SshConnection } from "./ssh-connection.ts";

/** @source draft-ietf-secsh-filexfer-02, section 7 */
const NO_SUCH_FILE = 2;
const FAILURE = 4;

type Done<T> = (error: Error | undefined | null, result: T) => void;

/**
 * A store over SFTP, in one session of the connection that the commands use too.
 * @param where the frontend's name, for messages
 * @param timeoutSeconds of each operation
 * @param life what goes on ends with it
 */
export function sftpFiles(
  connection: SshConnection,
  where: string,
  timeoutSeconds: number,
  life: AbortSignal,
): FileStore {
  const sessions = new WeakMap<Client, Promise<SFTPWrapper>>();
  const session = async (signal: AbortSignal): Promise<SFTPWrapper> => {
    const client = await connection.get(signal);
    let opened = sessions.get(client);
    if (!opened) {
      opened = openSession(client, () => sessions.delete(client));
      sessions.set(client, opened);
    }
    return await orAborted(opened, signal);
  };

  const run = async <T>(what: string, path: string, work: (sftp: Sftp) => Promise<T>): Promise<T> => {
    try {
      return await withinLimits([`sftp: ${what}`, path], { timeoutSeconds, signal: life }, async (signal) =>
        orAborted(work(promised(await session(signal), where)), signal),
      );
    } catch (error) {
      life.throwIfAborted();
      throw asFilesFailed(what, path, where, error);
    }
  };

  return {
    makeDir: (dir, mode = 0o755) => run("make the directory", dir, (sftp) => makeDirs(sftp, dir, mode)),
    write: (file, content, mode = 0o644) => run("write", file, (sftp) => write(sftp, file, Buffer.from(content), mode)),
    read: (file) => run("read", file, (sftp) => sftp.read(file)),
    stat: (path) =>
      run("look at", path, async (sftp) => {
        const found = await sftp.stat(path);
        if (!found) return undefined;
        const kind = found.isFile() ? "file" : found.isDirectory() ? "directory" : "other";
        return { kind, bytes: found.size, mode: found.mode & 0o7777 };
      }),
    publish: (from, to) =>
      run("name", to, async (sftp) => {
        if (await sftp.stat(to)) return false;
        try {
          await sftp.rename(from, to);
          return true;
        } catch (error) {
          // Somebody else was quicker.
          if (statusOf(error) === FAILURE && (await sftp.stat(to)) && (await sftp.stat(from))) return false;
          throw error;
        }
      }),
    remove: (path) => run("remove", path, (sftp) => remove(sftp, path)),
  };
}

async function makeDirs(sftp: Sftp, dir: string, mode: number): Promise<void> {
  if ((await sftp.stat(dir))?.isDirectory()) return;
  if (dirname(dir) !== dir) await makeDirs(sftp, dirname(dir), 0o755);
  try {
    await sftp.mkdir(dir, mode);
  } catch (error) {
    // Somebody else was quicker.
    if ((await sftp.stat(dir))?.isDirectory()) return;
    throw error;
  }
  // The umask may have taken bits away.
  await sftp.chmod(dir, mode);
}

async function write(sftp: Sftp, file: string, content: Buffer, mode: number): Promise<void> {
  const draft = draftOf(file, randomBytes(6).toString("hex"));
  try {
    await sftp.create(draft, content, mode & 0o700);
    await sftp.chmod(draft, mode);
    await sftp.replace(draft, file);
  } catch (error) {
    await sftp.unlink(draft).catch(() => undefined);
    throw error;
  }
}

async function remove(sftp: Sftp, path: string): Promise<void> {
  const found = await sftp.lstat(path);
  if (!found) return;
  if (!found.isDirectory()) return sftp.unlink(path);
  for (const name of await sftp.list(path)) await remove(sftp, `${path}/${name}`);
  await sftp.rmdir(path);
}

/** The operations that are used, as promises; what looks for something gives undefined when there is nothing. */
type Sftp = ReturnType<typeof promised>;

function promised(sftp: SFTPWrapper, where: string) {
  const ask = <T>(start: (done: Done<T>) => void): Promise<T> =>
    new Promise((resolve, reject) => {
      start((error, result) => {
        if (!error) resolve(result);
        // Every answer of the server has a status; without one there was no answer.
        else reject(statusOf(error) === undefined ? lostFiles(where, error) : error);
      });
    });
  const orNothing = async <T>(looking: Promise<T>): Promise<T | undefined> => {
    try {
      return await looking;
    } catch (error) {
      if (statusOf(error) === NO_SUCH_FILE) return undefined;
      throw error;
    }
  };
  return {
    mkdir: (dir: string, mode: number) => ask<void>((done) => sftp.mkdir(dir, { mode }, done as never)),
    chmod: (path: string, mode: number) => ask<void>((done) => sftp.chmod(path, mode, done)),
    create: (file: string, content: Buffer, mode: number) =>
      ask<void>((done) => sftp.writeFile(file, content, { mode, flag: "wx" }, done as never)),
    read: (file: string) => orNothing(ask<Buffer>((done) => sftp.readFile(file, done))),
    stat: (path: string) => orNothing(ask<import("ssh2").Stats>((done) => sftp.stat(path, done))),
    lstat: (path: string) => orNothing(ask<import("ssh2").Stats>((done) => sftp.lstat(path, done))),
    /** Not over what is there. */
    rename: (from: string, to: string) => ask<void>((done) => sftp.rename(from, to, done)),
    /** Over what is there, at once. @source OpenSSH PROTOCOL, 4.3 "posix-rename@openssh.com" */
    replace: (from: string, to: string) => ask<void>((done) => sftp.ext_openssh_rename(from, to, done)),
    unlink: (path: string) => ask<void>((done) => sftp.unlink(path, done)),
    rmdir: (path: string) => ask<void>((done) => sftp.rmdir(path, done)),
    list: async (dir: string) =>
      (await ask<{ filename: string }[]>((done) => sftp.readdir(dir, done))).map(({ filename }) => filename),
  };
}

/** The status code of an answer; undefined when there was no answer. */
function statusOf(error: unknown): number | undefined {
  const { code } = error as { code?: unknown };
  return typeof code === "number" ? code : undefined;
}

function lostFiles(where: string, cause: Error): GridError {
  return new GridError("SSH_LOST", `the SFTP session of ${where} was lost: ${cause.message}`, {
    retryable: true,
    cause,
  });
}

function openSession(client: Client, closed: () => void): Promise<SFTPWrapper> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      closed();
      reject(
        new GridError(
          "FILES_FAILED",
          `the frontend opens no SFTP session: ${error.message}; see that its sshd has the subsystem sftp, or use batch.access.files: shared`,
          { retryable: true, cause: error },
        ),
      );
    };
    try {
      client.sftp((error, sftp) => {
        if (error) return fail(error);
        sftp.on("error", () => undefined).once("close", closed);
        resolve(sftp);
      });
    } catch (error) {
      fail(error as Error);
    }
  });
}
