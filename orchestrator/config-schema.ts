import { z } from "zod";
import { IDS } from "../worker/contract/ids.ts";
import { DEFAULT_INDEX_PATTERN } from "../worker/contract/index-names.ts";
import { STANDARD_BANKS } from "../worker/contract/grok.ts";
import { ORDERS } from "../worker/contract/spool.ts";
import { encodingProblem } from "../worker/contract/encodings.ts";
import { CAMPAIGN_STATES } from "./campaign.ts";
import { WINDOW } from "./time-window.ts";

/**
 * The one schema of the configuration file. Strict: an unknown key is an error. Every field is
 * described with its unit; defaults are here. The commented example and the types are made from it.
 *
 * Sizes are written `8MiB`, `2GiB` or a number of bytes; durations `90s`, `5m`, `12h` or seconds.
 * Inside the program they are bytes and seconds.
 */

const UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
const SPANS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 };

/** Bytes. */
export const size = z.union([z.int().nonnegative(), z.string()]).transform((value, ctx) => {
  if (typeof value === "number") return value;
  const match = /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB)$/.exec(value);
  if (!match) {
    ctx.addIssue({ code: "custom", message: `"${value}" is not a size; write for example 8MiB or 2GiB` });
    return z.NEVER;
  }
  return Math.round(Number(match[1]) * (UNITS[match[2] ?? ""] ?? 1));
});

/** Seconds. */
export const duration = z.union([z.number().nonnegative(), z.string()]).transform((value, ctx) => {
  if (typeof value === "number") return value;
  const match = /^(\d+(?:\.\d+)?)\s*(s|m|h|d)$/.exec(value);
  if (!match) {
    ctx.addIssue({ code: "custom", message: `"${value}" is not a duration; write for example 90s, 5m or 12h` });
    return z.NEVER;
  }
  return Number(match[1]) * (SPANS[match[2] ?? ""] ?? 1);
});

const timeZone = z.string().refine(
  (zone) => {
    try {
      new Intl.DateTimeFormat("en", { timeZone: zone });
      return true;
    } catch {
      return false;
    }
  },
  { message: "not a time zone of the IANA database; write for example Europe/Prague or UTC" },
);

/** Where the year comes from that a path does not name. */
const year = z.union([z.int().min(1970).max(9998), z.string()]).transform((value, ctx) => {
  if (value === "file-date" || typeof value === "number") return value;
  // An environment variable is text.
  if (/^(?:19[7-9]|[2-8]\d|9[0-8])\d+$/.test(value) && value.length === 4) return Number(value);
  ctx.addIssue({ code: "custom", message: "not a year; write file-date, or a year such as 2013" });
  return z.NEVER;
});

const encoding = z.string().superRefine((label, ctx) => {
  const problem = encodingProblem(label);
  if (problem !== undefined) ctx.addIssue({ code: "custom", message: problem });
});

const archive = z
  .strictObject({
    root: z
      .string()
      .default("archive")
      .describe("Directory of the archive. Relative paths start at the configuration file."),
    timeZone: timeZone.default("UTC").describe("IANA time zone of the local times in the logs."),
    hostZones: z
      .array(
        z.strictObject({
          host: z.string().min(1).describe("Name or address of hosts; `*` matches any characters, `?` one."),
          timeZone: timeZone.describe("IANA time zone of their local times."),
        }),
      )
      .default([])
      .describe(
        'Hosts whose clocks show another zone than archive.timeZone, e.g. `- { host: "*.example.ca", timeZone: America/St_Johns }`. The first that fits the host that a line names counts, else the one that fits the host of its path.',
      ),
    year: year
      .prefault("file-date")
      .describe(
        "Year of files whose path names none: `file-date` takes the one that fits their modification, a year such as 2013 stands for all of them, where copying lost their dates.",
      ),
    encoding: encoding
      .optional()
      .describe(
        "Encoding of lines that are not UTF-8, e.g. iso-8859-2, windows-1250 or latin1; they get the tag _decoded. Without one such lines are kept with their bytes and count as unparsed.",
      ),
    layout: z
      .strictObject({
        prefer: z
          .enum(["both", "per-host", "per-service"])
          .default("both")
          .describe(
            "Which copy to load where lines stand both per host and per service: both, per-host or per-service. `both` loses nothing and loads the overlap twice; `plan` shows it.",
          ),
        clash: z
          .enum(["refuse", "plain", "compressed"])
          .default("refuse")
          .describe(
            "What to do with `syslog` beside `syslog.gz`: refuse the plan, or take the plain or the compressed one.",
          ),
        patterns: z
          .array(
            z.strictObject({
              path: z
                .string()
                .describe(
                  "Path below the root with {year} {month} {day} {host} {service}; `*` matches within one folder. Without a year, or a month, see archive.year.",
                ),
              service: z.string().optional().describe("Service of the files, where the path does not name it."),
              kind: z
                .enum(["per-host", "per-service"])
                .describe("Whether a file holds one host's lines or one service's."),
              encoding: encoding
                .optional()
                .describe("Encoding of their lines that are not UTF-8; else archive.encoding."),
            }),
          )
          .default([
            { path: "hosts/{year}/{month}/{host}/{service}", kind: "per-host" },
            { path: "hosts/auth/{year}/{month}/auth.log.{year}{month}{day}", service: "auth", kind: "per-service" },
            { path: "hosts/pbs/{year}/{month}/log.{year}{month}{day}", service: "pbs", kind: "per-service" },
          ])
          .describe(
            "How paths name the month; the first pattern that matches counts. Compression suffixes are taken off first.",
          ),
      })
      .prefault({})
      .describe("Where a file's month, host and service stand in its path."),
  })
  .prefault({})
  .describe("The archive of historical logs.");

