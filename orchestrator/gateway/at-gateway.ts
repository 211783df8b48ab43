import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { z } from "zod";
import { BackfillError, ConfigError, describeError, GridError, StoreError } from "../../worker/contract/errors.ts";
import type { Config } from "../config-schema.ts";
import type { Log } from "../log.ts";
import { enterNamespace } from "../network/index.ts";
import { commandLine } from "../runtimes/index.ts";
import { carryOut, type GatewayAnswers, type GatewayRequest } from "./carry-out.ts";
import { listenOn, type Listener } from "./ports.ts";

/** The hidden command that reads a request on stdin and prints the answer. */
export const AT_GATEWAY_COMMAND = "at-gateway";

/** What stands before every command for the gateway host; empty when that is this machine, as this process sees it. */
export function gatewayPrefix({ gateway, namespaces }: Config["network"]): readonly string[] {
  switch (gateway.placement) {
    case "local":
      return [];
    case "namespace":
      return enterNamespace(namespaces.gateway ?? "");
    case "command":
      return gateway.command;
  }
}

/** One line of JSON on stdout. */
const answerSchema = z.union([
  z.strictObject({ answer: z.unknown() }),
  z.strictObject({
    error: z.strictObject({
      kind: z.enum(["ConfigError", "GridError", "StoreError"]),
      code: z.string(),
      message: z.string(),
      retryable: z.boolean(),
    }),
  }),
]);

/**
 * Has something done on the gateway host: here when that is this machine, else by this same program, started through the
 * configured prefix. Requests name files by their paths, which both hosts share; no secret is in them.
 * @throws what doing it throws; GridError `GATEWAY_UNREACHABLE` (retryable) when the program could not be run there
 */
export async function atGateway<R extends GatewayRequest>(
  network: Config["network"],
  request: R,
  log: Log,
  signal: AbortSignal,
): Promise<GatewayAnswers[R["act"]]> {
  const prefix = gatewayPrefix(network);
  if (prefix.length === 0) return await carryOut(request, log, signal);
  return (await askProgram(prefix, request, log, signal)) as GatewayAnswers[R["act"]];
}

/** What lasts as long as the input of the program that does it. */
interface ListenRequest {
  readonly act: "listen";
  readonly address: string;
}

/**
 * Listens on the gateway host's address on the nodes' network, at a port such as gateways have, so that nodes can try the way there. Ends with its
 * asker, whatever way that one ends.
 * @throws GridError `NO_FREE_PORT`; `GATEWAY_UNREACHABLE` (retryable)
 */
export async function listenAtGateway(network: Config["network"], log: Log, signal: AbortSignal): Promise<Listener> {
  const address = network.gatewayAddress;
  const prefix = gatewayPrefix(network);
  if (prefix.length === 0) return await listenOn(address);
  const program = startProgram(prefix, { act: "listen", address }, log, signal);
  try {
    const { port } = contentOf(await program.answer) as Pick<Listener, "port">;
    return { port, close: () => program.stop() };
  } catch (error) {
    await program.stop();
    throw error;
  }
}

async function askProgram(
  prefix: readonly string[],
  request: GatewayRequest,
  log: Log,
  signal: AbortSignal,
): Promise<unknown> {
  const program = startProgram(prefix, request, log, signal);
  const answer = await program.answer;
  await program.ended;
  signal.throwIfAborted();
  return contentOf(answer);
}

type Answer = z.output<typeof answerSchema>;

/** This program at the other end. */
interface Program {
  /** Rejects with GridError `GATEWAY_UNREACHABLE` when it ends without one, with the signal's reason when that is why. */
  readonly answer: Promise<Answer>;
  readonly ended: Promise<unknown>;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
}

