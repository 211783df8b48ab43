import { date } from "./date.ts";
import { dissect } from "./dissect.ts";
import { drop } from "./drop.ts";
import type { FilterKind } from "./filter.ts";
import { geoip } from "./geoip.ts";
import { grok } from "./grok.ts";
import { json } from "./json.ts";
import { kv } from "./kv.ts";
import { mutate } from "./mutate.ts";
import { syslogPri } from "./syslog-pri.ts";
import { tags } from "./tags.ts";
import { truncate } from "./truncate.ts";

/** Every filter that a pipeline may name. A new one is its file, its row here, and its table of cases. */
export const FILTERS: ReadonlyMap<string, FilterKind> = new Map(
  ([date, dissect, drop, geoip, grok, json, kv, mutate, syslogPri, tags, truncate] as readonly FilterKind[]).map(
    (kind) => [kind.name, kind],
  ),
);
