import type { Ids } from "../../worker/contract/ids.ts";
import type { PlantedFault } from "../fuzz/planted-faults.ts";

/** A mistake of the sink that the suite of the store's faults must see. */
export interface PlantedInTheSink extends PlantedFault {
  /** The fault that shows it. */
  readonly meets: string;
  readonly ids: Ids;
  /** What the proof then says. */
  readonly says: RegExp;
}

export const PLANTED_IN_THE_SINK: readonly PlantedInTheSink[] = [
  {
    name: "retry is switched off",
    file: "worker/sinks/elasticsearch/sink.ts",
    from: "      if (retry) {",
    to: "      if (retry && open.length < 0) {",
    meets: "a storm of 429",
    ids: "derived",
    says: /"missing":[1-9]/,
  },
  {
    name: "a 409 is as any other refusal",
    file: "worker/sinks/elasticsearch/retry.ts",
    from: "  if (status === 409) return DUPLICATE;\n",
    to: "",
    meets: "an answer cut in its middle",
    ids: "derived",
    says: /"rejected":[1-9]/,
  },
  {
    name: "what has no id is sent again though it may have been written",
    file: "worker/sinks/elasticsearch/sink.ts",
    from: "bulk.isRepeatable || isUnwritten;",
    to: "bulk.isRepeatable || isUnwritten || bulk.count > 0;",
    meets: "an answer cut in its middle",
    ids: "store",
    says: /"doubled":[1-9]/,
  },
];
