import { resolve } from "node:path";
import { ConfigError } from "../../worker/contract/errors.ts";
import { examples, print, withConfig, type Command, type ConfigOptions } from "./command.ts";
import { formatCount } from "./io.ts";
import { swappedText } from "./revisions.ts";
import { siteOf } from "./site.ts";

interface RestoreIntoOptions extends ConfigOptions {
  readonly userFile?: string;
  readonly ca?: string;
  readonly repositoryPath?: string;
  readonly rename?: string;
  readonly replicas: string;
  readonly replace?: true;
  readonly swap?: true;
}

/** `gridharvest restore-into WHERE ID`: what a campaign saved, into a permanent cluster or one that serves. */
export const restoreInto: Command = {
  name: "restore-into",
  register(program, run) {
    withConfig(
      program
        .command("restore-into <where> <id>")
        .description(
          "Put a finished campaign's month into a permanent Elasticsearch cluster (its address), or one of a campaign that serves (its id): restore its snapshot there and compare the counts with the ledger",
        ),
    )
      .option("--user-file <file>", "file with user:password; the user may manage snapshots and these indices")
      .option("--ca <file>", "certificate (PEM) of the authority that signed the cluster's")
      .option("--repository-path <dir>", "the snapshot repository's directory as that cluster sees it, when it differs")
      .option("--rename <template>", "other names for the indices, e.g. archive-{index}")
      .option("--replicas <n>", "copies of each index beside the first", "1")
      .option("--replace", "remove indices of the same name that are not what the ledger says")
      .option(
        "--swap",
        "then make it the revision that is read: move the month's alias (serving.alias) to it in one step, and remove revisions beyond serving.keepRevisions",
      )
      .addHelpText(
        "after",
        examples(
          "gridharvest restore-into https://elastic.example.org:9200 2013-01-k3f9a --user-file elastic.user --ca elastic-ca.pem",
          "gridharvest restore-into https://elastic.example.org:9200 2013-01-k3f9a --repository-path /mnt/snapshots/2013-01-k3f9a --rename 'archive-{index}'",
          "gridharvest restore-into https://elastic.example.org:9200 2013-01-again --user-file elastic.user --swap",
        ),
      )
      .action((where: string, id: string, options: RestoreIntoOptions) =>
        run(async (io, signal) => {
          if (!/^\d$/.test(options.replicas))
            throw new ConfigError("USAGE", `--replicas ${options.replicas}: write 0 to 9`);
          const { checkRename, restoreInto: restore } = await import("../serving/restore-into.ts");
          if (options.rename !== undefined) checkRename(options.rename);
          const { savedMonth } = await import("../serving/saved-month.ts");
          const site = await siteOf(options, io);
          const month = await savedMonth(site.stateDir, id);
          const { clusterAt } = await import("../serving/cluster-at.ts");
          const { createRestores } = await import("../serving/restores.ts");
          const { publishRevision } = await import("../revisions/publish-revision.ts");
          const file = (name: string | undefined) => (name === undefined ? undefined : resolve(name));
          const access = { userFile: file(options.userFile), caFile: file(options.ca) };
          const { client, own } = await clusterAt(site.stateDir, where, access);
          try {
            const restores = createRestores(client);
            const result = await restore(
              restores,
              month,
              {
                repositoryPath: options.repositoryPath,
                rename: options.rename,
                replicas: Number(options.replicas),
                replace: options.replace === true,
              },
              io.log,
              signal,
            );
            const { documents, restored, left, differences } = result;
            const { alias, keepRevisions: keep } = site.serving;
            const swapped =
              options.swap && differences.length === 0
                ? await publishRevision(client, restores, month, { ...options, alias, keep, own })
                : undefined;
            print(io, { id, ...result, verified: differences.length === 0, ...(swapped ? { swapped } : {}) }, () =>
              differences.length === 0
                ? `${formatCount(documents)} documents in ${formatCount(restored.length + left.length)} indices, as the ledger says: ${formatCount(restored.length)} restored, ${formatCount(left.length)} were there\n${swapped ? swappedText(swapped) : ""}`
                : `the ledger and the cluster differ:\n${differences.map((text) => `  ${text}\n`).join("")}`,
            );
            return differences.length === 0 ? 0 : 1;
          } finally {
            await client.close();
          }
        }),
      );
  },
};
