import { configSchema } from "../../orchestrator/config-schema.ts";
import type { JournalEntry, JournalRecord } from "../../orchestrator/journal.ts";
import { createJobKeeper, type JobKeeper } from "../../orchestrator/jobs/keeper.ts";
import type { JobPolicy } from "../../orchestrator/jobs/policy.ts";
import type { StoreSight } from "../../orchestrator/jobs/steer.ts";
import type { JobWorld } from "../../orchestrator/jobs/world.ts";
import type { Log } from "../../orchestrator/log.ts";
import { applyRecord, liveJobs, viewOf, type CampaignView } from "../../orchestrator/view.ts";
import type { JobSpec, JobStatus } from "../../pbs/batch-system.ts";
import { BackfillError, GridError } from "../../worker/contract/errors.ts";
import { AGENT_EXITS } from "../../worker/contract/agent-exits.ts";
import type { Heartbeat, NodeRegistration } from "../../worker/contract/node.ts";
import type { NodeRole } from "../../worker/contract/keys.ts";
import { walltimeMargins } from "../../worker/contract/walltime.ts";

/**
 * A whole grid on a clock that the test sets: a batch server with its queue, nodes with their agents, a cluster that moves
 * shards, and an orchestrator that can die between any two of its steps. The job keeper is the real one; the journal,
 * the server, the nodes and the cluster survive it.
 */
export const SIMULATED_POLICY: JobPolicy = {
  walltimeSeconds: { "es-data": 1200, parser: 1200 },
  marginSeconds: 600,
  submissionsPerMinute: 30,
  cost: configSchema.parse({}),
  quarantine: { failures: 3, withinSeconds: 60, forSeconds: 900 },
  breaker: { failures: 4, pauseSeconds: 30, longestPauseSeconds: 120 },
  commandSeconds: 30,
  silentStartSeconds: 300,
  orphanGraceSeconds: { "es-data": 3600, parser: 300 },
};

const SHARDS = 12;
const BOOT_MS: Readonly<Record<NodeRole, number>> = { "es-data": 25_000, parser: 5_000 };
const BEAT_TTL_MS = 9_000;
const TAG = "simul";

interface SimulatedJob {
  readonly id: string;
  readonly name: string;
  readonly role: NodeRole;
  state: "queued" | "running" | "finished";
  eligibleAt: number;
  startedAt?: number;
  restarts: number;
  exit?: number;
  /** Deleted while its node is dead: the server takes a minute to give it up. */
  dyingUntil?: number;
  host: string;
}

/** An agent and what it runs, one for each life of a job. */
interface SimulatedNode {
  readonly job: SimulatedJob;
  readonly instance: string;
  readonly bornAt: number;
  claimed: boolean;
  certified: boolean;
  up: boolean;
  alive: boolean;
  deadAt: number;
  drainingAt?: number;
}

class Crashed extends Error {}

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

export type Submitting = "well" | "answer-lost" | "never-arrived" | "late" | "too-late" | "refused" | "no-server";

export class SimulatedGrid {
  now = 1_700_000_000_000;
  /** How the next submissions go. */
  submitting: Submitting = "well";
  serverAway = false;
  /** It was just restarted and has not read its jobs yet: it answers, and knows nobody. */
  serverForgets = false;
  storeAway = false;
  /** Jobs of this role have no host that they may go to. */
  placeless: NodeRole | undefined;
  /** Agents cannot be heard: the proxy is away. */
  agentsSilent = false;
  queueDelayMs = 5_000;
  /** Hosts where every job fails at once. */
  readonly badHosts = new Set<string>();
  /** Further steps until the orchestrator dies; undefined for never. */
  crashIn: number | undefined;

  readonly jobs = new Map<string, SimulatedJob>();
  readonly records: JournalRecord[] = [];
  readonly submissions = new Map<string, number>();
  readonly leases = new Map<string, string>();
  /** Shards that were lost with a node that the orchestrator itself ended. */
  shardsThrownAway = 0;
  /** Shards that went with a node at its walltime. */
  shardsOutlived = 0;
  crashes = 0;

