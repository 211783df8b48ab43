import { describe, expect, it } from "vitest";
import { parseDemoOptions } from "../../../../orchestrator/demo/options.ts";

describe("parseDemoOptions", () => {
  it("makes a million lines and keeps nothing by default", () => {
    expect(parseDemoOptions([])).toEqual({ keep: false, json: false, help: false, lines: 1_000_000, batch: "local" });
  });

  it("takes every option", () => {
    expect(
      parseDemoOptions(["--keep", "--json", "--lines", "5000", "--state-dir", "/tmp/x", "--settings", "/tmp/s.yaml"]),
    ).toEqual({
      keep: true,
      json: true,
      help: false,
      lines: 5000,
      batch: "local",
      settings: "/tmp/s.yaml",
      stateDir: "/tmp/x",
    });
  });

  it("takes a grid of its own, which ends with the demo and has its own settings", () => {
    expect(parseDemoOptions(["--batch", "slurm", "--json"])).toMatchObject({ batch: "slurm", json: true });
  });

  it.each(
    [
      ["--batch", "torque"],
      ["--batch", "slurm", "--keep"],
      ["--batch", "slurm", "--settings", "f"],
      ["--line", "5"],
      ["--lines", "0"],
      ["--lines", "1e6"],
      ["extra"],
      ["--lines"],
    ].map((argv) => [argv]),
  )("refuses %j", (argv) => {
    expect(() => parseDemoOptions(argv)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});
