import { expect, it } from "vitest";
import { createReminder } from "../../../orchestrator/reminder.ts";

it("a reminder is due after the first time, then once in each interval", () => {
  let now = 1000;
  const isDue = createReminder(60, 30, () => now);
  const due: number[] = [];
  for (; now < 1200; now += 5) if (isDue()) due.push(now - 1000);
  expect(due).toEqual([60, 90, 120, 150, 180]);
});
