import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { FILTERS } from "../../../../worker/filters/index.ts";
import { commonSchema } from "../../../../worker/filters/options.ts";

it.each([...FILTERS])("%s has its file, its table of cases, and options that are its own", (name, kind) => {
  const file = name.replaceAll("_", "-");
  expect(existsSync(new URL(`../../../../worker/filters/${file}.ts`, import.meta.url))).toBe(true);
  expect(existsSync(new URL(`${file}.test.ts`, import.meta.url))).toBe(true);
  const options = [...Object.keys(kind.schema.shape), ...Object.keys(kind.refused ?? {})];
  expect(options.filter((option) => Object.hasOwn(commonSchema.shape, option))).toEqual([]);
  expect(new Set(options).size).toBe(options.length);
});
