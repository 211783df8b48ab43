import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { GridError } from "../../worker/contract/errors.ts";
import { LOADER_USER } from "../../worker/contract/file-realm.ts";
import { redisPasswordHash } from "../redis-users.ts";
import { createAuthority, createIdentity } from "./authority.ts";
import { ADMIN_USER, fileRealm, randomPassword, READER_USER } from "./realm.ts";
import { readSecretFile, writeSecretFile } from "./secret-files.ts";

/**
 * The units (`OU`) of the proxy's clients. On the nodes' leg the proxy admits `joining` to Redis, `node` to Redis and carbon; on
 * the outside leg `orchestrator` to everything, `operator` to Elasticsearch and graphite-web.
 */
export const UNITS = { joining: "joining", node: "node", orchestrator: "orchestrator", operator: "operator" } as const;

/** The name that the master's HTTP certificate carries, and no other: what the proxy checks it against. */
export const MASTER_NAME = "gh-master";

const identity = z.strictObject({ certificate: z.string(), key: z.string() });
const credential = z.strictObject({ username: z.string(), password: z.string() });
const realm = z.strictObject({ users: z.string(), usersRoles: z.string(), roles: z.string() });

const redisTexts = z.strictObject({ "es-data": z.string(), parser: z.string(), orchestrator: z.string() });

const campaignSecretsSchema = z.strictObject({
  campaign: z.string(),
  authorities: z.strictObject({ transport: identity, http: identity, proxyClients: identity }),
  users: z.strictObject({ admin: credential, loader: credential, reader: credential }),
  redisPasswords: redisTexts,
  joiningClient: identity,
  orchestratorClient: identity,
  operatorClient: identity,
  realm,
});

/** Everything secret of a campaign. Never log it, never put a part of it into an error. */
export type CampaignSecrets = z.infer<typeof campaignSecretsSchema> & {
  /** `<campaign>/secrets`, mode 0700. */
  readonly dir: string;
};

const gatewaySecretsSchema = z.strictObject({
  /** The proxy's server identity and the authority of its clients. */
  proxy: identity,
  proxyClientAuthority: z.string(),
  httpAuthority: z.string(),
  transportAuthority: z.string(),
  masterHttp: identity,
  masterTransport: identity,
  realm,
  /** What Redis is told of the campaign's passwords. */
  redisPasswordHashes: redisTexts,
  /** For asking the master whether it is up. */
  admin: credential,
  /** For asking nodes whether they still take it. */
  loader: credential,
  orchestratorClient: identity,
});

/** The part that the gateway's supervisor reads: certificates and keys of what it runs, no authority's key. */
export type GatewaySecrets = z.infer<typeof gatewaySecretsSchema>;

const CAMPAIGN_FILE = "campaign.json";
const GATEWAY_FILE = "gateway.json";

/** What a campaign's secrets are made for. */
export interface SecretsOptions {
  readonly campaign: string;
  /** Addresses and names under which nodes, orchestrator and operators reach the gateway. Loopback is added. */
  readonly gatewayAddresses: readonly string[];
  /** Names, with `*`, of the indices that the loader may write and the reader may read. */
  readonly indices: readonly string[];
  /** Further ones that the reader may read, aliases among them. */
  readonly readable?: readonly string[];
}

/**
 * Makes the three authorities, certificates and passwords of a campaign and writes them to `dir` (0700, files 0600).
 * All of it appears at once; when it is there already it is read, so that a repeated boot keeps what nodes hold. Of
 * several that do it at the same time one wins, and all get the same.
 */
