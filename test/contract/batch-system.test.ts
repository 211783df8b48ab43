import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { identifyProcess } from "../../worker/contract/process.ts";
import {
  jobStatus,
  localBench,
  release,
  submitJob,
  untilFile,
  untilReleased,
  untilState,
  writeJob,
  type BatchBench,
} from "../support/batch-jobs.ts";
import { privateStateDir } from "../support/state-dir.ts";
import { waitFor } from "../support/wait-for.ts";

interface Implementation {
  readonly name: string;
  /** One host with two slots. */
  bench(dir: string): Promise<BatchBench>;
  /** The exit statuses that it has for its own reasons. */
  readonly exit: { readonly cancelled: number; readonly walltime: number; readonly memory: number };
}

/** Every batch system that keeps the contract of `BatchSystem`, by real programs. To add one: a row. */
const IMPLEMENTATIONS: readonly Implementation[] = [
  {
    name: "local",
    bench: (dir) => localBench(dir, { nodes: ["127.0.1.1"], slotsPerNode: 2 }),
    exit: { cancelled: 271, walltime: -11, memory: -10 },
  },
];

const never = new AbortController().signal;

for (const implementation of IMPLEMENTATIONS) {
  describe(`batch system ${implementation.name}`, () => {
    const state = privateStateDir(`batch-${implementation.name}`);
    let benches = 0;
    const bench = (): Promise<BatchBench> => implementation.bench(join(state, String(++benches)));
    const read = (b: BatchBench, file: string): string => readFileSync(join(b.dir, file), "utf8");
    const pidIn = (b: BatchBench, file: string): number => (existsSync(join(b.dir, file)) ? Number(read(b, file)) : 0);
    const untilGone = (b: BatchBench, file: string): Promise<unknown> =>
      waitFor(`the process in ${file} to be gone`, () => identifyProcess(pidIn(b, file)) === undefined);

    it("a job's whole life: queued, running, finished with its exit code", async () => {
      const b = await bench();
      const blockers = await Promise.all(
        [1, 2].map((n) => submitJob(b, `block${String(n)}`, untilReleased("unblock"))),
      );
      await Promise.all(blockers.map((id) => untilState(b, id, "running")));

      const id = await submitJob(b, "life", `echo out; echo err >&2; ${untilReleased("go")}; exit 7`);
      const queued = await jobStatus(b, id);
      expect(queued).toMatchObject({ id, name: "life", state: "queued", hosts: [] });
      expect(queued?.exitStatus).toBeUndefined();
      release(b, "unblock");

      const running = await untilState(b, id, "running");
      expect(running.hosts).toEqual(["127.0.1.1"]);
      expect(Math.abs((running.startedAt ?? 0) - Date.now())).toBeLessThan(60_000);
      expect(running.exitStatus).toBeUndefined();
      release(b, "go");

      expect(await untilState(b, id, "finished")).toMatchObject({ name: "life", exitStatus: 7, end: "completed" });
      expect(read(b, "life.out")).toBe("out\n");
      expect(read(b, "life.err")).toBe("err\n");
      for (const blocker of blockers) expect(await untilState(b, blocker, "finished")).toMatchObject({ exitStatus: 0 });
    });

    it("a queued job that is cancelled never runs and has no exit status", async () => {
      const b = await bench();
      const blocker = await submitJob(b, "block", untilReleased("go"), { cpus: 2 });
      await untilState(b, blocker, "running");
      const id = await submitJob(b, "never", "touch ran");
      await b.system.cancel(id, never);
      const ended = await untilState(b, id, "finished");
      expect(ended).toMatchObject({ end: "deleted-queued", hosts: [] });
      expect(ended.exitStatus).toBeUndefined();
      release(b, "go");
      await untilState(b, blocker, "finished");
      expect(existsSync(join(b.dir, "ran"))).toBe(false);
    });

    it("a running job that is cancelled gets TERM, then its end", async () => {
      const b = await bench();
      const id = await submitJob(
        b,
        "polite",
        "trap 'touch termed; exit 0' TERM; touch ready; while :; do sleep 0.05; done",
      );
      await untilFile(b, "ready");
      await b.system.cancel(id, never);
      expect(await untilState(b, id, "finished")).toMatchObject({
        exitStatus: implementation.exit.cancelled,
        end: "deleted-running",
      });
      expect(existsSync(join(b.dir, "termed"))).toBe(true);
      await b.system.cancel(id, never);
    });

    it("a job that ignores TERM is killed", async () => {
      const b = await bench();
      const id = await submitJob(b, "deaf", "trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done");
      await untilFile(b, "pid");
      await b.system.cancel(id, never);
      await untilState(b, id, "finished");
      await untilGone(b, "pid");
    });

    it("walltime ends a job", async () => {
      const b = await bench();
      const id = await submitJob(b, "wall", "echo $$ > pid; sleep 100", { walltimeSeconds: 1 });
      expect(await untilState(b, id, "finished")).toMatchObject({
        exitStatus: implementation.exit.walltime,
        end: "walltime",
      });
      await untilGone(b, "pid");
      expect(read(b, "wall.err")).toContain("walltime");
    });

    it("memory of all processes together ends a job", async () => {
      const b = await bench();
      const hog = `'${process.execPath}' -e 'const b = Buffer.alloc(120 * 2 ** 20, 1); setInterval(() => b[0]++, 1000)'`;
      const id = await submitJob(b, "mem", `${hog} & ${hog} & wait`, { memoryBytes: 200 * 2 ** 20 });
      expect(await untilState(b, id, "finished")).toMatchObject({
        exitStatus: implementation.exit.memory,
        end: "memory",
      });
    });

    it("an unknown id is absent, beside known ones too, and cancelling it is a success", async () => {
      const b = await bench();
      const id = await submitJob(b, "known", "exit 0");
      const unknown = id.replace(/^\d+/, "99999");
      const statuses = await b.system.status([unknown, id], never);
      expect([...statuses.keys()]).toEqual([id]);
      expect((await b.system.status([unknown], never)).size).toBe(0);
      await b.system.cancel(unknown, never);
      await untilState(b, id, "finished");
    });

    it("a job is found by its name", async () => {
      const b = await bench();
      const ids = await Promise.all(["data-1", "data-2", "parser-1"].map((name) => submitJob(b, name, "exit 3")));
      const listed = await b.system.list(never);
      expect(new Map(listed.map(({ name, id }) => [name, id]))).toEqual(
        new Map([
          ["data-1", ids[0]],
          ["data-2", ids[1]],
          ["parser-1", ids[2]],
        ]),
      );
      for (const id of ids) await untilState(b, id, "finished");
      expect((await b.system.list(never)).map(({ exitStatus }) => exitStatus)).toEqual([3, 3, 3]);
    });

    it("no process of a job outlives it, whatever it did to get away", async () => {
      const b = await bench();
      const body = [
        "setsid bash -c 'echo $$ > a.pid; exec sleep 1000' &",
        "(setsid bash -c 'trap \"\" TERM HUP; echo $$ > b.pid; while :; do sleep 1; done' &)",
        "(env -i setsid /bin/bash -c 'echo $$ > c.pid; exec /bin/sleep 1000' >/dev/null 2>&1 </dev/null &)",
        "until [ -s a.pid ] && [ -s b.pid ] && [ -s c.pid ]; do sleep 0.05; done",
      ];
      const id = await submitJob(b, "escape", body.join("\n"));
      expect(await untilState(b, id, "finished")).toMatchObject({ exitStatus: 0 });
      for (const file of ["a.pid", "b.pid", "c.pid"]) {
        expect(pidIn(b, file)).toBeGreaterThan(0);
        expect(identifyProcess(pidIn(b, file))).toBeUndefined();
      }
    });

    it("a job survives the one who submitted it", async () => {
      const b = await bench();
      const spec = writeJob(b, "orphan", `${untilReleased("go")}; exit 4`);
      const qsub = b.dialect.submitArgv(spec).map((word) => `'${word}'`);
      const caller = spawn("bash", ["-c", `${qsub.join(" ")}; exec sleep 1000`], {
        env: { ...process.env, PATH: `${b.binDir}:${process.env["PATH"] ?? ""}` },
        stdio: ["ignore", "pipe", "inherit"],
        detached: true,
      });
      const id = await new Promise<string>((resolve) =>
        caller.stdout.once("data", (text: Buffer) => resolve(text.toString().trim())),
      );
      await untilState(b, id, "running");
      process.kill(-(caller.pid ?? 0), "SIGKILL");
      release(b, "go");
      expect(await untilState(b, id, "finished")).toMatchObject({ exitStatus: 4 });
    });

    it("starts jobs in the order of their submission when slots are short", async () => {
      const b = await bench();
      const ids: string[] = [];
      for (const n of [1, 2, 3, 4]) {
        ids.push(
          await submitJob(b, `fifo${String(n)}`, `echo ${String(n)} >> order; ${untilReleased(`go${String(n)}`)}`),
        );
      }
      const states = async (): Promise<(string | undefined)[]> => {
        const found = await b.system.status(ids, never);
        return ids.map((id) => found.get(id)?.state);
      };
      const wait = (wanted: readonly string[]): Promise<unknown> =>
        waitFor(wanted.join(), async () => (await states()).join() === wanted.join());
      await wait(["running", "running", "queued", "queued"]);
      release(b, "go2");
      await wait(["running", "finished", "running", "queued"]);
      release(b, "go1");
      release(b, "go3");
      release(b, "go4");
      await wait(["finished", "finished", "finished", "finished"]);
      expect(read(b, "order").trim().split("\n").slice(2)).toEqual(["3", "4"]);
    });

    it("20 submissions at once are 20 jobs", async () => {
      const b = await bench();
      const names = Array.from({ length: 20 }, (_, n) => `many${String(n)}`);
      const ids = await Promise.all(names.map((name) => submitJob(b, name, `echo $PBS_JOBNAME >> ran`)));
      expect(new Set(ids).size).toBe(20);
      await waitFor(
        "all to be finished",
        async () =>
          [...(await b.system.status(ids, never)).values()].filter((s) => s.state === "finished").length === 20,
        { timeoutMs: 60_000, everyMs: 200 },
      );
      expect(read(b, "ran").trim().split("\n").sort()).toEqual([...names].sort());
    });

    it("tells its hosts, what is free on them, and what its queue allows", async () => {
      const b = await bench();
      const id = await submitJob(b, "one", untilReleased("go"));
      const { hosts } = await untilState(b, id, "running");
      expect(await b.system.nodes(never)).toMatchObject([{ name: hosts[0], state: "free", slots: 2, freeSlots: 1 }]);
      const limits = await b.system.limits(undefined, never);
      expect(limits).toMatchObject({ isDefault: true, accepts: true, starts: true });
      expect(await b.system.limits("nosuch", never)).toBeUndefined();
      release(b, "go");
      await untilState(b, id, "finished");
    });

    it("refuses what can never run, with the reason", async () => {
      const b = await bench();
      await expect(submitJob(b, "big", "exit 0", { cpus: 99 })).rejects.toMatchObject({
        code: "QSUB_REFUSED",
        retryable: false,
        message: expect.stringMatching(/exit \d+.*feasible/) as string,
      });
      await expect(submitJob(b, "queue", "exit 0", { queue: "nosuch" })).rejects.toMatchObject({
        code: "QSUB_REFUSED",
      });
    });
  });
}
