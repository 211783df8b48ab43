import { resolve } from "node:path";
import { ConfigError } from "../../worker/contract/errors.ts";
import { isYearMonth } from "../../worker/contract/months.ts";
import type { SavedRevision } from "../revisions/list-revisions.ts";
import type { StandingRevision } from "../revisions/roll-back.ts";
import type { Swapped } from "../revisions/swap-to.ts";
import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { formatCount, formatTable } from "./io.ts";
import { siteOf } from "./site.ts";

interface RevisionsOptions extends ConfigOptions {
  readonly in?: string;
  readonly userFile?: string;
  readonly ca?: string;
  readonly rollback?: true | string;
}

/** `gridharvest revisions MONTH`: what was loaded of it, which revision is read, and back to an earlier one. */
export const revisions: Command = {
  name: "revisions",
  register(program, run) {
    withConfig(
      program
        .command("revisions <month>")
        .description(
          "List the revisions of a month that campaigns have saved, or that stand in a cluster; make an earlier one the one that is read",
        ),
    )
      .option("--in <where>", "address of a permanent cluster, or id of a campaign that serves")
      .option("--user-file <file>", "file with user:password for a permanent cluster")
      .option("--ca <file>", "certificate (PEM) of the authority that signed the cluster's")
      .option("--rollback [revision]", "read this revision, or the one before the one that is read; nothing is removed")
      .addHelpText(
        "after",
        examples(
          "gridharvest revisions 2013-01",
          "gridharvest revisions 2013-01 --in https://elastic.example.org:9200 --user-file elastic.user",
          "gridharvest revisions 2013-01 --in january --rollback",
        ),
      )
      .action((month: string, options: RevisionsOptions) =>
        run(async (io) => {
          if (!isYearMonth(month))
            throw new ConfigError(
              "MONTH_INVALID",
              `${JSON.stringify(month)} is not a month; write year and month as in 2013-01`,
            );
          const wanted = rollbackOf(options);
          const site = await siteOf(options, io);
          const { savedRevisions } = await import("../revisions/list-revisions.ts");
          const saved = await savedRevisions(site.stateDir, month);
          if (options.in === undefined) {
            const shown = saved.map(({ perIndex: _, ...rest }) => rest);
            print(io, { month, saved: shown }, () => savedText(month, saved));
            return 0;
          }
          const { clusterAt } = await import("../serving/cluster-at.ts");
          const { createRestores } = await import("../serving/restores.ts");
          const { monthsOf } = await import("../revisions/published.ts");
          const { rollBack, standingRevisions } = await import("../revisions/roll-back.ts");
          const file = (name: string | undefined) => (name === undefined ? undefined : resolve(name));
          const access = { userFile: file(options.userFile), caFile: file(options.ca) };
          const { client } = await clusterAt(site.stateDir, options.in, access);
          try {
            const restores = createRestores(client);
            const [naming] = monthsOf(site.plan.indexPattern, [month], site.serving.alias);
            if (!naming) return 1;
            const swapped = wanted && (await rollBack(client, restores, naming, wanted.revision, saved));
            const standing = await standingRevisions(client, restores, naming);
            print(
              io,
              { month, alias: naming.alias, standing, ...(swapped ? { swapped } : {}) },
              () => `${swapped ? swappedText(swapped) : ""}${standingText(month, naming.alias, standing)}`,
            );
            return 0;
          } finally {
            await client.close();
          }
        }),
      );
  },
};

function rollbackOf({ rollback, in: where }: RevisionsOptions): { readonly revision: number | undefined } | undefined {
  if (rollback === undefined) return undefined;
  if (where === undefined) {
    throw new ConfigError(
      "USAGE",
      "--rollback: say in which cluster, with --in: an address, or a campaign that serves",
    );
  }
  if (rollback === true) return { revision: undefined };
  if (!/^[1-9]\d{0,8}$/.test(rollback))
    throw new ConfigError("USAGE", `--rollback ${rollback}: write a revision's number`);
  return { revision: Number(rollback) };
}

/** What a swap has done, in a line. */
export function swappedText({ revision, before, removed }: Swapped): string {
  const from = before.length > 0 ? `instead of ${before.join(", ")}` : "and no other one was";
  const gone = removed.length > 0 ? `; removed: ${removed.join(", ")}` : "";
  return `revision ${String(revision)} is read now, ${from}${gone}\n`;
}

function savedText(month: string, saved: readonly SavedRevision[]): string {
  if (saved.length === 0) return `no campaign has saved ${month}\n`;
  return formatTable(
    [
      { title: "REVISION", align: "right" },
      { title: "CAMPAIGN" },
      { title: "CREATED" },
      { title: "DOCUMENTS", align: "right" },
      { title: "GOES ON FROM" },
    ],
    saved.map(({ revision, campaign, createdAt, documents, again }) => [
      String(revision),
      campaign,
      createdAt.slice(0, 16).replace("T", " "),
      formatCount(documents),
      again ? `${again.of} (${again.mode}), ${formatCount(again.carried)} documents of it` : "",
    ]),
  );
}

function standingText(month: string, alias: string, standing: readonly StandingRevision[]): string {
  if (standing.length === 0) return `nothing of ${month} stands there\n`;
  return formatTable(
    [
      { title: "REVISION", align: "right" },
      { title: "INDICES", align: "right" },
      { title: "DOCUMENTS", align: "right" },
      { title: alias.toUpperCase() },
    ],
    standing.map(({ revision, indices, documents, read }) => [
      String(revision),
      formatCount(indices),
      documents === undefined ? "?" : formatCount(documents),
      read ? "read" : "",
    ]),
  );
}
