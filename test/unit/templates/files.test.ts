import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { packageRoot } from "../../../orchestrator/runtimes/package-root.ts";
import { listTemplates, readTemplate } from "../../../templates/files.ts";

it("lists the texts of a folder by names that can be read", () => {
  const names = listTemplates("worker/grok/banks/gridharvest");
  expect(names).toContain("worker/grok/banks/gridharvest/syslog");
  for (const name of names) expect(readTemplate(name)).toBe(readFileSync(join(packageRoot(), name), "utf8"));
});

it("lists no program, and nothing of folders below", () => {
  expect(listTemplates("templates/proxy").filter((name) => name.endsWith(".ts"))).toEqual([]);
  expect(() => listTemplates("templates")).toThrow("there are no texts in templates");
});

it("says that a folder is not there", () => {
  expect(() => listTemplates("templates/nowhere")).toThrow(
    expect.objectContaining({ code: "TEMPLATE_MISSING" }) as Error,
  );
});
