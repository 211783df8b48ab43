import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { policyWith } from "../../../../orchestrator/tuning/policy-options.ts";
import { DEFAULT_POLICY } from "../../../../orchestrator/tuning/policy.ts";
import { appendTuning, readTuning, type TuningRecord } from "../../../../orchestrator/tuning/record.ts";
import { recordedCourse, replay } from "../../../../orchestrator/tuning/replay.ts";
import { startTuning, tune } from "../../../../orchestrator/tuning/tune.ts";
import { observe, USUAL_STORE } from "../../../support/simulated-store.ts";

const BEGIN = 1_000_000;

/** A run as the orchestrator would record it, with its decisions. */
function recorded(seconds: number): { records: TuningRecord[]; decisions: { at: number; reason: string }[] } {
  let state = startTuning({ bulkBytes: 100_000, requestsInFlight: 1 });
  const records: TuningRecord[] = [];
  const decisions: { at: number; reason: string }[] = [];
  for (let second = 0; second < seconds; second++) {
    const at = BEGIN + second * 1000;
    const seen = observe(USUAL_STORE, state.budgets, 1 + 0.05 * Math.sin(second));
    records.push({ at, budgets: state.budgets, seen });
    const step = tune(state, seen, DEFAULT_POLICY);
    state = step.state;
    if (step.reason !== undefined) decisions.push({ at, reason: step.reason });
  }
  return { records, decisions };
}

describe("a replay", () => {
  const { records, decisions } = recorded(200);

  it("under the same policy decides what was decided", () => {
    const course = recordedCourse(records, decisions);
    expect(course.steps.length).toBeGreaterThan(4);
    expect(course.steps.slice(1).every(({ reason }) => reason !== undefined)).toBe(true);
    expect(replay(records, DEFAULT_POLICY)).toEqual(course);
  });

  it("under another policy stays in its bounds, and costs what those cost", () => {
    const narrow = policyWith(DEFAULT_POLICY, ["requestsInFlight.max=2", "bulkBytes.max=200000B"]);
    const course = replay(records, narrow);
    expect(Math.max(...course.steps.map(({ budgets }) => budgets.requestsInFlight))).toBeLessThanOrEqual(2);
    expect(course.documentsPerSecond).toBeLessThan(0.8 * recordedCourse(records, decisions).documentsPerSecond);
  });

  it("of nothing is nothing", () => {
    expect(replay([], DEFAULT_POLICY)).toEqual({ steps: [], documentsPerSecond: 0 });
  });
});

describe("a policy from the command line", () => {
  it("is the campaign's with what was said instead", () => {
    expect(policyWith(DEFAULT_POLICY, ["gain=0.06", "bulkBytes.max=4MiB", "inFlightBytes=1000"])).toEqual({
      ...DEFAULT_POLICY,
      gain: 0.06,
      bulkBytes: { ...DEFAULT_POLICY.bulkBytes, max: 4 * 2 ** 20 },
      inFlightBytes: 1000,
    });
  });

  it.each([
    ["gian=1", /there is no gian; do you mean gain\?; there are .*windowSeconds/],
    ["gain", /write a number/],
    ["gain=", /write a number/],
    ["gain=much", /write a number/],
    ["gain=-1", /write a number/],
    ["bulkBytes.max=4 bananas", /a size such as 4MiB/],
    ["=1", /there is no key/],
  ])("%s is refused", (pair, message) => {
    expect(() => policyWith(DEFAULT_POLICY, [pair])).toThrow(message);
  });
});

describe("what the tuner saw", () => {
  const dir = mkdtempSync(join(tmpdir(), "tuning-"));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it("is read back line by line, without what was not finished", async () => {
    const file = join(dir, "tuning.ndjson");
    expect(await readTuning(file)).toEqual([]);
    const { records } = recorded(3);
    for (const record of records) await appendTuning(file, record);
    const { appendFile } = await import("node:fs/promises");
    await appendFile(file, '{"at":1,"budg');
    const read = await readTuning(file);
    expect(read.map(({ at }) => at)).toEqual(records.map(({ at }) => at));
    expect(read[0]?.seen.documents).toBe(records[0]?.seen.documents);
  });
});
