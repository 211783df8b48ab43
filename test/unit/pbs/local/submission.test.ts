import { describe, expect, it } from "vitest";

import { readResources, splitResources } from "../../../../pbs/local/resource-list.ts";
import {
  mergeSubmissions,
  readDirectives,
  readOptions,
  readVariables,
  splitWords,
} from "../../../../pbs/local/submission.ts";

describe("what a submission asks for", () => {
  it("reads #PBS lines up to the first command", () => {
    const script = [
      "#!/bin/bash",
      "#PBS -N one -l nodes=1:ppn=2",
      "# a remark",
      "",
      "#PBS -l mem=1gb,walltime=00:05:00",
      '#PBS -o "/a b/out"',
      "#PBSnothing",
      "echo",
      "#PBS -N two",
    ].join("\n");
    const { options, resources } = readDirectives(script);
    expect(Object.fromEntries(options)).toEqual({ N: "one", o: "/a b/out" });
    expect(Object.fromEntries(resources)).toEqual({ nodes: "1:ppn=2", mem: "1gb", walltime: "00:05:00" });
  });

  it("another prefix, or none", () => {
    expect(readDirectives("#PBS -N a\n#GRID -N b\n", "#GRID").options.get("N")).toBe("b");
    expect(readDirectives("#PBS -N a\n", "").options.size).toBe(0);
  });

  it("arguments win over #PBS lines, resource by resource", () => {
    const merged = mergeSubmissions(
      readDirectives("#PBS -N a -l mem=1gb,walltime=10\n"),
      readOptions(["-N", "b", "-l", "walltime=20", "-l", "nodes=2", "script"]),
    );
    expect(merged.options.get("N")).toBe("b");
    expect(Object.fromEntries(merged.resources)).toEqual({ mem: "1gb", walltime: "20", nodes: "2" });
    expect(merged.operands).toEqual(["script"]);
  });

  it("options glued together", () => {
    const { options, operands } = readOptions(["-Nname", "-zV", "-jeo", "-", "x"]);
    expect(Object.fromEntries(options)).toEqual({ N: "name", z: "", V: "", j: "eo" });
    expect(operands).toEqual(["-", "x"]);
  });

  it.each([["-t"], ["-W"], ["-I"], ["-N"]])("refuses %s", (option) => {
    expect(() => readOptions([option])).toThrow(expect.objectContaining({ exitCode: 2 }) as Error);
  });

  it.each([
    [`a 'b c' "d \\" e" f\\ g h'i'j`, ["a", "b c", 'd " e', "f g", "hij"]],
    ["", []],
    [`-o ''`, ["-o", ""]],
  ])("words of %s", (text, words) => {
    expect(splitWords(text)).toEqual(words);
  });

  it("variables", () => {
    expect(readVariables(`A=1,B,C=a=b,D='x,y',E=,F="p q",G=1\\,2,NONE`, { B: "b" })).toEqual({
      A: "1",
      B: "b",
      C: "a=b",
      D: "x,y",
      E: "",
      F: "p q",
      G: "1,2",
    });
    expect(readVariables("", {})).toEqual({});
  });
});

describe("resources", () => {
  const read = (list: string) => readResources(splitResources(list));

  it.each([
    ["nodes=2:ppn=3,mem=512mb,walltime=01:02:03", { nodes: 2, ppn: 3, memoryBytes: 2 ** 29, walltimeSeconds: 3723 }],
    ["walltime=90", { nodes: 1, ppn: 1, walltimeSeconds: 90 }],
    ["mem=1024", { nodes: 1, ppn: 1, memoryBytes: 1024, walltimeSeconds: 3600 }],
    ["walltime=100:00:00", { nodes: 1, ppn: 1, walltimeSeconds: 360_000 }],
  ])("%s", (list, resources) => {
    expect(read(list)).toEqual(resources);
  });

  it.each([
    ["vmem=1gb", 189],
    ["nodes=1:ppn=1:fast", 190],
    ["nodes=0", 188],
    ["mem=lots", 188],
    ["walltime=1d", 188],
    ["nonsense", 2],
  ])("refuses %s", (list, exitCode) => {
    expect(() => read(list)).toThrow(expect.objectContaining({ exitCode }) as Error);
  });
});
