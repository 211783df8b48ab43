import { fork, type ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { NodeSpec } from "../../worker/contract/node.ts";
import { parserReportSchema, type ParserReport, type ParserStart } from "../../worker/contract/parser-process.ts";
import { PARSER_ENVIRONMENT, PARSER_FLAGS } from "../../worker/parser-flags.ts";
import { waitFor } from "./wait-for.ts";

/** A real parser process, as the agent forks it. */
export interface TestParser {
  readonly child: ChildProcess;
  readonly reports: readonly ParserReport[];
  send(type: "drain" | "stop"): void;
  /** Resolves with exit code or signal. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
}

const ENTRY = new URL("../../worker/parser.ts", import.meta.url);

/** Starts one; it is ready when this resolves. The caller ends it. */
export async function startParser(options: {
  readonly dir: string;
  readonly campaign: string;
  readonly redisPort: number;
  readonly name?: string;
  readonly parser?: Partial<NonNullable<NodeSpec["parser"]>>;
  /** What it shows Elasticsearch, and how it knows it. */
  readonly store?: Pick<ParserStart, "loader" | "httpAuthority">;
  /** The program, in place of the source that stands here. */
  readonly program?: string | URL;
  /** Variables of its environment beside this process's. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where its metrics go; nowhere without. */
  readonly relay?: ParserStart["relay"];
}): Promise<TestParser> {
  const { dir, campaign, redisPort, name = "p1", program = ENTRY, env = {}, relay } = options;
  mkdirSync(join(dir, "rejects"), { recursive: true });
  const start: ParserStart = {
    type: "start",
    spec: {
      campaign,
      jobName: name,
      role: "parser",
      jobDir: dir,
      secretsFile: join(dir, "none"),
      scratchDir: dir,
      gateway: { redis: { host: "127.0.0.1", port: redisPort }, carbon: { host: "127.0.0.1", port: 9 } },
      orphanGraceSeconds: 60,
      heartbeatSeconds: 5,
      walltimeSeconds: 3600,
      metrics: { prefix: "gridharvest", intervalSeconds: 1 },
      parser: {
        bundle: "",
        slots: 1,
        unpackSlots: 1,
        requestsInFlight: 2,
        bulkBytes: 128 * 1024,
        rejectsDir: join(dir, "rejects"),
        lockSeconds: 30,
        ...options.parser,
      },
    },
    redis: { host: "127.0.0.1", port: redisPort },
    address: "127.0.0.1",
    ...(relay === undefined ? {} : { relay }),
    ...options.store,
  };
  const child = fork(program, [], {
    execArgv: [...PARSER_FLAGS],
    env: { ...process.env, ...PARSER_ENVIRONMENT, ...env },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const reports: ParserReport[] = [];
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
  child.on("message", (message) => void reports.push(parserReportSchema.parse(message)));
  const exited = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? signal ?? -1));
  });
  child.send(start);
  await waitFor(
    "the parser to be ready",
    () => child.exitCode !== null || reports.some(({ type }) => type === "ready"),
  );
  if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${said}`);
  return {
    child,
    reports,
    exited,
    send: (type) => void child.send({ type }),
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