const plan = z
  .strictObject({
    chunkBytes: size.prefault("8MiB").describe("Decompressed bytes of one chunk, the unit of work and of repetition."),
    indexPattern: z
      .string()
      .refine(
        (p) =>
          ["{day}", "{month}", "{revision}"].every((name) => p.includes(name)) &&
          /^[a-z0-9][a-z0-9._-]*$/.test(p.replaceAll(/\{(day|month|revision)\}/g, "x")),
        {
          message: "must contain {day}, {month} and {revision}, in lower case letters, digits, `.`, `_`, `-`",
        },
      )
      .default(DEFAULT_INDEX_PATTERN)
      .describe("Name of the daily indices."),
    revision: z.int().positive().default(1).describe("Revision of the month: a higher one is loaded beside the lower."),
    repeated: z
      .enum(["count", "expand"])
      .default("count")
      .describe(
        "What becomes of a line `last message repeated n times`: count keeps the one line with the field repeated: n, expand writes the message out n times, tagged _repeated, and every count of lines then counts them n times.",
      ),
    ids: z
      .enum(IDS)
      .default("store")
      .describe(
        "Who makes the ids of documents: the store, which costs it less; documents then carry the field @attempt, and what attempts left that were not committed is deleted before the result is saved. Or derived from file and offset: then what is sent twice is written once, and at no time stand more documents there than lines.",
      ),
  })
  .prefault({})
  .describe("What decides the result of a plan.");

/** A pipeline that stands in the configuration file itself; whoever reads the file makes it of the mapping that is written there. */
const inlinePipeline = z.strictObject({
  text: z.string(),
  file: z.string(),
  line: z.int().positive(),
  column: z.int().positive(),
});
/** A pipeline that is written in the configuration file, with its place. */
export type InlinePipeline = z.infer<typeof inlinePipeline>;

const named = (what: string) =>
  z.record(
    z.string().regex(/^[A-Za-z0-9_]+$/, { message: `not a name of ${what}; write letters, digits and _` }),
    z.string(),
  );

const pipelines = z
  .strictObject({
    services: z
      .record(
        z.string().min(1),
        z.union([z.string().min(1), inlinePipeline], {
          error: "is no pipeline; name its YAML file, or write it below, with name: and filters:",
        }),
      )
      .default({})
      .describe(
        "Pipelines of your own: service → YAML file, or the pipeline itself (`name:`, `filters:`). One for auth, pbs or syslog replaces that of the program; that of syslog is also for files of services without one.",
      ),
    patterns: z
      .array(z.string().min(1))
      .default([])
      .describe(
        "Directories of grok pattern files that pipelines may use; later ones win, and all of them over the banks.",
      ),
    definitions: named("a pattern")
      .default({})
      .describe("Grok patterns: name → expression. They win over those of files."),
    bank: z
      .enum(STANDARD_BANKS)
      .default(STANDARD_BANKS[0])
      .describe("The standard patterns that pipelines may name beside gridharvest's own."),
    databases: named("a database")
      .default({})
      .describe(
        "MaxMind databases for geoip filters: name → .mmdb file, e.g. `city: /data/GeoLite2-City.mmdb`. All nodes must see the file under this path.",
      ),
  })
  .prefault({})
  .describe("What is done with lines.");

