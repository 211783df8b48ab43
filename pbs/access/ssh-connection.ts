import type { Duplex } from "node:stream";
import type { Client } from "ssh2";
import { keep, unreachable, type Kept } from "./kept.ts";
import type { AccessLog, SshHost, SshOptions } from "./options.ts";
import { logIn } from "./ssh-login.ts";

/** The connection of ssh2 to a frontend. */
export type SshConnection = Kept<Client>;

export function createSshConnection(options: SshOptions, log: AccessLog): SshConnection {
  return keep<Client>(
    options,
    {
      open: () => connectThrough(options),
      end: (client) => void client.destroy(),
      onceEnded: (client, callback) => void client.once("close", callback),
    },
    log,
  );
}

/** Logs in to the frontend, through the jump hosts if there are any. Its end is the end of them all. */
async function connectThrough(options: SshOptions): Promise<Client> {
  const chain: Client[] = [];
  const end = (): void => chain.toReversed().forEach((client) => client.end());
  try {
    for (const host of [...options.jump, options]) {
      const before = chain.at(-1);
      const client = await logIn(host, options, async () => (before ? await forward(before, host) : undefined));
      client.on("error", () => undefined);
      chain.push(client);
    }
  } catch (error) {
    end();
    throw error;
  }
  const client = chain.at(-1) as Client;
  // Its socket is a channel of the host before it, and ends with that.
  client.once("close", end);
  return client;
}

function forward(through: Client, to: SshHost): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    through.forwardOut("127.0.0.1", 0, to.host, to.port, (error, channel) => {
      if (error) reject(unreachable(to, `the jump host does not reach it: ${error.message}`, error));
      else resolve(channel);
    });
  });
}
