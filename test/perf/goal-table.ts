import type { Goal } from "./benchmark.ts";
import { textTable } from "./table.ts";

/** Goals for people. */
export function goalTable(goals: readonly Goal[]): string {
  return textTable<Goal>(
    [
      { title: "goal", text: ({ name }) => name },
      { title: "target", right: true, text: ({ target }) => short(target) },
      { title: "measured", right: true, text: ({ measured }) => (measured === null ? "–" : short(measured)) },
      { title: "met", text: ({ met }) => (met ? "yes" : "no") },
    ],
    goals,
  );
}

function short(value: number): string {
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Math.round(value * 100) / 100);
}
