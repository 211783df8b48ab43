import { createGraphiteSender, createMeter, type Meter } from "../monitoring/index.ts";
import { BackfillError, describeError } from "./contract/errors.ts";
import { parserCommandSchema, type ParserReport, type ParserStart } from "./contract/parser-process.ts";
import { ParserProcess } from "./parser-process.ts";

/**
 * Entry of the parser process, which the node agent forks; see `contract/parser-process.ts` for what they say to each
 * other. The first message starts it. It ends by itself after `drain`, `stop`, SIGTERM or the loss of its agent.
 */

const STATUS_MS = 2000;
const LONGEST_STOP_MS = 12_000;

/** Resolves when the message has left the process. An agent that is gone hears nothing. */
async function report(message: ParserReport): Promise<void> {
  await new Promise<void>((resolve) => {
    if (process.connected) process.send?.(message, () => resolve());
    else resolve();
  });
}

function log(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} parser ${text}\n`);
}

function createParserMeter(start: ParserStart): { meter: Meter<"parser">; close: () => Promise<void> } {
  const { spec, relay } = start;
  // Without a relay nothing is delivered; port 9 is `discard`, and the buffer is bounded.
  const sender = createGraphiteSender({ ...(relay ?? { host: "127.0.0.1", port: 9 }), capacity: relay ? 50_000 : 1 });
  const number = /\d+$/.exec(spec.jobName)?.[0];
  const meter = createMeter({
    ...spec.metrics,
    campaign: spec.campaign,
    role: "parser",
    host: start.address,
    ...(number === undefined ? {} : { instance: number }),
    sender,
  });
  return {
    meter,
    close: async () => {
      if (relay) await meter.close();
      await sender.close(relay ? 1000 : 0);
    },
  };
}

async function run(
  start: ParserStart,
  ended: { readonly drain: AbortSignal; readonly stop: AbortSignal },
): Promise<void> {
  const { meter, close } = createParserMeter(start);
  const parser = new ParserProcess(start, meter, log);
  const status = setInterval(() => {
    const { rss } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    meter.total("process.cpu", (user + system) / 1e6);
    meter.gauge("process.rss", rss);
    void report({ type: "status", ...parser.status(), rssBytes: rss });
  }, STATUS_MS);
  try {
    await parser.start();
    await report({ type: "ready", pid: process.pid });
    await once(ended.drain, ended.stop);
    const draining = parser.drain();
    // A stop may follow a drain that takes too long.
    await Promise.race([draining, once(ended.stop)]);
    if (ended.stop.aborted) await parser.stop();
    await draining;
  } finally {
    clearInterval(status);
    await close();
  }
  await report({ type: "drained" });
}

/** Resolves when one of the signals has fired. */
async function once(...signals: readonly AbortSignal[]): Promise<void> {
  const any = AbortSignal.any([...signals]);
  if (!any.aborted) await new Promise((resolve) => any.addEventListener("abort", resolve, { once: true }));
}

async function fail(code: string, message: string): Promise<void> {
  log(message);
  await report({ type: "failed", code, message });
  process.exit(1);
}

function main(): void {
  const drain = new AbortController();
  const stop = new AbortController();
  let started = false;
  process.on("SIGTERM", () => stop.abort());
  // A Ctrl-C reaches the whole process group; the agent decides what it means.
  process.on("SIGINT", () => undefined);
  process.on("disconnect", () => stop.abort());
  process.on("message", (message) => {
    const parsed = parserCommandSchema.safeParse(message);
    if (!parsed.success) {
      if (started) {
        log(`a message of the agent is not understood: ${parsed.error.message}`);
        return;
      }
      void fail("PARSER_START_INVALID", `the agent's start message is wrong: ${parsed.error.message}`);
      return;
    }
    const command = parsed.data;
    if (command.type === "drain") drain.abort();
    else if (command.type === "stop") stop.abort();
    else if (!started) {
      started = true;
      run(command, { drain: drain.signal, stop: stop.signal }).then(
        // Whatever timers or sockets a library left open.
        () => process.exit(0),
        (error: unknown) =>
          void fail(error instanceof BackfillError ? error.code : "PARSER_FAILED", describeError(error)),
      );
    }
  });
  stop.signal.addEventListener("abort", () => {
    if (!started) process.exit(0);
    // Redis may be away: then nothing can be given back, and the locks run out by themselves.
    setTimeout(() => process.exit(0), LONGEST_STOP_MS).unref();
  });
}

main();
