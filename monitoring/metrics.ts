/**
 * The one table of metrics. A row is all that a metric is: its name, unit, who reports it, how an interval's
 * values become one point, and the panels that show it. The dashboards are generated from it, the meter's types
 * are made of it, and a test compares table and dashboards both ways.
 *
 * Path of a metric: `<prefix>.<campaign>.<role>.<host>.<subject>.<measure>`.
 */

/** The processes that report, as the third part of a path names them. `agent` stands for the whole process tree of a batch job. */
export type MetricRole = "orchestrator" | "es-data" | "parser" | "agent";

/**
 * How the values of one interval become its point.
 *
 * - `count`: what happened is added up and sent as a **rate per second** over the interval, so that a point
 *   means the same at every retention and averaging (what Whisper and the renderer do) keeps it right.
 *   The total is Σ rate × interval.
 * - `last`: a level; the newest value, repeated until there is a newer one.
 * - `mean`, `max`: over the values of the interval; nothing is sent when there was none.
 */
export type MetricKind = "count" | "last" | "mean" | "max";

interface MetricRow {
  readonly kind: MetricKind;
  /** Unit of the points: for a count that is per second. */
  readonly unit: string;
  readonly roles: readonly MetricRole[];
  /** Never empty: a metric that nobody sees is not worth sending. */
  readonly panels: readonly PanelName[];
  /** Name of its line where a panel shows several metrics. */
  readonly label: string;
  /** Each point above 0 is drawn as a vertical line: what happens now and then. */
  readonly marks?: true;
  readonly description: string;
}

interface PanelRow {
  readonly dashboard: DashboardName;
  readonly title: string;
  readonly unit: string;
  /**
   * `total`: one line for each metric, over all hosts (counts and levels are summed, means averaged, maxima maximised).
   * `by-host`: one line for each host. `by-role`: one for each role.
   */
  readonly lines: "total" | "by-host" | "by-role";
  /** The panel shows its metrics divided by this one (summed), times `scale`. */
  readonly per?: { readonly metric: string; readonly scale: number };
  /** `binary` for bytes. Default `si`. */
  readonly unitSystem?: "si" | "binary";
}

/** The two dashboards: how far a campaign is, and where its time goes. */
export const DASHBOARDS = {
  campaign: { description: "How far a campaign is: throughput, outcomes, spool, jobs, documents." },
  tuning: { description: "Where its time goes: parsers, bulk requests, data nodes, processes." },
} as const;
export type DashboardName = keyof typeof DASHBOARDS;

/** Panels in the order in which they are shown. */
export const PANELS = {
  throughput: { dashboard: "campaign", title: "Throughput of all parsers", unit: "events/s", lines: "total" },
  outcomes: { dashboard: "campaign", title: "Lines and documents apart", unit: "events/s", lines: "total" },
  volume: { dashboard: "campaign", title: "Volume", unit: "B/s", lines: "total", unitSystem: "binary" },
  "parse-queue": { dashboard: "campaign", title: "Chunks in the spool", unit: "chunks", lines: "total" },
  "unpack-queue": { dashboard: "campaign", title: "Compressed files in the spool", unit: "files", lines: "total" },
  jobs: { dashboard: "campaign", title: "Batch jobs by state", unit: "jobs", lines: "total" },
  staging: { dashboard: "campaign", title: "Staged blocks", unit: "B", lines: "total", unitSystem: "binary" },
  documents: { dashboard: "campaign", title: "Documents in the cluster", unit: "documents", lines: "total" },
  "store-bytes": {
    dashboard: "campaign",
    title: "Size of the indices",
    unit: "B",
    lines: "by-host",
    unitSystem: "binary",
  },
  "read-by-parser": { dashboard: "tuning", title: "Lines read by parser", unit: "lines/s", lines: "by-host" },
  tuner: { dashboard: "tuning", title: "Documents, and the tuner's decisions", unit: "documents/s", lines: "total" },
  "in-flight": {
    dashboard: "tuning",
    title: "Bulk requests that one parser may have in flight",
    unit: "requests",
    lines: "total",
  },
  "parse-cost": {
    dashboard: "tuning",
    title: "Parsing: CPU per line",
    unit: "µs/line",
    lines: "total",
    per: { metric: "lines.read", scale: 1 },
  },
  "process-cost": {
    dashboard: "tuning",
    title: "Whole process: CPU per indexed document",
    unit: "µs/document",
    lines: "by-role",
    per: { metric: "documents.indexed", scale: 1e6 },
  },
  cpu: { dashboard: "tuning", title: "CPU by role", unit: "cores", lines: "by-role" },
  memory: {
    dashboard: "tuning",
    title: "Resident memory by role",
    unit: "B",
    lines: "by-role",
    unitSystem: "binary",
  },
  "bulk-latency": { dashboard: "tuning", title: "Bulk latency", unit: "ms", lines: "total" },
  "bulk-size": {
    dashboard: "tuning",
    title: "Bulk size",
    unit: "B",
    lines: "total",
    unitSystem: "binary",
  },
  "bulk-requests": { dashboard: "tuning", title: "Bulk requests", unit: "requests/s", lines: "total" },
  "indexing-by-node": {
    dashboard: "tuning",
    title: "Indexing by data node",
    unit: "documents/s",
    lines: "by-host",
  },
  "indexing-time": {
    dashboard: "tuning",
    title: "Where the data nodes' time goes",
    unit: "s/s",
    lines: "total",
  },
  heap: { dashboard: "tuning", title: "Java heap by data node", unit: "%", lines: "by-host" },
  merges: { dashboard: "tuning", title: "Running merges by data node", unit: "merges", lines: "by-host" },
  "write-queue": { dashboard: "tuning", title: "Write thread pools", unit: "requests", lines: "total" },
  points: { dashboard: "tuning", title: "Metric points lost", unit: "points/s", lines: "total" },
} as const satisfies Record<string, PanelRow>;
export type PanelName = keyof typeof PANELS;

