import { attributesOf } from "./attributes.ts";
import { readAllJobs, type LocalJob } from "./job.ts";
import { fullId, looksLikeJobId, sequenceOf } from "./job-ids.ts";
import { formatStanza, formatXml } from "./qstat-text.ts";
import { reapAbandoned } from "./reap.ts";
import { Refusal } from "./refusal.ts";
import { formatDuration } from "./resource-list.ts";
import { readSettings, SERVER_NAME, type LocalSettings } from "./settings.ts";

const USAGE = `usage: qstat [-f [-1]] [-x] [-u user] [job_identifier... | queue...]
       qstat -Q [-f]
       qstat -B -f`;

/**
 * `qstat`: the list, `-f` in full, `-f -1` unfolded, `-x` as XML, `-u` of one user, `-Q` the queues, `-Qf` with what they
 * allow, `-Bf` the server. Unknown
 * ids are told on stderr while the known ones are printed; the exit code is then 153.
 */
export function qstat(
  dir: string,
  args: readonly string[],
): { readonly code: number; readonly stdout: string; readonly stderr: string } {
  const settings = readSettings(dir);
  const { flags, user, operands } = readArguments(args);
  reapAbandoned(dir);
  const all = readAllJobs(dir).filter((job) => user === undefined || job.user === user);
  if (flags.has("Q")) {
    const text = flags.has("f") ? queueStanzas(all, settings) : queueTable(all, settings);
    return { code: 0, stdout: text, stderr: "" };
  }
  if (flags.has("B")) return { code: 0, stdout: serverStanza(all, settings), stderr: "" };

  const chosen: LocalJob[] = [];
  let code = 0;
  let stderr = "";
  for (const operand of operands) {
    if (looksLikeJobId(operand)) {
      const job = all.find((candidate) => candidate.sequence === sequenceOf(operand));
      if (job) chosen.push(job);
      else {
        code = 153;
        stderr += `qstat: Unknown Job Id Error ${fullId(operand)}\n`;
      }
    } else if (settings.queues.includes(operand)) chosen.push(...all.filter((job) => job.queue === operand));
    else {
      code = 172;
      stderr += `qstat: Unknown queue destination ${operand}\n`;
    }
  }
  const jobs = operands.length === 0 ? all : chosen;
  return { code, stdout: print(dir, jobs, flags), stderr };
}

function readArguments(args: readonly string[]) {
  const flags = new Set<string>();
  const operands: string[] = [];
  let user: string | undefined;
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? "";
    if (!word.startsWith("-")) {
      operands.push(word);
      continue;
    }
    for (const letter of word.slice(1)) {
      if (letter === "u") user = args[++i];
      else if ("f1xQB".includes(letter)) flags.add(letter);
      else throw Refusal.usage(`qstat: invalid option -- '${letter}'\n${USAGE}`);
    }
  }
  return { flags, user, operands };
}

function print(dir: string, jobs: readonly LocalJob[], flags: ReadonlySet<string>): string {
  if (jobs.length === 0) return "";
  const now = Date.now();
  if (flags.has("x")) return formatXml(jobs.map((job) => [job.id, attributesOf(dir, job, now)]));
  if (flags.has("f")) {
    return jobs.map((job) => formatStanza(job.id, attributesOf(dir, job, now), !flags.has("1"))).join("");
  }
  const header = [
    "Job ID                    Name             User            Time Use S Queue",
    "------------------------- ---------------- --------------- -------- - -----",
  ];
  const rows = jobs.map((job) => {
    const used = job.used ? formatDuration(job.used.cpuSeconds) : "0";
    return [
      job.id.padEnd(26),
      job.name.slice(0, 15).padEnd(16),
      job.user.slice(0, 15).padEnd(15),
      used.padStart(8),
      job.state,
      job.queue.padEnd(15),
    ].join(" ");
  });
  return [...header, ...rows, ""].join("\n");
}

/** The queues in full. One node's slots are the most that a job can have on a host. */
function queueStanzas(jobs: readonly LocalJob[], settings: LocalSettings): string {
  const stanzas = settings.queues.map((queue) => [
    `Queue: ${queue}`,
    "    queue_type = Execution",
    `    total_jobs = ${String(jobs.filter((job) => job.queue === queue).length)}`,
    `    resources_max.ncpus = ${String(settings.slotsPerNode)}`,
    "    enabled = True",
    "    started = True",
  ]);
  return stanzas.map((lines) => `${lines.join("\n")}\n\n`).join("");
}

function serverStanza(jobs: readonly LocalJob[], settings: LocalSettings): string {
  return [
    `Server: ${SERVER_NAME}`,
    "    server_state = Active",
    `    total_jobs = ${String(jobs.length)}`,
    `    default_queue = ${settings.queues[0] ?? "batch"}`,
    "",
    "",
  ].join("\n");
}

function queueTable(jobs: readonly LocalJob[], settings: LocalSettings): string {
  const rows = settings.queues.map((queue) => {
    const count = (state?: LocalJob["state"]): string =>
      String(jobs.filter((job) => job.queue === queue && (state === undefined || job.state === state)).length);
    const cells = [count("Q"), count("R"), "0", "0", "0", count("E")].map((cell) => cell.padStart(5)).join(" ");
    return `${queue.padEnd(16)} ${"0".padStart(5)} ${count().padStart(6)}   yes   yes ${cells} E ${count("C").padStart(5)}`;
  });
  return [
    "Queue              Max    Tot   Ena   Str   Que   Run   Hld   Wat   Trn   Ext T   Cpt",
    "----------------   ---   ----    --    --   ---   ---   ---   ---   ---   --- -   ---",
    ...rows,
    "",
  ].join("\n");
}
