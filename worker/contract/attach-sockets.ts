import { lstatSync, readdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { identifyProcess } from "./process.ts";

/** HotSpot puts its attach socket here whatever `java.io.tmpdir` says. @source os::get_temp_directory() on Linux */
const DIRECTORY = "/tmp";

/**
 * Removes the attach sockets that ended Java processes of a user left in /tmp. Elasticsearch attaches to itself when it
 * starts, and a server that is stopped does not always take its `.java_pid<N>` with it.
 */
export function removeDeadAttachSockets(uid: number): void {
  for (const name of readdirSync(DIRECTORY)) {
    const pid = /^\.java_pid(\d+)$/.exec(name)?.[1];
    if (pid === undefined || identifyProcess(Number(pid))) continue;
    const file = join(DIRECTORY, name);
    try {
      const stat = lstatSync(file);
      if (stat.isSocket() && stat.uid === uid) unlinkSync(file);
    } catch {
      // Somebody else was faster.
    }
  }
}
