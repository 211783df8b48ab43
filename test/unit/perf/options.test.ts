import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../orchestrator/config.ts";
import * as ids from "../../perf/ids/options.ts";
import * as ingest from "../../perf/ingest/options.ts";
import * as scale from "../../perf/scale/options.ts";
import * as search from "../../perf/search/options.ts";
import * as tuner from "../../perf/tuner/options.ts";

const { config } = await loadConfig({ env: {} });
const READERS: Readonly<Record<string, (args: readonly string[]) => { readonly rounds: number }>> = {
  ids: ids.readOptions,
  ingest: (args) => ingest.readOptions(args, config),
  search: search.readOptions,
  tuner: tuner.readOptions,
};

describe.each(Object.entries(READERS))("bench -- %s", (name, readOptions) => {
  test("measures five rounds unless told otherwise", () => {
    expect(readOptions([]).rounds).toBe(5);
    expect(readOptions(["--rounds", "7"]).rounds).toBe(7);
  });

  test.each([["--rounds=0"], ["--rounds=1.5"], ["--lines=10"], ["--none"], ["word"]])("refuses %s", (arg) => {
    const usage = { code: "USAGE", message: expect.stringContaining(`npm run bench -- ${name} [options]`) as string };
    expect(() => readOptions([arg])).toThrow(expect.objectContaining(usage) as Error);
  });
});

test("ingest begins with what a parser is configured with", () => {
  const { bulkBytes, inFlight, kills } = ingest.readOptions(["--no-kills"], config);
  expect({ bulkBytes, requestsInFlight: inFlight, kills }).toEqual({
    bulkBytes: config.parsers.bulkBytes,
    requestsInFlight: config.parsers.requestsInFlight,
    kills: false,
  });
});

test("scale predicts shapes that it is told", () => {
  expect(scale.readOptions(["--shape", "1,4,512", "--shape=3,2,128"]).shapes).toEqual([
    { dataNodes: 1, parsers: 4, chunkBytes: 512 * 2 ** 10 },
    { dataNodes: 3, parsers: 2, chunkBytes: 128 * 2 ** 10 },
  ]);
  for (const shape of ["1,4", "0,2,64", "1,2,x", "1,2,3,4"]) {
    expect(() => scale.readOptions(["--shape", shape])).toThrow(/write data nodes, parsers, KiB of a chunk/);
  }
});
