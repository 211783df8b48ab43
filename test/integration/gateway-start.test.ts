import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { findSupervisor } from "../../orchestrator/gateway/find.ts";
import { startGateway } from "../../orchestrator/gateway/index.ts";
import { writeProcesses } from "../../orchestrator/gateway/state.ts";
import { createLog } from "../../orchestrator/log.ts";
import { identifyProcess } from "../../worker/contract/process.ts";
import { describeWith, privateStateDir, waitFor } from "../support/index.ts";

describeWith(["haproxy"], "starting a gateway", () => {
  const root = privateStateDir("gateway-start");

  it("starts nothing once it was told to stop, also while it waits for what ran before to end", async () => {
    const dir = join(root, "gateway");
    mkdirSync(dir);
    // A supervisor that takes its time to end.
    const script = `trap ': > told; while [ ! -e go ]; do sleep 0.05; done; exit 0' TERM; : > ready; while :; do sleep 0.05; done`;
    const before = spawn("sh", ["-c", script], { cwd: root, stdio: "ignore" });
    const ended = once(before, "exit");
    await waitFor("it to listen", () => existsSync(join(root, "ready")));
    const supervisor = identifyProcess(before.pid ?? 0);
    if (!supervisor) throw new Error("it has ended by itself");
    await writeProcesses(dir, { supervisor, master: [], open: true });

    const stop = new AbortController();
    const started = startGateway(
      {
        dir,
        campaign: "c",
        tag: "abcde",
        address: "127.0.0.1",
        outsideAddress: "127.0.0.1",
        site: {
          stateDir: root,
          services: { redis: {}, graphite: {}, runAsUid: 20120 },
          metrics: { prefix: "test", interval: 1 },
        },
        elasticsearch: {
          home: "/nowhere",
          javaHome: "/nowhere",
          heapBytes: 2 ** 28,
          javaOptions: [],
          clusterName: "c",
          repositories: [],
        },
        secretsDir: join(root, "secrets"),
        orphanGraceSeconds: 60,
      },
      createLog({ level: "error" }),
      stop.signal,
    );
    const refused = expect(started).rejects.toThrow("enough");
    await waitFor("the start to wait", () => existsSync(join(root, "told")));
    stop.abort(new Error("enough"));
    writeFileSync(join(root, "go"), "");
    await ended;
    await refused;
    expect(await findSupervisor(dir)).toBeUndefined();
  });
});
