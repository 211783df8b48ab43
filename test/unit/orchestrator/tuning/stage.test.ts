import { describe, expect, it } from "vitest";
import { limitingStage, type StageInputs } from "../../../../orchestrator/tuning/stage.ts";
import type { NodeRates, ParserRates } from "../../../../orchestrator/tuning/rates.ts";

const PARSER: ParserRates = {
  documents: 50_000,
  requests: 10,
  bytes: 13e6,
  throttled: 0,
  failed: 0,
  latencyMillis: 200,
  tookMillis: 180,
  idle: 0,
  asking: 0,
  reading: 0.05,
  limited: 0,
  parsing: 0.2,
  waiting: 0.1,
  full: 0.1,
  unpacking: 0,
  unpackReading: 0,
  main: 0.1,
};
const NODE: NodeRates = {
  cores: 0.6,
  heap: 0.5,
  heapBytes: 2 ** 30,
  collecting: 0.01,
  merging: 0,
  writeQueue: 0,
  hostCpu: 0.5,
  disk: 0.1,
};

function of(parser: Partial<ParserRates>, node: Partial<NodeRates> = {}, rest: Partial<StageInputs> = {}) {
  return limitingStage({
    parsers: [{ ...PARSER, ...parser }],
    nodes: [{ ...NODE, ...node }, NODE],
    nodeCpus: 2,
    waitingChunks: 500,
    toUnpack: 0,
    staged: 0,
    ...rest,
  });
}

describe("the stage that holds the load up", () => {
  it("is unknown while nothing reports", () => {
    expect(limitingStage({ parsers: [], nodes: [], nodeCpus: 1, waitingChunks: 0, toUnpack: 0, staged: 0 })).toBe(
      undefined,
    );
  });

  it.each([
    ["a slow archive", "archive", of({ reading: 0.9, parsing: 0.08, waiting: 0.02 }), undefined],
    ["slow parsers", "parse", of({ parsing: 0.95, waiting: 0.03 }), "parsers"],
    ["a main thread that is busy with TLS", "serialise", of({ main: 0.97, parsing: 0.4, waiting: 0.3 }), "parsers"],
    // As test/faults/limiting-stage.test.ts saw it, of small files: opening one takes long where the main thread gets no processor.
    ["a main thread too slow to read", "serialise", of({ main: 0.8, parsing: 0.3, reading: 1, idle: 0.5 }), "parsers"],
    ["data nodes without processors", "store CPU", of({ waiting: 0.9 }, { cores: 1.9 }), "data nodes"],
    ["a data node whose host others use", "store CPU", of({ waiting: 0.9 }, { cores: 0.8, hostCpu: 1 }), "data nodes"],
    // As test/faults/limiting-stage.test.ts saw it: 0.2 cores for a job of one.
    [
      "a data node that its control group keeps from the processors",
      "store CPU",
      of({ waiting: 1, parsing: 0 }, { cores: 0.18, cpuLimit: 0.2, hostCpu: 0.7 }, { nodeCpus: 1 }),
      "data nodes",
    ],
    ["a node's disk", "store disk", of({ waiting: 0.9 }, { cores: 0.5, disk: 0.97 }), "data nodes"],
    ["merges that fell behind", "store merge", of({ waiting: 0.9 }, { cores: 1.9, merging: 0.4 }), "data nodes"],
    ["a slow way", "network", of({ waiting: 0.9, latencyMillis: 900, tookMillis: 100 }), undefined],
    [
      "requests that wait in front of a store without processors",
      "store CPU",
      of({ waiting: 0.9, latencyMillis: 900, tookMillis: 100 }, { cores: 2 }),
      "data nodes",
    ],
    ["too few requests", "requests", of({ waiting: 0.8 }, { cores: 0.4 }), undefined],
    ["a starved spool", "spool", of({ idle: 0.8, parsing: 0.1 }, {}, { waitingChunks: 0 }), undefined],
    ["a spool that gives its chunks slowly", "spool", of({ idle: 0.27, asking: 0.4, waiting: 0.3 }), undefined],
    ["chunks that wait, whatever is to be unpacked", "spool", of({ idle: 0.8 }, {}, { toUnpack: 3 }), undefined],
    ["slow unpacking", "unpack", of({ idle: 0.8 }, {}, { waitingChunks: 0, toUnpack: 3 }), "parsers"],
    [
      "unpacking that waits for the archive",
      "archive",
      of({ idle: 0.9, reading: 0, unpacking: 1, unpackReading: 0.8 }, {}, { waitingChunks: 0, toUnpack: 3 }),
      undefined,
    ],
    [
      "unpacking that keeps its processor busy",
      "unpack",
      of({ idle: 0.9, unpacking: 2, unpackReading: 0.4 }, {}, { waitingChunks: 0, toUnpack: 3 }),
      "parsers",
    ],
    ["a limit that somebody set", "rate limit", of({ limited: 0.9, waiting: 0.05 }), undefined],
  ] as const)("%s: %s", (_, stage, found, advice) => {
    expect(found?.stage).toBe(stage);
    expect(found?.advice).toBe(advice);
    expect(found?.why).not.toBe("");
    expect(found?.remedy).not.toBe("");
  });

  it("says whether parsers or those that unpack wait for the archive", () => {
    expect(of({ reading: 0.9 })?.why).toBe("parsers wait for bytes 90 % of their time");
    const spool = { waitingChunks: 0, toUnpack: 3 };
    expect(of({ idle: 0.8, reading: 0, unpacking: 1, unpackReading: 1 }, {}, spool)?.why).toBe(
      "parsers are without chunks 80 % of their time, since unpacking waits for bytes of 3 compressed files",
    );
  });

  it("asks for more parsers to unpack only where files wait for one", () => {
    const unpacking = (toUnpack: number) => of({ idle: 0.9, unpacking: 0.98 }, {}, { waitingChunks: 0, toUnpack });
    expect(unpacking(1)).toMatchObject({
      stage: "unpack",
      remedy: expect.stringContaining("one parser alone") as string,
    });
    expect(unpacking(1)?.advice).toBe(undefined);
    expect(unpacking(2)).toMatchObject({ advice: "parsers", remedy: "more parsers would make it faster" });
  });

  it("says what to look at where nodes would not help", () => {
    expect(of({ reading: 0.9 })?.remedy).toMatch(/^look at the file system of the archive/);
    expect(of({ idle: 0.9 })?.remedy).toMatch(/^look at Redis/);
    expect(of({ idle: 0.9 }, {}, { waitingChunks: 0 })?.remedy).toMatch(/^all that is left is in work/);
  });

  it("says of how many cores a data node uses so much", () => {
    const node = { cores: 0.18, cpuLimit: 0.2 };
    expect(of({ waiting: 1 }, node)?.why).toMatch(/^a data node uses 90 % of the 0.2 cores that its control group/);
    expect(of({ waiting: 1 }, { cores: 1.9, cpuLimit: 8 })?.why).toMatch(/^a data node uses 95 % of its processors/);
  });

  it("does not take a busy host for a busy store where the store itself does next to nothing", () => {
    expect(of({ waiting: 0.9 }, { cores: 0.05, hostCpu: 1 })?.stage).toBe("requests");
  });
});
