import { noAnswer, notDeleted, readSubmit, said } from "../answer.ts";
import type { CommandResult, DryRun, JobSpec, JobStatus, PbsDialect } from "../batch-system.ts";
import { present, readStatus, secondsOf, type JobEnd, type JobState, type StatusVocabulary } from "../job-status.ts";
import { fit, mebibytes, whole } from "../job-values.ts";
import { nodeStateOf, type NodeState, type NodeStatus } from "../node-status.ts";
import type { QueueLimit, QueueLimits } from "../queue-limits.ts";
import type { Stanza } from "../stanza.ts";
import { pbsLines, readText, torque, walltimeOf } from "./torque.ts";

/**
 * Slurm through the wrappers that Debian calls `slurm-wlm-torque`: Perl programs which translate Torque's command
 * line. What they lose (exit status, hold, reason, restarts, limits) is asked of Slurm's own squeue and scontrol.
 * @source the wrappers' text (22.05.8); captures in test/fixtures/pbs/slurm
 */

/** Exit codes of the wrapped qstat: Perl's `die` is 8 or more, nothing found is 153 and no output at all. */
const NOTHING_FOUND = 153;

/** slurmctld was never reached, or has no room for more jobs. `(receive failure)` in its place leaves it open whether it took the job. */
const AWAY = /unable to contact slurm controller \(connect failure\)|temporarily unable|temporarily unavailable/i;

const JOBS: StatusVocabulary = {
  /** Held, waiting and dependent jobs are all `Q`. `U` is what the wrapper does not know: out of memory, or past a deadline. */
  states: { Q: "queued", S: "running", R: "running", C: "finished", U: "finished" },
  // None of the next three is printed.
  exitStatus: "exit_status",
  starts: "start_count",
  comments: [],
  // The wrapper's mtime and ctime are Slurm's start and end, expected ones while the job waits or runs.
  startedAt: "mtime",
  endedAt: "ctime",
  /** Only what the attributes prove: whoever ran and did not outlive its walltime may have ended in any way. */
  endOf({ ran, attributes }) {
    if (attributes.get("job_state") === "U") return "memory";
    if (!ran) return "deleted-queued";
    const seconds = (name: string): number => Date.parse(attributes.get(name) ?? "") / 1000;
    const allowed = secondsOf(attributes.get("Resource_List.walltime")) ?? Number.NaN;
    return seconds("ctime") - seconds("mtime") >= allowed ? "walltime" : undefined;
  },
};

function statusOf(stanza: Stanza): JobStatus {
  const { startedAt, ...status } = readStatus(stanza, JOBS);
  return startedAt === undefined || status.hosts.length === 0 ? status : { ...status, startedAt };
}

/** With more than this squeue is asked for all jobs: a command line has an end. */
const MOST_IDS = 500;

/** One line of squeue for each job; the reason comes last, since it may hold blanks. */
const COLUMNS = "jobid:24,state:24,exit_code:24,restartcnt:24,reason:120";

interface Details {
  readonly state: string;
  /** As wait(2) has it: the exit code in the second byte, a signal in the first. */
  readonly waitStatus: number;
  readonly restarts: number;
  readonly reason: string;
}

function parseDetails(text: string): ReadonlyMap<string, Details> {
  const found = new Map<string, Details>();
  for (const line of text.split("\n")) {
    const match = /^(\d+)\s+(\w+)\s+(\d+)\s+(\d+)\s+(.*?)\s*$/.exec(line);
    if (!match) continue;
    const [, id = "", state = "", waitStatus, restarts, reason = ""] = match;
    found.set(id, { state, waitStatus: Number(waitStatus), restarts: Number(restarts), reason });
  }
  return found;
}

/** Slurm's pseudo signal of a job whose script could not be launched, e.g. since its output could not be opened. */
const LAUNCH_FAILED = 53;

/** Ends by Slurm's own names of states. @source squeue(1), job state codes */
function endOf({ state, waitStatus, reason }: Details, ran: boolean): JobEnd | undefined {
  const signal = waitStatus & 0x7f;
  switch (state) {
    case "COMPLETED":
      return "completed";
    case "FAILED":
      if (signal === LAUNCH_FAILED) return "start-failed";
      return signal === 0 ? "completed" : "killed";
    case "CANCELLED":
      if (reason === "DependencyNeverSatisfied") return "failed-dependency";
      return ran ? "deleted-running" : "deleted-queued";
    case "TIMEOUT":
      return "walltime";
    case "OUT_OF_MEMORY":
      return "memory";
    case "NODE_FAIL":
      return "node-lost";
    case "BOOT_FAIL":
      return "start-failed";
    case "PREEMPTED":
    case "DEADLINE":
      return "killed";
    default:
      return undefined;
  }
}

