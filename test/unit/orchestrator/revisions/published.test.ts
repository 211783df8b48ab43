import { describe, expect, it } from "vitest";
import {
  aliasOf,
  lacking,
  outdated,
  readRevisions,
  swapActions,
  type MonthSight,
} from "../../../../orchestrator/revisions/published.ts";
import { DEFAULT_INDEX_PATTERN, indexNamesOf } from "../../../../worker/contract/index-names.ts";

const namesOf = (revision: number, month = "2013-01") =>
  indexNamesOf({ pattern: DEFAULT_INDEX_PATTERN, revision }, month);

function sight(there: readonly number[], read: readonly string[], month = "2013-01"): MonthSight {
  const alias = aliasOf("logs-{month}", month);
  const revisions = new Map(there.map((n) => [n, namesOf(n, month)] as const));
  return { month, pattern: DEFAULT_INDEX_PATTERN, alias, revisions, read };
}

describe("moving an alias", () => {
  it("takes it from every index of the one revision and gives it to every one of the other, in one request", () => {
    const actions = swapActions([sight([1, 2], namesOf(1))], 2);
    const alias = "logs-2013.01";
    expect(actions).toEqual([
      ...namesOf(1).map((index) => ({ remove: { index, alias } })),
      ...namesOf(2).map((index) => ({ add: { index, alias } })),
    ]);
  });

  it("does nothing when it is there already, and the rest when a part of it is", () => {
    expect(swapActions([sight([1, 2], namesOf(2))], 2)).toEqual([]);
    const [first = "", ...rest] = namesOf(2);
    expect(swapActions([sight([2], rest)], 2)).toEqual([{ add: { index: first, alias: "logs-2013.01" } }]);
  });

  it("moves all months of a campaign at once", () => {
    const months = [sight([1, 2], namesOf(1)), sight([1, 2], namesOf(1, "2013-02"), "2013-02")];
    const aliases = swapActions(months, 2).map((action) => ("add" in action ? action.add.alias : action.remove.alias));
    expect(new Set(aliases)).toEqual(new Set(["logs-2013.01", "logs-2013.02"]));
  });
});

it("a revision is read when an index of it has the alias", () => {
  expect(readRevisions(sight([1, 2, 3], namesOf(2)))).toEqual([2]);
  expect(readRevisions(sight([1, 2], []))).toEqual([]);
});

it("a revision of which an index is missing is not whole", () => {
  const one = sight([1], []);
  expect(lacking(one, 1)).toEqual([]);
  expect(lacking(one, 2)).toEqual(namesOf(2));
  const [first, ...rest] = namesOf(1);
  expect(lacking({ ...one, revisions: new Map([[1, rest]]) }, 1)).toEqual([first]);
});

describe("what is removed when a revision takes another one's place", () => {
  it.each<[string, number[], number, number[], number, number[], number[]]>([
    ["nothing while there is room", [1, 2], 2, [1], 2, [], []],
    ["the oldest", [1, 2, 3], 3, [2], 2, [], [1]],
    ["not the one that was read before, though it is not the latest", [1, 2, 3, 4], 4, [2], 2, [], [3, 1]],
    ["all others", [1, 2, 3], 3, [2], 1, [], [2, 1]],
    ["not what stays in any case", [1, 2, 3], 3, [2], 1, [1], [2]],
    ["nothing when all are kept", [1, 2, 3], 1, [3], Infinity, [], []],
    ["never the one that is read now, though it is an old one", [1, 2, 3], 1, [3], 2, [], [2]],
  ])("%s", (_, there, now, before, keep, kept, removed) => {
    expect(outdated(there, now, before, keep, kept)).toEqual(removed);
  });
});
