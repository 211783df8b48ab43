import { describe, expect, it } from "vitest";

import { parseQstatJson } from "../../../pbs/qstat-json.ts";
import { capture } from "./captures.ts";

describe("OpenPBS's JSON", () => {
  it("takes coerced values back to text, and flattens groups", () => {
    const stanza = parseQstatJson(capture("openpbs/qstat-xf-json-one").stdout, "Jobs")?.[0];
    expect(stanza?.id).toBe("5.pbs-server");
    expect(Object.fromEntries(stanza?.attributes ?? [])).toMatchObject({
      "Variable_List.SECS": "90",
      "Variable_List.SP": "a b",
      "Resource_List.select": "2:ncpus=1:mem=512mb",
      Exit_status: "0",
    });
  });

  it("without jobs is none", () => {
    expect(parseQstatJson(capture("openpbs/qstat-unknown-json").stdout, "Jobs")).toEqual([]);
  });

  it.each([
    ["nothing", ""],
    ["a number that JSON does not know", '{"pbs_server":"s","Jobs":{"1.s":{"Variable_List":{"A":007}}}}'],
    ["another JSON", '{"Jobs":{}}'],
    ["a list", "[]"],
    ["jobs in a list", '{"pbs_server":"s","Jobs":[]}'],
    ["text", "Job Id: 1.s\n"],
  ])("%s is unreadable", (_, text) => {
    expect(parseQstatJson(text, "Jobs")).toBeUndefined();
  });
});
