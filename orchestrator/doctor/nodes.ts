import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Access } from "../../pbs/access/index.ts";
import type { BatchSystem, JobSpec } from "../../pbs/batch-system.ts";
import { renderProbeScript } from "../../pbs/probe-script.ts";
import type { LimitedResource, QueueLimits } from "../../pbs/queue-limits.ts";
import { NODE_ROLES, type NodeRole } from "../../worker/contract/keys.ts";
import { openBatchSystem } from "../batch-system.ts";
import type { Config } from "../config-schema.ts";
import type { Check, DoctorContext, Finding } from "../doctor.ts";
import { listenAtGateway, type Listener } from "../gateway/index.ts";
import { createLog } from "../log.ts";
import { resourcesOf } from "../node-specs.ts";
import type { StatePaths } from "../paths.ts";
import { isAway, overAccess, spareDir } from "./access.ts";
import { findingOf } from "./finding-of.ts";
import { runProbe, type ProbeOutcome } from "./probe-job.ts";
import { judgeReport, parseReport } from "./probe-report.ts";

/** A gateway that does not answer takes ten seconds of the run. */
const PATIENCE = { queueSeconds: 60, runSeconds: 60, fileSeconds: 15 };
/** All of it, and what the commands take. */
const CHECK_SECONDS = 240;

/** What only the hosts of a grid can tell: their limits, their clock, their scratch directory, their way to the gateway. */
export const nodeChecks: readonly Check[] = [{ name: "nodes", timeoutSeconds: CHECK_SECONDS, run: checkNodes }];

/** What a probe asks for. Slurm counts walltime in minutes, and a starting node may be slow. */
const PROBE = { cpus: 1, memoryBytes: 64 * 2 ** 20, walltimeSeconds: 120 } as const;

/** A place where jobs go: the roles whose jobs are sent there, and what of their configuration sends them. */
export interface Placement {
  readonly roles: readonly NodeRole[];
  readonly queue?: string;
  readonly properties: readonly string[];
  readonly extraDirectives: readonly string[];
}

/** Each place once, so that a grid is asked for no more jobs than need be. Pure. */
export function placementsOf(config: Pick<Config, "dataNodes" | "parsers">): readonly Placement[] {
  const found = new Map<string, Placement>();
  for (const role of NODE_ROLES) {
    const { queue, properties, extraDirectives } = resourcesOf(config, role);
    const key = JSON.stringify([queue, properties, extraDirectives]);
    const roles = [...(found.get(key)?.roles ?? []), role];
    found.set(key, { roles, ...(queue === undefined ? {} : { queue }), properties, extraDirectives });
  }
  return [...found.values()];
}

/** The job that looks at a host there: as small and short as the queue allows. Pure. */
export function probeSpecOf(placement: Placement, limits: QueueLimits | undefined, name: string, dir: string): JobSpec {
  const { queue, properties, extraDirectives } = placement;
  const asked = (resource: LimitedResource): number =>
    Math.max(
      PROBE[resource],
      ...(limits?.limits ?? [])
        .filter((limit) => limit.resource === resource && limit.bound === "least")
        .map(({ value }) => value),
    );
  return {
    name,
    ...(queue === undefined ? {} : { queue }),
    cpus: asked("cpus"),
    memoryBytes: asked("memoryBytes"),
    walltimeSeconds: asked("walltimeSeconds"),
    outputFile: join(dir, "job.out"),
    errorFile: join(dir, "job.err"),
    scriptFile: join(dir, "job.pbs"),
    properties,
    extraDirectives,
  };
}

async function checkNodes(context: DoctorContext): Promise<Finding | readonly Finding[]> {
  const { resolved, signal } = context;
  const { config } = resolved;
  if (config.batch.system === "local")
    return { level: "ok", text: "the embedded batch system has them on this machine" };
  return await overAccess(context, async (access) => {
    const none = { batchDir: "", entry: "" };
    const system = await openBatchSystem(config, none, signal, access.runner);
    const { listener, finding } = await listen(config.network, signal);
    try {
      const grid = { system, access, config, paths: context.paths, listener };
      const placements = placementsOf(config);
      const looks = await Promise.allSettled(placements.map((placement) => lookAt(placement, grid, signal)));
      signal.throwIfAborted();
      const found = looks.flatMap((look, i) => {
        if (look.status === "fulfilled") return look.value;
        // What is wrong with one place says nothing of the next; the way to the batch system is the same for all.
        if (isAway(look.reason)) throw look.reason;
        return [prefixed(placements[i]?.roles ?? [], findingOf(look.reason))];
      });
      // Two roles may have got the same host.
      return [...new Map([...finding, ...found].map((one) => [one.text, one])).values()];
    } finally {
      await listener?.close();
    }
  });
}

