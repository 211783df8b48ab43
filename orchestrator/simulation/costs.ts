import { z } from "zod";

/**
 * What things cost, for the simulator. Seconds, bytes and microseconds of CPU, as the names say. Defaults of parsing, storing and Redis were measured
 * on one machine, others are what such grids usually have; each says what it is. Whoever knows better writes those that differ into a JSON file, or
 * names a campaign that has finished.
 */
const positive = (value: number, about: string) => z.number().positive().default(value).describe(about);
const least0 = (value: number, about: string) => z.number().nonnegative().default(value).describe(about);

const perRole = (dataNode: number, parser: number, about: string) =>
  z
    .strictObject({ dataNode: z.number().nonnegative(), parser: z.number().nonnegative() })
    .default({ dataNode, parser })
    .describe(about);

const warmUp = (factor: number, seconds: number, about: string) =>
  z
    .strictObject({ factor: z.number().min(1), seconds: z.number().nonnegative() })
    .default({ factor, seconds })
    .describe(`how much dearer cold code is, and the CPU after which that has fallen to 1/e: ${about}`);

export const costsSchema = z.strictObject({
  lineBytes: positive(128, "bytes of a line, its end included: the sample archive's"),
  documentsPerLine: least0(1, "documents of a line: lines that are dropped have none"),
  bodyBytesPerByte: positive(2.4, "bytes of a bulk body for each byte of lines"),
  gzipRatio: positive(10, "bytes of lines for each byte of a compressed file"),

  parseMicrosPerLine: positive(2.3, "CPU of parsing a line with all default stages: npm run bench -- parse"),
  sendMicrosPerDocument: least0(
    0.5,
    "CPU of a parser for a document beside parsing it, bulk bodies, TLS, HTTP: npm run bench -- ingest",
  ),
  parserWarmUp: warmUp(30, 1.2, "a parser, of the CPU that it uses from its first chunk on"),
  parserMicrosPerChunk: least0(
    1_700,
    "CPU of a parser for a chunk beside its lines: taking it, opening its file, committing it; of two loads of the same lines in 139 and in 815 chunks",
  ),
  unpackMicrosPerMiB: least0(8_000, "CPU of unpacking, for a MiB that comes out"),

  storeMicrosPerDocument: positive(
    19,
    "CPU of a warm data node for a document, lean mapping, ids by the store: npm run bench -- ingest",
  ),
  storeMicrosPerRequest: least0(500, "CPU of a data node for one bulk request to one shard, documents apart"),
  storeWarmUp: warmUp(4.5, 8, "a data node, of the CPU that it uses for documents"),
  indexBytesPerDocument: positive(120, "bytes on disk of a document: the sample's"),
  indexDocuments: positive(30_000, "documents of an index in which that was seen; in smaller ones each takes more"),
  indexSegments: positive(1, "segments of such an index"),

  archiveBytesPerSecond: positive(1e9, "what the archive's file system gives to all parsers together"),
  nodeBytesPerSecond: positive(110e6, "network of one node: 1 Gbit/s"),
  gatewayBytesPerSecond: positive(110e6, "network of the gateway host: 1 Gbit/s"),
  moveBytesPerSecond: positive(40e6, "shards that leave a data node, Elasticsearch's default of 40 MB/s for recovery"),
  moveSecondsPerShard: least0(1, "what each shard costs beyond its bytes when it moves"),
  snapshotBytesPerSecond: positive(40e6, "one data node writing its part of a snapshot: Elasticsearch's default"),

  launchSeconds: least0(5, "from launch to the first qsub"),
  qsubSeconds: least0(0.3, "one qsub"),
  queueWaitSeconds: perRole(0, 0, "mean wait of a job in the queue"),
  bootSeconds: perRole(30, 5, "from the start of a job to a node that works"),
  joinSeconds: least0(0.02, "the orchestrator certifying one agent"),
  gatewaySeconds: least0(15, "until proxy and master work"),
  indexSeconds: least0(0.1, "creating one index; eight are created at once"),
  spoolMicrosPerChunk: least0(100, "putting one chunk into the spool"),
  finishSeconds: least0(8, "draining parsers, revoking, reconciling, exporting"),
  verifySecondsPerIndex: least0(0.55, "restoring one index out of the snapshot and counting it"),
  teardownSeconds: least0(2, "ending the cluster"),

  redisMicrosPerChunk: least0(
    1000,
    "Redis's only thread for one chunk, from being taken to being committed, its syncs included",
  ),
  redisMicrosPerCommand: least0(15, "Redis's only thread for one heartbeat, or one look at keys"),
  redisMicrosPerRegistration: least0(
    0.2,
    "Redis's only thread for one entry when a parser reads the list of data nodes",
  ),
  registrationBytes: least0(210, "bytes of one such entry"),
  roundTripSeconds: least0(0.001, "one answer of Redis or Elasticsearch over the network, apart from the work"),

  overheadCores: least0(
    0.3,
    "cores that orchestrator, master, proxy and services take of a machine that all nodes share",
  ),
  spread: least0(0.1, "how far all costs together vary from run to run, as the spread of a logarithm"),
  nodeSpread: least0(0.05, "how far they vary from node to node"),
});

/** What things cost. */
export type Costs = z.output<typeof costsSchema>;

/** Where nothing was measured. */
export const DEFAULT_COSTS: Costs = costsSchema.parse({});