const QUEUE_STATES = "of the queue, as BullMQ counts it";

/** The metrics, by `<subject>.<measure>`. */
export const METRICS = {
  // Parsers: what became of the lines.
  "lines.read": {
    kind: "count",
    unit: "lines/s",
    roles: ["parser"],
    panels: ["throughput", "read-by-parser"],
    label: "lines read",
    description: "Lines that chunks own, as they are framed.",
  },
  "lines.parsed": {
    kind: "count",
    unit: "lines/s",
    roles: ["parser"],
    panels: ["throughput"],
    label: "lines parsed",
    description: "Lines that became a document, understood or not.",
  },
  "documents.indexed": {
    kind: "count",
    unit: "documents/s",
    roles: ["parser"],
    panels: ["throughput", "tuner"],
    label: "documents indexed",
    description: "Documents that a bulk request created.",
  },
  "documents.duplicate": {
    kind: "count",
    unit: "documents/s",
    roles: ["parser"],
    panels: ["outcomes"],
    label: "duplicate",
    description: "Documents that an earlier attempt had created (409).",
  },
  "documents.rejected": {
    kind: "count",
    unit: "documents/s",
    roles: ["parser"],
    panels: ["outcomes"],
    label: "rejected",
    description: "Documents that Elasticsearch refused for good.",
  },
  "documents.retried": {
    kind: "count",
    unit: "documents/s",
    roles: ["parser"],
    panels: ["outcomes"],
    label: "retried",
    description: "Documents sent again after a refusal that passes (429, 5xx, a lost connection).",
  },
  "lines.dropped": {
    kind: "count",
    unit: "lines/s",
    roles: ["parser"],
    panels: ["outcomes"],
    label: "dropped",
    description: "Lines left out on purpose.",
  },
  "lines.unparsed": {
    kind: "count",
    unit: "lines/s",
    roles: ["parser"],
    panels: ["outcomes"],
    label: "unparsed",
    description: "Lines stored without having been understood.",
  },
  "lines.bytes": {
    kind: "count",
    unit: "B/s",
    roles: ["parser"],
    panels: ["volume"],
    label: "lines read",
    description: "Bytes of the lines read, after decompression, line ends included.",
  },
  "unpack.bytes": {
    kind: "count",
    unit: "B/s",
    roles: ["parser"],
    panels: ["volume"],
    label: "unpacked",
    description: "Bytes that came out of compressed files.",
  },
  "unpack.staged": {
    kind: "count",
    unit: "B/s",
    roles: ["parser"],
    panels: ["volume"],
    label: "written to staging",
    description: "Bytes of blocks written to the staging space.",
  },
  "bulk.bytes": {
    kind: "count",
    unit: "B/s",
    roles: ["parser"],
    panels: ["volume"],
    label: "bulk bodies",
    description: "Bytes of bulk bodies sent, repetitions included.",
  },
  "parse.cpu": {
    kind: "count",
    unit: "µs/s",
    roles: ["parser"],
    panels: ["parse-cost"],
    label: "parsing",
    description: "CPU microseconds of framing, parsing, filtering and encoding, as the pipeline's threads measure it.",
  },

  // Parsers: bulk requests.
  "bulk.latency": {
    kind: "mean",
    unit: "ms",
    roles: ["parser"],
    panels: ["bulk-latency"],
    label: "mean",
    description: "Time from sending a bulk request to the end of its response, mean of the interval.",
  },
  "bulk.slowest": {
    kind: "max",
    unit: "ms",
    roles: ["parser"],
    panels: ["bulk-latency"],
    label: "slowest",
    description: "The same, of the interval's slowest request.",
  },
  "bulk.size": {
    kind: "mean",
    unit: "B",
    roles: ["parser"],
    panels: ["bulk-size"],
    label: "mean",
    description: "Size of a bulk body, mean of the interval.",
  },
  "bulk.requests": {
    kind: "count",
    unit: "requests/s",
    roles: ["parser"],
    panels: ["bulk-requests"],
    label: "requests",
    description: "Bulk requests that got a response.",
  },
  "bulk.throttled": {
    kind: "count",
    unit: "requests/s",
    roles: ["parser"],
    panels: ["bulk-requests"],
    label: "with a 429",
    description: "Responses that said 429, for the request or for one of its documents.",
  },
  "bulk.failed": {
    kind: "count",
    unit: "requests/s",
    roles: ["parser"],
    panels: ["bulk-requests"],
    label: "failed",
    description: "Requests that ended in a 5xx, a timeout or a lost connection.",
  },

  // Orchestrator: spool, jobs, staging.
  "parse-queue.waiting": level("chunks", "parse-queue", "waiting", `Chunks waiting ${QUEUE_STATES}.`),
  "parse-queue.active": level("chunks", "parse-queue", "active", `Chunks active ${QUEUE_STATES}.`),
  "parse-queue.completed": level("chunks", "parse-queue", "completed", `Chunks completed ${QUEUE_STATES}.`),
  "parse-queue.failed": level("chunks", "parse-queue", "failed", `Chunks failed ${QUEUE_STATES}.`),
  "parse-queue.delayed": level("chunks", "parse-queue", "delayed", `Chunks delayed ${QUEUE_STATES}.`),
  "parse-queue.reloaded": level(
    "chunks",
    "parse-queue",
    "loaded again",
    "Chunks put back so far because documents of theirs went with a data node, or might have while they were in work.",
  ),
  "unpack-queue.waiting": level("files", "unpack-queue", "waiting", `Compressed files waiting ${QUEUE_STATES}.`),
  "unpack-queue.active": level("files", "unpack-queue", "active", `Compressed files active ${QUEUE_STATES}.`),
  "unpack-queue.completed": level("files", "unpack-queue", "completed", `Compressed files completed ${QUEUE_STATES}.`),
  "unpack-queue.failed": level("files", "unpack-queue", "failed", `Compressed files failed ${QUEUE_STATES}.`),
  "unpack-queue.delayed": level("files", "unpack-queue", "delayed", `Compressed files delayed ${QUEUE_STATES}.`),
  "jobs.queued": level("jobs", "jobs", "queued", "Batch jobs that wait for a node."),
  "jobs.held": level("jobs", "jobs", "held", "Batch jobs that are held."),
  "jobs.running": level("jobs", "jobs", "running", "Batch jobs that run."),
  "jobs.exiting": level("jobs", "jobs", "exiting", "Batch jobs that are ending."),
  "jobs.finished": level("jobs", "jobs", "finished", "Batch jobs that have ended."),
  "staging.bytes": level("B", "staging", "in use", "Bytes of staged blocks in the staging space."),

  // The tuner.
  "tuning.requests": level(
    "requests",
    "in-flight",
    "allowed",
    "Bulk requests that each parser may have in flight at once.",
  ),
  "tuning.bulk-size": level("B", "bulk-size", "allowed", "Size of a bulk body that each parser fills."),
  "tuning.decisions": {
    kind: "count",
    unit: "decisions/s",
    roles: ["orchestrator"],
    panels: ["tuner"],
    label: "decisions",
    marks: true,
    description: "Changes of the budgets; what and why stands in graphite-web's events and in the journal.",
  },

  // Data nodes, from Elasticsearch's node statistics.
  "store.documents": nodeLevel(
    "documents",
    "documents",
    "documents",
    "Documents in the node's shards, deleted ones not counted.",
  ),
  "store.bytes": nodeLevel("B", "store-bytes", "bytes", "Bytes of the node's shards."),
  "indexing.documents": nodeCount("documents/s", "indexing-by-node", "indexed", "Documents indexed by the node."),
  "indexing.time": nodeCount("s/s", "indexing-time", "indexing", "Seconds of indexing, over all threads."),
  "indexing.throttled": nodeCount(
    "s/s",
    "indexing-time",
    "throttled",
    "Seconds in which indexing was throttled because merges fell behind.",
  ),
  "merges.time": nodeCount("s/s", "indexing-time", "merging", "Seconds of merging, over all threads."),
  "gc.time": nodeCount("s/s", "indexing-time", "collecting garbage", "Seconds of garbage collection."),
  "merges.current": nodeLevel("merges", "merges", "running", "Merges that run."),
  "heap.percent": nodeLevel("%", "heap", "used", "Java heap in use."),
  "write-pool.queue": nodeLevel("requests", "write-queue", "queued", "Bulk items waiting for a write thread."),
  "write-pool.active": nodeLevel("requests", "write-queue", "active", "Write threads at work."),

  // Every process of ours.
  "process.cpu": {
    kind: "count",
    unit: "cores",
    roles: ["orchestrator", "es-data", "parser", "agent"],
    panels: ["cpu", "process-cost"],
    label: "CPU",
    description: "CPU seconds per second: of the process, for `agent` of the whole process tree of the job.",
  },
  "process.rss": {
    kind: "last",
    unit: "B",
    roles: ["orchestrator", "parser", "agent"],
    panels: ["memory"],
    label: "resident",
    description: "Resident bytes: of the process, for `agent` of the whole process tree of the job.",
  },
  "points.dropped": {
    kind: "count",
    unit: "points/s",
    roles: ["orchestrator", "es-data", "parser", "agent"],
    panels: ["points"],
    label: "dropped, buffer full",
    description: "Metric points that were dropped because carbon was away for too long.",
  },
  "points.invalid": {
    kind: "count",
    unit: "points/s",
    roles: ["orchestrator", "es-data", "parser", "agent"],
    panels: ["points"],
    label: "not a number",
    description: "Metric values that were no finite number and were not sent.",
  },
} as const satisfies Record<`${string}.${string}`, MetricRow>;

