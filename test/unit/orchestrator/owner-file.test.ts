import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  judgeOwner,
  ownerOfThisProcess,
  readOwner,
  removeOwner,
  writeOwner,
  type Owner,
} from "../../../orchestrator/owner-file.ts";
import { identifyProcess } from "../../../worker/contract/process.ts";

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "gh-owner-"));
  file = join(dir, "orchestrator.pid");
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function deadOwner(): Promise<Owner> {
  const child = spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });
  await once(child, "spawn");
  const identity = identifyProcess(child.pid ?? 0);
  child.kill("SIGKILL");
  await once(child, "exit");
  if (!identity) throw new Error("cat ended by itself");
  return { ...ownerOfThisProcess(), ...identity };
}

describe("the owner of a campaign", () => {
  it("is alive or dead on its own host, and cannot be judged from another one", async () => {
    const dead = await deadOwner();
    expect(judgeOwner(ownerOfThisProcess())).toBe("alive");
    expect(judgeOwner(dead)).toBe("dead");
    expect(judgeOwner({ ...dead, host: "elsewhere" })).toBe("elsewhere");
    expect(judgeOwner({ ...dead, bootId: "another" })).toBe("elsewhere");
  });

  it("removes its own file, never another's", async () => {
    const other = await deadOwner();
    await writeOwner(file, other);
    await removeOwner(file, ownerOfThisProcess());
    expect(await readOwner(file)).toEqual(other);
    await removeOwner(file, other);
    expect(await readdir(dir)).toEqual([]);
    await removeOwner(file, other);
  });

  it("is nobody when the file is damaged", async () => {
    for (const text of ["", "{", "null", "{}"]) {
      await writeFile(file, text);
      expect(await readOwner(file)).toBeUndefined();
    }
  });
});
