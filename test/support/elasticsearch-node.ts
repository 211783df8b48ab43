import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chownSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request as httpRequest, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { freePort } from "./free-port.ts";
import { leftoverProcesses } from "./processes.ts";
import { QUICK_JAVA } from "./quick-java.ts";
import { waitFor } from "./wait-for.ts";

/** A real Elasticsearch node, for tests of what talks to it: a cluster of its own, without security, unless its settings say otherwise. */
export interface TestElasticsearch {
  readonly url: string;
  /** `host:port` of its transport. */
  readonly transport: string;
  /** Sends JSON, returns JSON; throws on a status of 400 or more. */
  request(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
  /** Documents of an index (or pattern), after a refresh. */
  count(index: string): Promise<number>;
  /** SIGKILL of launcher and server, and waits until they are gone. */
  kill(): Promise<void>;
  /** Starts it again with its data, on the same ports, and waits until it answers. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const RUN_AS = 20119;

export interface NodeOptions {
  readonly heap?: string;
  readonly javaOptions?: readonly string[];
  /** Further files of its configuration's folder, by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** How a node is asked that has TLS and users: by whose certificate, and as whom (`user:password`). */
  readonly access?: { readonly ca: string; readonly auth: string };
}

/**
 * Starts it in a folder below `dir`, which everybody must be able to pass. It takes about 15 s. The caller stops it.
 * `more` are settings on top. `ES_HOME` and `ES_JAVA_HOME` come from the tests' ground.
 */
export async function startElasticsearch(
  dir: string,
  more: Readonly<Record<string, unknown>> = {},
  { heap = "512m", javaOptions = QUICK_JAVA, files = {}, access }: NodeOptions = {},
): Promise<TestElasticsearch> {
  const { ES_HOME: home, ES_JAVA_HOME: javaHome, ...environment } = process.env;
  if (home === undefined || javaHome === undefined) throw new Error("ES_HOME is not set; see test/support/ground.ts");
  delete environment["JAVA_HOME"];
  delete environment["JAVA_TOOL_OPTIONS"];
  const root = join(dir, "elasticsearch");
  const [http, transport] = [await freePort(), await freePort()];
  mkdirSync(root, { recursive: true });
  cpSync(join(home, "config"), join(root, "config"), { recursive: true });
  const settings = {
    "cluster.name": "gridharvest-test",
    "node.name": "test",
    "path.data": join(root, "data"),
    "path.logs": join(root, "logs"),
    "http.host": "127.0.0.1",
    "http.port": http,
    "transport.host": "127.0.0.1",
    "transport.port": transport,
    "discovery.type": "single-node",
    "xpack.security.enabled": false,
    "action.auto_create_index": false,
    "action.destructive_requires_name": false,
    ...more,
  };
  const yaml = Object.entries(settings).map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`);
  for (const [name, content] of Object.entries({ "elasticsearch.yml": yaml.join(""), ...files })) {
    writeFileSync(join(root, "config", name), content);
  }
  for (const folder of ["data", "logs", "tmp"]) mkdirSync(join(root, folder));
  const asRoot = process.getuid?.() === 0;
  if (asRoot) {
    for (const folder of ["", "config", "data", "logs", "tmp"]) chownSync(join(root, folder), RUN_AS, RUN_AS);
    for (const file of ["elasticsearch.yml", "jvm.options", "log4j2.properties"]) {
      chownSync(join(root, "config", file), RUN_AS, RUN_AS);
    }
  }
  const launch = (): ChildProcess =>
    spawn(join(home, "bin", "elasticsearch"), [], {
      cwd: root,
      stdio: "ignore",
      env: {
        ...environment,
        ES_JAVA_HOME: javaHome,
        ES_PATH_CONF: join(root, "config"),
        ES_TMPDIR: join(root, "tmp"),
        ES_JAVA_OPTS: [`-Xms${heap}`, `-Xmx${heap}`, ...javaOptions].join(" "),
      },
      ...(asRoot ? { uid: RUN_AS, gid: RUN_AS } : {}),
    });
  let child: ChildProcess | undefined;
  const hasEnded = (one: ChildProcess): boolean => one.exitCode !== null || one.signalCode !== null;
  const url = `${access ? "https" : "http"}://127.0.0.1:${http}`;

  const request = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
    const options = { method, headers: { "content-type": "application/json" }, ...access };
    const answer = await exchange(new URL(url + path), options, body === undefined ? undefined : JSON.stringify(body));
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return JSON.parse(answer.text) as Record<string, unknown>;
  };
  const stop = async (): Promise<void> => {
    const ending = child;
    child = undefined;
    if (!ending || hasEnded(ending)) return;
    const exited = once(ending, "exit");
    ending.kill("SIGTERM");
    await exited;
  };
  const kill = async (): Promise<void> => {
    child = undefined;
    for (const { pid } of leftoverProcesses(root)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It went with its parent.
      }
    }
    await waitFor("the killed Elasticsearch to be gone", () => leftoverProcesses(root).length === 0);
  };
  const start = async (): Promise<void> => {
    const starting = launch();
    child = starting;
    try {
      await waitFor(
        "Elasticsearch to be up",
        async () => hasEnded(starting) || (await request("GET", "/_cluster/health"))["status"],
        { timeoutMs: 120_000, everyMs: 250 },
      );
    } catch (error) {
      await stop();
      throw error;
    }
    if (!hasEnded(starting)) return;
    const log = readFileSync(join(root, "logs", `${settings["cluster.name"]}.log`), "utf8");
    throw new Error(
      `Elasticsearch ended with ${String(starting.exitCode ?? starting.signalCode)}: ${log.slice(-2000)}`,
    );
  };
  await start();
  return {
    url,
    transport: `127.0.0.1:${transport}`,
    request,
    async count(index) {
      await request("POST", `/${index}/_refresh`);
      return (await request("GET", `/${index}/_count`))["count"] as number;
    },
    kill,
    start,
    stop,
  };
}

function exchange(
  url: URL,
  options: RequestOptions,
  body: string | undefined,
): Promise<{ status: number; text: string }> {
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    send(url, { ...options, agent: false }, (response) => {
      text(response).then((all) => resolve({ status: response.statusCode ?? 0, text: all }), reject);
    })
      .on("error", reject)
      .end(body);
  });
}
