import { atMost, type Goal } from "../benchmark.ts";
import type { Load } from "../store/load-row.ts";
import { DERIVED, STORE, UNTAGGED } from "./ways.ts";
import { median } from "../../../orchestrator/median.ts";

/** What is hoped of ids by the store, and what they may cost. Loads of one round are compared with each other. */
export function idsGoals(loads: ReadonlyMap<string, readonly Load[]>): Goal[] {
  const ratio = (name: string, base: string, of: (load: Load) => number): number | undefined => {
    const [mine, other] = [loads.get(name), loads.get(base)];
    if (!mine || !other || mine.length === 0) return undefined;
    return median(mine.map((load, round) => of(load) / of(other[round]!)));
  };
  const store = ({ storeMicros }: Load) => storeMicros;
  const sender = ({ senderMicros }: Load) => senderMicros;
  return [
    atMost("CPU of the store, ids by the store over derived ones", 0.85, ratio(STORE, DERIVED, store)),
    atMost("CPU of the sender, ids by the store over derived ones", 1.05, ratio(STORE, DERIVED, sender)),
    atMost(
      "CPU of both",
      0.9,
      ratio(STORE, DERIVED, (load) => store(load) + sender(load)),
    ),
    atMost("CPU of the store, with the tag over without", 1.05, ratio(STORE, UNTAGGED, store)),
  ];
}
