import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

import { ConfigError, describeError } from "../../worker/contract/errors.ts";
import { parseJson } from "../../worker/contract/json.ts";
import { bootId, isAlive, type ProcessIdentity } from "../../worker/contract/process.ts";
import type { Log } from "../log.ts";

/** What `services.json` keeps of the embedded services: which processes they are and where they listen. No secrets. */
const processSchema = z.object({
  pid: z.int().positive(),
  startTicks: z.number(),
  bootId: z.string(),
  startedAt: z.string(),
});
const recordSchema = z.object({
  redis: z.object({ process: processSchema.optional(), port: z.int() }).optional(),
  carbon: z.object({ process: processSchema.optional(), port: z.int(), queryPort: z.int() }).optional(),
  graphiteWeb: z.object({ process: processSchema.optional(), port: z.int(), queryPort: z.int() }).optional(),
});
export type RecordedProcess = z.infer<typeof processSchema>;
export type ServicesRecord = z.infer<typeof recordSchema>;
export type EmbeddedName = keyof ServicesRecord;

/** The embedded services, in the order in which they are started. */
export const EMBEDDED_NAMES: readonly EmbeddedName[] = ["redis", "carbon", "graphiteWeb"];

/** What people call the embedded services. */
export const SERVICE_TITLES: Readonly<Record<EmbeddedName, string>> = {
  redis: "Redis",
  carbon: "carbon",
  graphiteWeb: "graphite-web",
};

/** Directory of one service: readable by nobody but its user. */
export function serviceDir(servicesDir: string, name: EmbeddedName): string {
  return join(servicesDir, name === "graphiteWeb" ? "graphite-web" : name);
}

function recordFile(servicesDir: string): string {
  return join(servicesDir, "services.json");
}

/** What is recorded; nothing when there is no record. Ports stay in it after the services ended, to be taken again. */
export function readRecord(servicesDir: string): ServicesRecord {
  const file = recordFile(servicesDir);
  const text = readIfThere(file);
  if (text === undefined) return {};
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new ConfigError(
      "SERVICES_RECORD_BROKEN",
      `${file} cannot be read; remove it: running services are found again without it`,
      {
        context: { file },
        cause,
      },
    );
  }
}

/** Whoever starts or stops goes on without a record: processes are found by their directory. */
export function recordOrNothing(dir: string, log: Log): ServicesRecord {
  try {
    return readRecord(dir);
  } catch (error) {
    log.warn(describeError(error));
    return {};
  }
}

export function writeRecord(servicesDir: string, record: ServicesRecord): void {
  writeWhole(recordFile(servicesDir), `${JSON.stringify(record, null, 2)}\n`);
}

/** Replaces a file as a whole, readable by its owner only. */
export function writeWhole(file: string, text: string): void {
  const partial = `${file}.${randomBytes(6).toString("hex")}.partial`;
  writeFileSync(partial, text, { mode: 0o600, flag: "wx" });
  renameSync(partial, file);
}

/** The process of a service if it is still the one that was recorded. Process ids of an earlier boot mean nothing. */
export function liveProcess(
  entry: { readonly process?: RecordedProcess | undefined } | undefined,
): RecordedProcess | undefined {
  const recorded = entry?.process;
  return recorded && recorded.bootId === bootId() && isAlive(recorded) ? recorded : undefined;
}

export function recordProcess(identity: ProcessIdentity): RecordedProcess {
  return { ...identity, bootId: bootId(), startedAt: new Date().toISOString() };
}

const adminSchema = z.object({ username: z.string(), password: z.string().min(32) });
export type RedisAdmin = z.infer<typeof adminSchema>;

function adminFile(servicesDir: string): string {
  return join(servicesDir, "redis-admin.json");
}

/** The site's administrator in the embedded Redis; undefined before the first start. */
export function readRedisAdmin(servicesDir: string): RedisAdmin | undefined {
  const text = readIfThere(adminFile(servicesDir));
  if (text === undefined) return undefined;
  const parsed = adminSchema.safeParse(parseJson(text));
  return parsed.success ? parsed.data : undefined;
}

/** Makes it if there is none. The file is the only place where the password stands. */
export function ensureRedisAdmin(servicesDir: string): RedisAdmin {
  const known = readRedisAdmin(servicesDir);
  if (known) return known;
  const admin = { username: "gridharvest", password: randomBytes(32).toString("base64url") };
  writeWhole(adminFile(servicesDir), `${JSON.stringify(admin)}\n`);
  return admin;
}

/** Makes the directory of all services: others may pass (services run as users of their own) and see nothing. */
export function makeServicesDir(servicesDir: string): void {
  mkdirSync(servicesDir, { recursive: true, mode: 0o711 });
}

export function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
