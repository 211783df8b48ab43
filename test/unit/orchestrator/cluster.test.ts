import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { loadingTemplate } from "../../../orchestrator/cluster.ts";
import { loadProfile } from "../../../orchestrator/profiles.ts";

it("the index template is the file's mapping with the load profile", () => {
  const file = join(import.meta.dirname, "../../../templates/index-templates/logs.json");
  const { template } = JSON.parse(readFileSync(file, "utf8")) as { template: { mappings: object } };
  const layout = { shards: 3, replicas: 1 };
  expect(loadingTemplate(layout, [])).toEqual({
    template: { mappings: template.mappings, settings: loadProfile(layout) },
  });
});

it("documents whose ids the store makes have their attempt's tag mapped, to be looked for and nothing else", () => {
  const withTag = loadingTemplate({ shards: 1, replicas: 0 }, [{ path: ["@attempt"], type: "whole" }], "store");
  expect(withTag).toMatchObject({
    template: { mappings: { properties: { "@attempt": { type: "keyword", doc_values: false }, host: {} } } },
  });
});
