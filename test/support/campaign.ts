import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@elastic/elasticsearch";
import { Redis } from "ioredis";
import { expect } from "vitest";
import { stringify } from "yaml";
import { accessOf } from "../../orchestrator/access.ts";
import { loadCampaign } from "../../orchestrator/campaign-store.ts";
import { isFinal, type CampaignState } from "../../orchestrator/campaign.ts";
import { loadConfig, type ResolvedConfig } from "../../orchestrator/config.ts";
import { CommandLine, type CallResult } from "../../orchestrator/demo/command-line.ts";
import { readJournal } from "../../orchestrator/journal.ts";
import { totalOf } from "../../orchestrator/ledger.ts";
import { readLedger } from "../../orchestrator/ledger-export.ts";
import { readManifest } from "../../orchestrator/proof/manifest.ts";
import type { Report } from "../../orchestrator/report.ts";
import { writeSample, type Manifest } from "../../orchestrator/sample/index.ts";
import { commandLine } from "../../orchestrator/runtimes/index.ts";
import { readServices, redisOptions } from "../../orchestrator/services/index.ts";
import { readRecord, readRedisAdmin } from "../../orchestrator/services/record.ts";
import { statePaths } from "../../orchestrator/paths.ts";
import { campaignStatus, listCampaigns, readReport, type CampaignStatus } from "../../orchestrator/status.ts";
import { viewOf, type CampaignView } from "../../orchestrator/view.ts";
import type { BatchSystem } from "../../pbs/batch-system.ts";
import { createBatchSystem } from "../../pbs/index.ts";
import { campaignKeys } from "../../worker/contract/keys.ts";
import type { LedgerRow } from "../../worker/contract/ledger.ts";
import type { ProcessIdentity } from "../../worker/contract/process.ts";
import { mergeSettings, type Settings } from "../../orchestrator/settings.ts";
import { comparePairs, type PairComparison } from "./compare-pairs.ts";
import { QUICK_JAVA } from "./quick-java.ts";
import { snapshotName } from "../../orchestrator/snapshot-name.ts";
import { rawFile } from "./raw-file.ts";
import { waitFor } from "./wait-for.ts";

/** A site with an archive of its own, on which tests launch real campaigns through the real command line. */
export interface TestSite {
  readonly stateDir: string;
  readonly manifest: Manifest;
  readonly archive: string;
  /** Calls the command line with `--json`. */
  call(...words: readonly string[]): Promise<CallResult>;
  /** Calls it without, for what people read. @returns what it printed */
  read(...words: readonly string[]): Promise<string>;
  /** Launches and leaves; `settings` are `path=value` above the configuration. @returns the campaign's id */
  launch(name: string, settings?: readonly string[], words?: readonly string[]): Promise<string>;
  status(id: string): Promise<CampaignStatus>;
  until(id: string, ...states: readonly CampaignState[]): Promise<CampaignStatus>;
  /** Waits until so many chunks are committed. */
  untilChunks(id: string, done: number): Promise<CampaignStatus>;
  view(id: string): Promise<CampaignView>;
  orchestrator(id: string): ProcessIdentity;
  /** Starts one more orchestrator, whatever there is, and waits for its end. */
  orchestrate(id: string): Promise<CallResult>;
  redis(): Promise<Redis>;
  /** Lets the rest of the load go as fast as it can. */
  unleash(id: string): void;
  /** Gives a command to the site's Redis as its administrator. @returns the lines of the answer */
  tellRedis(...words: readonly string[]): string[];
  /** The embedded batch system, of a site that uses it. */
  batch(): Promise<BatchSystem>;
  /** Names of all jobs that the batch system ever had of the campaign, once for each job. */
  jobNames(id: string): Promise<string[]>;
  /** A read-only client through the campaign's proxy. */
  reader(id: string): Promise<Client>;
  /** Documents of the campaign, counted by an operator through the proxy. */
  documents(id: string): Promise<number>;
  /** How many documents each data node that is there has indexed, by job name. */
  indexedBy(id: string): Promise<ReadonlyMap<string, number>>;
  /** What Redis still holds of a campaign: keys and users. */
  leftInRedis(id: string): string[];
  /**
   * The campaign serves: what it says, what the ledger says and what stands in Elasticsearch are what the archive holds: the sample, and `further`
   * lines of the test's own.
   * Then it is torn down, and nothing of it is left.
   */
  conclude(
    id: string,
    expected?: { readonly rejected?: number; readonly further?: number },
  ): Promise<{ report: Report; rows: LedgerRow[] }>;
  /** Nothing of an ended campaign is left in the batch system, in Redis or on the disk. */
  expectNothingLeft(id: string): Promise<void>;
  /** Ends every campaign that a failed test left. */
  endAll(): Promise<void>;
  down(): Promise<void>;
}