export type MetricName = keyof typeof METRICS;

type RolesOf<N extends MetricName> = (typeof METRICS)[N]["roles"][number];

/** Metrics that a process of role `R` counts. */
export type CountName<R extends MetricRole = MetricRole> = {
  [N in MetricName]: (typeof METRICS)[N]["kind"] extends "count"
    ? [Extract<RolesOf<N>, R>] extends [never]
      ? never
      : N
    : never;
}[MetricName];

/** Metrics of role `R` that are values: levels, means and maxima. */
export type GaugeName<R extends MetricRole = MetricRole> = {
  [N in MetricName]: (typeof METRICS)[N]["kind"] extends "count"
    ? never
    : [Extract<RolesOf<N>, R>] extends [never]
      ? never
      : N;
}[MetricName];

function level<P extends PanelName>(unit: string, panel: P, label: string, description: string) {
  return { kind: "last", unit, roles: ["orchestrator"], panels: [panel], label, description } as const;
}

function nodeLevel<P extends PanelName>(unit: string, panel: P, label: string, description: string) {
  return { kind: "last", unit, roles: ["es-data"], panels: [panel], label, description } as const;
}

function nodeCount<P extends PanelName>(unit: string, panel: P, label: string, description: string) {
  return { kind: "count", unit, roles: ["es-data"], panels: [panel], label, description } as const;
}
