import { userInfo } from "node:os";

import type { LocalJob } from "./job.ts";
import { COOKIE_VARIABLE } from "./process-table.ts";
import { jobSpool } from "./settings.ts";

const PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

/** Who submits. A container's user may have no entry in passwd. */
export function currentUser(): { readonly name: string; readonly home: string; readonly shell: string } {
  const home = process.env["HOME"];
  try {
    const { username, homedir, shell } = userInfo();
    return { name: username, home: home ?? homedir, shell: shell ?? "/bin/sh" };
  } catch {
    return { name: `uid${String(process.getuid?.() ?? 0)}`, home: home ?? "/", shell: "/bin/sh" };
  }
}

/**
 * The environment of a job: nothing of the submitter's but what `-v` or `-V` took along.
 * @source captured from Torque 6.1.3: test/fixtures/pbs/torque/job-environment.txt
 */
export function jobEnvironment(dir: string, job: LocalJob): Record<string, string> {
  const { name, home, shell } = currentUser();
  const { nodes, ppn, walltimeSeconds } = job.resources;
  return {
    PATH,
    HOME: home,
    USER: name,
    LOGNAME: name,
    SHELL: shell,
    ...job.variables,
    PBS_ENVIRONMENT: "PBS_BATCH",
    PBS_JOBID: job.id,
    PBS_JOBNAME: job.name,
    [COOKIE_VARIABLE]: job.cookie,
    PBS_NODEFILE: jobSpool(dir, job.sequence).nodeFile,
    PBS_NODENUM: "0",
    PBS_VNODENUM: "0",
    PBS_TASKNUM: "1",
    PBS_NUM_NODES: String(nodes),
    PBS_NUM_PPN: String(ppn),
    PBS_NP: String(nodes * ppn),
    PBS_QUEUE: job.queue,
    PBS_WALLTIME: String(walltimeSeconds),
  };
}

/** One line per slot, as Torque's node file. */
export function nodeFileText(job: LocalJob): string {
  return (job.placements ?? []).flatMap(({ node, slots }) => slots.map(() => `${node}\n`)).join("");
}

/**
 * The command that runs the script: its own `#!` line's, else the shell that `-S` named, else
 * /bin/sh. The script is an argument, so that it may stand on a file system without exec.
 */
export function scriptCommand(script: string, file: string, shell: string | undefined): readonly [string, ...string[]] {
  const shebang = /^#![ \t]*(\S+)(?:[ \t]+(.*\S))?[ \t]*(?:\n|$)/.exec(script);
  if (shell !== undefined) return [shell, file];
  if (shebang?.[1] === undefined) return ["/bin/sh", file];
  return [shebang[1], ...(shebang[2] === undefined ? [] : [shebang[2]]), file];
}
