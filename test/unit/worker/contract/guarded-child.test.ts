import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { spawnGuarded } from "../../../../worker/contract/guarded-child.ts";
import { keepChild } from "../../../../worker/contract/kept-child.ts";
import { identifyProcess, isAlive, type ProcessIdentity } from "../../../../worker/contract/process.ts";
import { processTree, treeFigures } from "../../../../worker/contract/process-tree.ts";
import { waitFor } from "../../../support/index.ts";

const env = { PATH: process.env["PATH"] ?? "/usr/bin:/bin" };
const shell = (script: string) =>
  spawnGuarded({ command: "sh", args: ["-c", script], env, output: 2, deathSignal: "KILL" });

describe("a guarded child", () => {
  it("is stopped with everything below it, also what ignores TERM", async () => {
    const child = shell("trap '' TERM; (trap '' TERM; sleep 1000) & sleep 1000");
    const pid = child.identity?.pid ?? 0;
    await waitFor("its children", () => processTree(pid).length >= 3);
    const tree = processTree(pid);
    await child.stop(100);
    expect(tree.filter(isAlive)).toEqual([]);
    expect(await child.exited).toEqual({ code: null, signal: "SIGKILL" });
  });

  it("is stopped together with orphans that it left when it died", async () => {
    const child = shell("sleep 1000 & sleep 1000");
    const pid = child.identity?.pid ?? 0;
    await waitFor("its children", () => processTree(pid).length >= 3);
    const tree = processTree(pid);
    process.kill(pid, "SIGKILL");
    await child.exited;
    await child.stop(0);
    expect(tree.filter(isAlive)).toEqual([]);
  });

  it("that cannot be started has ended with 127", async () => {
    const child = spawnGuarded({ command: "/no/such/program", args: [], env, output: 2, deathSignal: "TERM" });
    expect((await child.exited).code).toBe(127);
    await child.stop(0);
  });

  it("dies with its parent, however that dies", async () => {
    const module = join(import.meta.dirname, "../../../../worker/contract/guarded-child.ts");
    const script = `
      const { spawnGuarded } = await import(${JSON.stringify(module)});
      const child = spawnGuarded({ command: "sleep", args: ["1000"], env: process.env, output: 2, deathSignal: "KILL" });
      console.log(child.identity.pid);
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", 2] });
    const line = await new Promise<string>((resolve) => parent.stdout?.once("data", (data) => resolve(String(data))));
    const child = await waitFor<ProcessIdentity | undefined>("the child", () => identifyProcess(Number(line)));
    parent.kill("SIGKILL");
    await waitFor("the child to die", () => !isAlive(child), { timeoutMs: 3000 });
  });

  it("shows what its tree uses", async () => {
    const child = shell("sleep 1000 & wait");
    const pid = child.identity?.pid ?? 0;
    await waitFor("its child", () => processTree(pid).length >= 2);
    expect(treeFigures(pid).rssBytes).toBeGreaterThan(100_000);
    await child.stop(1000);
    expect(treeFigures(pid)).toEqual({ rssBytes: 0, cpuSeconds: 0 });
  });
});

describe("keeping a child", () => {
  const options = { name: "it", firstDelayMs: 1, longestDelayMs: 5, stableMs: Infinity, stopGraceMs: 100 };

  it("starts it again until it has failed too often", async () => {
    let launches = 0;
    const failures: number[] = [];
    const result = await keepChild(
      {
        ...options,
        launch: () => {
          launches += 1;
          return shell("exit 3");
        },
        mostFailures: 2,
        onFailure: (_exit, n) => failures.push(n),
      },
      new AbortController().signal,
    );
    expect(result).toEqual({ kind: "failed", exit: { code: 3, signal: null } });
    expect([launches, failures]).toEqual([3, [1, 2]]);
  });

  it("ends when the child ends as it should", async () => {
    const result = await keepChild(
      { ...options, launch: () => shell("exit 0"), mostFailures: 0, isDone: (exit) => exit.code === 0 },
      new AbortController().signal,
    );
    expect(result).toEqual({ kind: "done" });
  });

  it("stops it when told to, also in the pause before a restart", async () => {
    const running = new AbortController();
    const kept = keepChild({ ...options, launch: () => shell("sleep 1000"), mostFailures: 0 }, running.signal);
    running.abort();
    expect(await kept).toEqual({ kind: "stopped" });

    const pausing = new AbortController();
    const again = keepChild(
      {
        ...options,
        firstDelayMs: 100_000,
        longestDelayMs: 100_000,
        launch: () => shell("exit 1"),
        mostFailures: 5,
        onFailure: () => pausing.abort(),
      },
      pausing.signal,
    );
    expect(await again).toEqual({ kind: "stopped" });
  });
});
