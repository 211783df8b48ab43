import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openJournal } from "../../orchestrator/journal.ts";
import type { CampaignPaths } from "../../orchestrator/paths.ts";
import { commandLine } from "../../orchestrator/runtimes/index.ts";
import { writeCampaignDirectory } from "../support/campaign-directory.ts";
import { localBench, release, submitJob, untilReleased, untilState } from "../support/batch-jobs.ts";
import { privateStateDir, waitFor } from "../support/index.ts";

/** Logs of real jobs of the embedded batch system, followed by the real command line. */
const root = privateStateDir("logs");

const campaign = async (name: string): Promise<CampaignPaths> =>
  (await writeCampaignDirectory(root, name, [{ type: "submit-intent", jobName: "gh-k3f9a-p1", role: "parser" }])).paths;

async function jobEnds(paths: CampaignPaths): Promise<void> {
  const journal = await openJournal(paths.journal, 2, "here");
  await journal.append({ type: "job-ended", jobName: "gh-k3f9a-p1", exit: 7, how: "finished" });
  await journal.close();
}

function gridharvest(...words: readonly string[]) {
  const { node, args } = commandLine();
  const child = spawn(node, [...args, ...words, "--state-dir", root], { stdio: ["ignore", "pipe", "pipe"] });
  const text = { out: "", err: "" };
  child.stdout.on("data", (data: Buffer) => (text.out += String(data)));
  child.stderr.on("data", (data: Buffer) => (text.err += String(data)));
  const code = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, text, code };
}

it("of a job are followed while it writes them, until it has ended, and are kept", async () => {
  const paths = await campaign("january");
  const dir = join(paths.jobs, "gh-k3f9a-p1");
  mkdirSync(dir, { recursive: true });
  const bench = await localBench(root);
  const files = { outputFile: join(dir, "job.out"), errorFile: join(dir, "job.err") };
  const script = `echo first; ${untilReleased("go")}; echo second; echo went wrong >&2; exit 7`;

  // Before the job has written anything.
  const followed = gridharvest("logs", "january", "gh-k3f9a-p1", "--follow", "--json");
  const id = await submitJob(bench, "gh-k3f9a-p1", script, files);
  await waitFor("the first line", () => followed.text.out.includes('"first"'), { timeoutMs: 60_000 });
  release(bench, "go");
  await waitFor("the second line", () => followed.text.out.includes('"second"'), { timeoutMs: 60_000 });
  await untilState(bench, id, "finished");
  await jobEnds(paths);
  expect(await followed.code, followed.text.err).toBe(0);
  const lines = followed.text.out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
  expect(lines).toHaveLength(3);
  expect(lines).toEqual(
    expect.arrayContaining([
      { file: files.outputFile, text: "first" },
      { file: files.outputFile, text: "second" },
      { file: files.errorFile, text: "went wrong" },
    ]),
  );

  const kept = gridharvest("logs", "january", "gh-k3f9a-p1", "--lines", "1");
  expect(await kept.code).toBe(0);
  expect(kept.text.out).toBe(`==> ${files.errorFile} <==\nwent wrong\n==> ${files.outputFile} <==\nsecond\n`);

  const status = gridharvest("status", "january");
  expect(await status.code).toBe(0);
  expect(status.text.out).toMatch(/^job +gh-k3f9a-p1 .*exit 7\n +\| went wrong$/m);
});

it("are followed until somebody interrupts it, with exit code 130", async () => {
  const paths = await campaign("february");
  writeFileSync(paths.orchestratorLog, "it works\n");
  const { child, text, code } = gridharvest("logs", "february", "--follow", "--lines", "10");
  await waitFor("the line", () => text.out.endsWith("it works\n"), { timeoutMs: 60_000 });
  child.kill("SIGINT");
  expect(await code).toBe(130);
});

it("of what never was are unknown, also to follow", async () => {
  await campaign("march");
  for (const words of [["gh-k3f9a-p9"], ["gh-k3f9a-p9", "--follow"], ["../../elsewhere", "--follow"], []]) {
    const { code, text } = gridharvest("logs", "march", ...words);
    expect(await code).toBe(2);
    expect(text.err).toMatch(/has no (logs of|orchestrator's log yet)/);
  }
});
