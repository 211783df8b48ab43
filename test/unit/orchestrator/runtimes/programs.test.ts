import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { stagedPrograms, stagePrograms } from "../../../../orchestrator/runtimes/index.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gridharvest-programs-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

it("programs are known by their place before they are staged there", async () => {
  const bundle = (name: string): string => {
    const file = join(dir, `${name}.mjs`);
    writeFileSync(file, `// ${name}\n`);
    return file;
  };
  const bundles = {
    cli: bundle("cli"),
    agent: bundle("agent"),
    parser: bundle("parser"),
    pipelineThread: bundle("pipeline-thread"),
    batch: bundle("batch"),
  };
  const runtimes = join(dir, "runtimes");
  const { dir: place, ...programs } = stagedPrograms(bundles, runtimes);
  expect(existsSync(place)).toBe(false);
  expect(await stagePrograms(bundles, runtimes)).toEqual(programs);
  for (const file of Object.values(programs)) expect(existsSync(file), file).toBe(true);
  writeFileSync(bundles.agent, "// changed\n");
  expect(stagedPrograms(bundles, runtimes).agent).not.toBe(programs.agent);
});
