import { ConfigError } from "../contract/errors.ts";
import { spawnGuarded, type GuardedChild } from "../contract/guarded-child.ts";
import { describeExit, keepChild } from "../contract/kept-child.ts";
import { parserReportSchema, type ParserCommand, type ParserStart } from "../contract/parser-process.ts";
import { PARSER_ENVIRONMENT, PARSER_FLAGS } from "../parser-flags.ts";
import { AgentEnded } from "./end.ts";
import type { Service, ServiceContext } from "./service.ts";

/** A parser that dies is started again so often in a row: its chunks are taken up again by whoever is there. */
const MOST_RESTARTS = 20;
/** A parser that lived this long has its earlier deaths forgiven. */
const STABLE_MS = 120_000;
/** The parser gives its chunks back within this time after TERM. */
const STOP_MS = 13_000;

/**
 * A parser process, which is told everything over IPC, so that no secret stands in an argument or the environment.
 * It is registered when it takes chunks. Asked to drain it finishes its chunks; a stop gives them back to the spool.
 */
export const runParserNode: Service = async (context) => {
  const { spec, life, log } = context;
  const parser = spec.parser;
  if (!parser) throw new ConfigError("NODE_SPEC_INVALID", `node.json of ${spec.jobName} lacks "parser"`);
  const result = await keepChild(
    {
      name: "the parser",
      launch: () => launch(context, parser.bundle),
      mostFailures: MOST_RESTARTS,
      firstDelayMs: 200,
      longestDelayMs: 5_000,
      stableMs: STABLE_MS,
      stopGraceMs: STOP_MS,
      isDone: (exit) => exit.code === 0 && life.drained.aborted,
      onFailure: (exit, failures) =>
        log(`the parser ended (${describeExit(exit)}), restart ${failures} of ${MOST_RESTARTS}`),
    },
    life.stopped,
  );
  if (result.kind === "failed") {
    throw new AgentEnded(
      "service-failed",
      `the parser ends again and again (${describeExit(result.exit)}); see the job's error file`,
    );
  }
};

function launch(context: ServiceContext, bundle: string): GuardedChild {
  const { spec, secrets, joined, relay, life, log } = context;
  const start: ParserStart = {
    type: "start",
    spec,
    redis: {
      ...spec.gateway.redis,
      ...secrets.redis,
      tls: { authority: secrets.httpAuthority, certificate: joined.certificates.proxyClient, key: joined.key },
    },
    ...(secrets.loader ? { loader: secrets.loader } : {}),
    httpAuthority: secrets.httpAuthority,
    relay,
    address: joined.address,
  };
  const child = spawnGuarded({
    command: process.execPath,
    args: ["--enable-source-maps", ...PARSER_FLAGS, bundle],
    env: { ...environment(), ...PARSER_ENVIRONMENT },
    cwd: context.scratch,
    // Both streams to the job's error file.
    output: 2,
    ipc: true,
    deathSignal: "KILL",
  });
  const send = (command: ParserCommand): void => {
    // A child that is gone hears nothing; its end is noticed elsewhere.
    if (child.process.connected) child.process.send(command, () => undefined);
  };
  let problem: string | undefined;
  const onDrain = (): void => send({ type: "drain" });
  child.process.on("message", (message) => {
    const report = parserReportSchema.safeParse(message).data;
    if (report?.type === "ready") void context.register({ pid: report.pid }).catch(() => undefined);
    if (report?.type === "failed") log(`the parser cannot go on: ${report.code}: ${report.message}`);
    if (report?.type === "status" && report.problem !== problem) {
      problem = report.problem;
      log(problem === undefined ? "the parser goes on" : `the parser waits: ${problem}`);
      context.problem(problem);
    }
  });
  // A pipe that breaks while it is written to.
  child.process.on("error", () => undefined);
  send(start);
  if (life.drained.aborted) onDrain();
  else life.drained.addEventListener("abort", onDrain, { once: true });
  void child.exited.then(() => life.drained.removeEventListener("abort", onDrain));
  return child;
}

/** What a Node program needs of the job's environment, and nothing else of it. */
function environment(): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH"]) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}