const nodeResources = {
  cpus: z.int().positive().describe("Cores of one job."),
  memory: size.describe("Memory of one job."),
  walltime: duration.describe("Walltime of one job."),
  queue: z.string().optional().describe("Queue of the batch system; the site's default queue when absent."),
  properties: z
    .array(z.string())
    .default([])
    .describe(
      "What hosts must have, by the site's names: properties of Torque, resources (`cluster=zia`, or `big` for big=True) of OpenPBS, features of Slurm.",
    ),
  extraDirectives: z
    .array(z.string())
    .default([])
    .describe(
      "Lines of the site that are added after `#PBS `, as they are; one that begins with `#` is a line of its own, as `#SBATCH --qos=long`.",
    ),
};

const dataNodes = z
  .strictObject({
    count: z.int().positive().default(2).describe("Elasticsearch data nodes, one batch job each."),
    ...nodeResources,
    cpus: nodeResources.cpus.default(1).describe("Cores of one job."),
    memory: nodeResources.memory.prefault("3GiB").describe("Memory of one job."),
    walltime: nodeResources.walltime.prefault("12h").describe("Walltime of one job."),
    heap: size.prefault("1GiB").describe("Java heap of one data node."),
    orphanGrace: duration
      .prefault("60m")
      .describe("A data node without a sign of life from an orchestrator ends itself after this long."),
    replicas: z
      .int()
      .min(0)
      .max(1)
      .default(0)
      .describe(
        "Copies of each shard beside the first while loading. With 1 a lost data node costs nothing; without, what it held is loaded again. `plan` says what either costs.",
      ),
    onLoss: z
      .enum(["reload", "fail"])
      .default("reload")
      .describe(
        "When documents go with a data node before they are saved: `reload` their chunks into empty shards, or let the campaign `fail`.",
      ),
    lossPatience: duration
      .prefault("2m")
      .describe(
        "How long a data node that has left the cluster, and whose job still runs, may take to come back before what it held counts as lost.",
      ),
  })
  .prefault({})
  .describe("The jobs of the role es-data.");

const parsers = z
  .strictObject({
    count: z.int().positive().default(2).describe("Parser workers, one batch job each."),
    ...nodeResources,
    cpus: nodeResources.cpus.default(1).describe("Cores of one job."),
    memory: nodeResources.memory.prefault("1GiB").describe("Memory of one job."),
    walltime: nodeResources.walltime.prefault("12h").describe("Walltime of one job."),
    slots: z.int().positive().default(1).describe("Chunks that one parser works on at once."),
    unpackSlots: z
      .int()
      .positive()
      .default(1)
      .describe("Compressed files that one parser unpacks at once, beside the slots for parsing."),
    requestsInFlight: z.int().positive().default(2).describe("Bulk requests of one chunk in flight at once."),
    bulkBytes: size.prefault("4MiB").describe("Size of one bulk body."),
    orphanGrace: duration
      .prefault("5m")
      .describe("A parser without a sign of life from an orchestrator ends itself after this long."),
    lock: duration
      .prefault("30s")
      .describe("BullMQ's lock on a chunk; a killed parser's chunk is taken up again after about this long."),
  })
  .prefault({})
  .describe("The jobs of the role parser.");

/** A machine that is logged in to. */
const sshHost = {
  host: z.string().describe("Name or address."),
  port: z.int().positive().max(65_535).default(22).describe("Port of its sshd."),
  user: z.string().optional().describe("Account there; the name of the user that runs gridharvest when absent."),
  identityFile: z
    .string()
    .optional()
    .describe("Private key. Without one the agent's keys are tried, and with kind openssh the Kerberos ticket."),
  passphraseFile: z.string().optional().describe("File with the passphrase of the private key, for kind ssh."),
  agent: z
    .string()
    .optional()
    .describe("Socket of an ssh agent; that of SSH_AUTH_SOCK when there is no identityFile either."),
  hostKey: z
    .string()
    .optional()
    .describe("Fingerprint that its host key must have, SHA256:…, for kind ssh; else knownHosts must hold the key."),
  knownHosts: z
    .string()
    .default("~/.ssh/known_hosts")
    .describe("File with the host keys that are trusted. No key is trusted because it is the first one seen."),
};

