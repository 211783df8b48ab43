import { describe, expect, it } from "vitest";
import {
  choiceProblem,
  copiesProfile,
  DEFAULT_CHOICE,
  differencesFrom,
  loadProfile,
  originationDates,
  SERVING_PROFILE,
  writeBlock,
} from "../../../orchestrator/profiles.ts";
import { configSchema } from "../../../orchestrator/config-schema.ts";

const layout = { shards: 2, replicas: 1 };

describe("the load profile", () => {
  it("is written out whole", () => {
    expect(loadProfile(layout)).toEqual({
      "index.number_of_shards": 2,
      "index.number_of_replicas": 1,
      "index.refresh_interval": "-1",
      "index.translog.durability": "request",
      "index.translog.flush_threshold_size": "1gb",
      "index.codec": "best_compression",
    });
    expect(configSchema.parse({}).elasticsearch.index).toEqual(DEFAULT_CHOICE);
  });

  it.each([
    ["standard", "stored", []],
    ["standard", "synthetic", ["index.mapping.source.mode", "index.mapping.synthetic_source_keep"]],
    [
      "logsdb",
      "stored",
      [
        "index.mapping.ignore_malformed",
        "index.mapping.source.mode",
        "index.mode",
        "index.sort.field",
        "index.sort.order",
      ],
    ],
  ] as const)("of mode %s with a %s source has more", (mode, source, more) => {
    const index = { mode, source, codec: "default" } as const;
    const profile = loadProfile({ ...layout, index });
    const usual = Object.keys(loadProfile(layout));
    expect(
      Object.keys(profile)
        .filter((name) => !usual.includes(name))
        .sort(),
    ).toEqual(more);
    expect(profile["index.codec"]).toBe("default");
    if (mode === "logsdb") expect(profile["index.mapping.source.mode"]).toBe(source);
  });
});

describe("what an index has of a profile", () => {
  it.each([
    [{ a: "1s" }, { a: "1s", b: "whatever" }, []],
    [{ a: 2, b: ["x", "y"] }, { a: "2", b: ["x", "y"] }, []],
    [{ a: 2 }, { a: "3" }, [{ setting: "a", wanted: "2", found: "3" }]],
    [{ a: "x" }, {}, [{ setting: "a", wanted: "x" }]],
    [{ a: ["x", "y"] }, { a: ["y", "x"] }, [{ setting: "a", wanted: "x,y", found: "y,x" }]],
    [writeBlock(false), {}, []],
    [writeBlock(true), {}, [{ setting: "index.blocks.write", wanted: "true" }]],
    [{ a: null }, { a: "x" }, [{ setting: "a", wanted: "none", found: "x" }]],
    [{ a: null }, {}, []],
  ])("%j of %j", (profile, found, differences) => {
    expect(differencesFrom(profile, found)).toEqual(differences);
  });

  it("changes between loading and searching in what is searched", () => {
    const loaded = Object.fromEntries(
      Object.entries(loadProfile(layout)).map(([name, value]) => [name, String(value)]),
    );
    expect(differencesFrom(SERVING_PROFILE, loaded).map(({ setting }) => setting)).toEqual(["index.refresh_interval"]);
  });
});

it("copies are as many as there are nodes for them, or none", () => {
  expect(copiesProfile(2)).toEqual({ "index.auto_expand_replicas": "0-2" });
  expect(copiesProfile(0)).toEqual({ "index.auto_expand_replicas": false, "index.number_of_replicas": 0 });
});

it("an index is as old as its day, and what lies outside a month as that month's end", () => {
  const dates = originationDates({ pattern: "l-{day}-{month}-{revision}", revision: 3 }, ["2012-02", "2012-03"]);
  const day = (name: string): string => new Date(dates.get(name) ?? NaN).toISOString();
  expect(dates.size).toBe(29 + 3 + 31 + 3);
  expect(day("l-2012.01.31-2012.02-3")).toBe("2012-01-31T00:00:00.000Z");
  expect(day("l-2012.02.29-2012.02-3")).toBe("2012-02-29T00:00:00.000Z");
  expect(day("l-outside-2012.02-3")).toBe("2012-02-29T00:00:00.000Z");
  expect(day("l-2012.02.29-2012.03-3")).toBe("2012-02-29T00:00:00.000Z");
  expect(day("l-outside-2012.03-3")).toBe("2012-03-31T00:00:00.000Z");
});

describe("a choice that a campaign's cluster has no licence for", () => {
  const synthetic = { ...DEFAULT_CHOICE, source: "synthetic" } as const;
  it.each([
    [synthetic, ["x-pack-core", "x-pack-logsdb"], "Enterprise"],
    [{ ...synthetic, mode: "logsdb" } as const, ["x-pack-logsdb"], "Enterprise"],
    [synthetic, ["x-pack-core"], undefined],
    [{ ...DEFAULT_CHOICE, mode: "logsdb" } as const, ["x-pack-logsdb"], undefined],
  ])("%j with %j", (choice, modules, says) => {
    const problem = choiceProblem(choice, modules);
    if (says === undefined) expect(problem).toBeUndefined();
    else expect(problem).toContain(says);
  });
});
