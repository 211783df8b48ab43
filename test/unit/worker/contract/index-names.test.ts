import { describe, expect, it } from "vitest";
import { DEFAULT_INDEX_PATTERN, indexNamesOf, monthWildcard } from "../../../../worker/contract/index-names.ts";

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
