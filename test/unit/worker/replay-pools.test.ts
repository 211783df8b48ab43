import { afterEach, expect, it } from "vitest";
import { campaignKeys } from "../../../worker/contract/keys.ts";
import type { Rules } from "../../../worker/contract/rules.ts";
import type { PipelinePool } from "../../../worker/pipeline-pool.ts";
import { pipelineHash } from "../../../worker/pipeline.ts";
import { createReplayPools, type ReplayPools } from "../../../worker/replay-pools.ts";
import { originOf } from "../../support/parser-campaign.ts";
import { DEFAULT_RULES } from "../../support/rules.ts";

const keys = campaignKeys("c");
const entry = new URL("../../../worker/pipeline-thread.ts", import.meta.url);
const own = { pipeline: "own", pool: {} as PipelinePool };
const RULES: Rules = {
  pipelines: [
    {
      services: ["syslog"],
      file: "f.yaml",
      text: 'name: syslog\nfilters:\n  - mutate: { add_field: { mended: "yes" } }\n',
    },
  ],
  otherwise: "syslog",
  patterns: [],
  databases: [],
};

let pools: ReplayPools | undefined;
afterEach(() => pools?.close());

it("the campaign's own pipeline is its own pool", async () => {
  pools = createReplayPools({ get: () => Promise.reject(new Error("nobody asks")) }, keys, own, entry);
  expect(await pools.of("own")).toBe(own.pool);
});

it("another is made once, of the rules that Redis has by its hash", async () => {
  const asked: unknown[] = [];
  const redis = { get: (key: unknown) => Promise.resolve((asked.push(key), JSON.stringify(RULES))) };
  pools = createReplayPools(redis, keys, own, entry);
  const hash = pipelineHash(RULES);
  const [one, same] = await Promise.all([pools.of(hash), pools.of(hash)]);
  expect(one).toBe(same);
  expect(asked).toEqual([keys.replayRules(hash)]);
  const { body } = await one.run(
    new Uint8Array(Buffer.from("Jan 14 00:00:00 h p: m\n")),
    0,
    originOf("a", "logs-{day}"),
  );
  expect(Buffer.from(body).toString()).toMatch(/"mended":"yes"/);
});

it.each([
  ["not there", null],
  ["no rules", "{}"],
  ["those of another pipeline", JSON.stringify(DEFAULT_RULES)],
])("rules that are %s are refused, and looked for again", async (_, text) => {
  let answer: string | null = text;
  pools = createReplayPools({ get: () => Promise.resolve(answer) }, keys, own, entry);
  const hash = pipelineHash(RULES);
  await expect(pools.of(hash)).rejects.toMatchObject({ code: "PIPELINE_MISMATCH" });
  answer = JSON.stringify(RULES);
  await expect(pools.of(hash)).resolves.toBeDefined();
});
