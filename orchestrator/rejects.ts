import { join } from "node:path";
import { StoreError } from "../worker/contract/errors.ts";
import type { LedgerRow } from "../worker/contract/ledger.ts";
import { NO_WORD } from "../worker/contract/parse-counts.ts";
import { rejectsFileName, type RejectedDocument } from "../worker/contract/rejected-document.ts";
import { withCampaignRedis } from "./campaign-redis.ts";
import { isFinal } from "./campaign.ts";
import { loadCampaign } from "./campaign-store.ts";
import type { SiteConfig } from "./launch.ts";
import { readLedger } from "./ledger-export.ts";
import { campaignPaths } from "./paths.ts";
import { readRejects } from "./reject-files.ts";
import { rowsOf } from "./revisions/carried.ts";
import { lastWords } from "./replay/sums.ts";
import { createSpool } from "./spool.ts";
import { campaignStatus } from "./status.ts";

/** Rejected documents that have error, program and first word in common. */
export interface RejectGroup {
  /** The error's type, as Elasticsearch says it. */
  readonly type: string;
  readonly program: string;
  readonly word: string;
  readonly documents: number;
  /** The first of them: where its line stands, and what Elasticsearch said. */
  readonly file: string;
  readonly offset: number;
  readonly chunk: string;
  readonly reason: string;
  /** The line's bytes in base64. */
  readonly raw: string;
}

/** A campaign's rejects. */
export interface RejectReport {
  readonly documents: number;
  /** Most documents first. What came when so many groups were known already is one of the name `(other)`. */
  readonly groups: readonly RejectGroup[];
}

/** Content makes up the names: more groups than this are one. */
const MOST_GROUPS = 10_000;
const OTHER = "(other)";
/** Stands for what files of earlier versions do not say. */
const UNKNOWN = "?";

/**
 * The documents that Elasticsearch refused for good, by reason. While chunks are loaded it is about those that are committed.
 * @throws StoreError `REJECTS_MISSING`
 */
export async function rejectsOf(site: SiteConfig, id: string): Promise<RejectReport> {
  const groups = new Map<string, RejectGroup>();
  let documents = 0;
  for (const file of await rejectFiles(site, id)) {
    for await (const document of readRejects(file)) {
      documents += 1;
      add(groups, document);
    }
  }
  const sorted = [...groups.values()].sort((a, b) => b.documents - a.documents || (a.file < b.file ? -1 : 1));
  return { documents, groups: sorted };
}

function add(groups: Map<string, RejectGroup>, document: RejectedDocument): void {
  const { type, file, offset, chunk, reason, raw } = document;
  const { program = UNKNOWN, word = program === UNKNOWN ? UNKNOWN : NO_WORD } = document;
  const names = { type, program, word };
  const own = JSON.stringify(names);
  const isKnown = groups.has(own) || groups.size < MOST_GROUPS;
  const key = isKnown ? own : OTHER;
  const known = groups.get(key);
  const first = isKnown ? names : { type: OTHER, program: OTHER, word: OTHER };
  groups.set(
    key,
    known ? { ...known, documents: known.documents + 1 } : { ...first, documents: 1, file, offset, chunk, reason, raw },
  );
}

/** The files of committed attempts whose rejects no replay has taken: collected in the campaign's directory, or, before its load is over, in the staging space. */
async function rejectFiles(site: SiteConfig, id: string): Promise<string[]> {
  const campaign = await loadCampaign(site.stateDir, id);
  const { record, state } = campaign;
  const paths = record.serves ? campaignPaths(state.campaigns, record.serves.campaign) : campaign.paths;
  const withRejects = (rows: readonly LedgerRow[]) => lastWords(rows).filter(({ counts }) => counts.rejected > 0);
  const exported = await readLedger(paths.ledger).catch(() => undefined);
  if (exported) return withRejects(exported).map(({ chunk }) => join(paths.rejects, `${chunk}.ndjson`));
  const status = await campaignStatus(site.stateDir, id);
  if (isFinal(status.state) || status.state === "planned") {
    throw new StoreError(
      "REJECTS_MISSING",
      `campaign ${id} is ${status.state} and has no ledger, so nobody knows what of it was rejected for good; ${status.state === "planned" ? "wait until it loads" : "launch the month again"}`,
    );
  }
  return await withCampaignRedis(campaign, async (redis, keys) => {
    const spool = createSpool(redis, keys);
    const rows = await rowsOf({ paths, spool });
    await spool.disconnect();
    return withRejects(rows).map(({ chunk, attempt }) =>
      join(paths.staging, "rejects", rejectsFileName(chunk, attempt)),
    );
  });
}
