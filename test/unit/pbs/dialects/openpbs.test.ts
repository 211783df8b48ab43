import { describe, expect, it } from "vitest";

import type { CommandResult, JobSpec } from "../../../../pbs/batch-system.ts";
import { openpbs } from "../../../../pbs/dialects/openpbs.ts";
import { capture } from "../captures.ts";

const SPEC: JobSpec = {
  name: "gh7k2d-d1",
  queue: "long",
  cpus: 2,
  memoryBytes: 3 * 2 ** 30,
  walltimeSeconds: 43_200,
  outputFile: "/c/out",
  errorFile: "/c/err",
  scriptFile: "/c/job.pbs",
  extraDirectives: ["-l place=pack"],
};

const answer = (code: number, stdout = "", stderr = ""): CommandResult => ({ argv: ["qstat"], code, stdout, stderr });
const [json, history, text] = openpbs.statusFormats;

describe("what OpenPBS is asked", () => {
  it("one chunk with all that its host must have, the walltime beside it", () => {
    expect(openpbs.directives({ ...SPEC, host: "node7", properties: ["cluster=zia", "big"] })).toEqual([
      "#PBS -N gh7k2d-d1",
      "#PBS -q long",
      "#PBS -l select=1:ncpus=2:mem=3072mb:host=node7:cluster=zia:big=True",
      "#PBS -l walltime=12:00:00",
      "#PBS -r n",
      "#PBS -l place=pack",
    ]);
  });

  it("history as JSON, then as text, then the present", () => {
    expect(openpbs.statusFormats.map((format) => format.argv(["1.s", "2.s"]))).toEqual([
      ["qstat", "-x", "-f", "-F", "json", "1.s", "2.s"],
      ["qstat", "-x", "-f", "1.s", "2.s"],
      ["qstat", "-f", "1.s", "2.s"],
    ]);
  });
});

describe("what it answers", () => {
  it("known jobs beside unknown ones", () => {
    const jobs = json.parse(capture("openpbs/qstat-multi-mixed-json"));
    expect(jobs).toMatchObject([{ id: "19.pbs-server", state: "queued" }]);
  });

  it("valid JSON without jobs is no answer while the server is away", () => {
    expect(() => json.parse(capture("openpbs/server-down-qstat-json"))).toThrow(
      expect.objectContaining({ code: "QSTAT_FAILED", retryable: true }) as Error,
    );
  });

  it("a server without history and a qstat without JSON make another way the first", () => {
    expect(json.parse(answer(38, "", "qstat: ... job history is not set\n"))).toBe("unsupported");
    expect(history?.parse(answer(38))).toBe("unsupported");
    expect(json.parse(answer(2, "", "qstat: invalid option -- 'F'\n"))).toBe("unsupported");
  });

  it("a finished job that is only named is finished, and nothing more", () => {
    expect(text?.parse(capture("openpbs/qstat-f-finished-nox"))).toEqual([
      { id: "0.pbs-server", name: "", state: "finished", rawState: "F", hosts: [] },
    ]);
  });

  it("a job that was moved to another server is no end", () => {
    const out = answer(0, '{"pbs_server":"s","Jobs":{"1.s":{"Job_Name":12,"job_state":"M","Exit_status":0}}}');
    expect(json.parse(out)).toMatchObject([{ id: "1.s", name: "12", state: "unknown", rawState: "M" }]);
  });

  const ended = (attributes: object): unknown => {
    const job = { job_state: "F", exec_host: "n/0", ...attributes };
    const out = answer(0, JSON.stringify({ pbs_server: "s", Jobs: { "1.s": job } }));
    const jobs = json.parse(out);
    return typeof jobs === "string" ? jobs : jobs[0]?.end;
  };
  it.each([
    [{ Exit_status: 7 }, "completed"],
    [{ Exit_status: 271 }, "deleted-running"],
    [{ Exit_status: 265 }, "killed"],
    [{ Exit_status: -29 }, "walltime"],
    [{ Exit_status: -27 }, "memory"],
    [{ Exit_status: -26 }, "memory"],
    [{ Exit_status: -28 }, "cpu"],
    [{ Exit_status: -1 }, "start-failed"],
    [{ Exit_status: -20 }, "node-lost"],
    [{ Exit_status: -99 }, undefined],
    [{ substate: 91 }, "node-lost"],
    [{ substate: 91, exec_host: undefined }, "deleted-queued"],
    [{ substate: 92, exec_host: undefined, depend: "afterok:0.s@s" }, "failed-dependency"],
    [{ substate: 91, exec_host: undefined, depend: "afterok:0.s@s" }, "deleted-queued"],
  ])("%j: %s", (attributes, end) => {
    expect(ended(attributes)).toBe(end);
  });

  it("a host with what it can be asked for, taken and offline", () => {
    const node = {
      state: "offline,job-busy",
      comment: "disk",
      resources_available: { host: "n.site", ncpus: 8, cluster: "zia", big: "True", scratch: "a,b", mem: "1gb" },
      resources_assigned: { ncpus: 6 },
    };
    const [read] = openpbs.parseNodes(answer(0, JSON.stringify({ pbs_server: "s", nodes: { n: node } })));
    expect(read).toEqual({
      name: "n.site",
      state: "offline",
      rawState: "offline,job-busy",
      slots: 8,
      freeSlots: 2,
      properties: ["cluster=zia", "big=True", "scratch=a", "scratch=b"],
      note: "disk",
    });
  });
});
