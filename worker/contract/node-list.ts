import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import type { CampaignKeys } from "./keys.ts";

/**
 * The list of registered nodes, and the version of its data nodes: a word that changes with each write that may concern them, in the same
 * step. Parsers, of which there may be hundreds, look at the word each second and read the list when it is another one. Words are random:
 * a Redis that lost its memory gives out none that somebody knows already.
 */

/** Lua: `changes(text)`, whether a registration that comes or goes may change where parsers send to. */
export const NODES_VERSION = `
local function changes(text)
  if not text then return false end
  local ok, node = pcall(cjson.decode, text)
  return not ok or type(node) ~= 'table' or node['role'] ~= 'parser'
end`;

const REGISTER = `${NODES_VERSION}
local before = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if changes(before) or changes(ARGV[2]) then redis.call('SET', KEYS[2], ARGV[3]) end`;

const WITHDRAW = `${NODES_VERSION}
if changes(redis.call('HGET', KEYS[1], ARGV[1])) then redis.call('SET', KEYS[2], ARGV[2]) end
redis.call('HDEL', KEYS[1], ARGV[1])`;

type Lists = Pick<CampaignKeys, "nodes" | "nodesVersion">;

/** A version that no list has had. */
export function newVersion(): string {
  return randomUUID();
}

/** @param registration JSON `NodeRegistration` */
export async function registerNode(redis: Redis, keys: Lists, jobName: string, registration: string): Promise<void> {
  await redis.eval(REGISTER, 2, keys.nodes, keys.nodesVersion, jobName, registration, newVersion());
}

/** Any number of times. */
export async function withdrawNode(redis: Redis, keys: Lists, jobName: string): Promise<void> {
  await redis.eval(WITHDRAW, 2, keys.nodes, keys.nodesVersion, jobName, newVersion());
}
