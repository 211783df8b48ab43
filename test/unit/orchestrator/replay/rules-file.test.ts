import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readReplayRules, writeReplayRules } from "../../../../orchestrator/replay/rules-file.ts";
import { DEFAULT_RULES } from "../../../support/rules.ts";

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "gridharvest-rules-"))));
afterEach(() => rmSync(dir, { recursive: true }));

it("a replay's rules come back from the campaign's directory; what is missing or damaged is named", async () => {
  const paths = { replays: join(dir, "replays") };
  await expect(readReplayRules(paths, "abc")).rejects.toMatchObject({
    code: "REJECTS_MISSING",
    message: expect.stringMatching(/replays\/abc\.json cannot be read/) as string,
  });
  await writeReplayRules(paths, "abc", DEFAULT_RULES);
  expect(await readReplayRules(paths, "abc")).toEqual(DEFAULT_RULES);
  writeFileSync(join(paths.replays, "abc.json"), "{}");
  await expect(readReplayRules(paths, "abc")).rejects.toThrow(/holds no rules/);
});
