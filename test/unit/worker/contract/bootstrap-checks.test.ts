import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  bootstrapFailures,
  explainBootstrapFailures,
  isLoopback,
  lowLimits,
} from "../../../../worker/contract/bootstrap-checks.ts";

const CAPTURED = readFileSync(
  new URL("../../../fixtures/elasticsearch/bootstrap-check-failure.txt", import.meta.url),
  "utf8",
);
const FILES = "max file descriptors [4096] for elasticsearch process is too low, increase to at least [65535]";

describe("failed bootstrap checks", () => {
  it("are read from the server's log", () => {
    expect(bootstrapFailures(CAPTURED)).toEqual([FILES]);
  });

  it("are those of the last start, each once", () => {
    const last = [
      "bootstrap check failure [1] of [2]: max file descriptors [20000] for elasticsearch process is too low; for more",
      "bootstrap check failure [2] of [2]: max virtual memory areas vm.max_map_count [65530] is too low; for more",
    ].join("\n");
    expect(bootstrapFailures(`${CAPTURED}\nstarted\n${last}\n`)).toEqual([
      "max file descriptors [20000] for elasticsearch process is too low",
      "max virtual memory areas vm.max_map_count [65530] is too low",
    ]);
  });

  it("are none in another log", () => {
    expect(bootstrapFailures("started\n")).toEqual([]);
  });

  it.each([
    [FILES, "(nofile)"],
    ["max virtual memory areas vm.max_map_count [65530] is too low, increase to at least [262144]", "sysctl -w"],
    ["max number of threads [100] for user [x] is too low, increase to at least [4096]", "(nproc)"],
  ])("are explained with machine, limit, value and remedy: %s", (failure, remedy) => {
    const text = explainBootstrapFailures("n17", [failure]);
    expect(text).toContain(`on n17: ${failure}; `);
    expect(text).toContain(remedy);
  });

  it("that are unknown are told in the server's words", () => {
    expect(explainBootstrapFailures("n17", ["something new"])).toBe(
      "Elasticsearch refuses to run on n17: something new",
    );
  });
});

describe("limits that are too low", () => {
  const table = (hard: string) =>
    `Limit   Soft Limit  Hard Limit  Units\nMax open files            1024                 ${hard}               files     \n`;

  it.each<[string, number, boolean[]]>([
    ["65535", 262_144, []],
    ["unlimited", 262_144, []],
    ["20000", 262_144, [true]],
    ["1048576", 65_530, [false]],
    ["4096", 65_530, [true, false]],
  ])("nofile %s and max_map_count %i", (hard, maps, fatal) => {
    const low = lowLimits(table(hard), maps);
    expect(low.map((limit) => limit.fatal)).toEqual(fatal);
    for (const { text } of low) expect(text).toMatch(fatal[0] ? new RegExp(`${hard}|${String(maps)}`) : String(maps));
  });
});

it.each([
  ["127.0.0.1", true],
  ["127.9.9.9", true],
  ["::1", true],
  ["10.0.0.1", false],
  ["fd00::1", false],
  ["localhost", false],
])("%s is a loopback address: %s", (address, expected) => {
  expect(isLoopback(address)).toBe(expected);
});
