import { noAnswer, notDeleted, readSubmit, said } from "../answer.ts";
import type { CommandResult, JobSpec, JobStatus, PbsDialect, StatusFormat } from "../batch-system.ts";
import { endByExitStatus, readStatus, type JobEnd, type StatusVocabulary } from "../job-status.ts";
import { fit, mebibytes, whole } from "../job-values.ts";
import { nodeStateOf, type NodeState, type NodeStatus } from "../node-status.ts";
import { parseQstatJson } from "../qstat-json.ts";
import type { Stanza } from "../stanza.ts";
import { NO_RERUN, pbsLines, readText, torque, walltimeOf } from "./torque.ts";

/** Exit codes of PBS Pro's commands: PBSE number mod 256. @source captures; pbs_error.h */
const USAGE = 2;
/** 15139, a job that has finished and is asked for without `-x`. */
const JOB_FINISHED = 35;
/** 15142, the server keeps no history and refuses `-x`. */
const NO_HISTORY = 38;
const UNKNOWN_JOB = 153;
const UNAUTHORIZED = 159;
/** 15010, of qsub and qdel; qstat ends with 255 then. */
const NO_SERVER = 162;

/** Substates of a finished job. @source captures; OpenPBS job.h, `JOB_SUBSTATE_…` */
const FINISHED = "92";

/** What PBS Pro's server says of a job that it ended itself. @source job.h, `JOB_EXEC_…` */
const REASONS: Readonly<Record<number, JobEnd>> = {
  ...Object.fromEntries(Array.from({ length: 23 }, (_, n) => [-1 - n, "start-failed" as const])),
  // The host's mom was started again, or lost the others of the job.
  [-4]: "node-lost",
  [-5]: "node-lost",
  [-6]: "node-lost",
  [-20]: "node-lost",
  [-24]: "cpu",
  [-25]: "cpu",
  [-26]: "memory",
  [-27]: "memory",
  [-28]: "cpu",
  [-29]: "walltime",
};

const JOBS: StatusVocabulary = {
  /**
   * `B` is the parent of an array that has begun, `X` an element that has ended, `U` suspended by the host's owner.
   * `M` was moved to another server, which tells the rest: it stays unknown here.
   * @source qstat(1B)
   */
  states: {
    Q: "queued",
    H: "held",
    W: "queued",
    T: "queued",
    B: "running",
    R: "running",
    S: "running",
    U: "running",
    E: "exiting",
    F: "finished",
    X: "finished",
  },
  exitStatus: "Exit_status",
  startedAt: "stime",
  endedAt: "obittime",
  starts: "run_count",
  comments: ["comment"],
  endOf(job) {
    const { exitStatus, ran, attributes } = job;
    // Deleted ones have the substate 91.
    const failed = attributes.has("depend") && attributes.get("substate") === FINISHED;
    return exitStatus === undefined && !ran && failed ? "failed-dependency" : endByExitStatus(job, REASONS);
  },
};

/** @source pbsnodes(8B) of PBS Pro */
const NODE_STATES: Readonly<Record<string, NodeState>> = {
  free: "free",
  busy: "busy",
  "job-busy": "busy",
  "job-exclusive": "busy",
  "resv-exclusive": "busy",
  provisioning: "busy",
  "wait-provisioning": "busy",
  offline: "offline",
  maintenance: "offline",
  sleep: "offline",
  down: "down",
  stale: "down",
  "state-unknown": "unknown",
};

/** The exit code is that of the last id which the server could not show; what it could stands on stdout. */
const isAnswer = ({ code }: CommandResult): boolean => [0, JOB_FINISHED, UNKNOWN_JOB].includes(code);

/** A qstat that does not know the option, or a server that keeps no history. */
const isUnsupported = ({ code }: CommandResult): boolean => code === USAGE || code === NO_HISTORY;

