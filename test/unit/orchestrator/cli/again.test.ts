import { describe, expect, it } from "vitest";
import { againOf } from "../../../../orchestrator/cli/again.ts";
import type { Again } from "../../../../orchestrator/revisions/again.ts";
import { againLines } from "../../../../orchestrator/revisions/again-text.ts";

describe("--again", () => {
  it("is none unless it says otherwise, and what it cannot be is refused with what it can", () => {
    expect(againOf()).toBe("none");
    expect(againOf("changed-parser")).toBe("changed-parser");
    for (const text of ["", "some", "None"]) {
      expect(() => againOf(text)).toThrow(/none, failed, missing, changed-parser, all/);
    }
  });

  const again: Again = {
    ...{ mode: "missing", campaign: "first", revision: 3, indexPattern: "", snapshot: "", repository: "" },
    files: { new: 1200, partial: 0, changed: 2, rules: 0, loaded: 1202, carried: 40, gone: 3, leftOut: 0 },
    ...{ documents: 1_000_000, chunks: 50, indexBytes: 0 },
  };

  it("is told in numbers: what is loaded, why, and what is taken over", () => {
    expect(againLines(again, 4)).toEqual([
      "revision 4 of it goes on from revision 3 (campaign first); --again missing loads 1,202 files",
      "the archive's files, compared with that one: 1,200 new; 2 other files than those that were loaded (place, size or time)",
      "taken over from its snapshot: 40 files, 3 of which the archive does not hold any more, 50 chunks, 1,000,000 documents",
    ]);
  });

  it("says what is lost and what is left out", () => {
    const all: Again = { ...again, mode: "all", files: { ...again.files, carried: 0 } };
    expect(againLines(all, 4).at(-1)).toMatch(/^lost: 3 files/);
    const failed: Again = { ...again, mode: "failed", files: { ...again.files, leftOut: 1200 } };
    expect(againLines(failed, 4).at(-1)).toMatch(/^left out: 1,200 new files/);
  });
});
