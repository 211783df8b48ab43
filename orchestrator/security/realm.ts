import { pbkdf2Sync, randomBytes } from "node:crypto";
import { LOADER_USER, type FileRealm } from "../../worker/contract/file-realm.ts";

/** A user of Elasticsearch or of Redis. `password` is secret. */
export interface Credential {
  readonly username: string;
  readonly password: string;
}

/** Everything; the orchestrator's own. */
export const ADMIN_USER = "gh-admin";
/** Reads the campaign's indices and the cluster's state; for operators. */
export const READER_USER = "gh-reader";

/**
 * Elasticsearch knows PBKDF2 with some iteration counts only; 10000 is the least of the defaults. More would buy
 * nothing: the passwords have 192 random bits.
 */
const ITERATIONS = 10_000;

/** 192 random bits, URL-safe. */
export function randomPassword(): string {
  return randomBytes(24).toString("base64url");
}

/**
 * The hash as the file realm wants it.
 * @source Elasticsearch reference, "Password hashing"; org.elasticsearch.xpack.core.security.authc.support.Hasher: PBKDF2 is
 * HMAC-SHA512, a salt of 32 bytes, a key of 256 bits, both in base64. Verified on 8.19.
 */
export function hashPassword(password: string, salt: Buffer = randomBytes(32)): string {
  const key = pbkdf2Sync(password, salt, ITERATIONS, 32, "sha512");
  return `{PBKDF2}${ITERATIONS}$${salt.toString("base64")}$${key.toString("base64")}`;
}

/**
 * What a bulk of `create` actions needs, named as the server checks it. The named privilege `create_doc` grants changes of
 * mappings besides, for compatibility with old versions (seen on 8.19).
 * @source org.elasticsearch.xpack.core.security.authz.privilege.IndexPrivilege; verified on 8.19
 */
const LOADER_ACTIONS = ["indices:data/write/bulk*", "indices:data/write/index:op_type/create"];

/**
 * The file realm of a campaign, the same on each of its nodes. The loader sends bulks of `create` to indices that
 * exist; index creation, mappings, overwriting, reading and deleting are refused.
 * `action.auto_create_index` keeps even the admin from making an index by a mistyped bulk.
 */
export function fileRealm(
  users: { readonly admin: Credential; readonly loader: Credential; readonly reader: Credential },
  indices: readonly string[],
  readable: readonly string[] = [],
): FileRealm {
  const lines = [users.admin, users.loader, users.reader].map(
    (user) => `${user.username}:${hashPassword(user.password)}`,
  );
  const names = JSON.stringify(indices);
  return {
    users: `${lines.join("\n")}\n`,
    usersRoles: `superuser:${ADMIN_USER}\ngh_loader:${LOADER_USER}\ngh_reader:${READER_USER}\n`,
    roles: [
      "gh_loader:",
      "  cluster: []",
      "  indices:",
      `    - names: ${names}`,
      `      privileges: ${JSON.stringify(LOADER_ACTIONS)}`,
      "gh_reader:",
      '  cluster: ["monitor"]',
      "  indices:",
      `    - names: ${JSON.stringify([...indices, ...readable])}`,
      '      privileges: ["read", "view_index_metadata", "monitor"]',
      "",
    ].join("\n"),
  };
}
