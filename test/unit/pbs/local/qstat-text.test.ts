import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { slotRanges } from "../../../../pbs/local/attributes.ts";
import { fold, formatStanza, formatTime, formatXml } from "../../../../pbs/local/qstat-text.ts";
import { parseQstatF } from "../../../../pbs/qstat-f.ts";

describe("the text of qstat -f", () => {
  it("folds as Torque does: after commas, in mid-word when there is none", () => {
    const value = [
      "PBS_O_QUEUE=short",
      "PBS_O_HOME=/home/griduser",
      "PBS_O_LOGNAME=griduser",
      `PBS_O_PATH=/${"x".repeat(90)}`,
    ].join(",");
    const lines = fold(value, 4 + "Variable_List".length + 3).split("\n\t");
    expect(lines[0]).toBe("PBS_O_QUEUE=short,PBS_O_HOME=/home/griduser,");
    expect(lines[1]).toBe("PBS_O_LOGNAME=griduser,");
    expect(lines.every((line) => line.length + 8 <= 80)).toBe(true);
  });

  it("is read back as it was, folded or not", () => {
    const value = fc.stringMatching(/^[ -~]{0,300}$/);
    fc.assert(
      fc.property(value, fc.boolean(), (text, folded) => {
        const stanza = formatStanza(
          "1.s",
          [
            ["Job_Name", "n"],
            ["Variable_List", text],
            ["job_state", "R"],
          ],
          folded,
        );
        const [read] = parseQstatF(stanza);
        return read?.attributes.get("Variable_List") === text && read.attributes.get("job_state") === "R";
      }),
    );
  });

  it("writes times as ctime does, and Date.parse reads them", () => {
    const at = new Date(2026, 10, 3, 7, 5, 9).getTime();
    expect(formatTime(at)).toBe("Tue Nov  3 07:05:09 2026");
    expect(Date.parse(formatTime(at))).toBe(at);
  });

  it("nests groups in XML and escapes values", () => {
    const xml = formatXml([
      [
        "1.s",
        [
          ["Job_Name", "a&b"],
          ["Resource_List.mem", "1gb"],
          ["Resource_List.walltime", "1"],
          ["qtime", { at: 1_500 }],
        ],
      ],
    ]);
    expect(xml).toBe(
      '<?xml version="1.0"?>\n<Data><Job><Job_Id>1.s</Job_Id><Job_Name>a&amp;b</Job_Name>' +
        "<Resource_List><mem>1gb</mem><walltime>1</walltime></Resource_List><qtime>1</qtime></Job></Data>\n",
    );
  });

  it.each([
    [[0], "0"],
    [[0, 1, 2], "0-2"],
    [[0, 2, 3], "0,2-3"],
  ])("slots %j", (slots, text) => {
    expect(slotRanges(slots)).toBe(text);
  });
});
