import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterEach, beforeEach, expect, it } from "vitest";
import { main } from "../../../../orchestrator/main.ts";
import type { CampaignPaths } from "../../../../orchestrator/paths.ts";
import { writeCampaignDirectory } from "../../../support/campaign-directory.ts";
import { gridharvest } from "../../../support/gridharvest.ts";

let stateDir: string;
let paths: CampaignPaths;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "gridharvest-logs-"));
  ({ paths } = await writeCampaignDirectory(stateDir, "january", ["start"]));
  await mkdir(join(paths.jobs, "gh-1-p1/logs"), { recursive: true });
  await writeFile(join(paths.jobs, "gh-1-p1/job.out"), "out 1\nout 2\n");
  await writeFile(join(paths.jobs, "gh-1-p1/logs/es.log"), "deep, and no line end");
});
afterEach(() => rm(stateDir, { recursive: true }));

const logs = (...words: string[]) => gridharvest("logs", "january", ...words, "--state-dir", stateDir);

it("of a job are each file below its name, as it is", async () => {
  const { jobs } = paths;
  expect(await logs("gh-1-p1")).toEqual({
    code: 0,
    err: "",
    out: `==> ${jobs}/gh-1-p1/job.out <==\nout 1\nout 2\n==> ${jobs}/gh-1-p1/logs/es.log <==\ndeep, and no line end`,
  });
});

it("with --json are one object for each line", async () => {
  const { code, out } = await logs("gh-1-p1", "--json");
  expect(code).toBe(0);
  expect(
    out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    { file: join(paths.jobs, "gh-1-p1/job.out"), text: "out 1" },
    { file: join(paths.jobs, "gh-1-p1/job.out"), text: "out 2" },
    { file: join(paths.jobs, "gh-1-p1/logs/es.log"), text: "deep, and no line end" },
  ]);
});

it.each([
  ["of an orchestrator that never was", [], /no orchestrator's log yet .*orchestrator\.log.*gridharvest adopt january/],
  ["of a job that never was", ["gh-1-p2"], /no logs of gh-1-p2; there are: gateway, gh-1-p1/],
  ["of what is no name", ["../../../elsewhere"], /there are: gateway, gh-1-p1/],
])("%s are unknown, with what there is", async (_, words, message) => {
  const { code, out, err } = await logs(...words, "--json");
  expect(JSON.parse(out)).toMatchObject({ error: { code: "LOG_UNKNOWN" } });
  expect(err).toMatch(message);
  expect(code).toBe(2);
});

it("are read no faster than somebody takes them", async () => {
  await writeFile(paths.orchestratorLog, Buffer.alloc(8 * 2 ** 20, "a line\n"));
  let most = 0;
  let bytes = 0;
  const slow = new Writable({
    write(block: Buffer, _, done) {
      most = Math.max(most, slow.writableLength);
      bytes += block.length;
      let turns = 10;
      const turn = (): void => void (turns-- > 0 ? setImmediate(turn) : done());
      turn();
    },
  });
  const streams = { stdout: slow, stderr: new Writable({ write: (_, __, done) => done() }) };
  const argv = ["logs", "january", "--state-dir", stateDir];
  expect(await main(argv, streams, new AbortController().signal)).toBe(0);
  await new Promise<void>((done) => slow.write("", () => done()));
  expect(bytes).toBe(8 * 2 ** 20);
  expect(most).toBeLessThan(2 ** 20);
});
