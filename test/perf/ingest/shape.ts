import type { Origin } from "../../../worker/contract/chunk.ts";
import type { Ids } from "../../../worker/contract/ids.ts";
import { serviceOf } from "../parse/rules.ts";

/** The indices of all contenders: those of a campaign. */
export const NAMING = { pattern: "bench-{day}-m{month}-r{revision}", revision: 1 };

/** What a plan would pin for the file. The script with which contents are compared knows no zone. */
export function pinned(month: string, ids: Ids): Omit<Origin, "fileId" | "path"> {
  return {
    month,
    firstDay: `${month}-01`,
    timeZone: "UTC",
    service: serviceOf("ssh"),
    index: NAMING,
    dropPrograms: [],
    ...(ids === "store" ? { ids } : {}),
  };
}