const access = z
  .strictObject({
    kind: z
      .enum(["local", "ssh", "openssh"])
      .default("local")
      .describe(
        "How the commands of the batch system are run: local on this machine, ssh on a frontend, openssh likewise but through the system's ssh, for sites that want Kerberos.",
      ),
    ...sshHost,
    host: z.string().optional().describe("The frontend: name or address. Needed unless kind is local."),
    jump: z
      .array(z.strictObject(sshHost))
      .default([])
      .describe("Machines on the way to the frontend, the first one first, each with a key and a pin of its own."),
    keepAlive: duration
      .prefault("15s")
      .describe("How often a silent connection is asked for a sign of life; after three without an answer it is dead."),
    connectTimeout: duration.prefault("20s").describe("Time limit of a login, for each machine on the way."),
    sessions: z
      .int()
      .positive()
      .default(8)
      .describe(
        "Commands at once over the one connection. sshd allows 10 sessions; files and ending commands take two.",
      ),
    commandDirs: z
      .array(z.string())
      .default([])
      .describe("Directories of the frontend that are searched before the account's PATH, e.g. /opt/pbs/bin."),
    files: z
      .enum(["shared", "sftp"])
      .default("shared")
      .describe(
        "How the files of jobs get to the nodes: shared when this machine and the nodes see the same ones under the same paths, sftp when they must be copied to stagingDir on the frontend.",
      ),
    stagingDir: z
      .string()
      .optional()
      .describe(
        "Absolute path of a directory that the frontend and all nodes see, where the programs that nodes run are staged once, and with files: sftp the files of jobs. Needed with files: sftp; nodes use the programs where they stand when absent.",
      ),
    kerberos: z
      .strictObject({
        warnBefore: duration
          .prefault("30m")
          .describe("A ticket that ends earlier than this is renewed, and when that fails warned of."),
        keytab: z
          .string()
          .optional()
          .describe("File with the keys for new tickets; else the ticket is renewed while it can be."),
        principal: z.string().optional().describe("Whose tickets the keytab is for."),
      })
      .prefault({})
      .describe("The watch over the ticket that kind openssh logs in with when there is no identityFile."),
  })
  .prefault({})
  .describe("The way to the batch system.");

const batch = z
  .strictObject({
    system: z
      .enum(["local", "torque", "openpbs", "slurm", "auto"])
      .default("local")
      .describe(
        "The batch system: `local` is the embedded one for this machine; torque, openpbs (PBS Pro too), slurm (with its qsub wrappers); `auto` asks `qstat --version` which of the three it is.",
      ),
    poll: duration.prefault("5s").describe("How often jobs are looked at."),
    commandTimeout: duration.prefault("60s").describe("Time limit of one command of the batch system."),
    bootTimeout: duration
      .prefault("30m")
      .describe("How long a job may wait in the queue and boot before the campaign gives up."),
    access,
    submissionsPerMinute: z.int().positive().default(60).describe("Most jobs that a campaign submits in a minute."),
    replaceMargin: duration
      .prefault("10m")
      .describe(
        "How much earlier than measured a successor is submitted before a job's walltime ends; at most a tenth of that walltime.",
      ),
    quarantine: z
      .strictObject({
        failures: z
          .int()
          .positive()
          .default(3)
          .describe("A host on which so many jobs in a row failed soon after their start gets no more jobs."),
        within: duration.prefault("60s").describe("How soon after its start a failure counts."),
        for: duration.prefault("1h").describe("How long a host gets no more jobs."),
      })
      .prefault({})
      .describe("Hosts that fail at once."),
    breaker: z
      .strictObject({
        failures: z
          .int()
          .positive()
          .default(4)
          .describe("After so many failures in a row no more jobs of that role are submitted."),
        pause: duration.prefault("1m").describe("After this long one job is submitted to try; it doubles each time."),
        longestPause: duration.prefault("10m").describe("Longest pause between two tries."),
      })
      .prefault({})
      .describe("When submitting stops by itself."),
    local: z
      .strictObject({
        nodes: z
          .array(z.string())
          .nonempty()
          .default(["127.0.1.1", "127.0.1.2", "127.0.1.3", "127.0.1.4"])
          .describe("Execution hosts: loopback addresses."),
        slotsPerNode: z.int().positive().default(4).describe("Slots (np) of each execution host."),
        queueDelay: duration.prefault("0s").describe("Least time a job stays queued."),
      })
      .prefault({})
      .describe("The embedded batch system."),
  })
  .prefault({})
  .describe("The batch system that runs the nodes.");

