import { fileURLToPath } from "node:url";
import { IDS, type Ids } from "../../../worker/contract/ids.ts";
import { PARALLEL_BULK, pythonWithClient } from "../peers/python.ts";
import { rsyslog } from "../peers/rsyslog.ts";
import { gridharvest } from "./gridharvest.ts";
import type { Contender } from "./loading.ts";
import { scriptLoading } from "./script-loading.ts";

const CEILING = fileURLToPath(new URL("ceiling-process.ts", import.meta.url));
const HELPERS_BULK = fileURLToPath(new URL("../peers/helpers-bulk.ts", import.meta.url));

/** In the order of the table. */
export const CONTENDERS: readonly Contender[] = [
  ...both((ids) => ({
    name: "ceiling",
    kind: "ceiling",
    note: "prebuilt bodies",
    start: (place) => {
      const { bulkBytes, inFlight } = place.options;
      const sizes = [bulkBytes, inFlight].map(String);
      return scriptLoading(place, ids, [process.execPath, CEILING], "loader", sizes);
    },
  })),
  ...both((ids) => ({
    name: "gridharvest",
    kind: "gridharvest",
    note: "auth.yaml: all of sshd, PAM, sudo, su, cron; file and offset of each line",
    start: (place) => gridharvest(place, ids),
  })),
  ...both((ids) => ({
    name: "helpers.bulk",
    kind: "peer",
    note: "npm client, readline, RegExp; seven events of sshd",
    start: (place) => scriptLoading(place, ids, [process.execPath, HELPERS_BULK]),
  })),
  {
    name: "rsyslog, imptcp",
    kind: "peer",
    ids: "store",
    note: "mmnormalize, omelasticsearch; the file comes over TCP; seven events of sshd",
    start: (place) => rsyslog("imptcp", "store", place),
  },
  ...both((ids) => ({
    name: "rsyslog, imfile",
    kind: "peer",
    note: "mmnormalize, omelasticsearch; seven events of sshd",
    start: (place) => rsyslog("imfile", ids, place),
  })),
  ...both((ids) => ({
    name: "parallel_bulk",
    kind: "peer",
    note: "Python client, re, 4 threads; seven events of sshd",
    start: async (place) => {
      const python = await pythonWithClient(place.kept, place.signal);
      return typeof python === "string" ? await scriptLoading(place, ids, [python, PARALLEL_BULK]) : python;
    },
  })),
];

/** With ids by the store, and with own ones. */
function both(contender: (ids: Ids) => Omit<Contender, "ids">): readonly Contender[] {
  return IDS.toReversed().map((ids) => ({ ...contender(ids), ids }));
}
