import { describe, expect, it } from "vitest";
import { judgeReport, parseReport, type ProbeReport } from "../../../../orchestrator/doctor/probe-report.ts";
import { lowLimits } from "../../../../worker/contract/bootstrap-checks.ts";

const TEXT = `host dn1
limits Max open files 1024 65536 files
maps 262144
scratch ok
gateway ok
clock 1000000
`;

const REPORT: ProbeReport = {
  host: "dn1",
  limits: "Max open files 1024 65536 files",
  maxMapCount: 262_144,
  scratch: { went: "ok" },
  gateway: { went: "ok" },
  clock: 1_000_000,
};

describe("the report of a probe", () => {
  it("is read whole", () => {
    expect(parseReport(TEXT)).toEqual(REPORT);
  });

  it("keeps what a host says of a failure", () => {
    const text = TEXT.replace(
      "scratch ok",
      "scratch failed mkdir: cannot create directory '/s/a b': Read-only file system",
    ).replace("gateway ok", "gateway untried bash: not found");
    expect(parseReport(text)).toMatchObject({
      scratch: { went: "failed", why: "mkdir: cannot create directory '/s/a b': Read-only file system" },
      gateway: { went: "untried", why: "bash: not found" },
    });
  });

  it("does without what nobody asked for, or the kernel does not tell", () => {
    const { gateway: _, ...rest } = REPORT;
    const text = TEXT.replace("gateway ok\n", "").replace("maps 262144", "maps ");
    expect(parseReport(text)).toEqual({ ...rest, maxMapCount: 0 });
  });

  it.each([
    ["nothing", ""],
    ["half of one", TEXT.slice(0, 60)],
    ["a host without a name", TEXT.replace("host dn1", "host ")],
    ["a name that is none", TEXT.replace("host dn1", "host \u001b[2Jdn1")],
    ["a clock that shows nothing", TEXT.replace("clock 1000000", "clock ")],
    ["an attempt that went nobody knows how", TEXT.replace("scratch ok", "scratch okay")],
  ])("is not there in %s", (_what, text) => {
    expect(parseReport(text)).toBeUndefined();
  });
});

describe("what a report says is wrong", () => {
  const question = {
    elasticsearch: true,
    scratchDir: "/state/scratch",
    gatewayAddress: "10.77.0.1",
    looked: { since: 1_000_000_000, until: 1_000_002_000 },
  };
  const judge = (change: Partial<ProbeReport>, asked: Partial<typeof question> = {}) =>
    judgeReport({ ...REPORT, ...change }, { ...question, ...asked });

  it("is nothing where nothing is", () => {
    expect(judge({})).toEqual([]);
  });

  it("is each limit that Elasticsearch minds, as it is said of this machine", () => {
    const low = { limits: "Max open files 1024 4096 files", maxMapCount: 65_530 };
    const [files, maps] = lowLimits(low.limits, low.maxMapCount);
    expect(judge(low)).toEqual([
      { level: "missing", text: `dn1: ${files?.text ?? ""}`, remedy: files?.remedy },
      { level: "warning", text: `dn1: ${maps?.text ?? ""}`, remedy: maps?.remedy },
    ]);
    expect(files?.text).toContain("4096");
    expect(maps?.text).toContain("65530");
  });

  it("is no limit where no Elasticsearch runs, or only at a loopback address", () => {
    const low = { limits: "Max open files 1024 4096 files" };
    expect(judge(low, { elasticsearch: false })).toEqual([]);
    expect(judge(low, { gatewayAddress: "127.0.0.1" })).toEqual([]);
  });

  it("is a scratch directory that takes nothing", () => {
    const why = "mkdir: cannot create directory '/state/scratch/x': Read-only file system";
    expect(judge({ scratch: { went: "failed", why } })).toEqual([
      {
        level: "missing",
        text: "dn1: nothing can be written to the scratch directory /state/scratch: Read-only file system",
        remedy: expect.stringContaining("stateDir") as string,
      },
    ]);
  });

  it("is a clock that is off", () => {
    expect(judge({ clock: 1_007_202 })).toMatchObject([
      { level: "missing", text: /^the clock of dn1 is 7200 s ahead/ },
    ]);
  });

  it("is a gateway that does not answer", () => {
    const why = "bash: connect: No route to host";
    expect(judge({ gateway: { went: "failed", why } })).toEqual([
      {
        level: "missing",
        text: "dn1 does not get through to the gateway at 10.77.0.1: No route to host",
        remedy: expect.stringContaining("network.gatewayAddress") as string,
      },
    ]);
  });

  it("is to be known where the way could not be tried", () => {
    expect(judge({ gateway: { went: "untried", why: "bash: not found" } })).toMatchObject([{ level: "warning" }]);
  });
});