const range = (what: string, least: number) =>
  z
    .strictObject({
      min: z.int().positive().default(least).describe(`Fewest ${what}.`),
      max: z.int().positive().default(16).describe(`Most ${what}.`),
    })
    .prefault({});

const autoscale = z
  .strictObject({
    target: z
      .strictObject({
        finishBy: z.iso
          .datetime({ offset: true, local: false, message: "not a time; write for example 2026-03-01T06:00:00Z" })
          .optional()
          .describe("The load shall be done by this time, e.g. 2026-03-01T06:00:00Z."),
        eventsPerSecond: z.int().positive().optional().describe("The load shall run at this many events a second."),
      })
      .prefault({})
      .describe("What the number of nodes shall follow: one of the two. Without a target nothing is changed."),
    parsers: range("parsers", 1).describe("How far the number of parsers may go."),
    dataNodes: range("data nodes", 1).describe("How far the number of data nodes may go."),
    tolerance: z
      .number()
      .positive()
      .max(1)
      .default(0.2)
      .describe(
        "By what share the rate may miss its target before nodes are added, or exceed it before they are taken away.",
      ),
    coolDown: duration
      .prefault("5m")
      .describe("Least time between two changes, counted from when all nodes of the last one work."),
  })
  .prefault({})
  .describe("Scaling by itself.");

const tuning = z
  .strictObject({
    mode: z
      .enum(["auto", "fixed"])
      .default("auto")
      .describe(
        "auto: parsers.bulkBytes and parsers.requestsInFlight are where it begins, and the orchestrator looks for what is fastest while it loads; fixed: they stay.",
      ),
    bulkBytes: z
      .strictObject({
        min: size.prefault("64KiB").describe("Smallest bulk body that it may set."),
        max: size.prefault("8MiB").describe("Largest bulk body that it may set."),
      })
      .prefault({})
      .describe("How far the size of bulk bodies may go."),
    requestsInFlight: z
      .strictObject({
        min: z.int().positive().default(1).describe("Fewest requests of one parser in flight at once."),
        max: z.int().positive().default(16).describe("Most requests of one parser in flight at once."),
      })
      .prefault({})
      .describe("How far the number of bulk requests of one parser may go."),
    inFlightBytes: size
      .optional()
      .describe(
        "Most bytes of bulk bodies that one parser may have in flight at once, an eighth of parsers.memory when absent; its memory needs about three times as much.",
      ),
  })
  .prefault({})
  .describe("The search for the bulk size and the number of requests with which the load is fastest.");

const network = z
  .strictObject({
    provider: z
      .enum(["loopback", "namespaces", "site"])
      .default("loopback")
      .describe(
        "How nodes reach each other and the gateway: `loopback` addresses of this machine, network `namespaces` of this machine, or the private network of the `site`. With the last two the orchestrator reaches everything through the proxy.",
      ),
    gatewayAddress: z.string().default("127.0.0.1").describe("Address of the gateway host on the nodes' network."),
    outsideAddress: z
      .string()
      .optional()
      .describe("Address at which orchestrator and operators reach the proxy; network.gatewayAddress when absent."),
    range: z
      .string()
      .optional()
      .describe(
        "CIDR of the nodes' network, e.g. 10.20.0.0/16: a node is certified for its one address in it. When absent, the address that the name of its execution host resolves to.",
      ),
    gateway: z
      .strictObject({
        placement: z
          .enum(["local", "namespace", "command"])
          .default("local")
          .describe(
            "Where proxy, master and embedded services are started: on this machine, in a network namespace of it (network.namespaces.gateway), or through network.gateway.command.",
          ),
        command: z
          .array(z.string())
          .default([])
          .describe(
            'Words before every command for the gateway host, e.g. ["ssh", "gw"]. The host must see the same files at the same paths.',
          ),
      })
      .prefault({})
      .describe("Where the gateway's programs run."),
    namespaces: z
      .strictObject({
        gateway: z.string().optional().describe("Network namespace (of `ip netns`) of the gateway's programs."),
      })
      .prefault({})
      .describe("Network namespaces of this machine."),
  })
  .prefault({})
  .describe("The nodes' private network.");