/** Without history a finished job is only named, on stderr. */
function finishedOnes(out: CommandResult): readonly JobStatus[] {
  return [...out.stderr.matchAll(/^qstat: (\S+) Job has finished/gm)].map(([, id = ""]) => ({
    id,
    name: "",
    state: "finished",
    rawState: "F",
    hosts: [],
  }));
}

function textFormat(...flags: readonly string[]): StatusFormat {
  return {
    argv: (ids) => ["qstat", ...flags, ...ids],
    parse(out) {
      if (isUnsupported(out)) return "unsupported";
      if (!isAnswer(out)) throw noAnswer(out);
      return [...readText(out).map((stanza) => readStatus(stanza, JOBS)), ...finishedOnes(out)];
    },
  };
}

/** `1:ncpus=2:mem=512mb`, with what the chunk's host must have. */
function chunkOf({ cpus, memoryBytes, host, properties = [] }: JobSpec): string {
  const wanted = properties.map((text) => fit("resource", "property", text));
  return [
    `1:ncpus=${whole("cpus", cpus)}:mem=${mebibytes(memoryBytes)}mb`,
    ...(host === undefined ? [] : [`host=${fit("host", "host", host)}`]),
    ...wanted.map((text) => (text.includes("=") ? text : `${text}=True`)),
  ].join(":");
}

/** What every host has, and so is no property. */
const BUILT_IN = ["arch", "host", "mem", "ncpus", "vnode", "naccelerators", "accelerator_memory", "hbmem", "vmem"];

function nodeOf({ id, attributes }: Stanza): NodeStatus {
  const rawState = attributes.get("state") ?? "";
  const number = (name: string): number => Number(attributes.get(name) ?? 0);
  const slots = number("resources_available.ncpus");
  const note = attributes.get("comment");
  return {
    name: attributes.get("resources_available.host") ?? id,
    state: nodeStateOf(rawState, NODE_STATES),
    rawState,
    slots,
    freeSlots: Math.max(0, slots - number("resources_assigned.ncpus")),
    properties: [...attributes].flatMap(([name, value]) => {
      const resource = /^resources_available\.(.+)$/.exec(name)?.[1];
      // Several values of one resource are told in one text.
      if (resource === undefined || BUILT_IN.includes(resource)) return [];
      return value.split(",").map((one) => `${resource}=${one}`);
    }),
    ...(note === undefined ? {} : { note }),
  };
}

/** OpenPBS and PBS Pro. */
export const openpbs: PbsDialect = {
  ...torque,
  name: "openpbs",

  directives: (spec) => pbsLines(spec, [`-l select=${chunkOf(spec)}`, `-l walltime=${walltimeOf(spec)}`, NO_RERUN]),

  parseSubmit: (out) =>
    readSubmit(out, { id: /^(\d+(?:\[\])?(?:\.\S+)?)\s*$/m, isAway: ({ code }) => code === NO_SERVER }),

  statusFormats: [
    {
      argv: (ids) => ["qstat", "-x", "-f", "-F", "json", ...ids],
      parse(out) {
        if (isUnsupported(out)) return "unsupported";
        // With the server away it prints valid JSON without jobs, too.
        if (!isAnswer(out)) throw noAnswer(out);
        return parseQstatJson(out.stdout, "Jobs")?.map((stanza) => readStatus(stanza, JOBS)) ?? "unreadable";
      },
    },
    textFormat("-x", "-f"),
    textFormat("-f"),
  ],

  parseCancel(out) {
    if (out.code === 0) return "cancelled";
    if (out.code === UNKNOWN_JOB || out.code === JOB_FINISHED || /job has finished/i.test(said(out)))
      return "already-gone";
    throw notDeleted(out, out.code !== UNAUTHORIZED);
  },

  nodesArgv: () => ["pbsnodes", "-a", "-F", "json"],
  parseNodes(out) {
    const stanzas = out.code === 0 ? parseQstatJson(out.stdout, "nodes") : undefined;
    if (!stanzas) throw noAnswer(out);
    return stanzas.map(nodeOf);
  },
};