  #nodes: SimulatedNode[] = [];
  readonly #claims = new Map<string, string>();
  readonly #drains = new Set<string>();
  readonly #late: { readonly at: number; readonly spec: JobSpec }[] = [];
  /** By the instance of the node that holds it; undefined while it stands nowhere. */
  readonly #shards: (string | undefined)[] = Array.from({ length: SHARDS }, () => undefined);
  #excluded = new Set<string>();
  #sequence = 0;
  #dead = false;
  #keeper: JobKeeper;
  view: CampaignView;
  readonly #hosts = ["n1", "n2", "n3", "n4", "n5", "n6"];
  readonly #policy: JobPolicy;

  constructor(policy: JobPolicy = SIMULATED_POLICY) {
    this.#policy = policy;
    this.view = viewOf([]);
    this.#append({ type: "created", campaign: "c", plan: "p" });
    this.#append({ type: "transition", event: "start", from: "planned", to: "booting" });
    this.#append({ type: "target", dataNodes: 2, parsers: 2 });
    this.#append({ type: "transition", event: "booted", from: "booting", to: "running" });
    this.#keeper = this.#newKeeper();
  }

  /** Data nodes that may get no shards now. */
  get excluded(): ReadonlySet<string> {
    return this.#excluded;
  }

  setTargets(dataNodes: number, parsers: number): void {
    this.#append({ type: "target", dataNodes, parsers, reason: "test" });
  }