const elasticsearch = z
  .strictObject({
    home: z
      .string()
      .optional()
      .describe("An Elasticsearch 8.19 distribution to use (else ES_HOME, else the tarball, else Maven Central)."),
    tarball: z
      .strictObject({
        file: z.string().describe("Path of the official tar.gz."),
        sha512: z.string().describe("Its published SHA-512."),
      })
      .optional()
      .describe("An official tarball, checked and unpacked once."),
    javaHome: z.string().optional().describe("Java 17 or newer (else ES_JAVA_HOME, JAVA_HOME, the system's)."),
    masterHeap: size.prefault("512MiB").describe("Java heap of the master on the gateway host."),
    index: z
      .strictObject({
        mode: z
          .enum(["standard", "logsdb"])
          .default("standard")
          .describe(
            "Elasticsearch's index.mode: logsdb sorts documents by host and time and keeps them smaller, for more CPU.",
          ),
        source: z
          .enum(["stored", "synthetic"])
          .default("stored")
          .describe(
            "How the document itself is kept: stored as it was sent, or synthetic, made of its fields again: smaller, but then times have milliseconds and numbers their field's form. Elastic's full distribution does that with an Enterprise licence only.",
          ),
        codec: z
          .enum(["default", "best_compression"])
          .default("best_compression")
          .describe("Elasticsearch's index.codec: how what is stored is compressed."),
      })
      .prefault({})
      .describe("How indices keep documents; `plan --compare-mappings` measures what each choice costs."),
    javaOptions: z
      .array(z.string().regex(/^-[^\n]*$/, "begins with -, on one line"))
      .default([])
      .describe("Options of the Java of master and data nodes, behind gridharvest's own in jvm.options."),
    runAsUid: z
      .int()
      .positive()
      .default(20119)
      .describe(
        "User id (and group id) that Elasticsearch and haproxy run as when gridharvest runs as root; needs no passwd entry.",
      ),
  })
  .prefault({})
  .describe("The Elasticsearch runtime.");

const services = z
  .strictObject({
    redis: z
      .strictObject({
        url: z.string().optional().describe("redis://host:port of the site's Redis; embedded when absent."),
        passwordFile: z.string().optional().describe("File with `user:password` or the password."),
      })
      .prefault({})
      .describe("One Redis serves all campaigns of a site."),
    graphite: z
      .strictObject({
        carbon: z.string().optional().describe("host:port of carbon's plaintext listener; embedded when absent."),
        web: z.string().optional().describe("URL of graphite-web; embedded when absent."),
      })
      .prefault({})
      .describe("Where metrics go and are looked at."),
    runAsUid: z
      .int()
      .positive()
      .default(20120)
      .describe(
        "User id (and group id) that the embedded services run as when gridharvest runs as root; needs no passwd entry.",
      ),
  })
  .prefault({})
  .describe("Services that outlive campaigns.");

const notify = z
  .strictObject({
    on: z
      .array(z.enum(CAMPAIGN_STATES))
      .default(["serving", "held", "done", "failed", "cancelled"])
      .describe("States that are told when a campaign gets into them."),
    webhook: z
      .strictObject({
        url: z.string().describe("http(s)://… that gets each change of state as a POST of JSON."),
        headersFile: z
          .string()
          .optional()
          .describe("File with headers to send, a line `Name: value` for each; the place for what is secret."),
      })
      .optional()
      .describe("Tells a program."),
    mail: z
      .strictObject({
        to: z.array(z.string()).nonempty().describe("Who gets the mails."),
        from: z.string().describe("Whose name they bear."),
        sendmail: z
          .string()
          .optional()
          .describe("Program that takes a mail as sendmail does; the system's sendmail when absent."),
      })
      .optional()
      .describe("Tells people."),
  })
  .prefault({})
  .describe("Who is told when a campaign changes its state: nobody without a webhook and a mail.");

