import { readFileSync } from "node:fs";

import { ConfigError } from "../../worker/contract/errors.ts";
import type { Config } from "../config-schema.ts";
import type { RedisEndpoint, Services } from "./endpoints.ts";

/** What the configuration names of the operator's own services; absent ones are embedded. */
export interface OperatorServices {
  readonly redis?: RedisEndpoint;
  readonly carbon?: Services["carbon"];
  readonly graphiteWeb?: { readonly url: string };
}

const REDIS_PORT = 6379;
const CARBON_PORT = 2003;

/**
 * Reads the operator's services out of the configuration. Asks none of them.
 * @throws ConfigError `SERVICES_CONFIG` naming the key
 */
export function operatorServices(config: Pick<Config, "services">): OperatorServices {
  const { redis, graphite } = config.services;
  if (graphite.web !== undefined && graphite.carbon === undefined) {
    throw faulty(
      "services.graphite.web",
      "is configured without services.graphite.carbon: it would not show what the embedded carbon stores",
    );
  }
  if (redis.passwordFile !== undefined && redis.url === undefined) {
    throw faulty(
      "services.redis.passwordFile",
      "is configured without services.redis.url: the embedded Redis makes its own password",
    );
  }
  return {
    ...(redis.url === undefined ? {} : { redis: redisEndpoint(redis.url, redis.passwordFile) }),
    ...(graphite.carbon === undefined ? {} : { carbon: hostAndPort("services.graphite.carbon", graphite.carbon) }),
    ...(graphite.web === undefined ? {} : { graphiteWeb: { url: webUrl(graphite.web) } }),
  };
}

function redisEndpoint(text: string, passwordFile: string | undefined): RedisEndpoint {
  const key = "services.redis.url";
  const url = parseUrl(key, text, "redis://host:6379");
  if (url.protocol !== "redis:")
    throw faulty(key, `must begin with redis:// (TLS to the site's Redis is not supported), not ${url.protocol}//`);
  if (url.password !== "")
    throw faulty(key, "must not hold a password: put it into a file and name that in services.redis.passwordFile");
  if (url.pathname.length > 1) throw faulty(key, "must not name a database: gridharvest uses database 0");
  const username = url.username === "" ? undefined : decodeURIComponent(url.username);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? REDIS_PORT : Number(url.port),
    ...(username === undefined ? {} : { username }),
    ...(passwordFile === undefined ? {} : credential(passwordFile)),
  };
}

/** `user:password` or the password alone, in one line. */
function credential(file: string): { readonly username?: string; readonly password: string } {
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new ConfigError("SERVICES_CONFIG", `services.redis.passwordFile: ${file} cannot be read`, {
      context: { file },
      cause,
    });
  }
  if (text === "" || text.includes("\n")) {
    throw faulty("services.redis.passwordFile", `${file} must hold one line: the password, or user:password`);
  }
  const at = text.indexOf(":");
  return at < 1 ? { password: text } : { username: text.slice(0, at), password: text.slice(at + 1) };
}

function webUrl(text: string): string {
  const url = parseUrl("services.graphite.web", text, "http://host:8080");
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw faulty("services.graphite.web", "must begin with http:// or https://");
  return text.replace(/\/+$/, "");
}

function hostAndPort(key: string, text: string): { readonly host: string; readonly port: number } {
  const url = parseUrl(key, `tcp://${text}`, "host:2003");
  if (url.hostname === "" || (url.pathname !== "" && url.pathname !== "/"))
    throw faulty(key, `"${text}" is not host:port`);
  return { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port: url.port === "" ? CARBON_PORT : Number(url.port) };
}

function parseUrl(key: string, text: string, example: string): URL {
  try {
    return new URL(text);
  } catch {
    throw faulty(key, `"${text}" cannot be read; write for example ${example}`);
  }
}

function faulty(key: string, what: string): ConfigError {
  return new ConfigError("SERVICES_CONFIG", `${key} ${what}`, { context: { key } });
}
