import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { isSameJob, PBS_JOB_ID, resolveId } from "../../../pbs/job-id.ts";

describe("two texts for one job", () => {
  it.each([
    ["12", "12.pbs-server"],
    ["12.pbs-server", "12.pbs-server"],
    ["12.pbs", "12.pbs.site.org"],
    ["1007[0].pbs-serv*", "1007[0].pbs-server"],
    ["12.pbs-server", "12.pbs-server@other"],
    ["19[]", "19[].pbs-server"],
  ])("%s is %s", (a, b) => {
    expect(isSameJob(a, b)).toBe(true);
    expect(isSameJob(b, a)).toBe(true);
  });

  it.each([
    ["12.pbs-server", "13.pbs-server"],
    ["12.one", "12.other"],
    ["12.pbs", "12.pbs-server"],
    ["19[1].s", "19[2].s"],
    ["19.s", "19[].s"],
    ["19[].s", "19[1].s"],
    ["12.pbs-serv*", "12.other"],
    ["", "12"],
    ["abc", "12"],
  ])("%s is not %s", (a, b) => {
    expect(isSameJob(a, b)).toBe(false);
    expect(isSameJob(b, a)).toBe(false);
  });
});

describe("the asked id of a printed one", () => {
  it("is the exact one first", () => {
    expect(resolveId("12.a", ["12", "12.a"])).toBe("12.a");
    expect(resolveId("12.pbs.site", ["11.pbs", "12.pbs"])).toBe("12.pbs");
  });
  it("is none where two could be meant", () => {
    expect(resolveId("12", ["12.a", "12.b"])).toBeUndefined();
    expect(resolveId("12.c", ["12.a", "12.b"])).toBeUndefined();
  });
});

it("what may stand on a command line begins with a number and has nothing that a shell or qdel would take otherwise", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      if (PBS_JOB_ID.test(text)) expect(text).toMatch(/^\d[\w.:@[\]-]*$/);
    }),
  );
  for (const id of ["12", "12.pbs-server", "19[].pbs-server", "19[1].pbs.site.org", "12.a@b:15001"]) {
    expect(PBS_JOB_ID.test(id)).toBe(true);
  }
  for (const id of ["all", "-p", "12 13", "12;id", "12.", "12.-x;y", "12\n"]) expect(PBS_JOB_ID.test(id)).toBe(false);
});
