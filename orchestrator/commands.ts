import type { Redis } from "ioredis";
import { z } from "zod";
import { GridError } from "../worker/contract/errors.ts";
import { parseJson } from "../worker/contract/json.ts";
import type { CampaignKeys } from "../worker/contract/keys.ts";
import { ORDERS } from "../worker/contract/spool.ts";
import { WINDOW } from "./time-window.ts";

/**
 * What the command line asks of a living orchestrator. A Redis stream: each command is taken up once, by whoever
 * owns the campaign (its id goes to the journal first), and answered in a hash.
 */
export const commandSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("pause") }),
  z.strictObject({ kind: z.literal("resume") }),
  z.strictObject({ kind: z.literal("cancel") }),
  z.strictObject({ kind: z.literal("teardown") }),
  z.strictObject({ kind: z.literal("verify") }),
  z.strictObject({
    kind: z.literal("scale"),
    dataNodes: z.int().positive().optional(),
    parsers: z.int().positive().optional(),
  }),
  z.strictObject({ kind: z.literal("budget"), nodeHours: z.number().positive().nullable() }),
  /** What `verify --repair` is about to mend. */
  z.strictObject({
    kind: z.literal("repair"),
    /** The first thousand of them. */
    chunks: z.array(z.string()),
    /** Chunks, and files with documents outside of theirs. */
    places: z.int(),
    missing: z.int(),
    extra: z.int(),
    altered: z.int(),
  }),
  /** What it has done, and in how many places documents still differ. */
  z.strictObject({
    kind: z.literal("repaired"),
    created: z.int(),
    replaced: z.int(),
    deleted: z.int(),
    left: z.int(),
  }),
  /** Load rejected documents again. */
  z.strictObject({
    kind: z.literal("replay"),
    /** Hash: the campaign's own, or one of the rules in its directory `replays`. */
    pipeline: z.string(),
    /** Of files that the pipeline of this service reads; absent: of all. */
    service: z.string().optional(),
  }),
  z.strictObject({
    kind: z.literal("limit"),
    eventsPerSecond: z.int().nonnegative().optional(),
    bytesPerSecond: z.int().nonnegative().optional(),
    window: z.string().regex(WINDOW).nullable().optional(),
    order: z.enum(ORDERS).optional(),
    weight: z.number().positive().optional(),
  }),
  /** Serve until another time, milliseconds since 1970. */
  z.strictObject({ kind: z.literal("extend"), until: z.int() }),
]);
export type Command = z.infer<typeof commandSchema>;

export interface CommandReply {
  readonly ok: boolean;
  readonly text: string;
}

export interface ReceivedCommand {
  readonly id: string;
  readonly command: Command;
}

/** Commands after `lastId`, in order. Does not wait. */
export async function receiveCommands(redis: Redis, keys: CampaignKeys, lastId: string): Promise<ReceivedCommand[]> {
  const entries = await redis.xrange(keys.commands, `(${lastId}`, "+");
  const commands: ReceivedCommand[] = [];
  for (const [id, fields] of entries) {
    const parsed = commandSchema.safeParse(parseJson(fields[1]));
    if (parsed.success) commands.push({ id, command: parsed.data });
  }
  return commands;
}

export async function replyTo(redis: Redis, keys: CampaignKeys, id: string, reply: CommandReply): Promise<void> {
  await redis.hset(keys.replies, id, JSON.stringify(reply));
}

/**
 * Sends a command and waits for its answer.
 * @throws GridError `ORCHESTRATOR_GONE` when no orchestrator is alive, `COMMAND_UNANSWERED` after the time limit,
 *   `COMMAND_REFUSED` when the orchestrator says no
 */
export async function sendCommand(
  redis: Redis,
  keys: CampaignKeys,
  command: Command,
  signal: AbortSignal,
  timeoutMs = 30_000,
): Promise<CommandReply> {
  if ((await redis.exists(keys.alive)) === 0) {
    throw new GridError(
      "ORCHESTRATOR_GONE",
      "no orchestrator of this campaign is alive; take it over with `gridharvest adopt ID`",
    );
  }
  const id = await redis.xadd(keys.commands, "*", "command", JSON.stringify(command));
  if (id === null) throw new GridError("COMMAND_UNANSWERED", "Redis did not take the command");
  const until = Date.now() + timeoutMs;
  while (Date.now() < until) {
    signal.throwIfAborted();
    const answer = await redis.hget(keys.replies, id);
    if (answer !== null) {
      const reply = JSON.parse(answer) as CommandReply;
      if (!reply.ok) throw new GridError("COMMAND_REFUSED", reply.text);
      return reply;
    }
    // Who ends quickly takes its keys with it, the answer included.
    if ((await redis.exists(keys.commands)) === 0) return { ok: true, text: "the campaign has ended" };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new GridError(
    "COMMAND_UNANSWERED",
    `the orchestrator did not answer within ${String(timeoutMs / 1000)} s; it will still do what it was told. Look at its log: gridharvest logs ID`,
    { retryable: true },
  );
}
