import { GridError } from "../../worker/contract/errors.ts";
import type { CommandResult, JobSpec, JobState, JobStatus, PbsDialect } from "../batch-system.ts";
import { parseQstatF, type QstatStanza } from "../qstat-f.ts";

/**
 * Torque's states. `E` is still running for us: its files are not final yet; `T` is moving between servers and
 * `S` suspended, both come back.
 * @source qstat(1B); captures in test/fixtures/pbs/torque
 */
const STATES: Readonly<Record<string, JobState>> = {
  Q: "queued",
  H: "held",
  W: "queued",
  T: "queued",
  S: "running",
  R: "running",
  E: "exiting",
  C: "finished",
};

/** Exit codes of Torque's commands: PBSE number mod 256. */
const UNKNOWN_JOB = 153;
const INVALID_STATE = 170;

/** `HH:MM:SS`; hours may have more than two digits. */
export function walltimeText(seconds: number): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
}

/**
 * The hosts of an `exec_host`, each once: `node1/6-7`, `n/0+n/1`.
 * @source captures; Torque 2 and 4 write the second form
 */
export function hostsOf(execHost: string | undefined): string[] {
  if (execHost === undefined || execHost === "") return [];
  return [...new Set(execHost.split("+").map((part) => part.replace(/\/[\d,*-]+$/, "")))];
}

function statusOf({ id, attributes }: QstatStanza): JobStatus {
  const rawState = attributes.get("job_state") ?? "";
  const exit = attributes.get("exit_status");
  const startedAt = Date.parse(attributes.get("start_time") ?? "");
  return {
    id,
    name: attributes.get("Job_Name") ?? "",
    state: STATES[rawState] ?? "unknown",
    rawState,
    hosts: hostsOf(attributes.get("exec_host")),
    ...(exit === undefined || Number.isNaN(Number(exit)) ? {} : { exitStatus: Number(exit) }),
    ...(Number.isNaN(startedAt) ? {} : { startedAt }),
  };
}

function said(out: CommandResult): string {
  return [out.stderr, out.stdout].join(" ").trim().slice(0, 400) || "nothing";
}

/** Torque 6: text in, text out. Other dialects are made from it by naming what differs. */
export const torque: PbsDialect = {
  name: "torque",
  supportsJsonStatus: false,
  keepsFinishedJobs: true,

  directives(spec: JobSpec) {
    const memory = `${String(Math.ceil(spec.memoryBytes / 2 ** 20))}mb`;
    return [
      `-N ${spec.name}`,
      ...(spec.queue === undefined ? [] : [`-q ${spec.queue}`]),
      `-l nodes=1:ppn=${String(spec.cpus)},mem=${memory},walltime=${walltimeText(spec.walltimeSeconds)}`,
      `-o ${spec.outputFile}`,
      `-e ${spec.errorFile}`,
      ...spec.extraDirectives,
    ];
  },

  submitArgv: (spec) => ["qsub", spec.scriptFile],

  parseSubmit(out) {
    const id = /^(\d+(?:\[\])?(?:\.\S+)?)\s*$/m.exec(out.stdout)?.[1];
    if (out.code === 0 && id !== undefined) return id;
    throw new GridError(
      "QSUB_REFUSED",
      `${out.argv.join(" ")} was refused (exit ${String(out.code)}): ${said(out)}; mend the resources or the queue in the configuration`,
      { context: { exit: out.code } },
    );
  },

  statusArgv: (ids) => ["qstat", "-f", ...ids],
  listArgv: () => ["qstat", "-f"],

  parseStatus(out) {
    // Of a mixed call the known jobs are printed, and the exit code is that of the unknown.
    if (out.code !== 0 && out.code !== UNKNOWN_JOB) {
      throw new GridError("QSTAT_FAILED", `${out.argv.join(" ")} failed (exit ${String(out.code)}): ${said(out)}`, {
        retryable: true,
        context: { exit: out.code },
      });
    }
    return parseQstatF(out.stdout).map(statusOf);
  },

  cancelArgv: (id) => ["qdel", id],

  parseCancel(out) {
    if (out.code === 0) return "cancelled";
    if (out.code === UNKNOWN_JOB || (out.code === INVALID_STATE && said(out).includes("COMPLETE")))
      return "already-gone";
    throw new GridError("QDEL_FAILED", `${out.argv.join(" ")} failed (exit ${String(out.code)}): ${said(out)}`, {
      retryable: true,
      context: { exit: out.code },
    });
  },
};
