import { describe, expect, it } from "vitest";
import { decimalBytes } from "../../../../orchestrator/cli/simulate.ts";
import type { Forecast } from "../../../../orchestrator/simulation/forecast.ts";
import { gridharvest } from "../../../support/gridharvest.ts";

describe("simulate", () => {
  it("says how long, in which phases, at what cost, and what limits the load", async () => {
    const words = ["simulate", "--bytes", "10GB", "--data-nodes", "3", "--parsers", "6", "--runs", "3"];
    const { code, out, err } = await gridharvest(...words);
    expect(err).toBe("");
    expect(code).toBe(0);
    expect(out).toMatch(/^campaign +9\.3 GiB of lines, 3 data nodes, 6 parsers$/m);
    expect(out).toMatch(
      /^duration +\d+ min \d\d s \(\d+ min \d\d s to \d+ min \d\d s\); eight of ten of 3 runs lie between$/m,
    );
    expect(out).toMatch(/^limit +(data nodes' cores|busiest data node)/m);
    expect(out).toMatch(/^verify-snapshot +\d/m);
  });

  it("with --json has everything, the costs included, and the same for the same seed", async () => {
    const words = ["--json", "simulate", "--bytes", "2GB", "--data-nodes", "2", "--parsers", "2", "--runs", "2"];
    const first = await gridharvest(...words);
    const result = JSON.parse(first.out) as Forecast & { readonly costs: object };
    expect(result).toMatchObject({ runs: 2, limit: {}, costs: { parseMicrosPerLine: 2.3 } });
    expect(result.typical.lines).toBeCloseTo(2e9 / 128, 0);
    expect((await gridharvest(...words)).out).toBe(first.out);
    expect((await gridharvest(...words, "--seed", "5")).out).not.toBe(first.out);
    const packed = JSON.parse((await gridharvest(...words, "--compressed", "--month-files", "10")).out) as Forecast;
    expect(packed.typical.lines).toBeCloseTo(2e9 / 128, 0);
    expect(packed.typical.utilisation.unpack).toBeGreaterThan(0);
  });

  it.each([
    [["--bytes", "many"], /--bytes many: write a size such as 105GB/],
    [["--bytes", "1GB", "--runs", "0"], /--runs 0: write a whole number, 1 or more/],
    [["--bytes", "1GB", "--costs", "a", "--like", "b"], /name one of them/],
    [["--bytes", "1GB", "--costs", "/nowhere/costs.json"], /\/nowhere\/costs\.json cannot be read/],
  ])("refuses %j", async (words, message) => {
    const { code, err } = await gridharvest("simulate", ...words);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});

it.each([
  ["105GB", 105e9],
  ["1.5 TB", 1.5e12],
  ["20GiB", 20 * 2 ** 30],
  ["4096", 4096],
])("%s are %d bytes", (text, bytes) => {
  expect(decimalBytes(text)).toBe(bytes);
});

it.each(["", "-1GB", "0", "5 parsecs", "1e9", "99999999PB"])("%j is no size", (text) => {
  expect(() => decimalBytes(text)).toThrow(/write a size/);
});
