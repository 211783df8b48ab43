import { noAnswer, notDeleted, readSubmit, said } from "../answer.ts";
import type { CommandResult, JobSpec, PbsDialect, QueueLimits } from "../batch-system.ts";
import { PBS_JOB_ID } from "../job-id.ts";
import { endByExitStatus, readStatus, secondsOf, type JobEnd, type StatusVocabulary } from "../job-status.ts";
import { bytesOf, fit, mebibytes, whole } from "../job-values.ts";
import { nodeStateOf, type NodeState, type NodeStatus } from "../node-status.ts";
import { parseQstatF } from "../qstat-f.ts";
import { parseQstatXml } from "../qstat-xml.ts";
import { walltimeText, type LimitedResource, type QueueLimit } from "../queue-limits.ts";
import type { Stanza } from "../stanza.ts";

/** Exit codes of Torque's commands: PBSE number mod 256. The numbers differ from PBS Pro's. */
const USAGE = 2;
const UNKNOWN_JOB = 153;
const UNAUTHORIZED = 159;
const INVALID_STATE = 170;
/** errno ECONNREFUSED: the server is not there; the command has tried for a while. */
const NO_SERVER = 111;

/** What Torque's server says of a job that it ended itself. @source pbs_job.h, `JOB_EXEC_…` */
const REASONS: Readonly<Record<number, JobEnd>> = {
  [-1]: "start-failed",
  [-2]: "start-failed",
  [-3]: "start-failed",
  // The host's mom was started again and ended what it found.
  [-4]: "node-lost",
  [-5]: "node-lost",
  [-6]: "node-lost",
  [-7]: "start-failed",
  [-8]: "start-failed",
  [-9]: "start-failed",
  [-10]: "memory",
  [-11]: "walltime",
  [-12]: "cpu",
  [-13]: "start-failed",
  [-14]: "start-failed",
};

const JOBS: StatusVocabulary = {
  /**
   * `E` is still running for us: its files are not final yet; `T` is moving between servers and `S` suspended, both
   * come back.
   * @source qstat(1B)
   */
  states: {
    Q: "queued",
    H: "held",
    W: "queued",
    T: "queued",
    S: "running",
    R: "running",
    E: "exiting",
    C: "finished",
  },
  exitStatus: "exit_status",
  startedAt: "start_time",
  endedAt: "comp_time",
  starts: "start_count",
  comments: ["sched_hint", "comment"],
  endOf(job) {
    // The server deletes a job whose dependency failed, and one that its user deletes in that hold looks the same.
    const waited = job.attributes.has("depend") && job.attributes.get("Hold_Types")?.includes("s") === true;
    return job.exitStatus === undefined && !job.ran && waited ? undefined : endByExitStatus(job, REASONS);
  },
};

/** @source pbsnodes(8B); `job-sharing` and `reserve` are those of old Torques */
const NODE_STATES: Readonly<Record<string, NodeState>> = {
  free: "free",
  "time-shared": "free",
  "job-sharing": "free",
  busy: "busy",
  "job-exclusive": "busy",
  reserve: "busy",
  offline: "offline",
  down: "down",
};

/** Whether qstat has answered, be it that it knows no such job. Of a mixed call it prints the known ones. */
const isAnswer = ({ code }: CommandResult): boolean => code === 0 || code === UNKNOWN_JOB;

/** Stanzas of jobs in text. @throws GridError `QSTAT_FAILED` for any other text */
export function readText(out: CommandResult): readonly Stanza[] {
  const stanzas = parseQstatF(out.stdout);
  if (stanzas.length === 0 && out.stdout.trim() !== "") throw noAnswer(out);
  return stanzas;
}

/** Slots that `jobs` of a node names: `1/2.server,6-7/8.server`. */
function takenSlots(jobs: string | undefined): number {
  const slots = (jobs ?? "").split(",").flatMap((part) => {
    const match = /^\s*(\d+)(?:-(\d+))?(?:\/|$)/.exec(part);
    return match ? [Number(match[2] ?? match[1]) - Number(match[1]) + 1] : [];
  });
  return slots.reduce((sum, n) => sum + n, 0);
}

function nodeOf({ id, attributes }: Stanza): NodeStatus {
  const rawState = attributes.get("state") ?? "";
  const slots = Number(attributes.get("np") ?? 0);
  const note = attributes.get("note");
  return {
    name: id,
    state: nodeStateOf(rawState, NODE_STATES),
    rawState,
    slots,
    freeSlots: Math.max(0, slots - takenSlots(attributes.get("jobs"))),
    properties: (attributes.get("properties") ?? "").split(",").filter((property) => property !== ""),
    ...(note === undefined ? {} : { note }),
  };
}

/** What a queue can limit, by PBS's names of resources. */
const LIMITED: Readonly<Record<string, LimitedResource>> = {
  walltime: "walltimeSeconds",
  mem: "memoryBytes",
  ncpus: "cpus",
  procct: "cpus",
};

