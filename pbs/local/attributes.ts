import { readProgress, type LocalJob, type Placement } from "./job.ts";
import { formatDuration } from "./resource-list.ts";
import { SERVER_NAME } from "./settings.ts";

/** An attribute as `qstat -f` names it; a time is epoch milliseconds. `group.member` is nested in XML. */
export type Attribute = readonly [name: string, value: string | { readonly at: number }];

/** `127.0.1.1/0-1+127.0.1.2/0`, as Torque from version 5 on. */
export function execHost(placements: readonly Placement[]): string {
  return placements.map(({ node, slots }) => `${node}/${slotRanges(slots)}`).join("+");
}

/** `0-2,5`. */
export function slotRanges(slots: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const slot of slots) {
    const last = ranges.at(-1);
    if (last?.[1] === slot - 1) last[1] = slot;
    else ranges.push([slot, slot]);
  }
  return ranges.map(([a, b]) => (a === b ? String(a) : `${String(a)}-${String(b)}`)).join(",");
}

/**
 * Every attribute of a job in Torque's order.
 * @source captures: test/fixtures/pbs/torque/qstat-f-*.txt
 */
export function attributesOf(dir: string, job: LocalJob, now: number): readonly Attribute[] {
  const attributes: Attribute[] = [];
  const add = (name: string, value: string | number | undefined): void => {
    if (value !== undefined) attributes.push([name, String(value)]);
  };
  const time = (name: string, at: number | undefined): void => {
    if (at !== undefined) attributes.push([name, { at }]);
  };
  const { nodes, ppn, host, memoryBytes, walltimeSeconds } = job.resources;
  const running = job.state === "R" || job.state === "E";
  const used = job.used ?? (running ? readProgress(dir, job.sequence) : undefined);
  const ranSeconds = job.startedAt === undefined ? undefined : ((job.completedAt ?? now) - job.startedAt) / 1000;

  add("Job_Name", job.name);
  add("Job_Owner", `${job.user}@${job.submitHost}`);
  if (used && ranSeconds !== undefined) {
    add("resources_used.cput", formatDuration(used.cpuSeconds));
    add("resources_used.mem", `${String(Math.ceil(used.memoryBytes / 1024))}kb`);
    add("resources_used.walltime", formatDuration(ranSeconds));
  }
  add("job_state", job.state);
  add("queue", job.queue);
  add("server", SERVER_NAME);
  add("Checkpoint", "u");
  time("ctime", job.queuedAt);
  add("Error_Path", `${job.submitHost}:${job.errorPath}`);
  add("exec_host", job.placements && execHost(job.placements));
  add("Hold_Types", "n");
  add("Join_Path", job.join);
  add("Keep_Files", "n");
  add("Mail_Points", "n");
  time("mtime", job.changedAt);
  add("Output_Path", `${job.submitHost}:${job.outputPath}`);
  add("Priority", 0);
  time("qtime", job.queuedAt);
  add("Rerunable", "False");
  add("Resource_List.nodes", `${host ?? String(nodes)}:ppn=${String(ppn)}`);
  add("Resource_List.walltime", formatDuration(walltimeSeconds));
  add("Resource_List.mem", memoryBytes === undefined ? undefined : formatSize(memoryBytes));
  add("Resource_List.nodect", nodes);
  add("session_id", job.leader?.pid);
  add(
    "Variable_List",
    Object.entries(job.variables)
      .map(([name, value]) => `${name}=${value}`)
      .join(","),
  );
  add("euser", job.user);
  add("egroup", job.group);
  add("queue_type", "E");
  add("sched_hint", job.hint);
  if (job.startedAt !== undefined) add("comment", startComment(job.startedAt));
  time("etime", job.queuedAt);
  add("exit_status", job.exitStatus);
  add("submit_args", job.submitArgs);
  time("start_time", job.startedAt);
  if (running && ranSeconds !== undefined)
    add("Walltime.Remaining", Math.max(0, Math.round(walltimeSeconds - ranSeconds)));
  if (job.startedAt !== undefined) add("start_count", 1);
  add("fault_tolerant", "False");
  time("comp_time", job.completedAt);
  add("job_radix", 0);
  if (job.completedAt !== undefined) add("total_runtime", ranSeconds?.toFixed(6));
  add("submit_host", job.submitHost);
  add("init_work_dir", job.initDir ?? job.submitDir);
  add("request_version", 1);
  return attributes;
}

/** `Job started on Mon Nov 23 at 17:30`, local time. */
function startComment(at: number): string {
  const date = new Date(at);
  const [weekday, month] = date.toDateString().split(" ");
  return `Job started on ${weekday ?? ""} ${month ?? ""} ${String(date.getDate())} at ${date.toTimeString().slice(0, 5)}`;
}

/** In the largest unit that loses nothing, but at least kb. */
export function formatSize(bytes: number): string {
  for (const [unit, size] of [
    ["gb", 2 ** 30],
    ["mb", 2 ** 20],
  ] as const) {
    if (bytes % size === 0) return `${String(bytes / size)}${unit}`;
  }
  return `${String(Math.ceil(bytes / 1024))}kb`;
}