/**
 * Jobs that the wrapper shows as ended and Slurm does not: their processes are still being ended, or they were put
 * back between the two looks.
 * @source squeue(1), job state codes
 */
const NOT_ENDED: Readonly<Record<string, JobState>> = {
  COMPLETING: "exiting",
  STAGE_OUT: "exiting",
  PENDING: "queued",
  REQUEUED: "queued",
  REQUEUE_FED: "queued",
  REQUEUE_HOLD: "held",
  SPECIAL_EXIT: "held",
  CONFIGURING: "running",
  RUNNING: "running",
  SUSPENDED: "running",
  STOPPED: "running",
  SIGNALING: "running",
  RESIZING: "running",
};

function refineOne(status: JobStatus, details: Details | undefined): JobStatus {
  if (!details) return status;
  const { state, waitStatus, restarts, reason } = details;
  const { end: told, ...rest } = status;
  const comment = reason === "None" ? undefined : reason;
  if (status.state !== "finished") {
    const held = status.state === "queued" && /^JobHeld/.test(reason);
    return present({ ...rest, ...(held ? { state: "held" as const } : {}), restarts, comment });
  }
  const going = NOT_ENDED[state];
  if (going !== undefined) {
    const { endedAt: _, ...lasting } = rest;
    return present({ ...lasting, state: going, restarts, comment });
  }
  const ran = status.hosts.length > 0;
  const signal = waitStatus & 0x7f;
  const end = endOf(details, ran) ?? told;
  // Of a job that never had a script running the number says nothing.
  const exitStatus =
    !ran || end === "start-failed" || end === "node-lost" ? undefined : signal > 0 ? 256 + signal : waitStatus >> 8;
  return present({ ...rest, end, exitStatus, restarts, comment });
}

/** @source the wrapped pbsnodes, which adds Slurm's own state as `slurmstate` in `status` */
const NODE_STATES: Readonly<Record<string, NodeState>> = {
  free: "free",
  mixed: "free",
  idle: "free",
  "job-exclusive": "busy",
  allocated: "busy",
  completing: "busy",
  reserved: "busy",
  planned: "busy",
  draining: "offline",
  drained: "offline",
  offline: "offline",
  maint: "offline",
  down: "down",
  fail: "down",
  failing: "down",
};

/** `pbsnodes -a`: a name, its attributes indented, an empty line. */
function parseNodeText(text: string): readonly Stanza[] {
  return text
    .split(/\n\s*\n/)
    .filter((block) => block.trim() !== "")
    .map((block) => {
      const [id = "", ...lines] = block.replace(/^\n+/, "").split("\n");
      return { id: id.trim(), attributes: new Map(lines.flatMap((line) => pairOf(line))) };
    });
}

function pairOf(line: string): [string, string][] {
  const match = /^\s+(\w+) = (.*)$/.exec(line);
  return match ? [[match[1] ?? "", match[2] ?? ""]] : [];
}

function nodeOf({ id, attributes }: Stanza): NodeStatus {
  const rawState = attributes.get("state") ?? "";
  // A star behind Slurm's own state says that the node does not answer.
  const [, own = rawState, star = ""] = /(?:^|,)slurmstate=([a-z_]+)(\*?)/.exec(attributes.get("status") ?? "") ?? [];
  return present({
    name: id,
    state: nodeStateOf(star === "" ? `${rawState},${own}` : "down", NODE_STATES),
    rawState,
    slots: Number(attributes.get("np") ?? 0),
    properties: (attributes.get("properties") ?? "").split(",").filter((feature) => feature !== ""),
    note: attributes.get("note"),
  });
}

/** One partition of `scontrol show partition --oneliner`: `Name=value` in a row. */
function queueOf(line: string): QueueLimits {
  const values = new Map([...line.matchAll(/(\w+)=(\S*)/g)].map(([, name = "", value = ""]) => [name, value]));
  const limit = (name: string, resource: QueueLimit["resource"], value: number | undefined): QueueLimit[] =>
    value === undefined || Number.isNaN(value) ? [] : [{ name, resource, bound: "most", value }];
  const number = (name: string): number => Number(values.get(name) ?? "none");
  const state = values.get("State") ?? "";
  return {
    queue: values.get("PartitionName") ?? "",
    isDefault: values.get("Default") === "YES",
    // A partition that is DOWN takes jobs and starts none; one that is DRAIN does the reverse.
    accepts: state === "UP" || state === "DOWN",
    starts: state === "UP" || state === "DRAIN",
    limits: [
      ...limit("MaxTime", "walltimeSeconds", secondsOf(values.get("MaxTime"))),
      ...limit("MaxCPUsPerNode", "cpus", number("MaxCPUsPerNode")),
      ...limit("MaxMemPerNode", "memoryBytes", number("MaxMemPerNode") * 2 ** 20),
    ],
  };
}

