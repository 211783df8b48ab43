import { describe, expect, it } from "vitest";
import { compileDropPrograms, dropReason } from "../../../../worker/filters/drop-programs.ts";

describe("dropping programs", () => {
  const filter = compileDropPrograms(["sshd", "pbs", "přít"]);
  const match = (program: string) => {
    const bytes = Buffer.from(`x${program}y`);
    return filter.match(bytes, 1, bytes.length - 1);
  };

  it.each([
    ["sshd", 0],
    ["sshd(pam_unix)", 0],
    ["pbs_mom", 1],
    ["přítomnost", 2],
    ["ssh", -1],
    ["SSHD", -1],
    ["cron", -1],
    ["", -1],
  ])("%s → %i", (program, expected) => {
    expect(match(program)).toBe(expected);
  });

  it("counts each prefix under a name of its own", () => {
    expect(filter.reasons).toEqual(["program sshd", "program pbs", "program přít"]);
    expect(dropReason("x")).toBe("program x");
  });

  it("keeps everything when the list is empty", () => {
    expect(compileDropPrograms([]).match(Buffer.from("sshd"), 0, 4)).toBe(-1);
  });
});
