import { lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { campaignPaths, statePaths } from "../../orchestrator/paths.ts";
import { readRedisAdmin } from "../../orchestrator/services/record.ts";

/** A secret and where it is kept, for messages that do not tell it. */
export interface Secret {
  readonly name: string;
  readonly value: string;
}

/** Names under which secrets stand in JSON. Certificates, user names and hashes are none. */
const SECRET_NAMES = new Set(["password", "key", "joinToken"]);
/** A line of a PEM text that says something: shorter ones could stand anywhere. */
const LEAST_LINE = 40;

/** Every secret of a campaign's secrets directory: passwords, tokens, and each line of each private key. */
export function secretsIn(dir: string): readonly Secret[] {
  const secrets = new Map<string, Secret>();
  const add = (name: string, value: string): void => {
    const parts = value.includes("PRIVATE KEY") ? keyLines(value) : [value.trim()];
    for (const part of parts) secrets.set(part, { name, value: part });
  };
  const walk = (name: string, value: unknown, isSecret: boolean): void => {
    if (typeof value === "string") {
      if (isSecret) add(name, value);
    } else if (typeof value === "object" && value !== null) {
      for (const [key, inner] of Object.entries(value)) {
        walk(`${name}.${key}`, inner, isSecret || SECRET_NAMES.has(key) || key === "redisPasswords");
      }
    }
  };
  for (const file of readdirSync(dir)) {
    const text = readFileSync(join(dir, file), "utf8");
    if (file === "access.json") continue;
    if (file.endsWith(".json")) walk(file, JSON.parse(text), false);
    else if (file.endsWith(".key") || file.endsWith(".password")) add(file, text);
  }
  return [...secrets.values()];
}

function keyLines(pem: string): readonly string[] {
  return pem.split("\n").filter((line) => !line.startsWith("-----") && line.length >= LEAST_LINE);
}

/** What a search looked through, and what it found: `place: name of the secret`. */
export interface SearchResult {
  places: number;
  readonly found: string[];
}

/** Searches texts for secrets. */
export class SecretSearch {
  readonly #secrets: readonly Secret[];
  readonly result: SearchResult = { places: 0, found: [] };

  constructor(secrets: readonly Secret[]) {
    this.#secrets = secrets;
  }

  text(place: string, content: string | Buffer): void {
    this.result.places += 1;
    for (const { name, value } of this.#secrets)
      if (content.includes(value)) this.result.found.push(`${place}: ${name}`);
  }

  /** Every file below the directory; those that end meanwhile are passed over. @param except paths that are left out, whole */
  files(dir: string, except: (path: string) => boolean = () => false): void {
    for (const name of readdirSync(dir)) {
      const path = join(dir, name);
      if (except(path)) continue;
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (stat?.isDirectory()) this.files(path, except);
      else if (stat?.isFile()) {
        const content = attempt(() => readFileSync(path));
        if (content) this.text(path, content);
      }
    }
  }

  /** Command lines and environments of all processes that we may look at. */
  processes(): void {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      for (const part of ["cmdline", "environ"]) {
        const content = attempt(() => readFileSync(`/proc/${pid}/${part}`));
        if (content) this.text(`/proc/${pid}/${part}`, content);
      }
    }
  }
}

/** Undefined for what has gone or is not ours to read. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** A campaign that runs, with all that may know its secrets. */
export interface SearchedCampaign {
  readonly stateDir: string;
  readonly id: string;
  /** Names of its jobs. */
  readonly jobs: readonly string[];
  /** What others say of it, by name: `qstat -f`, logs that stand elsewhere. */
  readonly texts: Readonly<Record<string, string>>;
}

/** Every secret of a campaign, its site's administrator of Redis included. */
export function secretsOf({ stateDir, id }: Pick<SearchedCampaign, "stateDir" | "id">): readonly Secret[] {
  const state = statePaths(stateDir);
  const admin = readRedisAdmin(state.services)?.password ?? "";
  return [
    ...secretsIn(campaignPaths(state.campaigns, id).secrets),
    { name: "the site's administrator in Redis", value: admin },
  ];
}

/** Where secrets are meant to be: what the programs that use them read. */
export function keptPlaces({ stateDir, id, jobs }: Omit<SearchedCampaign, "texts">): readonly string[] {
  const state = statePaths(stateDir);
  const paths = campaignPaths(state.campaigns, id);
  return [
    paths.secrets,
    join(paths.gateway, "proxy"),
    join(paths.gateway, "master", "config"),
    ...jobs.map((job) => join(state.scratch, job, "config")),
    join(state.services, "redis-admin.json"),
    // graphite-web's own, which signs its sessions.
    join(state.services, "graphite-web", "secret-key"),
  ];
}

/**
 * Looks for secrets in command lines, environments, what others say, and every file of the site but those that are kept: job scripts, node.json,
 * logs, journal, progress, the batch system's spool, Redis's files, carbon's and Elasticsearch's data.
 */
export function searchCampaign(campaign: SearchedCampaign, secrets: readonly Secret[]): SearchResult {
  const kept = keptPlaces(campaign);
  const search = new SecretSearch(secrets);
  search.processes();
  for (const [name, text] of Object.entries(campaign.texts)) search.text(name, text);
  search.files(campaign.stateDir, (path) => kept.includes(path));
  return search.result;
}

/** Files at or below the path that others than their owner may read. */
export function strangersMayRead(path: string): string[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return [];
  if (stat.isFile()) return (stat.mode & 0o077) === 0 ? [] : [path];
  // Below a directory that others cannot enter nothing can be read.
  if ((stat.mode & 0o077) === 0) return [];
  return readdirSync(path).flatMap((name) => strangersMayRead(join(path, name)));
}