/**
 * The wrapper joins its arguments to one line for `/bin/sh` without quoting any. So a path that such a
 * shell would take apart is quoted here once more.
 */
function forShell(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

/** In an output path Slurm takes `%` for a pattern. @source sbatch(1), filename pattern */
function outputPath(path: string): string {
  return forShell(fit("pathNoBackslash", "output path", path).replaceAll("%", "%%"));
}

function comesToNothing(out: CommandResult): boolean {
  return out.code === NOTHING_FOUND && said(out) === "nothing";
}

function parseTest(out: CommandResult): DryRun {
  if (out.code !== 0 && AWAY.test(said(out))) throw noAnswer(out);
  return { accepted: out.code === 0, text: said(out) };
}

/** Slurm has no server of its own to name a default: a partition is it. */
const { defaultQueue: _, ...family } = torque;

/** Slurm 22.05 behind Torque's command line. */
export const slurm: PbsDialect = {
  ...family,
  name: "slurm",
  excludesHosts: "directive",
  dryRun: "test-only",
  // `qdel 14[1]` and `qdel 12.server` are 14 and 12 to Perl, and the first ends a whole array: bare numbers only.
  isJobId: (id) => /^\d+$/.test(id),

  /**
   * sbatch reads `#PBS` lines itself, all but `-r`, and its own. Slurm rounds the walltime up to whole minutes.
   */
  directives(spec: JobSpec) {
    const { host, properties = [], excludeHosts = [] } = spec;
    const memory = mebibytes(spec.memoryBytes);
    const features = properties.map((name) => fit("property", "property", name));
    const excluded = excludeHosts.map((name) => fit("host", "host", name));
    return pbsLines(spec, [
      `-l nodes=1:ppn=${whole("cpus", spec.cpus)},mem=${memory}mb,walltime=${walltimeOf(spec)}`,
      "#SBATCH --no-requeue",
      ...(host === undefined ? [] : [`#SBATCH --nodelist=${fit("host", "host", host)}`]),
      ...(features.length === 0 ? [] : [`#SBATCH --constraint=${features.join("&")}`]),
      ...(excluded.length === 0 ? [] : [`#SBATCH --exclude=${excluded.join(",")}`]),
    ]);
  },

  // The wrapper gives sbatch output paths of its own when it gets none, so those in a script would count for nothing.
  submitArgv: (spec) => [
    "qsub",
    "-o",
    outputPath(spec.outputFile),
    "-e",
    outputPath(spec.errorFile),
    forShell(fit("path", "path of a job script", spec.scriptFile)),
  ],

  // It prints the last word of what sbatch said. Anything but a number is no id.
  parseSubmit: (out) => readSubmit(out, { id: /^\s*(\d+)\s*$/, isAway: (answer) => AWAY.test(said(answer)) }),

  statusFormats: [
    {
      argv: (ids) => ["qstat", "-f", ...ids],
      parse(out) {
        if (comesToNothing(out)) return [];
        if (out.code !== 0) throw noAnswer(out);
        return readText(out).map(statusOf);
      },
    },
  ],

  details: {
    argv: (ids) => [
      "squeue",
      "--noheader",
      "--all",
      "--states=all",
      ...(ids.length > MOST_IDS ? [] : [`--jobs=${ids.join(",")}`]),
      `--Format=${COLUMNS}`,
    ],
    refine(statuses, out) {
      // Of one id only it is an error that it is gone; of several the others are told.
      const gone = out.code === 1 && /invalid job id/i.test(said(out));
      if (out.code !== 0 && !gone) throw noAnswer(out);
      const details = parseDetails(out.stdout);
      return statuses.map((status) => refineOne(status, details.get(status.id)));
    },
  },

  cancelArgv: (id) => ["qdel", id],

  parseCancel(out) {
    if (out.code === 0) return "cancelled";
    // One failure is exit 1; of a job that is unknown or has ended nothing is said.
    if (out.code === 1 && out.stdout.trim() === "") return "already-gone";
    throw notDeleted(out, !/permission|denied/i.test(said(out)));
  },

  limitsArgv: () => ["scontrol", "show", "partition", "--oneliner"],
  parseLimits(out) {
    if (out.code !== 0) throw noAnswer(out);
    return out.stdout
      .split("\n")
      .filter((line) => line.startsWith("PartitionName="))
      .map(queueOf);
  },

  nodesArgv: () => ["pbsnodes", "-a"],
  parseNodes(out) {
    if (out.code !== 0) throw noAnswer(out);
    return parseNodeText(out.stdout).map(nodeOf);
  },

  test: {
    argv: (spec) => ["sbatch", "--test-only", fit("path", "path of a job script", spec.scriptFile)],
    parse: parseTest,
  },
};
