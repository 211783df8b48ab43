import { z } from "zod";
import { nodeSpecSchema } from "./node.ts";

/**
 * What the node agent and the parser process that it forks say to each other, over the IPC channel
 * of `fork`. The channel carries the secrets, so that none stands in an argument or the environment.
 *
 * The agent sends `start` once, first. The parser answers `ready` when it takes chunks, then `status` every
 * few seconds. `drain` lets it finish what it works on; `stop` gives its chunks back to the spool
 * at once; both end in `drained` and exit code 0. A closed channel (the agent died) means `stop`.
 * `failed` says why it cannot go on; exit code 1 follows.
 */
export const parserStartSchema = z.strictObject({
  type: z.literal("start"),
  /** The job's `node.json`; `spec.parser` must be there. */
  spec: nodeSpecSchema,
  /** Redis as this node reaches it: through the proxy, with the agent's own client certificate. */
  redis: z.strictObject({
    host: z.string(),
    port: z.int(),
    username: z.string().optional(),
    password: z.string().optional(),
    /** PEM texts; absent only where Redis is reached without the proxy. */
    tls: z
      .strictObject({
        authority: z.string(),
        certificate: z.string(),
        key: z.string(),
        /** Name to check the server's certificate against, when it is not the host. */
        servername: z.string().optional(),
      })
      .optional(),
  }),
  /** The credential that can only create documents. Absent where Elasticsearch has no security. */
  loader: z.strictObject({ username: z.string(), password: z.string() }).optional(),
  /** PEM of the authority of Elasticsearch's HTTP certificates. */
  httpAuthority: z.string().optional(),
  /** The agent's plaintext listener for metrics; absent = metrics are not sent. */
  relay: z.strictObject({ host: z.string(), port: z.int() }).optional(),
  /** The address of this node: a part of its metric paths. */
  address: z.string(),
});
export type ParserStart = z.infer<typeof parserStartSchema>;

/** Agent → parser. */
export const parserCommandSchema = z.discriminatedUnion("type", [
  parserStartSchema,
  z.strictObject({ type: z.literal("drain") }),
  z.strictObject({ type: z.literal("stop") }),
]);
export type ParserCommand = z.infer<typeof parserCommandSchema>;

/** Parser → agent. */
export const parserReportSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("ready"), pid: z.int() }),
  z.strictObject({
    type: z.literal("status"),
    state: z.enum(["running", "draining"]),
    /** Chunks and compressed files in work. */
    chunks: z.int(),
    unpacks: z.int(),
    /** Chunks committed and lines read by this process so far. */
    chunksDone: z.int(),
    linesRead: z.int(),
    rssBytes: z.number(),
    /** Why nothing moves, when something outside must be mended (no data node, a refused credential). */
    problem: z.string().optional(),
  }),
  z.strictObject({ type: z.literal("drained") }),
  z.strictObject({ type: z.literal("failed"), code: z.string(), message: z.string() }),
]);
export type ParserReport = z.infer<typeof parserReportSchema>;
