import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";

import { identifyProcess, type ProcessIdentity } from "../../worker/contract/process.ts";
import { MOM_VARIABLE } from "./process-table.ts";
import { jobSpool } from "./settings.ts";

/**
 * Starts the process that sees a job through. It has a session, an environment and a working
 * directory of its own: neither the end of the caller nor that of a job that the caller
 * belongs to reaches it.
 */
export function startMom(dir: string, sequence: number): ProcessIdentity {
  const log = openSync(jobSpool(dir, sequence).momLog, "a", 0o600);
  try {
    const entry = process.argv[1];
    if (entry === undefined) throw new Error("the program does not know its own file");
    const mom = spawn(process.execPath, [...process.execArgv, entry, "mom", dir, String(sequence)], {
      cwd: "/",
      detached: true,
      stdio: ["ignore", log, log],
      env: { PATH: process.env["PATH"], TZ: process.env["TZ"], [MOM_VARIABLE]: String(sequence) },
    });
    const identity = mom.pid === undefined ? undefined : identifyProcess(mom.pid);
    mom.on("error", () => undefined);
    mom.unref();
    if (!identity) throw new Error(`cannot start ${process.execPath} for job ${String(sequence)}`);
    return identity;
  } finally {
    closeSync(log);
  }
}
