import { describe, expect, it } from "vitest";
import { slurmConf, type SlurmConfOptions } from "../../../../../orchestrator/demo/slurm/slurm-conf.ts";

const options: SlurmConfOptions = {
  dir: "/bed",
  head: { name: "head", address: "10.77.0.2" },
  nodes: [
    { name: "dn1", address: "10.77.0.11" },
    { name: "dn2", address: "10.77.0.12" },
  ],
  controlGroups: true,
  nodeTimeoutSeconds: 20,
  requeue: false,
};

/** The settings of one line each; what a node or a queue is made of stays together. */
function settings(text: string): Readonly<Record<string, string>> {
  const lines = text.trimEnd().split("\n");
  return Object.fromEntries(
    lines.map((line) => [/^(?:NodeName|PartitionName)=\w+|^\w+/.exec(line)?.[0] ?? "", line.replace(/^\w+=/, "")]),
  );
}

describe("the configuration of the bed's Slurm", () => {
  it("keeps everything in the bed's directory", () => {
    const paths = [...slurmConf(options).matchAll(/=(\/\S+)/g)].map(([, path]) => path);
    expect(paths.length).toBeGreaterThan(4);
    expect(paths.filter((path) => path?.startsWith("/bed/") !== true)).toEqual(["/bin/true"]);
  });

  it("names the head, the hosts and two queues", () => {
    const { SlurmctldHost, ...rest } = settings(slurmConf(options));
    expect(SlurmctldHost).toBe("head(10.77.0.2)");
    expect(rest["NodeName=dn1"]).toBe("dn1 NodeAddr=10.77.0.11");
    expect(rest["NodeName=dn2"]).toBe("dn2 NodeAddr=10.77.0.12");
    expect(rest["PartitionName=batch"]).toContain("Nodes=dn1,dn2 Default=YES MaxTime=24:00:00");
    expect(rest["PartitionName=short"]).toContain("Nodes=dn1,dn2 MaxTime=02:00:00");
    // As a queue's name it would be Slurm's template.
    expect(Object.keys(rest)).not.toContain("PartitionName=default");
  });

  it("asks hosts often enough to find the lost ones in time", () => {
    const { SlurmdTimeout, MessageTimeout } = settings(slurmConf({ ...options, nodeTimeoutSeconds: 10 }));
    expect({ SlurmdTimeout, MessageTimeout }).toEqual({ SlurmdTimeout: "10", MessageTimeout: "5" });
  });

  it("tracks jobs without control groups, and requeues, when told so", () => {
    const { ProctrackType, JobRequeue } = settings(slurmConf({ ...options, controlGroups: false, requeue: true }));
    expect({ ProctrackType, JobRequeue }).toEqual({ ProctrackType: "proctrack/linuxproc", JobRequeue: "1" });
  });
});
