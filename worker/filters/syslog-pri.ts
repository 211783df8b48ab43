import { z } from "zod";
import { parseFieldPath, type FieldPath, type Json } from "../pipeline/event.ts";
import type { FilterKind } from "./filter.ts";
import { ecsCompatibility, fieldPath, flag, list, text } from "./options.ts";
import { toInteger } from "./ruby-text.ts";

/** Options of the syslog_pri filter. */
export interface SyslogPriOptions {
  readonly ecs_compatibility: "disabled" | "v1" | "v8";
  readonly syslog_pri_field_name?: FieldPath | undefined;
  readonly use_labels: boolean;
  readonly facility_labels: readonly string[];
  readonly severity_labels: readonly string[];
}

/** Where the four results go, and where the priority stands unless the options say so. */
const FIELDS = {
  disabled: ["syslog_pri", "syslog_facility_code", "syslog_severity_code", "syslog_facility", "syslog_severity"],
  v1: [
    "[log][syslog][priority]",
    "[log][syslog][facility][code]",
    "[log][syslog][severity][code]",
    "[log][syslog][facility][name]",
    "[log][syslog][severity][name]",
  ],
} as const;

/** By number; RFC 3164 gives 9 and 15 the same name, and 4 and 10. */
const FACILITIES = [
  ...["kernel", "user-level", "mail", "daemon", "security/authorization", "syslogd", "line printer", "network news"],
  ...["uucp", "clock", "security/authorization", "ftp", "ntp", "log audit", "log alert", "clock"],
  ...["local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"],
];
const SEVERITIES = ["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"];

/** The priority of a message that has none: user-level, notice (RFC 3164, 4.3.3). */
const DEFAULT_PRIORITY = 13;
const FAILURE = "_syslogpriparsefailure";

/**
 * Splits a syslog priority into facility and severity. A missing one counts as 13. A facility without a name is tagged and its
 * numbers stay; as in Logstash the filter has matched then too.
 * @source logstash-filter-syslog_pri 3.2: lib/logstash/filters/syslog_pri.rb
 */
export const syslogPri: FilterKind<SyslogPriOptions> = {
  name: "syslog_pri",
  schema: z.strictObject({
    ecs_compatibility: ecsCompatibility,
    syslog_pri_field_name: fieldPath.optional(),
    use_labels: z.prefault(flag, true),
    facility_labels: z.prefault(list(text), FACILITIES),
    severity_labels: z.prefault(list(text), SEVERITIES),
  }),
  create(options) {
    const names = FIELDS[options.ecs_compatibility === "disabled" ? "disabled" : "v1"].map(parseFieldPath);
    const [standard, facilityCode, severityCode, facilityLabel, severityLabel] = names;
    const source = options.syslog_pri_field_name ?? standard!;
    return {
      apply(event) {
        const priority = priorityOf(event.get(source));
        if (priority === undefined) {
          event.tag(FAILURE);
          return "failed";
        }
        const facility = Math.floor(priority / 8);
        const severity = priority - facility * 8;
        let fits = event.set(severityCode!, severity) && event.set(facilityCode!, facility);
        if (options.use_labels) {
          const label = options.facility_labels[facility];
          if (label === undefined) event.tag(FAILURE);
          else {
            const name = options.severity_labels[severity];
            fits &&= event.set(facilityLabel!, label) && (name === undefined || event.set(severityLabel!, name));
          }
        }
        if (!fits) event.tag(FAILURE);
        return fits ? "matched" : "failed";
      },
    };
  },
};

/** As Ruby's `to_i` reads it, 0 when it is no number; undefined for what is none to Ruby either, or has no end of digits. */
function priorityOf(value: Json | undefined): number | undefined {
  if (value === undefined || value === null || value === false) return DEFAULT_PRIORITY;
  const first = Array.isArray(value) ? (value[0] ?? 0) : value;
  const number = typeof first === "string" ? toInteger(first) : typeof first === "number" ? Math.trunc(first) : NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}
