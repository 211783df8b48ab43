import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { localCommandRunner } from "../../pbs/command.ts";
import type { Access, FileStore } from "../../pbs/access/index.ts";
import { watchTicket } from "../../pbs/access/ticket.ts";
import { BackfillError, describeError } from "../../worker/contract/errors.ts";
import { accessOptionsOf, openBatchAccess, withBatchAccess } from "../batch-access.ts";
import type { Check, DoctorContext, Finding } from "../doctor.ts";
import { judgeClock } from "./clock.ts";

/** The way to the batch system: the frontend, what must be there, and where jobs' files go. */
export const accessChecks: readonly Check[] = [
  { name: "Kerberos ticket", run: checkTicket },
  { name: "frontend", run: checkFrontend },
  { name: "frontend commands", run: checkCommands },
  { name: "frontend clock", run: checkClock },
  { name: "node staging", run: checkStaging },
];

/** What every PBS has. */
const COMMANDS = ["qsub", "qstat", "qdel"];
const TIMEOUT_SECONDS = 15;

const THIS_MACHINE: Finding = { level: "ok", text: "this machine" };
const NOT_REACHED: Finding = { level: "warning", text: "not looked at: the frontend is not reached" };
const silent = { warn: () => undefined };

async function checkTicket({ resolved, signal }: DoctorContext): Promise<Finding> {
  const options = accessOptionsOf(resolved.config);
  if (options.kind === "local" || options.kerberos === undefined) return { level: "ok", text: "not needed" };
  let warning = "";
  const watch = watchTicket(options.kerberos, localCommandRunner(), { warn: (text) => (warning = text) });
  try {
    const ticket = await watch.look(signal);
    const [text = "", remedy] = warning.split("; ");
    if (warning !== "")
      return { level: ticket ? "warning" : "missing", text, ...(remedy === undefined ? {} : { remedy }) };
    return { level: "ok", text: `${ticket?.principal ?? ""}, until ${new Date(ticket?.expiresAt ?? 0).toISOString()}` };
  } finally {
    watch.stop();
  }
}

async function checkFrontend({ resolved, signal }: DoctorContext): Promise<Finding> {
  if (resolved.config.batch.access.kind === "local") return THIS_MACHINE;
  return await withBatchAccess(resolved.config, silent, async ({ exec, frontend = "" }) => {
    await exec(["true"], { timeoutSeconds: TIMEOUT_SECONDS, signal });
    return { level: "ok", text: `logged in to ${frontend}` };
  });
}

async function checkCommands(context: DoctorContext): Promise<Finding> {
  return await onFrontend(context, async (access) => {
    const script = 'for name; do command -v "$name" >/dev/null || echo "$name"; done';
    const { stdout } = await access.exec(["sh", "-c", script, "sh", ...COMMANDS], {
      timeoutSeconds: TIMEOUT_SECONDS,
      signal: context.signal,
    });
    const missing = stdout.toString("utf8").trim().split(/\s+/).filter(Boolean);
    if (missing.length === 0) return { level: "ok", text: COMMANDS.join(", ") };
    return {
      level: "missing",
      text: `${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} not on PATH on ${access.frontend ?? ""}`,
      remedy: "set batch.access.commandDirs to the directory that holds them; a command over ssh gets no login profile",
    };
  });
}

async function checkClock(context: DoctorContext): Promise<Finding> {
  return await onFrontend(context, async (access) => {
    const since = Date.now();
    const { stdout } = await access.exec(["date", "-u", "+%s"], {
      timeoutSeconds: TIMEOUT_SECONDS,
      signal: context.signal,
    });
    const there = Number(stdout.toString("utf8").trim());
    const wrong = judgeClock(access.frontend ?? "", there, { since, until: Date.now() });
    return wrong ?? { level: "ok", text: "agrees with the one here" };
  });
}

/** Does there what a campaign will: makes a directory, writes, reads, removes. */
async function checkStaging({ resolved }: DoctorContext): Promise<Finding> {
  const { stagingDir, kind, files } = resolved.config.batch.access;
  if (stagingDir === undefined) return { level: "ok", text: "nodes use the programs where they stand here" };
  const access = openBatchAccess(resolved.config, silent);
  const where = kind === "local" || files === "shared" ? stagingDir : `${stagingDir} on ${access.frontend ?? ""}`;
  try {
    const probe = await spareDir(access.files, stagingDir);
    await access.files.makeDir(probe, 0o700);
    try {
      await access.files.write(`${probe}/file`, "gridharvest\n", 0o600);
      const text = (await access.files.read(`${probe}/file`))?.toString("utf8");
      if (text !== "gridharvest\n") throw new Error("what was written cannot be read back");
    } finally {
      await access.files.remove(probe);
    }
    return { level: "ok", text: where };
  } catch (error) {
    const known = describeError(error);
    if (isAway(error)) return NOT_REACHED;
    return {
      level: "missing",
      text: `cannot write to ${where}: ${known.split("; ")[0] ?? known}`,
      remedy: "give the account write access to it (a read-only mount?), or set batch.access.stagingDir",
    };
  } finally {
    access.close();
  }
}

/** A name for a directory of doctor's own. Like others the one that is meant is made when it is needed, not here: so in the nearest that exists. */
export async function spareDir(files: FileStore, wanted: string): Promise<string> {
  let existing = wanted;
  while (!(await files.stat(existing)) && dirname(existing) !== existing) existing = dirname(existing);
  return join(existing, `.gridharvest-doctor-${randomBytes(6).toString("hex")}`);
}

async function onFrontend(context: DoctorContext, look: (access: Access) => Promise<Finding>): Promise<Finding> {
  return context.resolved.config.batch.access.kind === "local" ? THIS_MACHINE : await overAccess(context, look);
}

/** Looks at something over the access. What is wrong with the way itself is for the check `frontend` to say. */
export async function overAccess<T extends Finding | readonly Finding[]>(
  { resolved, signal }: DoctorContext,
  look: (access: Access) => Promise<T>,
): Promise<T | Finding> {
  try {
    return await withBatchAccess(resolved.config, silent, look);
  } catch (error) {
    signal.throwIfAborted();
    if (!isAway(error)) throw error;
    return NOT_REACHED;
  }
}

/** Whether an error says that the frontend is not reached. */
export function isAway(error: unknown): error is BackfillError {
  return error instanceof BackfillError && error.code.startsWith("SSH_");
}
