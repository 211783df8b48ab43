import { describe, expect, it } from "vitest";
import {
  DEFAULT_INDEX_PATTERN,
  indexNamesOf,
  monthWildcard,
  revisionReader,
  revisionsWildcard,
} from "../../../../worker/contract/index-names.ts";

const naming = { pattern: DEFAULT_INDEX_PATTERN, revision: 1 };

/** As Elasticsearch matches a name with `*`. */
function matches(wildcard: string, name: string): boolean {
  const pattern = wildcard.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*");
  return new RegExp(`^${pattern}$`).test(name);
}

describe("the wildcard of a month", () => {
  it("matches each of its indices and those of no other month or revision", () => {
    const wildcard = monthWildcard(naming, "2013-01");
    expect(wildcard).toBe("logs-*-m2013.01-r1");
    for (const name of indexNamesOf(naming, "2013-01")) expect(matches(wildcard, name), name).toBe(true);
    const others = [
      ...indexNamesOf(naming, "2013-02"),
      ...indexNamesOf({ ...naming, revision: 2 }, "2013-01"),
      ...indexNamesOf({ ...naming, revision: 11 }, "2013-01"),
    ];
    for (const name of others) expect(matches(wildcard, name), name).toBe(false);
  });
});

describe("revisions of a month", () => {
  it.each([DEFAULT_INDEX_PATTERN, "{month}-x-{revision}-{day}-{month}", "a.b-{revision}{day}-{month}"])(
    "are read out of names that %s makes, and found by one wildcard",
    (pattern) => {
      const revisionOf = revisionReader(pattern);
      const wildcard = revisionsWildcard(pattern, "2013-01");
      for (const revision of [1, 2, 11]) {
        for (const name of indexNamesOf({ pattern, revision }, "2013-01")) {
          expect(revisionOf(name), name).toBe(revision);
          expect(matches(wildcard, name), name).toBe(true);
        }
        for (const name of indexNamesOf({ pattern, revision }, "2013-02"))
          expect(matches(wildcard, name), name).toBe(false);
      }
    },
  );

  it("are in no other names", () => {
    const revisionOf = revisionReader(DEFAULT_INDEX_PATTERN);
    for (const name of ["logs-2013.01.14-m2013.01-r", "logs-2013.01.14-m2013.01-r1x", "xlogs-2013.01.14-m2013.01-r1"]) {
      expect(revisionOf(name), name).toBeUndefined();
    }
    expect(revisionReader("a.b-{day}-{month}-{revision}")("axb-outside-2013.01-1")).toBeUndefined();
  });
});
