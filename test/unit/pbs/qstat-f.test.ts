import { describe, expect, it } from "vitest";

import { parseQstatF } from "../../../pbs/qstat-f.ts";
import { capture } from "./captures.ts";

describe("parseQstatF", () => {
  it("joins values that Torque folded, in mid-word too", () => {
    const [stanza] = parseQstatF(capture("torque/qstat-f-running").stdout);
    expect(stanza?.id).toBe("0.pbs-server");
    expect(stanza?.attributes.get("Job_Name")).toBe("esdata");
    expect(stanza?.attributes.get("Variable_List")).toBe(
      [
        "PBS_O_QUEUE=short",
        "PBS_O_HOME=/home/griduser",
        "PBS_O_LOGNAME=griduser",
        "PBS_O_PATH=/opt/pbs/bin:/opt/pbs/sbin:/usr/bin:/usr/sbin:/bin:/sbin",
        "PBS_O_SHELL=/bin/bash",
        "PBS_O_LANG=C.UTF-8",
        "VAR=x",
        "PBS_O_WORKDIR=/home/griduser/jobs",
        "PBS_O_HOST=pbs-server",
        "PBS_O_SERVER=pbs-server",
      ].join(","),
    );
    expect(stanza?.attributes.get("euser")).toBe("griduser");
    expect(stanza?.attributes.get("Walltime.Remaining")).toBe("300");
  });

  it("keeps the blank before a fold", () => {
    const [stanza] = parseQstatF(capture("torque/qstat-f-badout").stdout);
    expect(stanza?.attributes.get("sched_hint")).toBe(
      "Unable to copy files back - please see the mother superior's log for exact details.",
    );
  });

  it("reads the unfolded form", () => {
    const stanzas = parseQstatF(capture("torque/qstat-f1").stdout);
    expect(stanzas.length).toBeGreaterThan(3);
    for (const { attributes } of stanzas) expect(attributes.get("request_version")).toBe("1");
  });

  it("reads Slurm's wrapper, which indents by a tab", () => {
    const [stanza] = parseQstatF(capture("slurm/qstat-f-running").stdout);
    expect(stanza?.id).toBe("1");
    expect(Object.fromEntries(stanza?.attributes ?? [])).toMatchObject({
      Job_Name: "esdata",
      job_state: "R",
      exec_host: "dn1/1",
      "Resource_List.ncpus": "1",
    });
  });

  it("takes a fold that looks like an attribute for a fold", () => {
    const [stanza] = parseQstatF(
      "Job Id: 1.s\n    Job_Name = a\n    Variable_List = A=\n\tjob_state = C\n    job_state = R\n",
    );
    expect(stanza?.attributes.get("job_state")).toBe("R");
    expect(stanza?.attributes.get("Variable_List")).toBe("A=job_state = C");
  });

  it("keeps the line ends inside a value", () => {
    const [stanza] = parseQstatF("Job Id: 1.s\n    sched_hint = one\ntwo\n    job_state = C\n");
    expect(stanza?.attributes.get("sched_hint")).toBe("one\ntwo");
    expect(stanza?.attributes.get("job_state")).toBe("C");
  });

  it("finds nothing in nothing", () => {
    expect(parseQstatF("")).toEqual([]);
    expect(parseQstatF("qstat: cannot connect\n")).toEqual([]);
  });
});