const PATIENCE = { timeoutMs: 400_000, everyMs: 250 };

const SEARCH = join(import.meta.dirname, "search.ts");
const EXPORT_PAIRS = join(import.meta.dirname, "export-pairs.ts");
const RECOMPUTE = join(import.meta.dirname, "recompute-manifest.py");

/** Settings of `TestSite.launch`: who makes the ids of documents. */
export const STORE_IDS = "plan.ids=store";
export const DERIVED_IDS = "plan.ids=derived";

/** What distinguishes one site from another. */
export interface SiteOptions {
  readonly lines?: number;
  /** Where its archive is made, instead of below its directory. */
  readonly archive?: string;
  /** Added to the configuration, above what it says otherwise. */
  readonly settings?: Settings;
  /** Words before every command, e.g. those that enter a network namespace. */
  readonly prefix?: readonly string[];
  /** Words before a program that reaches the site's Redis. */
  readonly besideRedis?: readonly string[];
}

export async function makeSite(dir: string, options: SiteOptions = {}): Promise<TestSite> {
  const { lines = 20_000, archive = join(dir, "archive"), settings = {}, prefix = [], besideRedis = [] } = options;
  const stateDir = join(dir, "state");
  mkdirSync(stateDir);
  const manifest = await writeSample({ month: "2013-01", lines, seed: 7, dir: archive, hosts: 12 });
  const configFile = join(dir, "site.yaml");
  const usual = {
    stateDir,
    archive: { root: archive },
    plan: { chunkBytes: "64KiB" },
    batch: { poll: "1s" },
    dataNodes: { count: 1, heap: "512MiB", memory: "2GiB" },
    parsers: { count: 1, lock: "4s" },
    elasticsearch: { masterHeap: "384MiB", javaOptions: QUICK_JAVA },
    limits: { eventsPerSecond: 1500 },
    finish: "keep",
    metrics: { interval: "2s" },
  };
  writeFileSync(configFile, stringify(mergeSettings(usual, settings)));
  const cli = new CommandLine(configFile, join(dir, "cli.log"), prefix);
  const resolved: ResolvedConfig = await loadConfig({ file: configFile, env: {} });
  const never = new AbortController().signal;
  const call = (...words: readonly string[]): Promise<CallResult> => cli.call(words, never);
  const ok = async (...words: readonly string[]): Promise<CallResult> => {
    const result = await call(...words);
    if (result.code !== 0)
      throw new Error(`gridharvest ${words.join(" ")}: exit ${String(result.code)}\n${result.stderr}`);
    return result;
  };
  const status = (id: string): Promise<CampaignStatus> => campaignStatus(stateDir, id);
  const pathsOf = async (id: string) => (await loadCampaign(stateDir, id)).paths;
  /** Asks Elasticsearch as an operator does, from where the operator is. @returns what the program printed */
  const ask = async (program: string, id: string, what: string): Promise<string> => {
    const file = join((await pathsOf(id)).secrets, "access.json");
    const [command = "", ...words] = [...prefix, process.execPath, program, file, what];
    return execFileSync(command, words, { encoding: "utf8", maxBuffer: 2 ** 28 });
  };
  const search = async <T>(id: string, path: string): Promise<T> => JSON.parse(await ask(SEARCH, id, path)) as T;

  /** The raw file of each file of the campaign's manifest. */
  const rawFiles = async (id: string): Promise<readonly (readonly [identity: string, file: string])[]> => {
    const { files = [] } = (await readManifest((await pathsOf(id)).manifest)) ?? {};
    return files.map(({ path }) => [path, rawFile(archive, path, join(dir, "raw"))] as const);
  };

  /** What a script that shares nothing with the product makes of the raw files. */
  const recomputed = async (id: string): Promise<unknown> => {
    const { record, paths } = await loadCampaign(stateDir, id);
    const raw = (await rawFiles(id)).map((pair) => pair.join("="));
    const words = [RECOMPUTE, paths.manifest, String(record.config.plan.chunkBytes), ...raw];
    return JSON.parse(execFileSync("python3", ["-B", ...words], { encoding: "utf8" })) as unknown;
  };

  /** What such a script finds when it compares every document's file and offset with the raw files. */
  const comparedPairs = async (id: string): Promise<PairComparison> => {
    const file = join(dir, `${id}.pairs`);
    writeFileSync(file, await ask(EXPORT_PAIRS, id, "logs-*"));
    return comparePairs(file, await rawFiles(id));
  };

  const site: TestSite = {
    stateDir,
    manifest,
    archive,
    call,
    read: async (...words) => (await cli.run(words, never)).stdout,
    async launch(name, settings = [], words = []) {
      const sets = settings.flatMap((pair) => ["--set", pair]);
      // Whatever other campaigns of the site have loaded, unless the test says otherwise.
      const again = words.includes("--again") ? [] : ["--again", "all"];
      await ok("launch", "--month", "2013-01", "--name", name, "--detach", ...again, ...sets, ...words);
      return name;
    },
    status,
    async until(id, ...states) {
      return waitFor(
        `${id} to be ${states.join(" or ")}`,
        async () => {
          const now = await status(id);
          if (states.includes(now.state)) return now;
          // What has ended otherwise will not come round any more.
          if (["failed", "cancelled", "done", "held"].includes(now.state)) {
            return { ...now, wrong: true as const };
          }
          return undefined;
        },
        PATIENCE,
      ).then((now) => {
        if ("wrong" in now) throw new Error(`${id} is ${now.state}: ${now.reason ?? "no reason"}`);
        return now;
      });
    },
    untilChunks: (id, done) =>
      waitFor(
        `${String(done)} chunks of ${id}`,
        async () => {
          const now = await status(id);
          return now.chunks.done >= done ? now : undefined;
        },
        PATIENCE,
      ),
    view: async (id) => viewOf((await readJournal((await pathsOf(id)).journal)).records),
    orchestrator(id) {
      const file = join(statePaths(stateDir).campaigns, id, "orchestrator.pid");
      return JSON.parse(readFileSync(file, "utf8")) as ProcessIdentity;
    },
    async orchestrate(id) {
      const { node, args } = commandLine();
      const [command = node, ...words] = [
        ...prefix,
        node,
        ...args,
        "orchestrate",
        id,
        "--state-dir",
        stateDir,
        "--json",
      ];
      return new Promise((resolve) => {
        const child = execFile(command, words, { encoding: "utf8" }, (_, stdout, stderr) => {
          resolve({ code: child.exitCode ?? 1, stdout, stderr });
        });
      });
    },
    async redis() {
      const services = await readServices(resolved.config, statePaths(stateDir));
      return new Redis(redisOptions(services.redis));
    },
    batch() {
      const { local } = resolved.config.batch;
      return createBatchSystem({
        system: "local",
        batchDir: statePaths(stateDir).batch,
        nodes: local.nodes,
        slotsPerNode: local.slotsPerNode,
        queueDelaySeconds: 0,
        commandTimeoutSeconds: 60,
        node: process.execPath,
        entry: new URL("../../pbs/local/main.ts", import.meta.url).pathname,
      });
    },
    async jobNames(id) {
      const { record } = await loadCampaign(stateDir, id);
      const jobs = await (await site.batch()).list(never);
      return jobs.map((job) => job.name).filter((name) => name.startsWith(`gh-${record.tag}-`));
    },
    async reader(id) {
      const access = await accessOf(await pathsOf(id));
      if (!access) throw new Error(`${id} has no cluster`);
      const text = (file: string): string => readFileSync(file, "utf8");
      return new Client({
        node: access.url,
        tls: { ca: text(access.ca), cert: text(access.certificate), key: text(access.key) },
        auth: { username: access.username, password: text(access.passwordFile) },
      });
    },
    async documents(id) {
      return (await search<{ count: number }>(id, "/logs-*/_count")).count;
    },
    async indexedBy(id) {
      interface Stats {
        readonly nodes: Readonly<
          Record<
            string,
            { readonly name: string; readonly indices?: { readonly indexing?: { readonly index_total?: number } } }
          >
        >;
      }
      const { nodes } = await search<Stats>(id, "/_nodes/stats/indices/indexing");
      return new Map(Object.values(nodes).map(({ name, indices }) => [name, indices?.indexing?.index_total ?? 0]));
    },
    unleash(id) {
      site.tellRedis("HSET", campaignKeys(id).knobs, "eventsPerSecond", "0");
    },
    tellRedis(...words) {
      const { services } = statePaths(stateDir);
      const { username = "", password = "" } = readRedisAdmin(services) ?? {};
      const port = String(readRecord(services).redis?.port ?? 0);
      const [command = "", ...rest] = [...besideRedis, "redis-cli", "-p", port, "--user", username, ...words];
      const env = { ...process.env, REDISCLI_AUTH: password };
      const lines = execFileSync(command, rest, { encoding: "utf8", env }).split("\n");
      return lines.filter((line) => line !== "");
    },
    leftInRedis(id) {
      const ask = (...words: readonly string[]): string[] => site.tellRedis(...words);
      const users = ask("ACL", "USERS").filter((name) => name.startsWith(`gh-${id}-`));
      return [...ask("KEYS", campaignKeys(id).everything), ...users];
    },
    async conclude(id, { rejected = 0, further = 0 } = {}) {
      await site.until(id, "serving");
      const lines = manifest.lines + further;
      const files = await pathsOf(id);
      const report = await waitFor("the report of a campaign that serves", async () => {
        const written = await readReport(files.reportJson);
        return written?.state === "serving" ? written : undefined;
      });
      const rows = await readLedger(files.ledger);
      const { read, written, duplicate, dropped } = report.lines;
      expect(read).toBe(lines);
      expect(written + duplicate + dropped + rejected).toBe(lines);
      expect(report.lines.rejected).toBe(rejected);
      expect(report.documents).toBe(lines - rejected);
      // What the plan had said, from a sample, of what was loaded.
      const loaded = totalOf(rows.filter(({ carried }) => !carried)).counts.read;
      for (const planned of [report.planned?.lines ?? 0, report.planned?.documents ?? 0]) {
        expect(Math.abs(planned / loaded - 1)).toBeLessThan(0.15);
      }
      expect(new Set(rows.map((row) => row.chunk)).size).toBe(rows.length);
      expect(await site.documents(id)).toBe(lines - rejected);
      expect(await recomputed(id)).toEqual({ roots: report.manifest?.roots, differences: [] });
      expect(await comparedPairs(id)).toMatchObject({
        lines,
        lost: rejected,
        doubled: 0,
        foreign: 0,
      });
      await ok("verify", id);
      await ok("teardown", id);
      await site.until(id, "done");
      const final = await readReport(files.reportJson);
      const { replays } = await site.view(id);
      expect(final?.snapshot).toMatchObject({ name: snapshotName(id, { replays }), verified: true });
      await site.expectNothingLeft(id);
      return { report: final ?? report, rows };
    },
    async expectNothingLeft(id) {
      const view = await site.view(id);
      expect([...view.jobs.values()].filter((job) => job.ended === undefined)).toEqual([]);
      const { dir } = await pathsOf(id);
      expect(readdirSync(dir)).not.toContain("secrets");
      expect(readdirSync(dir)).not.toContain("staging");
      expect(readdirSync(statePaths(stateDir).scratch).filter((name) => view.jobs.has(name))).toEqual([]);
      expect(site.leftInRedis(id)).toEqual([]);
    },
    async endAll() {
      for (const { id, state } of await listCampaigns(stateDir)) {
        if (state === "broken" || isFinal(state)) continue;
        await call(state === "serving" || state === "held" ? "teardown" : "cancel", id);
        await waitFor(`${id} to end`, async () => isFinal((await status(id)).state), { timeoutMs: 60_000 }).catch(() =>
          call("teardown", id),
        );
      }
    },
    async down() {
      await call("services", "down");
    },
  };
  return site;
}
