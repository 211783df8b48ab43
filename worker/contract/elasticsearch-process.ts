import { randomBytes } from "node:crypto";
import { closeSync, openSync, readFileSync, readdirSync } from "node:fs";
import { chown, mkdir, open, rename } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { removeDeadAttachSockets } from "./attach-sockets.ts";
import { spawnGuarded, type GuardedChild, type RunAs } from "./guarded-child.ts";

/**
 * Starting one Elasticsearch node from a rendered directory: what the gateway's master and the data nodes of batch jobs
 * have in common. Provisioning (files) and launching (process) are separate, so that what a node was started
 * with can be looked at afterwards.
 */

/** Names of the modules of a distribution. */
export function distributionModules(home: string): readonly string[] {
  return readdirSync(join(home, "modules")).sort();
}

function ownerFor(runAs: RunAs | undefined): RunAs | undefined {
  return process.getuid?.() === 0 ? runAs : undefined;
}

/** Makes directories that only the user of the child can enter. Those that exist are kept. */
export async function makePrivateDirectories(dirs: readonly string[], runAs: RunAs | undefined): Promise<void> {
  const owner = ownerFor(runAs);
  for (const dir of dirs) {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    if (owner) await chown(dir, owner.uid, owner.gid);
  }
}

/**
 * Writes a file of mode 0600 for the user of the child, whole or not at all. The draft is never an existing file: the
 * directory belongs to a user who could have put a link there.
 */
export async function writePrivateFile(file: string, text: string, runAs: RunAs | undefined): Promise<void> {
  const owner = ownerFor(runAs);
  const draft = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  const handle = await open(draft, "wx", 0o600);
  try {
    await handle.writeFile(text);
    if (owner) await handle.chown(owner.uid, owner.gid);
  } finally {
    await handle.close();
  }
  await rename(draft, file);
}

/** Provisions a node: its directories and files, readable by the user that it runs as. */
export async function provisionNode(
  dir: string,
  directories: readonly string[],
  files: Readonly<Record<string, string>>,
  runAs: RunAs | undefined,
): Promise<void> {
  await makePrivateDirectories([dir, ...directories.map((name) => join(dir, name))], runAs);
  for (const [name, text] of Object.entries(files)) await writePrivateFile(join(dir, name), text, runAs);
}

/**
 * Launches a provisioned node. Its output is appended to the log file. It ends with us.
 * @source Elasticsearch 8.19, bin/elasticsearch-env: which variables it reads
 */
export function launchElasticsearch(options: {
  readonly home: string;
  readonly javaHome: string;
  readonly dir: string;
  readonly logFile: string;
  readonly runAs?: RunAs | undefined;
}): GuardedChild {
  const tmp = join(options.dir, "tmp");
  const output = openSync(options.logFile, "a", 0o644);
  try {
    const child = spawnGuarded({
      command: join(options.home, "bin", "elasticsearch"),
      args: [],
      env: {
        PATH: process.env["PATH"] ?? "/usr/bin:/bin",
        LANG: "C.UTF-8",
        ES_JAVA_HOME: options.javaHome,
        ES_PATH_CONF: join(options.dir, "config"),
        ES_TMPDIR: tmp,
        // The small Javas that start the server would leave counters and drafts in /tmp.
        // @source java(1): options in JDK_JAVA_OPTIONS may be quoted
        JDK_JAVA_OPTIONS: `-XX:-UsePerfData "-Djava.io.tmpdir=${tmp}"`,
      },
      cwd: options.dir,
      output,
      runAs: options.runAs,
      deathSignal: "TERM",
    });
    const uid = (ownerFor(options.runAs) ?? { uid: process.getuid?.() ?? 0 }).uid;
    const sweep = (): void => removeDeadAttachSockets(uid);
    void child.exited.then(sweep);
    return {
      ...child,
      // The server below the launcher is the last to go.
      stop: (graceMs) => child.stop(graceMs).finally(sweep),
    };
  } finally {
    closeSync(output);
  }
}

/** The ports that a node started with port 0 got; undefined until it has written them. */
export function readPorts(dir: string): { readonly http: number; readonly transport: number } | undefined {
  const port = (name: string): number | undefined => {
    try {
      const text = readFileSync(join(dir, "logs", name), "utf8");
      const match = /:(\d+)\s*$/m.exec(text);
      return match?.[1] === undefined ? undefined : Number(match[1]);
    } catch {
      return undefined;
    }
  };
  const [http, transport] = [port("http.ports"), port("transport.ports")];
  return http === undefined || transport === undefined ? undefined : { http, transport };
}

/**
 * Asks an HTTPS server for `/`. Any HTTP answer, 401 included, shows that it is up and holds a certificate of the authority.
 * @returns the status; undefined when there is no answer within two seconds or the certificate is another's
 */
export function httpsStatus(options: {
  readonly host: string;
  readonly port: number;
  readonly authority: string;
  readonly servername?: string;
  readonly auth?: { readonly username: string; readonly password: string };
  readonly client?: { readonly certificate: string; readonly key: string };
  readonly path?: string;
}): Promise<number | undefined> {
  return new Promise((resolve) => {
    const query = request(
      {
        host: options.host,
        port: options.port,
        path: options.path ?? "/",
        ca: options.authority,
        ...(options.client ? { cert: options.client.certificate, key: options.client.key } : {}),
        ...(options.auth ? { auth: `${options.auth.username}:${options.auth.password}` } : {}),
        ...(options.servername === undefined ? {} : { servername: options.servername }),
        agent: false,
        timeout: 2000,
      },
      (response) => {
        response.resume();
        response.once("end", () => resolve(response.statusCode));
        response.once("error", () => resolve(undefined));
      },
    );
    query.once("timeout", () => query.destroy());
    query.once("error", () => resolve(undefined));
    query.end();
  });
}
