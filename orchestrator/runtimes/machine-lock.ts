import { createHash } from "node:crypto";
import { createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Runs `work` while no other process of this machine runs work of the same name, so that two
 * commands started together do not both download or build the same thing.
 *
 * The lock is a listening socket in Linux's abstract namespace: it has no file, and the kernel frees it
 * whatever way its holder ends. It saves work and is not what makes the result safe (machines that share
 * a file system do not share it): whoever uses it still publishes by an atomic rename, and after
 * `patienceMs` goes on without it.
 * @source unix(7), "Abstract sockets"
 */
export async function withMachineLock<T>(
  name: string,
  work: () => Promise<T>,
  options: { readonly patienceMs?: number; readonly signal?: AbortSignal; readonly onWait?: () => void } = {},
): Promise<T> {
  const address = `\0gridharvest-${createHash("sha256").update(name).digest("hex").slice(0, 32)}`;
  const giveUpAt = Date.now() + (options.patienceMs ?? 15 * 60_000);
  let server = await tryListen(address);
  if (server === undefined) options.onWait?.();
  while (server === undefined && Date.now() < giveUpAt) {
    await sleep(100, undefined, { signal: options.signal });
    server = await tryListen(address);
  }
  try {
    return await work();
  } finally {
    server?.close();
  }
}

async function tryListen(path: string): Promise<Server | undefined> {
  return await new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(undefined) : reject(error),
    );
    server.listen({ path }, () => {
      server.unref();
      resolve(server);
    });
  });
}