function limitOf(name: string, value: string): QueueLimit | undefined {
  const [, bound, resource = ""] = /^resources_(max|min)\.(\w+)$/.exec(name) ?? [];
  const limited = LIMITED[resource];
  if (limited === undefined) return undefined;
  const amount =
    limited === "walltimeSeconds" ? secondsOf(value) : limited === "memoryBytes" ? bytesOf(value) : Number(value);
  if (amount === undefined || Number.isNaN(amount)) return undefined;
  return { name, resource: limited, bound: bound === "max" ? "most" : "least", value: amount };
}

function queueOf({ id, attributes }: Stanza): QueueLimits {
  return {
    queue: id,
    isDefault: false,
    accepts: attributes.get("enabled") !== "False",
    starts: attributes.get("started") !== "False",
    limits: [...attributes].flatMap(([name, value]) => limitOf(name, value) ?? []),
  };
}

export function walltimeOf({ walltimeSeconds }: JobSpec): string {
  return walltimeText(Number(whole("walltime in seconds", walltimeSeconds)));
}

/** `1:ppn=2:big`, or with a host's name in front. */
function nodesOf({ host, cpus, properties = [] }: JobSpec): string {
  const where = host === undefined ? "1" : fit("host", "host", host);
  return [where, `ppn=${whole("cpus", cpus)}`, ...properties.map((name) => fit("property", "property", name))].join(
    ":",
  );
}

/**
 * The `#PBS` lines of the family: name, queue, what the dialect asks for in its own way, and the site's.
 * @param own options with their values
 */
export function pbsLines(spec: JobSpec, own: readonly string[]): readonly string[] {
  const options = [
    `-N ${fit("name", "job name", spec.name)}`,
    ...(spec.queue === undefined ? [] : [`-q ${fit("queue", "queue", spec.queue)}`]),
    ...own,
    ...spec.extraDirectives,
  ];
  return options.map((option) => (option.startsWith("#") ? option : `#PBS ${option}`));
}

/** A second run under the same id would find its node's name taken. */
export const NO_RERUN = "-r n";

/** Torque 6: text in, text out. The others of the family are made from it by naming what differs. */
export const torque: PbsDialect = {
  name: "torque",
  excludesHosts: "by-naming",
  dryRun: "held",
  isJobId: (id) => PBS_JOB_ID.test(id),

  directives: (spec) =>
    pbsLines(spec, [
      `-l nodes=${nodesOf(spec)},mem=${mebibytes(spec.memoryBytes)}mb,walltime=${walltimeOf(spec)}`,
      NO_RERUN,
    ]),

  // Paths go as arguments: there they need no quoting.
  submitArgv: (spec, held) => [
    "qsub",
    ...(held ? ["-h"] : []),
    "-o",
    fit("plainPath", "output path", spec.outputFile),
    "-e",
    fit("plainPath", "output path", spec.errorFile),
    fit("path", "path of a job script", spec.scriptFile),
  ],

  parseSubmit: (out) =>
    readSubmit(out, { id: /^(\d+(?:\[\])?(?:\.\S+)?)\s*$/m, isAway: ({ code }) => code === NO_SERVER }),

  statusFormats: [
    {
      argv: (ids) => ["qstat", "-f", "-x", ...ids],
      parse(out) {
        if (out.code === USAGE) return "unsupported";
        if (!isAnswer(out)) throw noAnswer(out);
        if (out.stdout.trim() === "") return [];
        return parseQstatXml(out.stdout, "Job_Id")?.map((stanza) => readStatus(stanza, JOBS)) ?? "unreadable";
      },
    },
    {
      argv: (ids) => ["qstat", "-f", ...ids],
      parse(out) {
        if (!isAnswer(out)) throw noAnswer(out);
        return readText(out).map((stanza) => readStatus(stanza, JOBS));
      },
    },
  ],

  cancelArgv: (id) => ["qdel", id],

  parseCancel(out) {
    if (out.code === 0) return "cancelled";
    const complete = out.code === INVALID_STATE && said(out).includes("COMPLETE");
    if (out.code === UNKNOWN_JOB || complete) return "already-gone";
    throw notDeleted(out, out.code !== UNAUTHORIZED);
  },

  limitsArgv: () => ["qstat", "-Qf"],
  parseLimits(out) {
    if (out.code !== 0) throw noAnswer(out);
    return readText(out).map(queueOf);
  },

  defaultQueue: {
    argv: () => ["qstat", "-Bf"],
    parse(out) {
      if (out.code !== 0) throw noAnswer(out);
      return readText(out)[0]?.attributes.get("default_queue");
    },
  },

  nodesArgv: () => ["pbsnodes", "-x"],
  parseNodes(out) {
    const stanzas = out.code === 0 ? parseQstatXml(out.stdout, "name") : undefined;
    if (!stanzas) throw noAnswer(out);
    return stanzas.map(nodeOf);
  },
};
