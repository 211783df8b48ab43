import type { Client } from "@elastic/elasticsearch";
import { ConfigError } from "../../worker/contract/errors.ts";
import { indexWildcard, type IndexNaming } from "../../worker/contract/index-names.ts";
import type { Ids } from "../../worker/contract/ids.ts";
import type { RuleField } from "../../worker/contract/rules.ts";
import { ask, requestsOf } from "../ask-elasticsearch.ts";
import { loadingTemplate } from "../cluster.ts";
import type { ShardLayout } from "../profiles.ts";

/** Indices to write to and throw away, of the campaign's shape: its days, its template, its copies. */
export interface Scratch {
  readonly naming: IndexNaming;
  /** Makes these, anew. */
  create(indices: readonly string[]): Promise<void>;
  /** Deletes all of them, those that an earlier call left as well. */
  remove(): Promise<void>;
}

/**
 * Their names: the campaign's own behind a prefix.
 * @throws ConfigError `CEILING_UNFIT` when they would pass for the campaign's own
 */
export function scratchNaming(campaign: string, naming: IndexNaming): IndexNaming {
  const scratch = { pattern: `gh-ceiling-${campaign}-${naming.pattern}`, revision: naming.revision };
  const parts = indexWildcard(naming)
    .split("*")
    .map((part) => part.replaceAll(".", "\\."));
  if (new RegExp(`^${parts.join(".*")}$`).test(scratch.pattern.replaceAll(/[{}]/g, ""))) {
    throw new ConfigError(
      "CEILING_UNFIT",
      `indices named ${scratch.pattern} would pass for the campaign's own (plan.indexPattern: ${naming.pattern}); begin the pattern with a word of its own`,
    );
  }
  return scratch;
}

export function createScratch(
  client: Client,
  campaign: string,
  naming: IndexNaming,
  options: { readonly layout: ShardLayout; readonly fields: readonly RuleField[]; readonly ids?: Ids },
): Scratch {
  const scratch = scratchNaming(campaign, naming);
  const { template } = loadingTemplate(options.layout, options.fields, options.ids) as { readonly template: object };
  const remove = async (): Promise<void> => {
    const rows = await ask("listing scratch indices", () =>
      client.cat.indices({ index: indexWildcard(scratch), format: "json", h: "index" }),
    );
    // By name: a cluster may refuse to delete by pattern.
    for (const index of requestsOf(rows.map((row) => row.index ?? ""))) {
      await ask("deleting scratch indices", () => client.indices.delete({ index, ignore_unavailable: true }));
    }
  };
  return {
    naming: scratch,
    remove,
    async create(indices) {
      await remove();
      for (const index of indices) {
        await ask(`creating ${index}`, () => client.indices.create({ index, ...template, wait_for_active_shards: 1 }));
      }
    },
  };
}
