import { expect, it } from "vitest";
import { earlierSnapshots, snapshotName } from "../../../orchestrator/snapshot-name.ts";

it.each<[number, string, readonly string[]]>([
  [0, "month", []],
  [1, "month-2", ["month"]],
  [2, "month-3", ["month", "month-2"]],
])("after %d replays of a load that was over: %s", (replays, name, earlier) => {
  expect(snapshotName("month", { replays })).toBe(name);
  expect(earlierSnapshots("month", { replays })).toEqual(earlier);
});
