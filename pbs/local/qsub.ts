import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { basename, join, resolve } from "node:path";

import { currentUser } from "./job-environment.ts";
import { purgeCompleted, takeSequence, writeActiveJob, type LocalJob } from "./job.ts";
import { withLock } from "./lock.ts";
import { reapAbandoned } from "./reap.ts";
import { Refusal } from "./refusal.ts";
import { readResources } from "./resource-list.ts";
import { feasible } from "./schedule.ts";
import { DIRECTORY_VARIABLE, jobSpool, readSettings, SERVER_NAME } from "./settings.ts";
import { startMom } from "./start-mom.ts";
import { mergeSubmissions, QSUB_USAGE, readDirectives, readOptions, readVariables } from "./submission.ts";

/** Variables of the caller that a job gets as `PBS_O_…`, by Torque's names. */
const SUBMITTER_VARIABLES = ["HOME", "LOGNAME", "PATH", "SHELL", "LANG", "MAIL", "TZ"] as const;

/**
 * `qsub`: queues a script and prints the job's id. The job is there with its mom or not at
 * all, also when this process is killed at any point; printing the id comes last.
 * @returns what goes to stdout
 */
export function qsub(dir: string, args: readonly string[]): string {
  const settings = readSettings(dir);
  const fromArguments = readOptions(args);
  const { text, file } = readScript(fromArguments.operands);
  const { options, resources: asked } = mergeSubmissions(
    readDirectives(text, fromArguments.options.get("C")),
    fromArguments,
  );

  const name = options.get("N") ?? (file === undefined ? "STDIN" : basename(file).slice(0, 15));
  if (options.has("N") && !/^[A-Za-z][!-~]{0,14}$/.test(name)) {
    throw Refusal.usage(`[qsub: illegal -N value]\n\n${QSUB_USAGE}`);
  }
  const joined = options.get("j") ?? "n";
  if (joined !== "n" && joined !== "oe" && joined !== "eo")
    throw Refusal.usage(`[qsub: illegal -j value]\n\n${QSUB_USAGE}`);
  const queue = options.get("q") ?? settings.queues[0] ?? "batch";
  if (!settings.queues.includes(queue)) {
    throw new Refusal(172, "qsub: submit error (Unknown queue MSG=requested queue not found)");
  }
  const resources = readResources(asked);
  if (!feasible(resources, settings)) throw Refusal.exceeded();

  const submitDir = process.cwd();
  const user = currentUser();
  const initDir = options.get("d");
  const shell = options.get("S");
  const base = initDir === undefined ? submitDir : resolve(submitDir, initDir);

  reapAbandoned(dir);
  const id = withLock(dir, () => {
    purgeCompleted(dir, settings.keepCompletedSeconds);
    const sequence = takeSequence(dir);
    const now = Date.now();
    const spool = jobSpool(dir, sequence);
    mkdirSync(spool.dir, { recursive: true });
    writeFileSync(spool.script, text, { mode: 0o600 });
    const job: Omit<LocalJob, "mom"> = {
      sequence,
      id: `${String(sequence)}.${SERVER_NAME}`,
      name,
      user: user.name,
      group: String(process.getgid?.() ?? 0),
      queue,
      submitHost: hostname(),
      submitArgs: args.join(" "),
      submitDir,
      ...(initDir !== undefined && { initDir: base }),
      resources,
      outputPath: outputPath(options.get("o"), base, `${name}.o${String(sequence)}`),
      errorPath: outputPath(options.get("e"), base, `${name}.e${String(sequence)}`),
      join: joined,
      ...(shell !== undefined && { shell }),
      variables: {
        ...(options.has("V") ? wholeEnvironment() : {}),
        ...readVariables(options.get("v") ?? "", process.env),
        ...submitterVariables(queue, base),
      },
      cookie: randomBytes(16).toString("hex"),
      queuedAt: now,
      changedAt: now,
      state: "Q",
      momRestarts: 0,
    };
    // The mom waits for the lock that we hold, and ends when the job was not written after all.
    writeActiveJob(dir, { ...job, mom: startMom(dir, sequence) });
    return job.id;
  });
  return options.has("z") ? "" : `${id}\n`;
}

function readScript(operands: readonly string[]): { readonly text: string; readonly file?: string } {
  const [file, ...rest] = operands;
  if (rest.length > 0) throw Refusal.usage(`qsub: script arguments are not supported\n${QSUB_USAGE}`);
  if (file === undefined || file === "-") return { text: readFileSync(0, "utf8") };
  try {
    return { text: readFileSync(file, "utf8"), file };
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === "ENOENT" ? "No such file or directory" : String(error);
    throw new Refusal(1, `qsub: script file '${file}' cannot be loaded - ${reason}`);
  }
}

/** `[host:]path`; a folder gets the default name. There is one host only, so its name is dropped. */
function outputPath(option: string | undefined, base: string, defaultName: string): string {
  if (option === undefined) return join(base, defaultName);
  const file = resolve(base, option.replace(/^[A-Za-z0-9.-]*:/, ""));
  const isFolder = statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return isFolder ? join(file, defaultName) : file;
}

function submitterVariables(queue: string, workDir: string): Record<string, string> {
  const variables: Record<string, string> = { PBS_O_QUEUE: queue };
  for (const name of SUBMITTER_VARIABLES) {
    const value = process.env[name];
    if (value !== undefined) variables[`PBS_O_${name}`] = value;
  }
  return { ...variables, PBS_O_WORKDIR: workDir, PBS_O_HOST: hostname(), PBS_O_SERVER: SERVER_NAME };
}

function wholeEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && entry[0] !== DIRECTORY_VARIABLE,
    ),
  );
}