/** @param signal ends it */
function startProgram(
  prefix: readonly string[],
  request: GatewayRequest | ListenRequest,
  log: Log,
  signal: AbortSignal,
): Program {
  signal.throwIfAborted();
  const { node, args } = commandLine();
  const words = [...prefix, node, ...args, AT_GATEWAY_COMMAND];
  const [command = "", ...rest] = words;
  checkWords([node, ...args]);
  const child = spawn(command, rest, { stdio: ["pipe", "pipe", "pipe"] });
  const onAbort = (): void => void child.kill("SIGTERM");
  signal.addEventListener("abort", onAbort);
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, killedBy) =>
      resolve(code === null ? `signal ${String(killedBy)}` : `exit code ${String(code)}`),
    );
  });
  // A program that ends at once does not read its request.
  child.stdin.on("error", () => undefined);
  const line = `${JSON.stringify(request)}\n`;
  if (request.act === "listen") child.stdin.write(line);
  else child.stdin.end(line);
  const lastLines: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    lastLines.push(line);
    if (lastLines.length > 5) lastLines.shift();
    passOn(line, log);
  });
  const answer = new Promise<Answer>((resolve, reject) => {
    // A login script may print something first.
    createInterface({ input: child.stdout }).on("line", (text) => {
      const parsed = answerSchema.safeParse(parseLine(text)).data;
      if (parsed) resolve(parsed);
    });
    void ended.then((how) => {
      signal.removeEventListener("abort", onAbort);
      const said = lastLines.join(" | ").slice(-600) || "it said nothing";
      const unreachable = new GridError(
        "GATEWAY_UNREACHABLE",
        `${request.act} on the gateway host (${prefix.join(" ")} …) gave no answer: ${how}: ${said}; see network.gateway, and whether that host sees ${node}`,
        { retryable: true, context: { act: request.act } },
      );
      reject(signal.aborted ? (signal.reason as Error) : unreachable);
    });
  });
  return {
    answer,
    ended,
    async stop() {
      child.stdin.end();
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** @throws what doing it threw there */
function contentOf(answer: Answer): unknown {
  if ("error" in answer) throw errorOf(answer.error);
  return answer.answer;
}

/** Logs of the other end go to ours; what else comes, say a banner, is for the curious. */
function passOn(line: string, log: Log): void {
  const [, level, text] = /^\d\d:\d\d:\d\d (info|warn|error) +(.*)$/.exec(line) ?? [];
  if (level === "info" || level === "warn" || level === "error") log[level](`gateway host: ${text ?? ""}`);
  else log.debug("gateway host", { line });
}

/** The other end may be a shell, or may not: a word is passed on only where both read it alike. */
function checkWords(words: readonly string[]): void {
  for (const word of words) {
    if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) continue;
    throw new ConfigError(
      "GATEWAY_PATH",
      `${JSON.stringify(word)} holds characters that a shell on the gateway host would take apart; install gridharvest in a directory whose path has none`,
    );
  }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function errorOf(error: {
  readonly kind: "ConfigError" | "GridError" | "StoreError";
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
}): BackfillError {
  const Kind = { ConfigError, GridError, StoreError }[error.kind];
  return new Kind(error.code, error.message, { retryable: error.retryable });
}

/**
 * The other end: carries out the request on the first line of the input.
 * @param print gets the one line that is the answer
 */
export async function answerAtGateway(
  input: Readable,
  print: (line: string) => void,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const lines = createInterface({ input });
  const ended = once(lines, "close", { signal }).catch(() => undefined);
  try {
    const first = (await Promise.race([once(lines, "line"), ended])) as readonly [string] | undefined;
    const request = JSON.parse(first?.[0] ?? "") as GatewayRequest | ListenRequest;
    if (request.act !== "listen") {
      print(`${JSON.stringify({ answer: (await carryOut(request, log, signal)) ?? null })}\n`);
      return;
    }
    const listener = await listenOn(request.address);
    print(`${JSON.stringify({ answer: { port: listener.port } })}\n`);
    await ended;
    await listener.close();
  } catch (error) {
    const known = error instanceof BackfillError ? error : undefined;
    const kind =
      known instanceof ConfigError ? "ConfigError" : known instanceof StoreError ? "StoreError" : "GridError";
    const { code, retryable } = known ?? { code: "UNEXPECTED", retryable: false };
    print(`${JSON.stringify({ error: { kind, code, message: describeError(error), retryable } })}\n`);
  } finally {
    lines.close();
  }
}
