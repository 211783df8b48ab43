import { describe, expect, it } from "vitest";
import { syslogPri } from "../../../../worker/filters/syslog-pri.ts";
import { apply, refusals } from "./tools.ts";

const FAILURE = "_syslogpriparsefailure";
const labelled = (pri: unknown, facility: number, severity: number, name: string, label: string) =>
  `{"syslog_pri":${JSON.stringify(pri)},"syslog_severity_code":${severity},"syslog_facility_code":${facility},` +
  `"syslog_facility":"${name}","syslog_severity":"${label}"}`;

describe("syslog_pri", () => {
  it.each([
    [0, 0, 0, "kernel", "emergency"],
    [13, 1, 5, "user-level", "notice"],
    ["34", 4, 2, "security/authorization", "critical"],
    [38, 4, 6, "security/authorization", "informational"],
    [86, 10, 6, "security/authorization", "informational"],
    [191, 23, 7, "local7", "debug"],
    ["165abc", 20, 5, "local4", "notice"],
    ["", 0, 0, "kernel", "emergency"],
    ["abc", 0, 0, "kernel", "emergency"],
    [[30, 99], 3, 6, "daemon", "informational"],
    [[], 0, 0, "kernel", "emergency"],
    [13.9, 1, 5, "user-level", "notice"],
  ])("%j", (pri, facility, severity, name, label) => {
    expect(apply(syslogPri, {}, { syslog_pri: pri })).toMatchObject({
      result: "matched",
      event: labelled(pri, facility, severity, name, label),
    });
  });

  it.each([
    [
      "{}",
      '{"syslog_severity_code":5,"syslog_facility_code":1,"syslog_facility":"user-level","syslog_severity":"notice"}',
      "matched",
    ],
    [
      '{"syslog_pri":192}',
      `{"syslog_pri":192,"syslog_severity_code":0,"syslog_facility_code":24,"tags":["${FAILURE}"]}`,
      "matched",
    ],
    [
      '{"syslog_pri":-1}',
      `{"syslog_pri":-1,"syslog_severity_code":7,"syslog_facility_code":-1,"tags":["${FAILURE}"]}`,
      "matched",
    ],
    ['{"syslog_pri":{"a":1}}', `{"syslog_pri":{"a":1},"tags":["${FAILURE}"]}`, "failed"],
    ['{"syslog_pri":[["1"]]}', `{"syslog_pri":[["1"]],"tags":["${FAILURE}"]}`, "failed"],
    [`{"syslog_pri":"${"9".repeat(400)}"}`, `{"syslog_pri":"${"9".repeat(400)}","tags":["${FAILURE}"]}`, "failed"],
  ])("%s → %s", (before, after, result) => {
    expect(apply(syslogPri, {}, before)).toMatchObject({ event: after, result });
  });

  it.each<[object, string, string]>([
    [
      { syslog_pri_field_name: "pri", use_labels: false },
      '{"pri":38}',
      '{"pri":38,"syslog_severity_code":6,"syslog_facility_code":4}',
    ],
    [
      { syslog_pri_field_name: "[a][b]", use_labels: "false" },
      '{"a":{"b":9}}',
      '{"a":{"b":9},"syslog_severity_code":1,"syslog_facility_code":1}',
    ],
    [
      { facility_labels: ["f0"], severity_labels: ["s0"] },
      '{"syslog_pri":1}',
      '{"syslog_pri":1,"syslog_severity_code":1,"syslog_facility_code":0,"syslog_facility":"f0"}',
    ],
    [
      { ecs_compatibility: "v8" },
      '{"log":{"syslog":{"priority":38}}}',
      '{"log":{"syslog":{"priority":38,"severity":{"code":6,"name":"informational"},"facility":{"code":4,"name":"security/authorization"}}}}',
    ],
  ])("%j", (options, before, after) => {
    expect(apply(syslogPri, options, before)).toMatchObject({ event: after, result: "matched" });
  });

  it("a field without a place", () => {
    expect(apply(syslogPri, { ecs_compatibility: "v1" }, '{"log":"x"}')).toMatchObject({
      event: `{"log":"x","tags":["${FAILURE}"]}`,
      result: "failed",
    });
  });

  it("refuses another schema", () => {
    expect(refusals(syslogPri, { ecs_compatibility: "v9" })).toEqual([
      "ecs_compatibility: must be one of disabled, v1, v8",
    ]);
  });
});
