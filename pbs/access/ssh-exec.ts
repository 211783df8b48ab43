import { randomBytes } from "node:crypto";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, ClientChannel } from "ssh2";
import { GridError } from "../../worker/contract/errors.ts";
import type { Argv } from "../batch-system.ts";
import { follow, withinLimits, type Exec, type ExecResult, type RunningCommand } from "./exec.ts";
import { nameOf, type SshHost, type SshOptions } from "./options.ts";
import { endLine, readMarks, remoteLine } from "./remote-line.ts";
import { createSlots } from "./slots.ts";
import { orAborted } from "./kept.ts";
import type { SshConnection } from "./ssh-connection.ts";

/** When a server opens no session though none of ours is open, those that we gave up are still ending. */
const LOOK_AGAIN_MS = 250;
const END_ATTEMPTS = 5;
const END_TIMEOUT_MS = 30_000;
/** For a login shell to come as far as our script. */
const GROUP_TIMEOUT_MS = 10_000;

/** Runs commands over the connection, at most `options.sessions` at once; fewer when the server says so. */
export function sshExec(connection: SshConnection, options: SshOptions): Exec {
  const slots = createSlots(options.sessions);
  return (argv, limits) =>
    withinLimits(argv, limits, async (signal) => {
      const token = newToken();
      const line = remoteLine(argv, { token, commandDirs: options.commandDirs });
      for (;;) {
        const release = await slots.take(signal);
        // A command that is given up keeps its session until it has ended.
        let ending: Promise<void> | undefined;
        try {
          const client = await connection.get(signal);
          const running = (channel: ClientChannel): RunningCommand =>
            asRunning(channel, (command, stderr) => {
              ending = groupOf(command, stderr, token).then((group) => endCommand(connection, client, channel, group));
            });
          const channel = await openChannel(client, line, signal, (late) => running(late).abandon(""));
          if (channel === "no session") {
            // One stays free for ending commands.
            slots.lower(slots.taken - 2);
            if (slots.taken === 1) await orAborted(sleep(LOOK_AGAIN_MS), signal);
            continue;
          }
          if (channel === "not connected") {
            await connection.replace(client, signal);
            continue;
          }
          return outcomeOf(argv, options, token, await follow(running(channel), argv, limits.stdin, signal));
        } catch (error) {
          throw error instanceof LostChannel ? lost(argv, options, error) : error;
        } finally {
          if (ending === undefined) release();
          else void ending.finally(release);
        }
      }
    });
}

export function newToken(): string {
  return `gridharvest-${randomBytes(8).toString("hex")}`;
}

/**
 * What a command that has ended says.
 * @throws GridError `COMMAND_MISSING`, or `SSH_LOST` when neither the script nor the server told how it ended
 */
export function outcomeOf(
  argv: Argv,
  host: SshHost,
  token: string,
  ended: { readonly code: number | undefined; readonly stdout: Buffer; readonly stderr: string },
): ExecResult {
  const marks = readMarks(ended.stderr, token);
  if (marks.missing) {
    throw new GridError(
      "COMMAND_MISSING",
      `${argv[0]} is not there on ${nameOf(host)}; set batch.access.commandDirs to its directory`,
      { context: { command: argv[0], host: nameOf(host) } },
    );
  }
  const code = marks.exit ?? ended.code;
  if (code === undefined) throw lost(argv, host);
  return { argv, code, stdout: ended.stdout, stderr: marks.stderr };
}

export function lost(argv: Argv, host: SshHost, cause?: unknown): GridError {
  return new GridError(
    "SSH_LOST",
    `the connection to ${nameOf(host)} was lost while ${argv.join(" ")} ran; nobody knows whether it did its work`,
    { retryable: true, cause, context: { command: argv[0], host: nameOf(host) } },
  );
}

/** The connection went while a command was being sent. */
class LostChannel extends Error {}

/**
 * @param late gets a channel that opened when nobody waited for it any more
 * @returns "no session" when the server opens no more of them, "not connected" when the connection has gone before; nothing was run then
 */
