/** The texts of Elasticsearch's file realm, as a node reads them from its configuration directory. */
export interface FileRealm {
  /** `users`: `name:hash` lines. */
  readonly users: string;
  /** `users_roles`: `role:name,name` lines. */
  readonly usersRoles: string;
  /** `roles.yml`. */
  readonly roles: string;
}

/** The user that may only create documents. */
export const LOADER_USER = "gh-loader";

/**
 * The realm without one user. A running node takes the new files up within 5 s.
 * @source Elasticsearch reference, "File-based user authentication"
 */
export function withoutUser(realm: FileRealm, name: string): FileRealm {
  return {
    users: realm.users
      .split("\n")
      .filter((line) => !line.startsWith(`${name}:`))
      .join("\n"),
    usersRoles: realm.usersRoles
      .split("\n")
      .map((line) => {
        const at = line.indexOf(":");
        if (at < 0) return line;
        const names = line
          .slice(at + 1)
          .split(",")
          .filter((other) => other !== name);
        return names.length === 0 ? "" : `${line.slice(0, at)}:${names.join(",")}`;
      })
      .filter((line, i, lines) => line !== "" || i === lines.length - 1)
      .join("\n"),
    roles: realm.roles,
  };
}
