import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CampaignPaths } from "../paths.ts";

/** `serving.json`: the last look at the indices of a cluster that serves, for `status` and `watch`. */
export interface ServingFile {
  readonly at: number;
  readonly indices: number;
  /** Indices that can be searched. */
  readonly ready: number;
}

export function servingFile(paths: CampaignPaths): string {
  return join(paths.dir, "serving.json");
}

export async function readServing(paths: CampaignPaths): Promise<ServingFile | undefined> {
  try {
    return JSON.parse(await readFile(servingFile(paths), "utf8")) as ServingFile;
  } catch {
    return undefined;
  }
}