function openChannel(
  client: Client,
  line: string,
  signal: AbortSignal,
  late: (channel: ClientChannel) => void,
): Promise<ClientChannel | "no session" | "not connected"> {
  const opening = new Promise<ClientChannel | "no session" | "not connected">((resolve, reject) => {
    try {
      client.exec(line, (error, channel) => {
        const { reason } = (error ?? {}) as { reason?: unknown };
        if (typeof reason === "number") resolve("no session");
        else if (error) reject(new LostChannel(error.message));
        else if (signal.aborted) late(channel);
        else resolve(channel);
      });
    } catch {
      // Its event is still to come.
      resolve("not connected");
    }
  });
  opening.catch(() => undefined);
  return orAborted(opening, signal);
}

function asRunning(channel: ClientChannel, abandon: (command: RunningCommand, stderr: string) => void): RunningCommand {
  let code: number | undefined;
  channel.on("exit", (status: number | null, signal?: string) => {
    code = status ?? (signal === undefined ? undefined : 128 + signalNumber(signal));
  });
  // What becomes of the channel is seen in its end.
  for (const stream of [channel, channel.stderr]) stream.on("error", () => undefined);
  const command: RunningCommand = {
    stdin: channel,
    stdout: channel,
    stderr: channel.stderr,
    ended: new Promise((resolve) => channel.once("close", () => resolve(code))),
    abandon: (stderr) => abandon(command, stderr),
  };
  return command;
}

function signalNumber(name: string): number {
  return constants.signals[`SIG${name.replace(/^SIG/, "")}` as NodeJS.Signals] ?? 0;
}

/**
 * The process group of a command that is given up. Its number may still be on the way: a command can be at work before what the script said of it is here.
 * @returns undefined when it ends meanwhile, or its login shell hangs
 */
export function groupOf(command: RunningCommand, soFar: string, token: string): Promise<number | undefined> {
  const { stdout, stderr, ended } = command;
  return new Promise((resolve) => {
    let text = soFar;
    const settle = (group: number | undefined): void => {
      clearTimeout(timer);
      stderr.off("data", read);
      resolve(group);
    };
    const read = (block: Buffer | string): void => {
      text += block.toString();
      const { group } = readMarks(text, token);
      if (group !== undefined) settle(group);
    };
    const timer = setTimeout(() => settle(undefined), GROUP_TIMEOUT_MS);
    stderr.on("data", read);
    stdout.resume();
    const over = (): void => settle(undefined);
    ended.then(over, over);
    read("");
  });
}

/**
 * Closes the channel and ends the process group over another one. A server that has no session left for that gets a new connection, so that what
 * hangs cannot keep us out for good. Resolves when it is done, or cannot be done.
 */
async function endCommand(
  connection: SshConnection,
  client: Client,
  channel: ClientChannel,
  group: number | undefined,
): Promise<void> {
  // All there is when the login shell itself hangs.
  if (group === undefined) channel.signal("KILL");
  channel.resume().close();
  if (group === undefined) return;
  try {
    let at = client;
    for (let attempt = 1; attempt <= 2 * END_ATTEMPTS; attempt++) {
      if (await runBlindly(at, endLine(group))) return;
      await sleep(LOOK_AGAIN_MS);
      if (attempt === END_ATTEMPTS) at = await connection.replace(at, AbortSignal.timeout(END_TIMEOUT_MS));
    }
  } catch {
    // The frontend is away. Nobody waits for the command.
  }
}

/** Runs a line whose outcome does not matter. @returns false when the server opened no session for it */
function runBlindly(client: Client, line: string): Promise<boolean> {
  return new Promise((resolve) => {
    try {
      client.exec(line, (error, channel) => {
        if (error) return resolve(false);
        channel.on("error", () => resolve(true)).once("close", () => resolve(true));
        channel.resume().stderr.resume();
      });
    } catch {
      // Not connected any more.
      resolve(false);
    }
  });
}
