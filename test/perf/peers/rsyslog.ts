import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { treeFigures } from "../../../worker/contract/process-tree.ts";
import type { Ids } from "../../../worker/contract/ids.ts";
import { freePort } from "../../support/free-port.ts";
import { waitFor } from "../../support/wait-for.ts";
import type { Missing } from "../parse/contenders.ts";
import { runProgram } from "../parse/measure.ts";
import type { IngestPlace, Loading } from "../ingest/loading.ts";
import type { Sent } from "../store/measure-load.ts";
import { untilWritten } from "../store/written.ts";
import { findProgram } from "./find-program.ts";
import { lognormEnvironment } from "./liblognorm.ts";

const RULES = fileURLToPath(new URL("rsyslog", import.meta.url));
const STATE = "state";
const INSTALL = "apt-get install --no-install-recommends rsyslog rsyslog-elasticsearch";
/** It never ends: when nothing has come for so long, it is taken to be through. */
const QUIET_MS = 15_000;

/** How the file comes in: rsyslog reads it, or is sent it over TCP, which is faster and knows no place to go on from. */
export type RsyslogInput = "imfile" | "imptcp";

/** rsyslog with omelasticsearch and mmnormalize, with a configuration and a state of its own. */
export async function rsyslog(input: RsyslogInput, ids: Ids, place: IngestPlace): Promise<Loading | Missing> {
  const program = findProgram("rsyslogd", ["/usr/sbin", "/sbin"]);
  if (program === undefined) return { missing: INSTALL };
  const work = await mkdtemp(join(place.dir, "rsyslog-"));
  const port = await freePort();
  const conf = join(work, "rsyslog.conf");
  await writeFile(conf, await configuration(input, ids, place, work, port), { mode: 0o600 });
  const env = lognormEnvironment();
  try {
    await runProgram({ argv: [program, "-N1", "-f", conf], pin: undefined, signal: place.signal, env });
  } catch (error) {
    place.signal.throwIfAborted();
    return { missing: `${INSTALL} (${(error as Error).message})` };
  }
  let child: ChildProcess | undefined;
  /** @param documents when so many are written it is through */
  const run = async (documents: number): Promise<Sent> => {
    let begin = performance.now();
    const ended = new AbortController();
    const own = spawn(program, ["-n", "-f", conf, "-i", "NONE"], { stdio: "ignore", env, signal: place.signal });
    child = own;
    own.once("exit", () => ended.abort(new Error("rsyslogd has ended")));
    // It comes with the signal.
    own.on("error", () => undefined);
    try {
      if (input === "imptcp") {
        await waitFor("rsyslog to listen", () => canConnect(port), { everyMs: 20 });
        begin = performance.now();
        // Broken off when it is killed.
        void pipeline(createReadStream(place.corpus.file), connect(port, "127.0.0.1")).catch(() => undefined);
      }
      const signal = AbortSignal.any([place.signal, ended.signal]);
      await untilWritten(place.node.client, place.index, documents, { quietMs: QUIET_MS, signal });
      const wallMicros = (performance.now() - begin) * 1000;
      const senderMicros = treeFigures(own.pid ?? 0).cpuSeconds * 1e6;
      return { documents: place.corpus.lines, wallMicros, senderMicros };
    } finally {
      await killChild(own);
    }
  };
  const kill = async () => {
    if (child) await killChild(child);
  };
  return {
    async load() {
      // As if the file were a new one.
      await rm(join(work, STATE), { recursive: true });
      await mkdir(join(work, STATE));
      return await run(place.corpus.lines);
    },
    kill,
    // What it writes again counts too: only its silence tells that it is through.
    resume: async () => void (await run(Infinity)),
    end: kill,
  };
}

async function killChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

async function canConnect(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } finally {
    socket.destroy();
  }
}

async function configuration(
  input: RsyslogInput,
  ids: Ids,
  { node, index, corpus }: IngestPlace,
  work: string,
  port: number,
): Promise<string> {
  const { hostname, port: storePort } = new URL(node.url);
  const state = join(work, STATE);
  await mkdir(state);
  const values: Readonly<Record<string, string>> = {
    WORK: state,
    RULES,
    INPUT_MODULE: input,
    INPUT:
      input === "imfile"
        ? `input(type="imfile" file="${corpus.file}" tag="file" ruleset="ingest" addMetadata="on")`
        : `input(type="imptcp" address="127.0.0.1" port="${port}" ruleset="ingest")`,
    YEAR: corpus.month.slice(0, 4),
    SERVER: hostname,
    PORT: storePort,
    AUTHORITY: node.authorityFile,
    USER: node.admin.username,
    PASSWORD: node.admin.password,
    INDEX: index,
    IDS: ids === "derived" ? 'writeOperation="create" dynBulkId="on" bulkId="id"' : "",
  };
  const text = await readFile(join(RULES, "rsyslog.conf"), "utf8");
  return text.replaceAll(/@([A-Z_]+)@/g, (_, name: string) => values[name] ?? "");
}
