import { describe, expect, it } from "vitest";
import { withoutUser } from "../../../../worker/contract/file-realm.ts";

const realm = {
  users: "a:1\ngh-loader:2\ngh-loader2:3\n",
  usersRoles: "superuser:a\nloader:gh-loader\nreader:a,gh-loader,gh-loader2\n",
  roles: "loader: {}\n",
};

describe("a file realm without a user", () => {
  it("names the user in neither file and keeps everybody else", () => {
    expect(withoutUser(realm, "gh-loader")).toEqual({
      users: "a:1\ngh-loader2:3\n",
      usersRoles: "superuser:a\nreader:a,gh-loader2\n",
      roles: realm.roles,
    });
  });

  it("is the same realm when there is no such user", () => {
    expect(withoutUser(realm, "nobody")).toEqual(realm);
  });
});