export const configSchema = z.strictObject({
  stateDir: z
    .string()
    .optional()
    .describe(
      "Everything that gridharvest keeps stands below this directory. Default: /var/lib/gridharvest as root, else ~/.local/state/gridharvest.",
    ),
  archive,
  plan,
  pipelines,
  dataNodes,
  parsers,
  batch,
  autoscale,
  tuning,
  network,
  elasticsearch,
  services,
  staging: z
    .strictObject({
      dir: z
        .string()
        .optional()
        .describe("Shared directory for blocks of unpacked files; in the campaign directory when absent."),
      limit: size.prefault("512MiB").describe("Most bytes of staged blocks at once."),
    })
    .prefault({})
    .describe("Staging space of compressed files."),
  snapshot: z
    .strictObject({
      repository: z
        .string()
        .optional()
        .describe("Shared directory of the snapshot repository; <stateDir>/snapshots when absent."),
    })
    .prefault({})
    .describe("Where the result is saved."),
  finish: z
    .enum(["snapshot", "keep"])
    .default("snapshot")
    .describe("After the load: save a snapshot and tear down, or save it and keep the cluster up."),
  keepFor: duration.prefault("4h").describe("How long `finish: keep` serves before it tears down."),
  serving: z
    .strictObject({
      replicas: z
        .int()
        .nonnegative()
        .max(5)
        .default(1)
        .describe(
          "Copies of each index beside the first while a cluster serves, as many as there are further data nodes. Without any, what a lost data node held is restored from the snapshot.",
        ),
      alias: z
        .string()
        .refine((a) => a.includes("{month}") && /^[a-z0-9][a-z0-9._-]*$/.test(a.replaceAll("{month}", "x")), {
          message: "must contain {month}, in lower case letters, digits, `.`, `_`, `-`",
        })
        .default("logs-{month}")
        .describe("Alias by which a month is searched, whichever revision of it is to be read."),
      keepRevisions: z
        .int()
        .positive()
        .default(2)
        .describe("Revisions of a month that stay when another one takes its place, that one among them."),
      segments: z
        .int()
        .nonnegative()
        .max(100)
        .default(0)
        .describe(
          "After the load each shard is merged into at most so many segments before it is saved, for faster searches; 1 takes longest. 0 leaves them as they are.",
        ),
      readOnly: z
        .boolean()
        .default(false)
        .describe("Whether the indices stay closed for writing after the load, also for operators."),
    })
    .prefault({})
    .describe("A cluster that serves searches, one of a campaign or a permanent one."),
  limits: z
    .strictObject({
      eventsPerSecond: z
        .int()
        .nonnegative()
        .default(0)
        .describe("Most events a second of the whole campaign; 0 = no limit."),
      bytesPerSecond: size.prefault(0).describe("Most bytes a second of the whole campaign; 0 = no limit."),
      window: z
        .string()
        .regex(WINDOW, { message: "is no time of day; write for example 22:00-06:00" })
        .optional()
        .describe(
          "Time of day in which it loads, e.g. 22:00-06:00; outside of it the load is paused. All day when absent.",
        ),
      timeZone: timeZone.optional().describe("IANA time zone of limits.window; that of this machine when absent."),
      order: z
        .enum(ORDERS)
        .default("spread")
        .describe(
          "What is loaded first: spread over all days, so that all daily indices and with them all data nodes work at once, or the oldest or the newest, by the day that the file's path names.",
        ),
      weight: z
        .number()
        .positive()
        .max(1000)
        .default(1)
        .describe("Of the campaign, when limits.site is divided among those that load at the same time."),
      site: z
        .strictObject({
          eventsPerSecond: z.int().nonnegative().default(0).describe("Most events a second; 0 = no limit."),
          bytesPerSecond: size.prefault(0).describe("Most bytes a second; 0 = no limit."),
        })
        .prefault({})
        .describe(
          "What all campaigns of the site, those of its Redis, may load together: each that loads has its part by its weight. The same in every campaign's configuration.",
        ),
    })
    .prefault({})
    .describe("How fast it may load, when, and in which order."),
  budget: z
    .strictObject({
      nodeHours: z
        .number()
        .positive()
        .describe(
          "Node-hours of a campaign, those of running nodes up to now included, after which nothing more is submitted. Nodes that run go on until their walltime.",
        ),
    })
    .optional()
    .describe("What a campaign may cost; as much as it takes when absent."),
  notify,
  metrics: z
    .strictObject({
      prefix: z
        .string()
        .regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/)
        .default("gridharvest")
        .describe("First part of every metric path."),
      interval: duration.prefault("5s").describe("How often metrics are sent."),
    })
    .prefault({})
    .describe("Graphite metrics."),
});

/** The configuration with all defaults, sizes in bytes, durations in seconds. */
export type Config = z.output<typeof configSchema>;
