import { describe, expect, it } from "vitest";

import { recognise } from "../../../pbs/detect.ts";
import { capture } from "./captures.ts";

const answer = (code: number, stdout: string, stderr = "") => ({ argv: ["qstat"] as const, code, stdout, stderr });

describe("which batch system answered", () => {
  it.each([
    ["torque/version-qstat", "torque"],
    ["openpbs/version-qstat", "openpbs"],
    ["slurm/qstat-version", "slurm"],
    ["torque/qstat-json", undefined],
    ["slurm/ctld-down-qstat", undefined],
  ])("%s: %s", (name, dialect) => {
    expect(recognise(capture(name))).toBe(dialect);
  });

  it("takes the versions of others of the family, wherever they print them", () => {
    expect(recognise(answer(0, "", "version: 2.5.13\n"))).toBe("torque");
    expect(recognise(answer(0, "pbs_version = PBSPro_19.2.8\n"))).toBe("openpbs");
    expect(recognise(answer(0, "Welcome!\npbs_version = 2022.1\n"))).toBe("openpbs");
  });

  it("guesses nothing", () => {
    expect(recognise(answer(0, ""))).toBeUndefined();
    expect(recognise(answer(127, "", "qstat: command not found"))).toBeUndefined();
    expect(recognise(answer(2, "", "Unknown option: versions"))).toBeUndefined();
  });
});
