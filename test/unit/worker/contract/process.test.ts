import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { findProgram } from "../../../../orchestrator/runtimes/run-tool.ts";
import { identifyProcess, isAlive, terminateProcess } from "../../../../worker/contract/process.ts";
import { waitFor } from "../../../support/wait-for.ts";

/** Ends its leading thread only, by the system call `exit`. @source exit(2), "C library/kernel differences" */
const LEADER_ENDS = `
import ctypes, platform, threading, time
threading.Thread(target=time.sleep, args=(1000,)).start()
ctypes.CDLL(None).syscall(60 if platform.machine() == "x86_64" else 93, 0)
`;

describe("a process", () => {
  it.skipIf(findProgram("python3") === undefined)("is alive until the last of its threads has ended", async () => {
    const child = spawn("python3", ["-c", LEADER_ENDS], { stdio: "ignore" });
    await once(child, "spawn");
    const identity = identifyProcess(child.pid ?? 0);
    if (!identity) throw new Error("python3 ended at once");
    const state = (): string => /\) (.)/.exec(readFileSync(`/proc/${String(identity.pid)}/stat`, "latin1"))?.[1] ?? "";
    await waitFor("its leading thread to end", () => state() === "Z");
    expect(isAlive(identity)).toBe(true);
    await terminateProcess(identity, 0);
    expect(isAlive(identity)).toBe(false);
  });
});
