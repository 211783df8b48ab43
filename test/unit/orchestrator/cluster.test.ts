import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { loadingTemplate } from "../../../orchestrator/cluster.ts";

it("the index template is that of the file, but for the shards and their copies", () => {
  const file = join(import.meta.dirname, "../../../templates/index-templates/logs.json");
  const text = readFileSync(file, "utf8");
  const more = text
    .replace('"number_of_replicas": 0', '"number_of_replicas": 1')
    .replace('"number_of_shards": 1', '"number_of_shards": 3');
  expect(loadingTemplate({ shards: 1, replicas: 0 }, [])).toEqual(JSON.parse(text));
  expect(loadingTemplate({ shards: 3, replicas: 1 }, [])).toEqual(JSON.parse(more));
  expect(more).not.toBe(text);
});

it("documents whose ids the store makes have their attempt's tag mapped, to be looked for and nothing else", () => {
  const withTag = loadingTemplate({ shards: 1, replicas: 0 }, [{ path: ["@attempt"], type: "whole" }], "store");
  expect(withTag).toMatchObject({
    template: { mappings: { properties: { "@attempt": { type: "keyword", doc_values: false }, host: {} } } },
  });
});
