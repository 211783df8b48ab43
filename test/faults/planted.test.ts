import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EngineCopy } from "../fuzz/plant.ts";
import { PLANTED_FAULTS } from "../fuzz/planted-faults.ts";
import { EVERY_FAULT } from "../support/every-fault.ts";

/**
 * Whether the fuzzer finds what it is there for: mistakes planted in a copy of the engine, four of them in `npm test`, all with
 * `npm run test:faults -- planted`. A minute is one of the processor's own, so that a busy machine finds as much.
 */
const SEED = 20130114;
const MINUTE = ["--seed", String(SEED), "--cpu-seconds", "60", "--until-found"];
const faults = PLANTED_FAULTS.filter(({ always }) => EVERY_FAULT || always);

describe("a fault that is planted in the engine", () => {
  let copy: EngineCopy;
  beforeAll(async () => {
    copy = await EngineCopy.make();
  });
  afterAll(() => copy[Symbol.asyncDispose]());

  it("is not there before", async ({ signal }) => {
    const { code, output } = await copy.fuzz(["--seed", String(SEED), "--cpu-seconds", "12", "--until-found"], signal);
    expect(output).toMatch(/^seed 20130114\npipeline +[1-9]/m);
    expect({ code, output }).toMatchObject({ code: 0 });
  });

  it.for(faults)("is found within a minute: $name", async (fault, { signal }) => {
    await copy.plant(fault);
    try {
      const { code, output } = await copy.fuzz(MINUTE, signal);
      expect(output).toContain("engine and reference differ");
      expect(output).toMatch(/^again: +npm run fuzz -- --part \w+ --batch \d+$/m);
      expect(code).toBe(1);
    } finally {
      await copy.restore(fault);
    }
  });
});
