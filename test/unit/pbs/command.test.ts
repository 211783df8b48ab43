import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { localCommandRunner } from "../../../pbs/command.ts";
import { identifyProcess } from "../../../worker/contract/process.ts";
import { waitFor } from "../../support/wait-for.ts";

const dir = mkdtempSync(join(tmpdir(), "gridharvest-command-"));
afterAll(() => rmSync(dir, { recursive: true }));

function program(name: string, text: string): string {
  writeFileSync(join(dir, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(dir, name), 0o755);
  return name;
}

const runner = localCommandRunner([dir]);
const signal = new AbortController().signal;
const options = { timeoutSeconds: 20, signal };

const gone = (file: string) =>
  waitFor("the command to be gone", () => {
    const pid = Number(readFileSync(join(dir, file), "utf8"));
    return pid > 0 && identifyProcess(pid) === undefined;
  });

describe("localCommandRunner", () => {
  it("finds programs of the extra folder first and gives back all that they say", async () => {
    program("qstat", 'cat; echo "$1|$2"; echo problem >&2; exit 153');
    const out = await runner.run(["qstat", "a b", "$(id)"], { ...options, stdin: "in\n" });
    expect(out).toEqual({
      argv: ["qstat", "a b", "$(id)"],
      code: 153,
      stdout: "in\na b|$(id)\n",
      stderr: "problem\n",
    });
  });

  it("does not mind a program that reads no input", async () => {
    program("deaf", "exit 0");
    await expect(runner.run(["deaf"], { ...options, stdin: "x".repeat(2 ** 20) })).resolves.toMatchObject({ code: 0 });
  });

  it("tells a death by signal", async () => {
    program("dies", "kill -9 $$");
    await expect(runner.run(["dies"], options)).resolves.toMatchObject({ code: 137 });
  });

  it("answers at the time limit though TERM is ignored and a child holds the pipe", async () => {
    program("hangs", `trap '' TERM; echo $$ > ${dir}/hangs.pid; sleep 100 & while :; do wait; done`);
    await expect(runner.run(["hangs"], { ...options, timeoutSeconds: 0.5 })).rejects.toMatchObject({
      code: "COMMAND_TIMEOUT",
      retryable: true,
    });
    await gone("hangs.pid");
  });

  it("ends the command on abort, with the reason of the abort", async () => {
    program("waits", `echo $$ > ${dir}/waits.pid; exec sleep 100`);
    const controller = new AbortController();
    const running = runner.run(["waits"], { timeoutSeconds: 50, signal: controller.signal });
    await waitFor("the command to start", () => readFileSync(join(dir, "waits.pid"), "utf8") !== "");
    controller.abort(new Error("enough"));
    await expect(running).rejects.toThrow("enough");
    await gone("waits.pid");
    await expect(async () => runner.run(["waits"], { timeoutSeconds: 50, signal: controller.signal })).rejects.toThrow(
      "enough",
    );
  });

  it("bounds the output", async () => {
    program("floods", "exec cat /dev/zero");
    await expect(runner.run(["floods"], options)).rejects.toMatchObject({ code: "COMMAND_TIMEOUT" });
  });

  it("names a program that is not there", async () => {
    await expect(runner.run(["qnosuch"], options)).rejects.toMatchObject({ code: "COMMAND_MISSING", retryable: false });
  });
});
