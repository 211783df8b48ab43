import { z } from "zod";
import type { FilterKind } from "./filter.ts";
import { text } from "./options.ts";

/** Options of the drop filter. */
export interface DropOptions {
  /** What dropped events are counted under. */
  readonly reason: string;
}

/**
 * Leaves the event out; it is counted under its reason, so that no line goes without a word. Logstash's has no reason.
 * @source logstash-filter-drop 3.0: lib/logstash/filters/drop.rb
 */
export const drop: FilterKind<DropOptions> = {
  name: "drop",
  schema: z.strictObject({
    reason: text.refine((reason) => reason.trim() !== "", { error: "is empty; write what the lines are" }),
  }),
  refused: {
    percentage: "it is not deterministic: a line read twice must have one fate; drop by a condition instead",
  },
  create({ reason }) {
    const result = { drop: reason };
    return { apply: () => result };
  },
};