export async function createCampaignSecrets(dir: string, options: SecretsOptions): Promise<CampaignSecrets> {
  const existing = await readCampaignSecrets(dir);
  if (existing) return existing;
  const { campaign } = options;
  const [transport, http, proxyClients] = await Promise.all([
    createAuthority(`gridharvest ${campaign} transport`),
    createAuthority(`gridharvest ${campaign} http`),
    createAuthority(`gridharvest ${campaign} proxy clients`),
  ]);
  const client = (commonName: string, unit: string) =>
    createIdentity(proxyClients, { commonName, unit, usage: ["client"] });
  const loopback = ["localhost", "127.0.0.1"];
  const addresses = [...new Set([...options.gatewayAddresses, ...loopback])];
  const users = {
    admin: { username: ADMIN_USER, password: randomPassword() },
    loader: { username: LOADER_USER, password: randomPassword() },
    reader: { username: READER_USER, password: randomPassword() },
  };
  const secrets = {
    campaign,
    authorities: { transport, http, proxyClients },
    users,
    redisPasswords: { "es-data": randomPassword(), parser: randomPassword(), orchestrator: randomPassword() },
    joiningClient: await client("joining", UNITS.joining),
    orchestratorClient: await client("orchestrator", UNITS.orchestrator),
    operatorClient: await client("operator", UNITS.operator),
    realm: fileRealm(users, options.indices, options.readable),
  };
  const gateway: GatewaySecrets = {
    proxy: await createIdentity(http, { commonName: "gateway", unit: "gateway", addresses, usage: ["server"] }),
    proxyClientAuthority: proxyClients.certificate,
    httpAuthority: http.certificate,
    transportAuthority: transport.certificate,
    masterHttp: await createIdentity(http, {
      commonName: MASTER_NAME,
      unit: "master",
      addresses: [MASTER_NAME, ...loopback],
      usage: ["server"],
    }),
    masterTransport: await createIdentity(transport, {
      commonName: MASTER_NAME,
      unit: "master",
      addresses,
      usage: ["server", "client"],
    }),
    realm: secrets.realm,
    redisPasswordHashes: {
      "es-data": redisPasswordHash(secrets.redisPasswords["es-data"]),
      parser: redisPasswordHash(secrets.redisPasswords.parser),
      orchestrator: redisPasswordHash(secrets.redisPasswords.orchestrator),
    },
    admin: users.admin,
    loader: users.loader,
    orchestratorClient: secrets.orchestratorClient,
  };

  await mkdir(dirname(dir), { recursive: true });
  const draft = await mkdtemp(`${dir}.tmp-`);
  await writeSecretFile(join(draft, CAMPAIGN_FILE), JSON.stringify(secrets));
  await writeSecretFile(join(draft, GATEWAY_FILE), JSON.stringify(gateway));
  // The same as files, for an operator's curl or browser.
  await writeSecretFile(join(draft, "operator.crt"), secrets.operatorClient.certificate);
  await writeSecretFile(join(draft, "operator.key"), secrets.operatorClient.key);
  await writeSecretFile(join(draft, "http-authority.crt"), http.certificate);
  await writeSecretFile(join(draft, "reader.password"), `${users.reader.password}\n`);
  try {
    await rename(draft, dir);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Somebody else was faster: a directory that is not empty cannot be replaced. @source rename(2)
    const theirs = await readCampaignSecrets(dir);
    if (!theirs) throw error;
    return theirs;
  }
  return { ...secrets, dir };
}

/**
 * Reads the secrets of a campaign again, after an adoption.
 * @throws GridError `SECRETS_MISSING`, `SECRETS_UNREADABLE`
 */
export async function loadCampaignSecrets(dir: string): Promise<CampaignSecrets> {
  const secrets = await readCampaignSecrets(dir);
  if (secrets) return secrets;
  throw missing(join(dir, CAMPAIGN_FILE));
}

async function readCampaignSecrets(dir: string): Promise<CampaignSecrets | undefined> {
  const file = join(dir, CAMPAIGN_FILE);
  const text = await readSecretFile(file);
  return text === undefined ? undefined : { ...parse(file, text, campaignSecretsSchema), dir };
}

/**
 * The gateway supervisor's part.
 * @throws GridError `SECRETS_MISSING`, `SECRETS_UNREADABLE`
 */
export async function loadGatewaySecrets(dir: string): Promise<GatewaySecrets> {
  const file = join(dir, GATEWAY_FILE);
  const text = await readSecretFile(file);
  if (text === undefined) throw missing(file);
  return parse(file, text, gatewaySecretsSchema);
}

/** Removes every secret of the campaign. Any number of times. */
export async function destroySecrets(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true });
  const parent = dirname(dir);
  // Drafts of creations that were cut short.
  for (const name of await readdir(parent).catch(() => [])) {
    if (name.startsWith(`${basename(dir)}.tmp-`)) await rm(join(parent, name), { recursive: true, force: true });
  }
}

function missing(file: string): GridError {
  return new GridError(
    "SECRETS_MISSING",
    `${file} is not there: the campaign was torn down, or never booted; its nodes and its cluster cannot be reached`,
    { context: { file } },
  );
}

/** Zod's own message would quote the text: only the place is told. */
function parse<T>(file: string, text: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new GridError("SECRETS_UNREADABLE", `${file} is damaged; tear the campaign down and launch it again`, {
      context: { file },
    });
  }
}