  /** Lets the time pass and the orchestrator do one round; one that died is followed by another. */
  async tick(ms: number): Promise<void> {
    this.now += ms;
    this.#server();
    this.#nodesLive();
    this.#cluster(ms);
    try {
      this.#certify();
      await this.#keeper.round();
    } catch (error) {
      // Whatever it made of its own death.
      if (!this.#dead && !(error instanceof BackfillError && error.retryable)) throw error;
    }
    if (this.#dead) {
      this.#dead = false;
      this.crashIn = undefined;
      this.crashes += 1;
      this.view = viewOf(this.records);
      this.#keeper = this.#newKeeper();
    }
  }

  /** A running job's node dies; the batch server does not notice. */
  killNode(which: number): void {
    const alive = this.#nodes.filter((node) => node.alive);
    const node = alive[which % Math.max(1, alive.length)];
    if (node) this.#die(node);
  }

  /** Somebody else deletes a job. */
  deleteJob(which: number): void {
    const listed = [...this.jobs.values()].filter((job) => job.state !== "finished");
    const job = listed[which % Math.max(1, listed.length)];
    if (job) this.#finish(job, 271);
  }

  /** The batch system takes a running job back and will run it again. */
  requeue(which: number): void {
    const running = [...this.jobs.values()].filter((job) => job.state === "running");
    const job = running[which % Math.max(1, running.length)];
    if (!job) return;
    for (const node of this.#nodes) if (node.job === job) this.#die(node);
    job.state = "queued";
    job.restarts += 1;
    job.eligibleAt = this.now + 60_000;
    delete job.startedAt;
  }

  /** Everything works again. */
  calm(): void {
    this.submitting = "well";
    this.serverAway = false;
    this.serverForgets = false;
    this.storeAway = false;
    this.placeless = undefined;
    this.agentsSilent = false;
    this.badHosts.clear();
    this.crashIn = undefined;
  }

  /** Nodes that work. */
  working(role: NodeRole): number {
    return this.#nodes.filter((node) => node.alive && node.up && node.job.role === role).length;
  }

  get shardsAssigned(): number {
    return this.#shards.filter((holder) => holder !== undefined).length;
  }

  /** Jobs that the server has not finished, by name. */
  listed(): readonly SimulatedJob[] {
    return [...this.jobs.values()].filter((job) => job.state !== "finished");
  }

  #append(entry: JournalEntry): void {
    const record = { ...entry, seq: this.records.length + 1, at: this.now, epoch: 1 } as JournalRecord;
    this.records.push(record);
    applyRecord(this.view, record);
  }

  /** Each step of the orchestrator outside of itself can be its last, before it is done or after. */
  async #step<T>(does: () => T): Promise<T> {
    await Promise.resolve();
    if (this.#dead) throw new Crashed();
    if (this.crashIn !== undefined && this.crashIn <= 0) {
      this.#dead = true;
      throw new Crashed();
    }
    if (this.crashIn !== undefined) this.crashIn -= 1;
    const result = does();
    if (this.crashIn !== undefined && this.crashIn <= 0) {
      this.#dead = true;
      throw new Crashed();
    }
    if (this.crashIn !== undefined) this.crashIn -= 1;
    return result;
  }

  #newKeeper(): JobKeeper {
    const { view } = this;
    const step = <T>(does: () => T): Promise<T> => this.#step(does);
    const server = <T>(does: () => T): Promise<T> =>
      step(() => {
        if (this.serverAway) throw new GridError("QSTAT_FAILED", "no server", { retryable: true });
        return does();
      });
    const world: JobWorld = {
      tag: TAG,
      view,
      policy: this.#policy,
      log: SILENT,
      signal: new AbortController().signal,
      now: () => this.now,
      decide: (entry) => step(() => this.#append(entry)),
      ready: () => true,
      files: {
        write: ({ name, role }, excludeHosts) =>
          step(() => {
            if (role === this.placeless) throw new GridError("HOSTS_EXCLUDED", "no host", { retryable: true });
            return { ...SPEC, name, excludeHosts };
          }),
        exitStatus: (job) => step(() => this.#exitFile(job.jobId)),
        forgetExit: () => step(() => undefined),
        lastWords: () => step(() => "nothing"),
      },
      batch: {
        submit: (spec) => step(() => this.#submit(spec)),
        status: (ids) =>
          server(() => {
            const found = new Map<string, JobStatus>();
            for (const id of ids) {
              const job = this.jobs.get(id);
              if (job && !this.serverForgets) found.set(id, statusOf(job));
            }
            return found;
          }),
        list: () => server(() => (this.serverForgets ? [] : [...this.jobs.values()].map(statusOf))),
        cancel: (id) => server(() => this.#cancel(id)),
      },
      agents: {
        registrations: () => step(() => this.#registrations()),
        heartbeats: () => step(() => this.#heartbeats()),
        lease: (job, jobId) => step(() => void this.leases.set(job.name, jobId)),
        askToDrain: (name) => step(() => void this.#drains.add(name)),
        withdraw: () => step(() => undefined),
        forgetLife: (name, instance) =>
          step(() => {
            const claim = this.#claims.get(name);
            const holder = this.#nodes.find((node) => node.instance === claim);
            if (claim === instance || (instance === undefined && !holder?.alive)) this.#claims.delete(name);
          }),
      },
      store: (excluded) =>
        step(() => {
          if (this.storeAway) throw new GridError("GATEWAY_DOWN", "no cluster", { retryable: true });
          this.#excluded = new Set(excluded);
          return this.#sight();
        }),
    };
    return createJobKeeper(world);
  }

  #submit(spec: JobSpec): string {
    this.submissions.set(spec.name, (this.submissions.get(spec.name) ?? 0) + 1);
    const unanswered = (): never => {
      throw new GridError("QSUB_UNANSWERED", "no answer", { retryable: true });
    };
    if (this.serverAway || this.submitting === "no-server") {
      throw new GridError("QSUB_REFUSED", "no server", { retryable: true });
    }
    switch (this.submitting) {
      case "well":
        return this.#queue(spec).id;
      case "answer-lost":
        this.#queue(spec);
        return unanswered();
      case "never-arrived":
        return unanswered();
      case "late":
        this.#late.push({ at: this.now + this.#policy.commandSeconds * 1000, spec });
        return unanswered();
      case "too-late":
        // Longer after its time limit than anybody waits for it.
        this.#late.push({ at: this.now + this.#policy.commandSeconds * 5000, spec });
        return unanswered();
      case "refused":
        throw new GridError("QSUB_REFUSED", "exceeds the limits of the queue");
    }
  }

  #queue(spec: JobSpec): SimulatedJob {
    const id = `${String(++this.#sequence)}.server`;
    const excluded = new Set(spec.excludeHosts ?? []);
    const hosts = this.#hosts.filter((host) => !excluded.has(host));
    const job: SimulatedJob = {
      id,
      name: spec.name,
      role: spec.name.includes("-d") ? "es-data" : "parser",
      state: "queued",
      eligibleAt: this.now + this.queueDelayMs,
      restarts: 0,
      host: hosts[this.#sequence % Math.max(1, hosts.length)] ?? "n1",
    };
    this.jobs.set(id, job);
    return job;
  }

  #cancel(id: string): void {
    const job = this.jobs.get(id);
    if (!job || job.state === "finished") return;
    const node = this.#nodes.find((one) => one.job === job && one.alive);
    const dead = job.state === "running" && !node;
    if (dead) job.dyingUntil ??= this.now + 70_000;
    else {
      if (node?.up && job.role === "es-data") this.shardsThrownAway += this.#heldBy(node);
      this.#finish(job, 271);
    }
  }

  #finish(job: SimulatedJob, exit: number): void {
    for (const node of this.#nodes) if (node.job === job) this.#die(node);
    job.state = "finished";
    job.exit = exit;
  }

  #die(node: SimulatedNode): void {
    if (!node.alive) return;
    node.alive = false;
    node.deadAt = this.now;
    this.#shards.forEach((holder, i) => {
      if (holder === node.instance) this.#shards[i] = undefined;
    });
  }

  #server(): void {
    for (const { at, spec } of this.#late.splice(0)) {
      if (at <= this.now) this.#queue(spec);
      else this.#late.push({ at, spec });
    }
    for (const job of this.jobs.values()) {
      if (job.dyingUntil !== undefined && this.now >= job.dyingUntil) this.#finish(job, 271);
      if (job.state !== "queued" || this.now < job.eligibleAt) continue;
      job.state = "running";
      job.startedAt = this.now;
      if (this.badHosts.has(job.host)) {
        this.#finish(job, 1);
        continue;
      }
      this.#nodes.push({
        job,
        instance: `${job.id}/${String(job.restarts)}`,
        bornAt: this.now,
        claimed: false,
        certified: false,
        up: false,
        alive: true,
        deadAt: 0,
      });
    }
  }

  #nodesLive(): void {
    for (const node of this.#nodes) {
      if (!node.alive) continue;
      const { job } = node;
      const end = node.bornAt + this.#policy.walltimeSeconds[job.role] * 1000;
      const { drain, stop } = walltimeMargins(this.#policy.walltimeSeconds[job.role]);
      const over = this.now >= end - (job.role === "parser" ? drain : stop) * 1000;
      if (over) {
        this.shardsOutlived += this.#heldBy(node);
        this.#finish(job, AGENT_EXITS.walltime);
        continue;
      }
      const holder = this.#claims.get(job.name);
      if (!node.claimed && (holder === undefined || holder === node.instance)) {
        this.#claims.set(job.name, node.instance);
        node.claimed = true;
      } else if (!node.claimed) {
        const beating = this.#nodes.some((one) => one.instance === holder && this.#isHeard(one));
        if (beating || this.now - node.bornAt > 120_000) this.#finish(job, AGENT_EXITS["second-agent"]);
        continue;
      }
      if (node.certified && this.now - node.bornAt >= BOOT_MS[job.role]) node.up = true;
      if (!this.#drains.has(job.name)) continue;
      node.drainingAt ??= this.now;
      if (job.role === "es-data") {
        this.shardsThrownAway += this.#heldBy(node);
        this.#finish(job, 0);
      } else if (this.now - node.drainingAt >= 10_000) this.#finish(job, 0);
    }
  }

  /** Shards find a place, and leave nodes that are excluded, one every two seconds. */
  #cluster(ms: number): void {
    const members = this.#nodes.filter((node) => node.alive && node.up && node.job.role === "es-data");
    const open = members.filter((node) => !this.#excluded.has(node.job.name));
    const emptiest = (): SimulatedNode | undefined => [...open].sort((a, b) => this.#heldBy(a) - this.#heldBy(b))[0];
    this.#shards.forEach((holder, i) => {
      if (holder === undefined) this.#shards[i] = emptiest()?.instance;
    });
    for (let moves = Math.floor(ms / 2000); moves > 0; moves--) {
      const leaving = members.find((node) => this.#excluded.has(node.job.name) && this.#heldBy(node) > 0);
      const target = emptiest();
      const fullest = [...open].sort((a, b) => this.#heldBy(b) - this.#heldBy(a))[0];
      const source =
        leaving ?? (fullest && target && this.#heldBy(fullest) - this.#heldBy(target) > 1 ? fullest : undefined);
      if (!source || !target) return;
      this.#shards[this.#shards.indexOf(source.instance)] = target.instance;
    }
  }

  #heldBy(node: SimulatedNode): number {
    return this.#shards.filter((holder) => holder === node.instance).length;
  }

  #sight(): StoreSight {
    const nodes = new Map<string, { shards: number; bytes: number }>();
    for (const node of this.#nodes) {
      if (!node.alive || !node.up || node.job.role !== "es-data") continue;
      const shards = this.#heldBy(node);
      nodes.set(node.job.name, { shards, bytes: shards * 2 ** 20 });
    }
    return { nodes, excluded: this.#excluded, primariesAssigned: this.shardsAssigned === SHARDS };
  }

  /** What the orchestrator's other part does: certificates for the agent that has the name. */
  #certify(): void {
    for (const node of this.#nodes) {
      const job = this.view.jobs.get(node.job.name);
      if (!node.alive || !node.claimed || node.certified || !job || job.ended || job.lost || job.cancelled) continue;
      if (job.jobId !== node.job.id) continue;
      this.#append({ type: "certified", jobName: job.name, address: node.job.host, instance: node.instance });
      node.certified = true;
    }
  }

  #isHeard(node: SimulatedNode): boolean {
    return node.claimed && !this.agentsSilent && (node.alive || this.now - node.deadAt < BEAT_TTL_MS);
  }

  #heartbeats(): ReadonlyMap<string, Heartbeat> {
    const beats = new Map<string, Heartbeat>();
    const live = new Set(liveJobs(this.view).map((job) => job.name));
    for (const node of this.#nodes) {
      const { name } = node.job;
      if (!live.has(name) || !this.#isHeard(node)) continue;
      beats.set(name, {
        jobName: name,
        instance: node.instance,
        state: node.up ? "running" : "starting",
        at: this.now,
        rssBytes: 1,
        cpuSeconds: 1,
      });
    }
    return beats;
  }

  #registrations(): ReadonlyMap<string, NodeRegistration> {
    const map = new Map<string, NodeRegistration>();
    for (const node of this.#nodes) {
      const { name, role, host } = node.job;
      if (!node.alive || !node.up) continue;
      map.set(name, { jobName: name, role, instance: node.instance, address: host, pid: 1, startedAt: node.bornAt });
    }
    return map;
  }

  /** The file of a job whose script ended by itself. */
  #exitFile(id: string | undefined): number | undefined {
    const job = id === undefined ? undefined : this.jobs.get(id);
    return job?.state === "finished" && job.exit !== 271 ? job.exit : undefined;
  }
}

const SPEC: JobSpec = {
  name: "",
  cpus: 1,
  memoryBytes: 1,
  walltimeSeconds: 1200,
  outputFile: "o",
  errorFile: "e",
  scriptFile: "s",
  extraDirectives: [],
};

function statusOf(job: SimulatedJob): JobStatus {
  return {
    id: job.id,
    name: job.name,
    state: job.state,
    rawState: { queued: "Q", running: "R", finished: "C" }[job.state],
    hosts: job.state === "queued" ? [] : [job.host],
    restarts: job.restarts,
    ...(job.startedAt === undefined ? {} : { startedAt: job.startedAt }),
    ...(job.exit === undefined ? {} : { exitStatus: job.exit }),
  };
}
