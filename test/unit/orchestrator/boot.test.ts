import { expect, it } from "vitest";
import { bootBegin } from "../../../orchestrator/boot.ts";
import type { JournalEntry, JournalRecord } from "../../../orchestrator/journal.ts";

it("an orchestrator that takes over a booting campaign has the whole time again", () => {
  const records: JournalRecord[] = [];
  const add = (at: number, entry: JournalEntry): void => {
    records.push({ ...entry, at, seq: records.length + 1, epoch: 1 });
  };
  add(1000, { type: "owned", pid: 1, host: "h", seals: {} });
  add(2000, { type: "transition", event: "start", from: "planned", to: "booting" });
  add(2500, { type: "submit-intent", jobName: "gh-a-d1", role: "es-data" });
  expect(bootBegin(records)).toBe(2000);
  add(9000, { type: "owned", pid: 2, host: "h", seals: {} });
  add(9500, { type: "warning", text: "w" });
  expect(bootBegin(records)).toBe(9000);
});