/** Without somebody who listens the rest is looked at all the same; what is wrong with that host is for the check `gateway host` to say. */
async function listen(
  network: Config["network"],
  signal: AbortSignal,
): Promise<{ readonly listener?: Listener; readonly finding: readonly Finding[] }> {
  try {
    return { listener: await listenAtGateway(network, createLog({ level: "error" }), signal), finding: [] };
  } catch (error) {
    signal.throwIfAborted();
    const { text } = findingOf(error);
    return { finding: [{ level: "warning", text: `the way to the gateway was not tried: ${text}` }] };
  }
}

interface Grid {
  readonly system: BatchSystem;
  readonly access: Access;
  readonly config: Config;
  readonly paths: StatePaths;
  readonly listener: Listener | undefined;
}

async function lookAt(placement: Placement, grid: Grid, signal: AbortSignal): Promise<readonly Finding[]> {
  const { system, access, config, paths, listener } = grid;
  const limits = await system.limits(placement.queue, signal);
  const closed = whyClosed(placement.queue, limits);
  if (closed !== undefined) {
    return [prefixed(placement.roles, { level: "warning", text: `no host was looked at: ${closed}` })];
  }
  const { files, stagingDir } = config.batch.access;
  const base = files === "shared" || stagingDir === undefined ? paths.stateDir : stagingDir;
  const dir = await spareDir(access.files, base);
  const spec = probeSpecOf(placement, limits, `doctor-${randomBytes(4).toString("hex")}`, dir);
  const gateway = listener && { host: config.network.gatewayAddress, port: listener.port };
  const script = renderProbeScript({
    spec,
    dialect: system.dialect,
    jobDir: dir,
    scratchDir: paths.scratch,
    gateway,
  });
  const job = { system, files: access.files, dir, spec, script, patience: PATIENCE };
  return judge(placement, await runProbe(job, signal), grid);
}

/** Why no job would come to run there; undefined when it can. The check `batch system` says what to do. */
function whyClosed(queue: string | undefined, limits: QueueLimits | undefined): string | undefined {
  if (!limits) return queue === undefined ? undefined : `there is no queue ${queue}`;
  return limits.accepts && limits.starts ? undefined : `queue ${limits.queue} takes or starts no jobs now`;
}

function judge(placement: Placement, outcome: ProbeOutcome, { config, paths }: Grid): readonly Finding[] {
  switch (outcome.kind) {
    case "waits": {
      const { queue, comment } = outcome;
      const where = queue === undefined ? "" : ` in queue ${queue}`;
      const why = comment === undefined ? "" : ` (${comment})`;
      return [
        prefixed(placement.roles, {
          level: "warning",
          text: `no host was looked at: a small job still waited${where} after ${String(PATIENCE.queueSeconds)} s${why} and was deleted`,
          remedy: "run doctor again when jobs start there; qstat tells what they wait for",
        }),
      ];
    }
    case "silent": {
      const where = outcome.hosts.length === 0 ? "" : ` on ${outcome.hosts.join(", ")}`;
      return [
        prefixed(placement.roles, {
          level: "missing",
          text: `a small job ran${where}, and nothing of it came here: ${outcome.words}`,
          remedy:
            "nodes must see the directory of jobs: share stateDir with them, or set batch.access.files: sftp and a stagingDir that they see",
        }),
      ];
    }
    case "report": {
      const report = parseReport(outcome.text);
      if (!report) {
        const text = `a small job told of its host what nobody can read: ${JSON.stringify(outcome.text.slice(0, 300))}`;
        return [prefixed(placement.roles, { level: "missing", text })];
      }
      const elasticsearch = placement.roles.includes("es-data");
      const { gatewayAddress } = config.network;
      const question = { elasticsearch, scratchDir: paths.scratch, gatewayAddress, looked: outcome.looked };
      const wrong = judgeReport(report, question);
      if (wrong.length > 0) return wrong;
      const looked = [
        ...(elasticsearch ? ["limits"] : []),
        "clock",
        "scratch directory",
        ...(report.gateway ? ["the way to the gateway"] : []),
      ];
      return [{ level: "ok", text: `${report.host} (${placement.roles.join(", ")}): ${looked.join(", ")}` }];
    }
  }
}

function prefixed(roles: readonly NodeRole[], finding: Finding): Finding {
  return { ...finding, text: `${roles.join(", ")}: ${finding.text}` };
}
