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
/** errno ECONNREFUSED: the server is not there; the command has tried for a while. */
const NO_SERVER = 111;
/** 128 + signal: somebody killed the command. */
const KILLED = [130, 137, 143];

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
  // Printed in the server's local time, which is taken for ours.
  const startedAt = Date.parse(attributes.get("start_time") ?? "");
  const owner = attributes.get("Job_Owner")?.split("@", 1)[0];
  return {
    id,
    name: attributes.get("Job_Name") ?? "",
    state: STATES[rawState] ?? "unknown",
    rawState,
    hosts: hostsOf(attributes.get("exec_host")),
    ...(exit === undefined || Number.isNaN(Number(exit)) ? {} : { exitStatus: Number(exit) }),
    ...(owner === undefined ? {} : { owner }),
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
      // A second run under the same id would find its node's name taken.
      "-r n",
      ...spec.extraDirectives,
    ];
  },

  // Paths go as arguments: there they need no quoting, and Slurm's wrapper ignores them in the script.
  submitArgv: (spec) => ["qsub", "-o", spec.outputFile, "-e", spec.errorFile, spec.scriptFile],

  parseSubmit(out) {
    const id = /^(\d+(?:\[\])?(?:\.\S+)?)\s*$/m.exec(out.stdout)?.[1];
    if (out.code === 0 && id !== undefined) return id;
    const command = out.argv.join(" ");
    if (out.code === 0 || KILLED.includes(out.code)) {
      throw new GridError("QSUB_UNANSWERED", `${command} gave no job id (exit ${String(out.code)}): ${said(out)}`, {
        retryable: true,
        context: { exit: out.code },
      });
    }
    if (out.code === NO_SERVER) {
      throw new GridError("QSUB_REFUSED", `${command} found no server (exit ${String(out.code)}): ${said(out)}`, {
        retryable: true,
        context: { exit: out.code },
      });
    }
    throw new GridError(
      "QSUB_REFUSED",
      `${command} was refused (exit ${String(out.code)}): ${said(out)}; mend the resources or the queue in the configuration`,
      { context: { exit: out.code } },
    );
  },

  statusArgv: (ids) => ["qstat", "-f", ...ids],
  listArgv: () => ["qstat", "-f"],

  parseStatus(out) {
    // Of a mixed call the known jobs are printed, and the exit code is that of the unknown.
    const stanzas = parseQstatF(out.stdout);
    const nonsense = stanzas.length === 0 && out.stdout.trim() !== "";
    if ((out.code !== 0 && out.code !== UNKNOWN_JOB) || nonsense) {
      throw new GridError("QSTAT_FAILED", `${out.argv.join(" ")} failed (exit ${String(out.code)}): ${said(out)}`, {
        retryable: true,
        context: { exit: out.code },
      });
    }
    return stanzas.map(statusOf);
  },

  cancelArgv: (id) => ["qdel", id],

  parseCancel(out) {
    if (out.code === 0) return "cancelled";
    const complete = out.code === INVALID_STATE && said(out).includes("COMPLETE");
    if (out.code === UNKNOWN_JOB || complete) return "already-gone";
    throw new GridError("QDEL_FAILED", `${out.argv.join(" ")} failed (exit ${String(out.code)}): ${said(out)}`, {
      retryable: true,
      context: { exit: out.code },
    });
  },
};
