import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { z } from "zod";
import { BackfillError, ConfigError, describeError, GridError, StoreError } from "../../worker/contract/errors.ts";
import type { Config } from "../config-schema.ts";
import type { Log } from "../log.ts";
import { enterNamespace } from "../network/index.ts";
import { commandLine } from "../runtimes/index.ts";
import { carryOut, type GatewayAnswers, type GatewayRequest } from "./carry-out.ts";

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

async function askProgram(
  prefix: readonly string[],
  request: GatewayRequest,
  log: Log,
  signal: AbortSignal,
): Promise<unknown> {
  signal.throwIfAborted();
  const { node, args } = commandLine();
  const words = [...prefix, node, ...args, AT_GATEWAY_COMMAND];
  const [command = "", ...rest] = words;
  checkWords([node, ...args]);
  const child = spawn(command, rest, { stdio: ["pipe", "pipe", "pipe"] });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, killedBy) =>
      resolve(code === null ? `signal ${String(killedBy)}` : `exit code ${String(code)}`),
    );
  });
  // A program that ends at once does not read its request.
  child.stdin.on("error", () => undefined);
  child.stdin.end(JSON.stringify(request));
  const lastLines: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    lastLines.push(line);
    if (lastLines.length > 5) lastLines.shift();
    passOn(line, log);
  });
  const onAbort = (): void => void child.kill("SIGTERM");
  signal.addEventListener("abort", onAbort);
  let output: string;
  let how: string;
  try {
    [output, how] = await Promise.all([text(child.stdout).catch(() => ""), ended]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
  signal.throwIfAborted();
  const parsed = answerSchema.safeParse(parseLine(output)).data;
  if (parsed === undefined) {
    throw new GridError(
      "GATEWAY_UNREACHABLE",
      `${request.act} on the gateway host (${prefix.join(" ")} …) gave no answer: ${how}: ${lastLines.join(" | ").slice(-600) || "it said nothing"}; see network.gateway, and whether that host sees ${node}`,
      { retryable: true, context: { act: request.act } },
    );
  }
  if ("error" in parsed) throw errorOf(parsed.error);
  return parsed.answer;
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

function parseLine(output: string): unknown {
  try {
    // A login script may print something first.
    return JSON.parse(output.trimEnd().split("\n").at(-1) ?? "");
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

/** The other end: carries out the request that stands in the text. @returns the line to print */
export async function answerAtGateway(requestText: string, log: Log, signal: AbortSignal): Promise<string> {
  try {
    const answer = await carryOut(JSON.parse(requestText) as GatewayRequest, log, signal);
    return `${JSON.stringify({ answer: answer ?? null })}\n`;
  } catch (error) {
    const known = error instanceof BackfillError ? error : undefined;
    const kind =
      known instanceof ConfigError ? "ConfigError" : known instanceof StoreError ? "StoreError" : "GridError";
    const { code, retryable } = known ?? { code: "UNEXPECTED", retryable: false };
    return `${JSON.stringify({ error: { kind, code, message: describeError(error), retryable } })}\n`;
  }
}
