import { Client } from "@elastic/elasticsearch";
import { createIdentity, type Authority } from "../../orchestrator/security/authority.ts";
import { hashPassword } from "../../orchestrator/security/realm.ts";
import { startElasticsearch, type TestElasticsearch } from "./elasticsearch-node.ts";

/** A node that is reached by TLS and wants a user, as a permanent cluster does. */
export interface SecuredElasticsearch extends TestElasticsearch {
  /** As a user who may do everything. */
  readonly client: Client;
}

export interface TestUser {
  readonly password: string;
  /** What its role may do, as in `roles.yml`. */
  readonly role: { readonly cluster: readonly string[]; readonly indices: readonly object[] };
}

const ADMIN = { username: "admin", password: "of-everything" };

/**
 * Starts it with a certificate of this authority for its address alone. The caller closes the client and stops the node.
 * @param users by name
 */
export async function startSecuredElasticsearch(
  dir: string,
  authority: Authority,
  users: Readonly<Record<string, TestUser>>,
  more: Readonly<Record<string, unknown>> = {},
): Promise<SecuredElasticsearch> {
  const subject = {
    commonName: "permanent",
    unit: "elasticsearch",
    addresses: ["127.0.0.1"],
    usage: ["server"],
  } as const;
  const { certificate, key } = await createIdentity(authority, subject);
  const named = Object.entries(users);
  const passwords = [[ADMIN.username, ADMIN.password], ...named.map(([name, { password }]) => [name, password])];
  const files = {
    "http.crt": certificate,
    "http.key": key,
    users: passwords.map(([name = "", password = ""]) => `${name}:${hashPassword(password)}\n`).join(""),
    users_roles: [`superuser:${ADMIN.username}\n`, ...named.map(([name]) => `${name}:${name}\n`)].join(""),
    "roles.yml": named.map(([name, { role }]) => `${name}: ${JSON.stringify(role)}\n`).join(""),
  };
  const settings = {
    "xpack.security.enabled": true,
    "xpack.security.autoconfiguration.enabled": false,
    "xpack.security.authc.realms.file.users.order": 0,
    "xpack.security.http.ssl.enabled": true,
    "xpack.security.http.ssl.certificate": "http.crt",
    "xpack.security.http.ssl.key": "http.key",
    ...more,
  };
  const access = { ca: authority.certificate, auth: `${ADMIN.username}:${ADMIN.password}` };
  const node = await startElasticsearch(dir, settings, { files, access });
  return { ...node, client: new Client({ node: node.url, auth: ADMIN, tls: { ca: authority.certificate } }) };
}
