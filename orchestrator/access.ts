import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "./campaign-store.ts";
import type { CampaignPaths } from "./paths.ts";
import { operatorConnection, type CampaignSecrets } from "./security/index.ts";

/** How an operator searches a campaign's cluster while it is up: through the proxy, reading only. Paths of files. */
export interface Access {
  readonly url: string;
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  readonly username: string;
  readonly passwordFile: string;
  /** All of it for `curl -K`, so that no password stands in an argument, which everybody on the machine can read. */
  readonly curlConfig: string;
}

const FILE = "access.json";

/** Writes the operator's certificate, key and password to the secrets directory, for curl and browsers. */
export async function writeAccess(paths: CampaignPaths, secrets: CampaignSecrets, url: string): Promise<Access> {
  const { tls, auth } = operatorConnection(secrets, url);
  const access: Access = {
    url,
    ca: join(paths.secrets, "operator-ca.pem"),
    certificate: join(paths.secrets, "operator.pem"),
    key: join(paths.secrets, "operator.key"),
    username: auth.username,
    passwordFile: join(paths.secrets, "operator.password"),
    curlConfig: join(paths.secrets, "operator.curl"),
  };
  await writeFileAtomic(access.ca, tls.ca, 0o600);
  await writeFileAtomic(access.certificate, tls.cert ?? "", 0o600);
  await writeFileAtomic(access.key, tls.key ?? "", 0o600);
  await writeFileAtomic(access.passwordFile, auth.password, 0o600);
  await writeFileAtomic(access.curlConfig, curlConfigOf(access, auth.password), 0o600);
  await writeFileAtomic(join(paths.secrets, FILE), `${JSON.stringify(access, null, 2)}\n`, 0o600);
  return access;
}

/** @source curl(1), `-K`: in quotes a backslash stands before a quote or another backslash */
function curlConfigOf(access: Omit<Access, "curlConfig">, password: string): string {
  const options = {
    cacert: access.ca,
    cert: access.certificate,
    key: access.key,
    user: `${access.username}:${password}`,
  };
  return Object.entries(options)
    .map(([name, value]) => `${name} = "${value.replaceAll(/[\\"]/g, "\\$&")}"\n`)
    .join("");
}

/** Undefined while booting and once the secrets are gone. */
export async function accessOf(paths: CampaignPaths): Promise<Access | undefined> {
  try {
    return JSON.parse(await readFile(join(paths.secrets, FILE), "utf8")) as Access;
  } catch {
    return undefined;
  }
}
