import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { StoreError } from "../../worker/contract/errors.ts";
import { parseJson } from "../../worker/contract/json.ts";
import { rulesSchema, type Rules } from "../../worker/contract/rules.ts";
import { writeFileAtomic } from "../campaign-store.ts";
import type { CampaignPaths } from "../paths.ts";

/** The rules of replays in their campaign's directory: what their documents were made by stands there as long as the ledger that names it. */

const fileOf = (paths: Pick<CampaignPaths, "replays">, pipeline: string): string =>
  join(paths.replays, `${pipeline}.json`);

/** @param pipeline hash of the rules */
export async function writeReplayRules(
  paths: Pick<CampaignPaths, "replays">,
  pipeline: string,
  rules: Rules,
): Promise<void> {
  await mkdir(paths.replays, { recursive: true });
  await writeFileAtomic(fileOf(paths, pipeline), `${JSON.stringify(rules)}\n`);
}

/** @throws StoreError `REJECTS_MISSING` */
export async function readReplayRules(paths: Pick<CampaignPaths, "replays">, pipeline: string): Promise<Rules> {
  const file = fileOf(paths, pipeline);
  const text = await readFile(file, "utf8").catch(() => undefined);
  const { data, error } = rulesSchema.safeParse(parseJson(text));
  if (data) return data;
  const problem = text === undefined ? "cannot be read" : `holds no rules (${error?.message ?? ""})`;
  throw new StoreError(
    "REJECTS_MISSING",
    `${file} ${problem}: the rules by which rejected documents were loaded again; restore it from a copy of the campaign's directory`,
    { context: { file } },
  );
}
