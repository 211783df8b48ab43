import { describe, expect, it } from "vitest";
import type { JournalEntry, JournalRecord } from "../../../orchestrator/journal.ts";
import { failuresInARow } from "../../../orchestrator/node-groups.ts";
import { viewOf } from "../../../orchestrator/view.ts";

const MINUTE = 60_000;

/** Records of parsers that were submitted in this order. `seconds` is how long one was certified for, absent for one that never was. */
function viewOfParsers(...parsers: readonly { exit?: number | null; seconds?: number }[]) {
  const records: JournalRecord[] = [];
  const add = (entry: JournalEntry, at: number): void => {
    records.push({ ...entry, seq: records.length + 1, at, epoch: 1 });
  };
  const begin = Date.now() - 60 * MINUTE;
  parsers.forEach(({ exit, seconds }, i) => {
    const jobName = `gh-x-p${String(i + 1)}`;
    const at = begin + i;
    add({ type: "submit-intent", jobName, role: "parser" }, at);
    add({ type: "submitted", jobName, jobId: String(i), found: false }, at);
    if (seconds !== undefined) add({ type: "certified", jobName, address: "127.0.1.1" }, at);
    if (exit !== undefined) add({ type: "job-ended", jobName, exit, how: "finished" }, at + (seconds ?? 1) * 1000);
  });
  return viewOf(records);
}

const failed = { exit: 1 };

describe("failures in a row", () => {
  it("are jobs that end before they are of use", () => {
    expect(failuresInARow(viewOfParsers(failed, failed, { exit: null, seconds: 5 }, failed), "parser")).toBe(4);
    expect(failuresInARow(viewOfParsers(failed), "es-data")).toBe(0);
  });

  it("are not those that ended for want of an orchestrator or of walltime, all at once", () => {
    const orphan = { exit: 13, seconds: 600 };
    const overtime = { exit: 14, seconds: 1800 };
    expect(failuresInARow(viewOfParsers(orphan, orphan, orphan, orphan), "parser")).toBe(0);
    expect(failuresInARow(viewOfParsers(failed, failed, overtime, overtime, failed), "parser")).toBe(1);
  });

  it("begin anew behind one that works, and skip one of which nobody knows yet", () => {
    expect(failuresInARow(viewOfParsers(failed, failed, { seconds: 1 }, failed, {}, failed), "parser")).toBe(2);
  });
});
