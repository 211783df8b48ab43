import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readProcesses } from "../../../../orchestrator/gateway/state.ts";
import { createRecord } from "../../../../orchestrator/gateway/supervisor.ts";
import { createLog } from "../../../../orchestrator/log.ts";
import { identifyProcess } from "../../../../worker/contract/process.ts";

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "gh-processes-"));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

describe("the record of a gateway's processes", () => {
  it("that could not be written ends nothing, and is written at the next look", async () => {
    const self = identifyProcess(process.pid);
    if (!self) throw new Error("no /proc");
    const dir = join(parent, "gateway");
    const record = createRecord(dir, self, createLog({ level: "error" }));
    await record.save();
    expect(await readProcesses(dir)).toBeUndefined();
    await mkdir(dir);
    await record.save();
    expect(await readProcesses(dir)).toEqual({ supervisor: self, master: [], open: false });
    await record.end("stopped");
    expect(await readProcesses(dir)).toMatchObject({ ended: "stopped" });
  });
});
