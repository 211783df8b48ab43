import { describe, expect, it } from "vitest";
import { parseDemoOptions } from "../../../../orchestrator/demo/options.ts";

describe("parseDemoOptions", () => {
  it("makes a million lines and keeps nothing by default", () => {
    expect(parseDemoOptions([])).toEqual({ keep: false, json: false, help: false, lines: 1_000_000 });
  });

  it("takes every option", () => {
    expect(parseDemoOptions(["--keep", "--json", "--lines", "5000", "--state-dir", "/tmp/x"])).toEqual({
      keep: true,
      json: true,
      help: false,
      lines: 5000,
      stateDir: "/tmp/x",
    });
  });

  it.each([["--line", "5"], ["--lines", "0"], ["--lines", "1e6"], ["extra"], ["--lines"]].map((argv) => [argv]))(
    "refuses %j",
    (argv) => {
      expect(() => parseDemoOptions(argv)).toThrow(expect.objectContaining({ code: "USAGE" }));
    },
  );
});
