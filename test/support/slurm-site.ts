import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { bedJavaHome, bedSettings, startSlurmBed, type SlurmBed } from "../../orchestrator/demo/slurm/index.ts";
import { createLog } from "../../orchestrator/log.ts";
import { enterNamespace } from "../../orchestrator/network/index.ts";
import { makeSite, type TestSite } from "./campaign.ts";
import { waitFor } from "./wait-for.ts";
import { mergeSettings, type Settings } from "../../orchestrator/settings.ts";

/** A site whose batch system is a Slurm bed, and whose operators stand in the outside namespace. */
export interface SlurmSite {
  readonly bed: SlurmBed;
  readonly site: TestSite;
  /** States of the jobs that Slurm has of the campaigns, by job name; also of those that ended in the last minutes. */
  jobs(): Promise<ReadonlyMap<string, readonly SlurmJob[]>>;
  /** Until Slurm has no job of a campaign that has not ended. */
  untilNoJobs(): Promise<void>;
}

export interface SlurmJob {
  readonly id: string;
  readonly state: string;
  /** The host that it got; empty before. */
  readonly host: string;
}

export interface SlurmSiteOptions {
  /** Begins the names of the bed's namespaces. */
  readonly prefix: string;
  /** One that runs, for a further site on it; else one is started. */
  readonly bed?: SlurmBed;
  readonly lines?: number;
  /** Added to the bed's settings, above them. */
  readonly settings?: Settings;
}

/** Starts the bed in `dir/bed`, unless there is one, and makes the site beside it. */
export async function makeSlurmSite(dir: string, options: SlurmSiteOptions): Promise<SlurmSite> {
  const { prefix, lines, settings = {} } = options;
  const bed =
    options.bed ??
    (await startSlurmBed({
      stateDir: join(dir, "bed"),
      prefix,
      nodes: ["dn1", "dn2", "dn3"],
      log: createLog({ level: "warn" }),
    }));
  mkdirSync(join(dir, "java"), { recursive: true });
  const javaHome = await bedJavaHome(join(dir, "java"), process.env["ES_JAVA_HOME"] ?? "");
  const site = await makeSite(dir, {
    ...(lines === undefined ? {} : { lines }),
    settings: mergeSettings(bedSettings(bed, javaHome), settings),
    prefix: enterNamespace(bed.network.outside.namespace),
    besideRedis: enterNamespace(bed.network.gateway.namespace),
  });
  const grid: SlurmSite = {
    bed,
    site,
    async untilNoJobs() {
      await waitFor("Slurm's jobs to end", async () => {
        const states = [...(await grid.jobs()).values()].flat().map(({ state }) => state);
        return states.every((state) => !["PENDING", "RUNNING", "COMPLETING"].includes(state));
      });
    },
    async jobs() {
      const { stdout } = await bed.onHead(["scontrol", "--oneliner", "show", "job"]);
      const all = new Map<string, SlurmJob[]>();
      for (const line of stdout.split("\n")) {
        const value = (key: string): string => new RegExp(`(?:^| )${key}=(\\S*)`).exec(line)?.[1] ?? "";
        const name = value("JobName");
        if (name === "") continue;
        const job = { id: value("JobId"), state: value("JobState"), host: value("NodeList").replace("(null)", "") };
        all.set(name, [...(all.get(name) ?? []), job]);
      }
      return all;
    },
  };
  return grid;
}
