import { expect, it } from "vitest";
import { withFields } from "../../../orchestrator/mapping.ts";

it("the mapping has the fields of the pipelines beside its own", () => {
  const own = { host: { type: "keyword" }, message: { type: "text" } };
  const fields = [
    { path: ["ssh", "user"], type: "text" },
    { path: ["ssh", "port"], type: "whole" },
    { path: ["ssh", "remote_ip"], type: "address" },
    { path: ["kernel", "uptime"], type: "fraction" },
    { path: ["auto"], type: "boolean" },
    { path: ["host"], type: "whole" },
    { path: ["message", "part"], type: "text" },
  ] as const;
  expect(
    withFields(
      own,
      fields.map((field) => ({ ...field, path: [...field.path] })),
    ),
  ).toEqual({
    ...own,
    ssh: {
      properties: {
        user: { type: "keyword", ignore_above: 1024 },
        port: { type: "long", ignore_malformed: true },
        remote_ip: { type: "ip", ignore_malformed: true },
      },
    },
    kernel: { properties: { uptime: { type: "double", ignore_malformed: true } } },
    auto: { type: "boolean", ignore_malformed: true },
  });
  expect(own).toEqual({ host: { type: "keyword" }, message: { type: "text" } });
});
