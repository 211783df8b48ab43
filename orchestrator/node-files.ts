import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Access, FileStore } from "../pbs/access/index.ts";
import type { Config } from "./config-schema.ts";
import type { NodePrograms } from "./context.ts";
import type { Log } from "./log.ts";
import type { CampaignPaths } from "./paths.ts";
import { stageForNodes } from "./runtimes/stage.ts";

/**
 * The files of a campaign as its nodes see them: on a shared file system those of the campaign directory, otherwise a directory of the campaign below
 * `batch.access.stagingDir` on the frontend. What nodes run is staged below it too, when it is configured.
 */
export interface NodeFiles {
  readonly store: FileStore;
  /** The campaign's paths, with the jobs and the secrets where nodes see them. */
  readonly paths: CampaignPaths;
  /**
   * What nodes run, by the paths of nodes. The first call stages it, which takes minutes where it is not there yet.
   * @throws GridError `STAGE_FAILED`, and what the store throws; the next call tries again
   */
  programs(here: NodePrograms): Promise<NodePrograms>;
  /** Gives the nodes a secrets file that stands in the campaign directory. */
  giveSecrets(file: string): Promise<void>;
  /** Removes the secrets that nodes were given. Any number of times. */
  forgetSecrets(): Promise<void>;
}

export function createNodeFiles(options: {
  readonly config: Config;
  readonly campaign: string;
  readonly paths: CampaignPaths;
  readonly access: Access;
  readonly log: Log;
  readonly signal: AbortSignal;
}): NodeFiles {
  const { config, paths, access, log, signal } = options;
  const { stagingDir } = config.batch.access;
  const forNodes = nodePathsOf(config, options.campaign, paths);
  const isElsewhere = forNodes.secrets !== paths.secrets;
  let staging: Promise<NodePrograms> | undefined;
  return {
    store: access.files,
    paths: forNodes,
    async programs(here) {
      if (stagingDir === undefined) return here;
      const place = { dir: join(stagingDir, "programs"), files: access.files, exec: access.fileExec };
      staging ??= stageForNodes(place, here, log, signal).catch((error: unknown) => {
        staging = undefined;
        throw error;
      });
      return await staging;
    },
    async giveSecrets(file) {
      if (!isElsewhere) return;
      await access.files.makeDir(forNodes.secrets, 0o700);
      await access.files.write(join(forNodes.secrets, basename(file)), await readFile(file), 0o600);
    },
    async forgetSecrets() {
      if (isElsewhere) await access.files.remove(forNodes.secrets);
    },
  };
}

/** The campaign's paths as its nodes know them. Pure. */
export function nodePathsOf(config: Config, campaign: string, paths: CampaignPaths): CampaignPaths {
  const { files, stagingDir } = config.batch.access;
  if (files === "shared" || stagingDir === undefined) return paths;
  const dir = join(stagingDir, "campaigns", campaign);
  return { ...paths, jobs: join(dir, "jobs"), secrets: join(dir, "secrets") };
}
