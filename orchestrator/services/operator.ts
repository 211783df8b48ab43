import { readFileSync } from "node:fs";

import { ConfigError } from "../../worker/contract/errors.ts";
import type { ConfigProblem } from "../config-checks.ts";
import type { Config } from "../config-schema.ts";
import type { RedisEndpoint, Services } from "./endpoints.ts";

/** What of the configuration the services depend on. */
export type ServicesConfig = Pick<Config, "services" | "metrics">;

/** What the configuration names of the operator's own services; absent ones are embedded. */
export interface OperatorServices {
  readonly redis?: RedisEndpoint;
  readonly carbon?: Services["carbon"];
  readonly graphiteWeb?: { readonly url: string };
}

const REDIS_PORT = 6379;
const CARBON_PORT = 2003;

/** What is wrong with the operator's services in a configuration. Pure: asks none of them and reads no file. */
export function operatorProblems(config: Pick<Config, "services">): readonly ConfigProblem[] {
  const { redis, graphite } = config.services;
  const problems: ConfigProblem[] = [];
  const check = (sound: boolean, path: string, problem: string): void => {
    if (!sound) problems.push({ path: `services.${path}`, problem });
  };
  if (redis.url !== undefined) {
    const url = parseUrl(redis.url);
    const known = ["redis:", "rediss:"].includes(url?.protocol ?? "") && url?.hostname !== "";
    check(known, "redis.url", "is not a Redis address; write redis://host:port");
    check(url?.protocol !== "rediss:", "redis.url", "asks for TLS, which is not supported; write redis://host:port");
    check((url?.password ?? "") === "", "redis.url", "holds a password; put it into a file, redis.passwordFile");
    check((url?.pathname.length ?? 0) <= 1, "redis.url", "names a database; take it out, gridharvest uses database 0");
  }
  check(
    redis.passwordFile === undefined || redis.url !== undefined,
    "redis.passwordFile",
    "is there without services.redis.url; take it out, the embedded Redis makes its own password",
  );
  if (graphite.carbon !== undefined) {
    const url = parseUrl(`tcp://${graphite.carbon}`);
    const sound = url !== undefined && url.hostname !== "" && (url.pathname === "" || url.pathname === "/");
    check(sound, "graphite.carbon", "is not host:port; write for example graphite:2003");
  }
  if (graphite.web !== undefined) {
    const protocol = parseUrl(graphite.web)?.protocol ?? "";
    check(["http:", "https:"].includes(protocol), "graphite.web", "is not an address; write http://host:port");
  }
  check(
    graphite.web === undefined || graphite.carbon !== undefined,
    "graphite.web",
    "is there without services.graphite.carbon; set both or none, it would not show what the embedded carbon stores",
  );
  return problems;
}

/**
 * Reads the operator's services out of the configuration. Asks none of them.
 * @throws ConfigError `SERVICES_CONFIG` naming the key
 */
export function operatorServices(config: Pick<Config, "services">): OperatorServices {
  const [first] = operatorProblems(config);
  if (first) throw faulty(first.path, first.problem);
  const { redis, graphite } = config.services;
  return {
    ...(redis.url === undefined ? {} : { redis: redisEndpoint(new URL(redis.url), redis.passwordFile) }),
    ...(graphite.carbon === undefined ? {} : { carbon: hostAndPort(new URL(`tcp://${graphite.carbon}`)) }),
    ...(graphite.web === undefined ? {} : { graphiteWeb: { url: graphite.web.replace(/\/+$/, "") } }),
  };
}

function redisEndpoint(url: URL, passwordFile: string | undefined): RedisEndpoint {
  const username = url.username === "" ? undefined : decodeURIComponent(url.username);
  return {
    host: bareHost(url),
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

function hostAndPort(url: URL): { readonly host: string; readonly port: number } {
  return { host: bareHost(url), port: url.port === "" ? CARBON_PORT : Number(url.port) };
}

/** An IPv6 address stands in brackets in a URL. */
function bareHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function faulty(key: string, what: string): ConfigError {
  return new ConfigError("SERVICES_CONFIG", `${key} ${what}`, { context: { key } });
}
